/* ruleset: see ruleset.h. */
#include "ruleset.h"

#include <sodium.h>

struct filter_rule rule_standard(const struct filter *f)
{
	struct filter_rule rule = {.filter = f, .action = f->action, .weight = f->weight};

	for (size_t i = 0; i < FILTER_PARAMS_MAX && f->params[i].name; i++)
		rule.params[i] = f->params[i].standard;
	return rule;
}

void ruleset_standard(struct ruleset *ret)
{
	*ret = (struct ruleset){.reject_at = REJECT_AT_DEFAULT};
	for (size_t i = 0; i < filter_count; i++) {
		struct filter_rule rule = rule_standard(filters[i]);
		bool added = ruleset_add(ret, &rule);

		assert(added);
	}
	ruleset_seal(ret);
}

bool ruleset_add(struct ruleset *rs, const struct filter_rule *rule)
{
	if (rs->count == RULES_MAX)
		return false;
	for (size_t i = 0; i < rs->count; i++) {
		if (rs->rules[i].filter == rule->filter)
			return false;
	}
	rs->rules[rs->count++] = *rule;
	return true;
}

static void write_rule(const struct filter_rule *r, struct buf *out)
{
	buf_printf(out, "%s action=%s weight=%d on_unknown=%s", r->filter->name,
		   r->action == ACTION_REJECT ? "reject" : "score", r->weight,
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

void ruleset_write(const struct ruleset *rs, struct buf *out)
{
	buf_printf(out, "punnet rule set 1\nreject_at=%d\n", rs->reject_at);
	for (size_t i = 0; i < rs->count; i++)
		write_rule(&rs->rules[i], out);
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

void ruleset_plan(const struct ruleset *rs, const struct claim_subject *s, struct claim_plan *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < rs->count; i++) {
		const struct filter_rule *rule = &rs->rules[i];

		if (rule->filter->need)
			rule->filter->need(rule, s, ret);
	}
}
