/* rules_file: see rules_file.h. */
#include "rules_file.h"

#include "base/timefmt.h"

const char *const rules_file_keys[] = {
    "reject_at", "quarantine_at", "quarantine_for", "quarantine_then",
    "filters",   "classes",       "scopes",         NULL};
const char *const rules_scope_keys[] = {"class",         "vertical", "webmaster", "reject_at",
					"quarantine_at", "filters",  NULL};
const char *const rules_rule_keys[] = {"enabled", "shadow", "action", "weight", "on_unknown", NULL};

/* One table of all words: each choice is a stretch of it. */
enum { WORDS_ACTION = 0, WORDS_UNKNOWN = 2, WORDS_THEN = 4, WORDS_PER_CHOICE = 2 };
const char *const rules_words[] = {
    [WORDS_ACTION + ACTION_REJECT] = "reject",
    [WORDS_ACTION + ACTION_SCORE] = "score",
    [WORDS_UNKNOWN + UNKNOWN_PASSES] = "pass",
    [WORDS_UNKNOWN + UNKNOWN_HITS] = "hit",
    [WORDS_THEN] = "reject",
    [WORDS_THEN + 1] = "accept",
    NULL,
};

static bool is_listed(struct slice key, const char *const *keys, const struct filter_param *params)
{
	for (size_t i = 0; keys[i]; i++) {
		if (slice_is(key, keys[i]))
			return true;
	}
	for (size_t i = 0; params && i < FILTER_PARAMS_MAX && params[i].name; i++) {
		if (slice_is(key, params[i].name))
			return true;
	}
	return false;
}

/* params: what the rule's filter adds; or NULL. */
static void refuse_unlisted(const struct yaml *map, const char *what, const char *const *keys,
			    const struct filter_param *params, struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf known = {0};

	for (size_t i = 0; keys[i]; i++)
		buf_printf(&known, "%s%s", i > 0 ? ", " : "", keys[i]);
	for (size_t i = 0; params && i < FILTER_PARAMS_MAX && params[i].name; i++)
		buf_printf(&known, ", %s", params[i].name);
	for (const struct yaml *m = map->child; m; m = m->next) {
		if (!is_listed(m->key, keys, params))
			yaml_fault(f, m->line,
				   "%s: unknown key \"" SLICE_FMT "\": expected one of %s", what,
				   SLICE_ARG(m->key), buf_cstr(&known));
	}
}

static bool choose(const struct yaml *at, const char *rule, const char *key,
		   const char *const *choices, size_t count, int64_t *ret, struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf expected = {0};

	for (size_t i = 0; i < count && choices[i]; i++) {
		if (at->type == YAML_SCALAR && slice_is(at->text, choices[i])) {
			*ret = (int64_t)i;
			return true;
		}
		buf_printf(&expected, "%s%s", i > 0 ? " or " : "", choices[i]);
	}
	yaml_fault(f, at->line, "%s.%s: \"" SLICE_FMT "\": expected %s", rule, key,
		   SLICE_ARG(at->text), buf_cstr(&expected));
	return false;
}

static void read_duration(const struct yaml *at, const char *name, int64_t least, int64_t most,
			  int64_t *ret, struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf limits = {0};
	int64_t ms;

	if (at->type == YAML_SCALAR && time_parse_duration(at->text, &ms) && ms >= least &&
	    ms <= most) {
		*ret = ms;
		return;
	}
	rules_write_duration(least, &limits);
	buf_append_cstr(&limits, " to ");
	rules_write_duration(most, &limits);
	yaml_fault(f, at->line,
		   "%s: \"" SLICE_FMT "\": expected a duration from %s, for example \"30s\"", name,
		   SLICE_ARG(at->text), buf_cstr(&limits));
}

static void read_named_duration(const struct yaml *at, const char *rule,
				const struct filter_param *p, int64_t *ret, struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf name = {0};

	buf_printf(&name, "%s.%s", rule, p->name);
	read_duration(at, buf_cstr(&name), p->least, p->most, ret, f);
}

static void read_params(const struct yaml *map, struct filter_rule *rule, struct yaml_faults *f)
{
	for (size_t i = 0; i < FILTER_PARAMS_MAX && rule->filter->params[i].name; i++) {
		const struct filter_param *p = &rule->filter->params[i];
		const struct yaml *at = yaml_get(map, p->name);

		if (!at)
			continue;
		if (p->type == PARAM_DURATION)
			read_named_duration(at, rule->filter->name, p, &rule->params[i], f);
		else if (p->type == PARAM_NUMBER)
			(void)yaml_int(map, p->name, p->least, p->most, &rule->params[i], f);
		else
			(void)choose(at, rule->filter->name, p->name, p->choices,
				     ARRAY_LEN(p->choices), &rule->params[i], f);
	}
}

/* What every rule has. */
static bool read_common(const struct yaml *map, struct filter_rule *rule, struct yaml_faults *f)
{
	const char *name = rule->filter->name;
	const struct yaml *at;
	int64_t value;
	bool enabled = true;

	(void)yaml_bool(map, "enabled", &enabled, f);
	(void)yaml_bool(map, "shadow", &rule->shadow, f);
	at = yaml_get(map, "action");
	if (at &&
	    choose(at, name, "action", rules_words + WORDS_ACTION, WORDS_PER_CHOICE, &value, f))
		rule->action = (enum rule_action)value;
	at = yaml_get(map, "on_unknown");
	if (at && choose(at, name, "on_unknown", rules_words + WORDS_UNKNOWN, WORDS_PER_CHOICE,
			 &value, f))
		rule->on_unknown = (enum rule_unknown)value;
	value = rule->weight;
	if (yaml_int(map, "weight", 0, WEIGHT_MAX, &value, f))
		rule->weight = (int32_t)value;
	return enabled;
}

/* In a scope, a rule takes the place of the network's rule for the same filter, or takes it away. */
static void put_rule(struct rule_list *l, const struct filter_rule *rule, bool enabled,
		     bool replaces, int line, struct yaml_faults *f)
{
	for (size_t i = 0; replaces && i < l->count; i++) {
		if (l->rules[i].filter != rule->filter || l->rules[i].shadow != rule->shadow)
			continue;
		if (enabled) {
			l->rules[i] = *rule;
			return;
		}
		l->count--;
		memmove(&l->rules[i], &l->rules[i + 1], (l->count - i) * sizeof(*l->rules));
		return;
	}
	if (enabled && !rule_list_add(l, rule))
		yaml_fault(f, line, "%s: stands twice, or after %d others", rule->filter->name,
			   RULES_MAX);
}

static void read_rule(const struct yaml *item, struct rule_list *l, bool replaces,
		      struct yaml_faults *f)
{
	bool plain = item->type == YAML_SCALAR;
	const struct yaml *body = plain ? NULL : item->child;

	if (!plain && (item->type != YAML_MAP || item->count != 1)) {
		yaml_fault(f, item->line, "filters: expected `- name` or `- name: {…}`");
		return;
	}

	struct slice name = plain ? item->text : body->key;
	const struct filter *filter = filter_from_name(name);
	bool enabled = true;

	if (!filter) {
		yaml_fault(f, item->line, "filters: there is no filter \"" SLICE_FMT "\"",
			   SLICE_ARG(name));
		return;
	}

	struct filter_rule rule = rule_standard(filter);

	if (body && body->type != YAML_MAP && !(body->type == YAML_SCALAR && body->text.len == 0)) {
		yaml_fault(f, body->line, "%s: expected {key: value, …}", filter->name);
		return;
	}
	if (body && body->type == YAML_MAP) {
		enabled = read_common(body, &rule, f);
		read_params(body, &rule, f);
		refuse_unlisted(body, filter->name, rules_rule_keys, filter->params, f);
	}
	put_rule(l, &rule, enabled, replaces, item->line, f);
}

/* Both copies ask for one claim, so they must mean the same by it: the choices decide what is asked for. */
static void check_shadow(const struct rule_list *l, const struct filter_rule *shadow, int line,
			 struct yaml_faults *f)
{
	const struct filter_param *params = shadow->filter->params;

	for (size_t i = 0; i < l->count && shadow->shadow && shadow->filter->need; i++) {
		const struct filter_rule *other = &l->rules[i];

		if (other->shadow || other->filter != shadow->filter)
			continue;
		for (size_t p = 0; p < FILTER_PARAMS_MAX && params[p].name; p++) {
			if (params[p].type == PARAM_CHOICE && other->params[p] != shadow->params[p])
				yaml_fault(f, line,
					   "%s: a rule in shadow can't have another %s than the "
					   "one in force",
					   shadow->filter->name, params[p].name);
		}
	}
}

static void read_list(const struct yaml *map, struct rule_list *l, bool is_scope,
		      struct yaml_faults *f)
{
	int64_t reject_at = l->reject_at, quarantine_at = l->quarantine_at;
	const struct yaml *list = yaml_get(map, "filters"), *item;

	(void)yaml_int(map, "reject_at", 1, REJECT_AT_MAX, &reject_at, f);
	(void)yaml_int(map, "quarantine_at", 0, REJECT_AT_MAX, &quarantine_at, f);
	l->reject_at = (int32_t)reject_at;
	l->quarantine_at = (int32_t)quarantine_at;
	if (quarantine_at >= reject_at)
		yaml_fault(f, map->line,
			   "quarantine_at: %lld: expected less than reject_at, which is %lld",
			   (long long)quarantine_at, (long long)reject_at);
	if (!list && is_scope)
		return;
	if (!list || list->type != YAML_LIST) {
		yaml_fault(f, list ? list->line : map->line, "filters: expected a list");
		return;
	}
	for (item = list->child; item; item = item->next)
		read_rule(item, l, is_scope, f);
	for (size_t i = 0; i < l->count; i++)
		check_shadow(l, &l->rules[i], list->line, f);
}

/* Names stand in the text that is hashed, with blanks between them. */
static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if ((unsigned char)name.data[i] <= ' ' || name.data[i] == 0x7F)
			return false;
	}
	return name.len > 0 && name.len <= SCOPE_NAME_MAX;
}

static void read_name(const struct yaml *map, const char *key, char ret[SCOPE_NAME_MAX + 1],
		      struct yaml_faults *f)
{
	struct slice name = {0};

	if (!yaml_get(map, key) || !yaml_text(map, key, &name, f))
		return;
	if (!is_name(name)) {
		yaml_fault(f, map->line, "scopes: %s: expected 1 to %d bytes without blanks", key,
			   SCOPE_NAME_MAX);
		return;
	}
	memcpy(ret, name.data, name.len);
}

static void read_class(const struct yaml *item, struct ruleset *rs, struct yaml_faults *f)
{
	struct order_class c = {0};

	if (!is_name(item->key) || item->type != YAML_LIST || item->count == 0) {
		yaml_fault(f, item->line,
			   "classes: expected `name: [vertical, …]`, names of 1 to "
			   "%d bytes without blanks",
			   SCOPE_NAME_MAX);
		return;
	}
	memcpy(c.name, item->key.data, item->key.len);
	for (const struct yaml *v = item->child; v; v = v->next) {
		if (v->type != YAML_SCALAR || !is_name(v->text) || !order_class_add(&c, v->text))
			yaml_fault(f, v->line,
				   "classes: %s: expected at most %d different verticals", c.name,
				   CLASS_VERTICALS_MAX);
	}
	if (!ruleset_add_class(rs, &c))
		yaml_fault(
		    f, item->line,
		    "classes: %s: has a vertical of another class, or stands after %d others",
		    c.name, CLASSES_MAX);
}

static void read_classes(const struct yaml *root, struct ruleset *rs, struct yaml_faults *f)
{
	const struct yaml *classes = yaml_get(root, "classes");

	if (classes && classes->type != YAML_MAP) {
		yaml_fault(f, classes->line, "classes: expected {name: [vertical, …], …}");
		return;
	}
	for (const struct yaml *item = classes ? classes->child : NULL; item; item = item->next)
		read_class(item, rs, f);
}

static void read_scope_names(const struct yaml *item, const struct ruleset *rs,
			     struct rule_scope *s, struct yaml_faults *f)
{
	read_name(item, "class", s->order_class, f);
	read_name(item, "vertical", s->vertical, f);
	read_name(item, "webmaster", s->webmaster, f);
	if (s->order_class[0] ? s->vertical[0] || s->webmaster[0]
			      : !s->vertical[0] && !s->webmaster[0])
		yaml_fault(f, item->line,
			   "scopes: expected a vertical, a webmaster, or both; or a class alone");
	if (s->order_class[0] && !ruleset_class(rs, s->order_class))
		yaml_fault(f, item->line, "scopes: class \"%s\" is not one of `classes`",
			   s->order_class);
}

static void read_scope(const struct yaml *item, struct ruleset *rs, struct yaml_faults *f)
{
	struct rule_scope *s = &rs->scopes[rs->scope_count];

	if (item->type != YAML_MAP || rs->scope_count == SCOPES_MAX) {
		yaml_fault(f, item->line,
			   "scopes: expected at most %d items {vertical: …, filters: …}",
			   SCOPES_MAX);
		return;
	}
	*s = (struct rule_scope){.list = rs->network};
	read_scope_names(item, rs, s, f);
	for (size_t i = 0; i < rs->scope_count; i++) {
		if (strcmp(rs->scopes[i].order_class, s->order_class) == 0 &&
		    strcmp(rs->scopes[i].vertical, s->vertical) == 0 &&
		    strcmp(rs->scopes[i].webmaster, s->webmaster) == 0)
			yaml_fault(f, item->line, "scopes: this one stands twice");
	}
	read_list(item, &s->list, true, f);
	refuse_unlisted(item, "scope", rules_scope_keys, NULL, f);
	rs->scope_count++;
}

static void read_quarantine(const struct yaml *root, struct ruleset *rs, struct yaml_faults *f)
{
	const struct yaml *at = yaml_get(root, "quarantine_for");
	int64_t chosen = 0;

	if (at)
		read_duration(at, "quarantine_for", MS_PER_MIN, QUARANTINE_FOR_MOST_MS,
			      &rs->quarantine_for_ms, f);
	at = yaml_get(root, "quarantine_then");
	if (at)
		(void)choose(at, "rule set", "quarantine_then", rules_words + WORDS_THEN,
			     WORDS_PER_CHOICE, &chosen, f);
	rs->quarantine_accepts = chosen == 1;
}

static enum result read_tree(const struct yaml *root, struct ruleset *ret, struct yaml_faults *f)
{
	static struct ruleset
	    rs; /* too large for a stack; this is start-up and the operator's tool */
	const struct yaml *scopes;

	if (!root)
		return RESULT_BAD;
	if (root->type != YAML_MAP) {
		yaml_fault(f, root->line, "expected a map with `filters`");
		return RESULT_BAD;
	}
	rs = (struct ruleset){.network.reject_at = REJECT_AT_DEFAULT,
			      .quarantine_for_ms = QUARANTINE_FOR_MS};
	read_list(root, &rs.network, false, f);
	read_quarantine(root, &rs, f);
	read_classes(root, &rs, f);
	scopes = yaml_get(root, "scopes");
	if (scopes && scopes->type != YAML_LIST)
		yaml_fault(f, scopes->line, "scopes: expected a list");
	for (const struct yaml *item = scopes && scopes->type == YAML_LIST ? scopes->child : NULL;
	     item; item = item->next)
		read_scope(item, &rs, f);
	refuse_unlisted(root, "rule set", rules_file_keys, NULL, f);
	if (f->count > 0)
		return RESULT_BAD;
	ruleset_seal(&rs);
	*ret = rs;
	return RESULT_OK;
}

enum result rules_file_load(const char *path, struct ruleset *ret, struct yaml_faults *faults)
{
	_cleanup_(arena_free) struct arena a = {0};

	return read_tree(yaml_load(&a, path, faults), ret, faults);
}

enum result rules_file_read(struct slice text, struct ruleset *ret, struct yaml_faults *faults)
{
	_cleanup_(arena_free) struct arena a = {0};

	return read_tree(yaml_parse(&a, text, faults), ret, faults);
}
