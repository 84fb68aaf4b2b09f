/* ruleset_change: see ruleset_change.h. */
#include "ruleset_change.h"

static struct filter_rule *find(const struct rule_list *l, const struct filter *f, bool shadow)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->rules[i].filter == f && l->rules[i].shadow == shadow)
			return (struct filter_rule *)&l->rules[i];
	}
	return NULL;
}

/* In all but shadow. No rule is like no rule. */
static bool alike(const struct filter_rule *a, const struct filter_rule *b)
{
	if (!a || !b)
		return a == b;
	return a->filter == b->filter && a->action == b->action && a->weight == b->weight &&
	       a->on_unknown == b->on_unknown &&
	       memcmp(a->params, b->params, sizeof(a->params)) == 0;
}

static bool in_force_alike(const struct rule_list *a, const struct rule_list *b,
			   const struct filter *f)
{
	return alike(find(a, f, false), find(b, f, false));
}

static enum change worse_of(enum change a, enum change b)
{
	if (a >= CHANGE_OTHER_CLASS || b >= CHANGE_OTHER_CLASS)
		return MAX_OF(a, b);
	return a == CHANGE_MADE ? a : b;
}

/* --- into shadow --- */

static enum change shadow_rule(struct rule_list *l, const struct filter_rule *tried)
{
	struct filter_rule rule = *tried, *standing = find(l, tried->filter, true);

	if (alike(find(l, tried->filter, false), tried) || alike(standing, tried))
		return CHANGE_NONE;
	rule.shadow = true;
	if (!standing)
		return rule_list_add(l, &rule) ? CHANGE_MADE : CHANGE_NO_ROOM;
	*standing = rule;
	return CHANGE_MADE;
}

/* Where a file has one rule of a filter in force and one in shadow, the first is what it wants. network: only where the
 * list has the network's rule. */
static enum change shadow_list(struct rule_list *l, const struct rule_list *tried,
			       const struct rule_list *network)
{
	enum change change = CHANGE_NONE;

	for (size_t i = 0; i < tried->count; i++) {
		const struct filter_rule *t = &tried->rules[i];
		const struct filter_rule *wanted = find(tried, t->filter, false);

		if (t->shadow && wanted && !alike(wanted, find(l, t->filter, false)))
			continue;
		if (network && !in_force_alike(l, network, t->filter))
			continue;
		change = worse_of(change, shadow_rule(l, t));
	}
	return change;
}

const struct rule_scope *ruleset_scope_like(const struct ruleset *rs, const struct rule_scope *s)
{
	for (size_t i = 0; i < rs->scope_count; i++) {
		if (strcmp(rs->scopes[i].order_class, s->order_class) == 0 &&
		    strcmp(rs->scopes[i].vertical, s->vertical) == 0 &&
		    strcmp(rs->scopes[i].webmaster, s->webmaster) == 0)
			return &rs->scopes[i];
	}
	return NULL;
}

/* The class means the same in both, or is new. */
static enum change adopt_class(struct ruleset *rs, const struct ruleset *tried, const char *name)
{
	const struct order_class *c = ruleset_class(tried, name), *own = ruleset_class(rs, name);

	if (!c || (own && memcmp(own, c, sizeof(*c)) == 0))
		return CHANGE_NONE;
	if (own || !ruleset_add_class(rs, c))
		return CHANGE_OTHER_CLASS;
	return CHANGE_NONE;
}

/* A scope that only `tried` has begins with the rules that its leads are judged by now. */
static enum change shadow_new_scope(struct ruleset *rs, const struct rule_scope *tried)
{
	struct rule_scope *s = &rs->scopes[rs->scope_count];
	enum change change;

	if (rs->scope_count == SCOPES_MAX)
		return CHANGE_NO_ROOM;
	*s = *tried;
	s->list = *ruleset_list(rs, slice_cstr(tried->vertical), slice_cstr(tried->webmaster));
	change = shadow_list(&s->list, &tried->list, NULL);
	if (change == CHANGE_MADE)
		rs->scope_count++;
	return change;
}

enum change ruleset_shadow(struct ruleset *rs, const struct ruleset *tried)
{
	size_t known = rs->scope_count;
	enum change change = shadow_list(&rs->network, &tried->network, NULL);

	for (size_t i = 0; i < tried->scope_count; i++)
		change = worse_of(change, adopt_class(rs, tried, tried->scopes[i].order_class));
	for (size_t i = 0; i < known; i++) {
		const struct rule_scope *s = ruleset_scope_like(tried, &rs->scopes[i]);

		if (s)
			change = worse_of(change, shadow_list(&rs->scopes[i].list, &s->list, NULL));
		else
			change = worse_of(change, shadow_list(&rs->scopes[i].list, &tried->network,
							      &rs->network));
	}
	for (size_t i = 0; i < tried->scope_count; i++) {
		if (!ruleset_scope_like(rs, &tried->scopes[i]))
			change = worse_of(change, shadow_new_scope(rs, &tried->scopes[i]));
	}
	return change;
}

/* --- into force --- */

static void take_out(struct rule_list *l, struct filter_rule *rule)
{
	size_t i = (size_t)(rule - l->rules);

	l->count--;
	memmove(rule, rule + 1, (l->count - i) * sizeof(*rule));
}

/* Does the scope only hold what the network tries, and has its own word about it? */
static bool is_not_its_own(const struct rule_list *l, const struct filter_rule *shadow,
			   const struct rule_list *network)
{
	return network && alike(find(network, shadow->filter, true), shadow) &&
	       !in_force_alike(l, network, shadow->filter);
}

static enum change promote_list(struct rule_list *l, const struct filter *only,
				const struct rule_list *network)
{
	enum change change = CHANGE_NONE;

	for (size_t i = 0; i < filter_count; i++) {
		const struct filter *f = filters[i];
		struct filter_rule *shadow = find(l, f, true), *in_force = find(l, f, false);

		if (!shadow || (only && only != f))
			continue;
		change = CHANGE_MADE;
		if (is_not_its_own(l, shadow, network)) {
			take_out(l, shadow);
			continue;
		}
		shadow->shadow = false;
		if (!in_force)
			continue;
		*in_force = *shadow;
		take_out(l, shadow);
	}
	return change;
}

enum change ruleset_promote(struct ruleset *rs, const struct filter *only)
{
	enum change change = CHANGE_NONE;

	/* The scopes first: they look at what the network had. */
	for (size_t i = 0; i < rs->scope_count; i++)
		change = worse_of(change, promote_list(&rs->scopes[i].list, only, &rs->network));
	return worse_of(change, promote_list(&rs->network, only, NULL));
}
