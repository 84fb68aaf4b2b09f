/* ruleset: see ruleset.h. */
#include "ruleset.h"

#include <sodium.h>

#include "duplicate.h"

struct filter_rule rule_standard(const struct filter *f)
{
	struct filter_rule rule = {.filter = f, .action = f->action, .weight = f->weight};

	for (size_t i = 0; i < FILTER_PARAMS_MAX && f->params[i].name; i++)
		rule.params[i] = f->params[i].standard;
	return rule;
}

void ruleset_standard(struct ruleset *ret)
{
	*ret = (struct ruleset){.network.reject_at = REJECT_AT_DEFAULT,
				.quarantine_for_ms = QUARANTINE_FOR_MS};
	for (size_t i = 0; i < filter_count; i++) {
		struct filter_rule rule = rule_standard(filters[i]);
		bool added = rule_list_add(&ret->network, &rule);

		assert(added);
	}
	ruleset_seal(ret);
}

bool rule_list_add(struct rule_list *l, const struct filter_rule *rule)
{
	if (l->count == RULES_MAX)
		return false;
	for (size_t i = 0; i < l->count; i++) {
		if (l->rules[i].filter == rule->filter && l->rules[i].shadow == rule->shadow)
			return false;
	}
	l->rules[l->count++] = *rule;
	return true;
}

const struct order_class *ruleset_class(const struct ruleset *rs, const char *name)
{
	for (size_t i = 0; i < rs->class_count; i++) {
		if (strcmp(rs->classes[i].name, name) == 0)
			return &rs->classes[i];
	}
	return NULL;
}

bool order_class_has(const struct order_class *c, struct slice vertical)
{
	for (size_t i = 0; i < c->count; i++) {
		if (slice_is(vertical, c->verticals[i]))
			return true;
	}
	return false;
}

bool order_class_add(struct order_class *c, struct slice vertical)
{
	char name[SCOPE_NAME_MAX + 1] = {0};
	size_t at = 0;

	if (c->count == CLASS_VERTICALS_MAX || vertical.len > SCOPE_NAME_MAX ||
	    order_class_has(c, vertical))
		return false;
	memcpy(name, vertical.data, vertical.len);
	while (at < c->count && strcmp(c->verticals[at], name) < 0)
		at++;
	memmove(&c->verticals[at + 1], &c->verticals[at],
		(c->count - at) * sizeof(c->verticals[0]));
	memcpy(c->verticals[at], name, sizeof(name));
	c->count++;
	return true;
}

static bool shares_a_vertical(const struct order_class *a, const struct order_class *b)
{
	for (size_t i = 0; i < a->count; i++) {
		if (order_class_has(b, slice_cstr(a->verticals[i])))
			return true;
	}
	return false;
}

bool ruleset_add_class(struct ruleset *rs, const struct order_class *c)
{
	size_t at = 0;

	if (rs->class_count == CLASSES_MAX || ruleset_class(rs, c->name))
		return false;
	for (size_t i = 0; i < rs->class_count; i++) {
		if (shares_a_vertical(&rs->classes[i], c))
			return false;
	}
	while (at < rs->class_count && strcmp(rs->classes[at].name, c->name) < 0)
		at++;
	memmove(&rs->classes[at + 1], &rs->classes[at], (rs->class_count - at) * sizeof(*c));
	rs->classes[at] = *c;
	rs->class_count++;
	return true;
}

static bool class_fits(const struct ruleset *rs, const char *name, struct slice vertical)
{
	const struct order_class *c = ruleset_class(rs, name);

	return c && order_class_has(c, vertical);
}

/* 0: not for this lead. */
static int fit(const struct ruleset *rs, const struct rule_scope *s, struct slice vertical,
	       struct slice webmaster)
{
	if ((s->vertical[0] && !slice_is(vertical, s->vertical)) ||
	    (s->webmaster[0] && !slice_is(webmaster, s->webmaster)) ||
	    (s->order_class[0] && !class_fits(rs, s->order_class, vertical)))
		return 0;
	return (s->webmaster[0] ? 4 : 0) + (s->vertical[0] ? 2 : 0) + (s->order_class[0] ? 1 : 0);
}

const struct rule_list *ruleset_list(const struct ruleset *rs, struct slice vertical,
				     struct slice webmaster)
{
	const struct rule_list *best = &rs->network;
	int best_fit = 0;

	for (size_t i = 0; i < rs->scope_count; i++) {
		int f = fit(rs, &rs->scopes[i], vertical, webmaster);

		if (f > best_fit) {
			best_fit = f;
			best = &rs->scopes[i].list;
		}
	}
	return best;
}

static void write_scope(const struct rule_scope *s, struct buf *out)
{
	if (s->order_class[0])
		buf_printf(out, "class=%s", s->order_class);
	if (s->vertical[0])
		buf_printf(out, "vertical=%s", s->vertical);
	if (s->webmaster[0])
		buf_printf(out, "%swebmaster=%s", s->vertical[0] ? " " : "", s->webmaster);
}

void ruleset_scope_text(const struct ruleset *rs, const struct rule_list *l, struct buf *out)
{
	for (size_t i = 0; i < rs->scope_count; i++) {
		if (l == &rs->scopes[i].list)
			write_scope(&rs->scopes[i], out);
	}
}

static void write_rule(const struct filter_rule *r, struct buf *out)
{
	buf_printf(out, "%s%s action=%s weight=%d on_unknown=%s", r->shadow ? "shadow " : "",
		   r->filter->name, r->action == ACTION_REJECT ? "reject" : "score", r->weight,
		   r->on_unknown == UNKNOWN_HITS ? "hit" : "pass");
	for (size_t i = 0; i < FILTER_PARAMS_MAX && r->filter->params[i].name; i++) {
		const struct filter_param *p = &r->filter->params[i];

		buf_printf(out, " %s=", p->name);
		if (p->type == PARAM_CHOICE)
			buf_append_cstr(out, p->choices[r->params[i]]);
		else if (p->type == PARAM_NUMBER)
			buf_append_int(out, r->params[i]);
		else
			buf_printf(out, "%lldms", (long long)r->params[i]);
	}
	buf_append_char(out, '\n');
}

static void write_list(const struct rule_list *l, struct buf *out)
{
	buf_printf(out, "reject_at=%d quarantine_at=%d\n", l->reject_at, l->quarantine_at);
	for (size_t i = 0; i < l->count; i++)
		write_rule(&l->rules[i], out);
}

static void write_class(const struct order_class *c, struct buf *out)
{
	buf_printf(out, "class %s:", c->name);
	for (size_t i = 0; i < c->count; i++)
		buf_printf(out, " %s", c->verticals[i]);
	buf_append_char(out, '\n');
}

void ruleset_write(const struct ruleset *rs, struct buf *out)
{
	buf_printf(out, "punnet rule set 2\nquarantine_for=%lldms quarantine_then=%s\n",
		   (long long)rs->quarantine_for_ms, rs->quarantine_accepts ? "accept" : "reject");
	for (size_t i = 0; i < rs->class_count; i++)
		write_class(&rs->classes[i], out);
	write_list(&rs->network, out);
	for (size_t i = 0; i < rs->scope_count; i++) {
		buf_append_cstr(out, "scope ");
		write_scope(&rs->scopes[i], out);
		buf_append_char(out, '\n');
		write_list(&rs->scopes[i].list, out);
	}
}

void ruleset_seal(struct ruleset *rs)
{
	_cleanup_(buf_free) struct buf text = {0};
	uint8_t digest[RULESET_HASH_LEN / 2];

	ruleset_write(rs, &text);
	assert(!text.failed);
	crypto_generichash(digest, sizeof(digest), (const unsigned char *)text.data, text.len, NULL,
			   0);
	sodium_bin2hex(rs->hash, sizeof(rs->hash), digest, sizeof(digest));
}

static bool is_asked(const struct claim_plan *p, enum fact_name fact)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t k = 0; k < p->wants[i].listener_count; k++) {
			if (p->wants[i].listeners[k].fact == fact)
				return true;
		}
	}
	return false;
}

static void plan_rule(const struct filter_rule *rule, const struct claim_subject *s,
		      struct claim_plan *ret)
{
	struct claim_plan own = {0};

	rule->filter->need(rule, s, &own);
	for (size_t i = 0; i < own.count; i++) {
		if (rule->shadow && is_asked(ret, own.wants[i].listeners[0].fact))
			continue;
		assert(ret->count < CLAIMS_MAX);
		own.wants[i].rejects = !rule->shadow && rule->action == ACTION_REJECT;
		ret->wants[ret->count++] = own.wants[i];
	}
}

static bool may_share(const struct filter_rule *rule)
{
	return rule->filter->duplicate && rule->filter->duplicate->shares[0];
}

/* Rules in force first, then those in shadow; of either those that may share a claim last. */
void rule_list_plan(const struct rule_list *l, const struct claim_subject *s,
		    struct claim_plan *ret)
{
	ret->count = 0;
	for (int turn = 0; turn < 4; turn++) {
		bool shadow = turn >= 2, shares = turn % 2;

		for (size_t i = 0; i < l->count; i++) {
			const struct filter_rule *rule = &l->rules[i];

			if (!rule->filter->need || rule->shadow != shadow ||
			    may_share(rule) != shares)
				continue;
			if (shares && !is_asked(ret, rule->filter->duplicate->claim) &&
			    duplicate_shares(rule, s, ret))
				continue;
			plan_rule(rule, s, ret);
		}
	}
}

/* What is taken by a lead of which everything is known. */
static void write_mixed(const struct ruleset *rs, const struct rule_list *l, struct buf *out)
{
	static const char value[16];
	const struct slice v = slice_of(value, sizeof(value));
	const struct claim_subject s = {.vertical = SLICE("v"),
					.aff_id = SLICE("w"),
					.phone = v,
					.email = v,
					.mailbox = v,
					.payload = v,
					.idempotency = v,
					.person = v,
					.device = v,
					.ip = v};
	const struct filter *first = NULL;
	uint32_t group = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct filter *f = l->rules[i].filter;
		struct claim_plan own = {0};

		if (f->need)
			f->need(&l->rules[i], &s, &own);
		for (size_t k = 0; k < own.count; k++) {
			if (own.wants[k].always)
				continue;
			if (first && own.wants[k].group != group) {
				buf_printf(out, "%s and %s", first->name, f->name);
				if (l != &rs->network)
					buf_append_cstr(out, " of the scope ");
				ruleset_scope_text(rs, l, out);
				return;
			}
			first = f;
			group = own.wants[k].group;
		}
	}
}

void ruleset_write_mixed_scopes(const struct ruleset *rs, struct buf *out)
{
	write_mixed(rs, &rs->network, out);
	for (size_t i = 0; i < rs->scope_count && out->len == 0; i++)
		write_mixed(rs, &rs->scopes[i].list, out);
}
