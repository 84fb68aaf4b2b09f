/* rules_file: see rules_file.h. */
#include "rules_file.h"

#include "base/timefmt.h"

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

static void write_duration(int64_t ms, struct buf *out)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{MS_PER_DAY, "d"}, {MS_PER_HOUR, "h"}, {MS_PER_MIN, "m"}, {MS_PER_S, "s"}};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (ms >= units[i].ms && ms % units[i].ms == 0) {
			buf_printf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
			return;
		}
	}
	buf_printf(out, "%lldms", (long long)ms);
}

static void read_duration(const struct yaml *at, const char *rule, const struct filter_param *p,
			  int64_t *ret, struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf limits = {0};
	int64_t ms;

	if (at->type == YAML_SCALAR && time_parse_duration(at->text, &ms) && ms >= p->least &&
	    ms <= p->most) {
		*ret = ms;
		return;
	}
	write_duration(p->least, &limits);
	buf_append_cstr(&limits, " to ");
	write_duration(p->most, &limits);
	yaml_fault(f, at->line,
		   "%s.%s: \"" SLICE_FMT "\": expected a duration from %s, for example \"30s\"",
		   rule, p->name, SLICE_ARG(at->text), buf_cstr(&limits));
}

static void read_params(const struct yaml *map, struct filter_rule *rule, struct buf *known,
			struct yaml_faults *f)
{
	for (size_t i = 0; i < FILTER_PARAMS_MAX && rule->filter->params[i].name; i++) {
		const struct filter_param *p = &rule->filter->params[i];
		const struct yaml *at = yaml_get(map, p->name);

		buf_printf(known, ", %s", p->name);
		if (!at)
			continue;
		if (p->type == PARAM_DURATION)
			read_duration(at, rule->filter->name, p, &rule->params[i], f);
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
	static const char *const actions[] = {[ACTION_REJECT] = "reject", [ACTION_SCORE] = "score"};
	static const char *const unknowns[] = {[UNKNOWN_PASSES] = "pass", [UNKNOWN_HITS] = "hit"};
	const char *name = rule->filter->name;
	const struct yaml *at;
	int64_t value;
	bool enabled = true;

	(void)yaml_bool(map, "enabled", &enabled, f);
	at = yaml_get(map, "action");
	if (at && choose(at, name, "action", actions, ARRAY_LEN(actions), &value, f))
		rule->action = (enum rule_action)value;
	at = yaml_get(map, "on_unknown");
	if (at && choose(at, name, "on_unknown", unknowns, ARRAY_LEN(unknowns), &value, f))
		rule->on_unknown = (enum rule_unknown)value;
	value = rule->weight;
	if (yaml_int(map, "weight", 0, WEIGHT_MAX, &value, f))
		rule->weight = (int32_t)value;
	return enabled;
}

static void read_rule(const struct yaml *item, struct ruleset *rs, struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf known = {0};
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
		buf_append_cstr(&known, "enabled, action, weight, on_unknown");
		enabled = read_common(body, &rule, f);
		read_params(body, &rule, &known, f);
		yaml_refuse_unknown(body, filter->name, buf_cstr(&known), f);
	}
	if (enabled && !ruleset_add(rs, &rule))
		yaml_fault(f, item->line, "%s: stands twice, or after %d others", filter->name,
			   RULES_MAX);
}

static enum result read_tree(const struct yaml *root, struct ruleset *ret, struct yaml_faults *f)
{
	struct ruleset rs = {.reject_at = REJECT_AT_DEFAULT};
	const struct yaml *list;
	int64_t reject_at = REJECT_AT_DEFAULT;

	if (!root)
		return RESULT_BAD;
	if (root->type != YAML_MAP) {
		yaml_fault(f, root->line, "expected a map with `filters`");
		return RESULT_BAD;
	}
	if (yaml_int(root, "reject_at", 1, REJECT_AT_MAX, &reject_at, f))
		rs.reject_at = (int32_t)reject_at;
	list = yaml_get(root, "filters");
	if (!list || list->type != YAML_LIST)
		yaml_fault(f, list ? list->line : root->line, "filters: expected a list");
	for (const struct yaml *item = list && list->type == YAML_LIST ? list->child : NULL; item;
	     item = item->next)
		read_rule(item, &rs, f);
	yaml_refuse_unknown(root, "rule set", "reject_at, filters", f);
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
