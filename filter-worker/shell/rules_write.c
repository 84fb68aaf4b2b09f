/* rules_write: a rule set as the file that rules_file reads, every value spelt out. See rules_file.h.
 *
 * A scope is read as changes to the network's list, so it is written as such. What it shares with the network, in the
 * network's order, keeps its place; the rest is taken away first, and what it has beside that is appended. */
#include "base/timefmt.h"
#include "rules_file.h"

void rules_write_duration(int64_t ms, struct buf *out)
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
	buf_printf(out, ms == 0 ? "0s" : "%lldms", (long long)ms);
}

void rules_write_value(const struct filter_param *p, int64_t value, struct buf *out)
{
	if (p->type == PARAM_CHOICE)
		buf_append_cstr(out, p->choices[value]);
	else if (p->type == PARAM_NUMBER)
		buf_append_int(out, value);
	else
		rules_write_duration(value, out);
}

static void write_rule(const struct filter_rule *r, struct buf *out)
{
	buf_printf(out, "  - %s: {%saction: %s, weight: %d, on_unknown: %s", r->filter->name,
		   r->shadow ? "shadow: true, " : "",
		   r->action == ACTION_REJECT ? "reject" : "score", r->weight,
		   r->on_unknown == UNKNOWN_HITS ? "hit" : "pass");
	for (size_t i = 0; i < FILTER_PARAMS_MAX && r->filter->params[i].name; i++) {
		buf_printf(out, ", %s: ", r->filter->params[i].name);
		rules_write_value(&r->filter->params[i], r->params[i], out);
	}
	buf_append_cstr(out, "}\n");
}

static const struct filter_rule *find(const struct rule_list *l, const struct filter_rule *like,
				      size_t from)
{
	for (size_t i = from; i < l->count; i++) {
		if (l->rules[i].filter == like->filter && l->rules[i].shadow == like->shadow)
			return &l->rules[i];
	}
	return NULL;
}

/* How many rules of l stand in the network's list too, in its order, from the first one on. */
static size_t count_in_place(const struct rule_list *l, const struct rule_list *network)
{
	size_t count = 0, at = 0;

	while (count < l->count) {
		const struct filter_rule *found = find(network, &l->rules[count], at);

		if (!found)
			break;
		at = (size_t)(found - network->rules) + 1;
		count++;
	}
	return count;
}

static bool same_values(const struct filter_rule *a, const struct filter_rule *b)
{
	return a->action == b->action && a->weight == b->weight && a->on_unknown == b->on_unknown &&
	       memcmp(a->params, b->params, sizeof(a->params)) == 0;
}

static void write_changes(const struct rule_list *l, const struct rule_list *network,
			  struct buf *out)
{
	size_t in_place = count_in_place(l, network);

	for (size_t i = 0; i < network->count; i++) {
		const struct filter_rule *r = &network->rules[i], *own = find(l, r, 0);

		if (own && own < l->rules + in_place)
			continue;
		buf_printf(out, "  - %s: {%senabled: false}\n", r->filter->name,
			   r->shadow ? "shadow: true, " : "");
	}
	for (size_t i = 0; i < l->count; i++) {
		const struct filter_rule *r = &l->rules[i];

		if (i >= in_place || !same_values(r, find(network, r, 0)))
			write_rule(r, out);
	}
}

/* One character of UTF-8 as a number; what is not UTF-8 stands for itself, byte by byte. */
static uint32_t take_character(const char **c)
{
	const unsigned char *at = (const unsigned char *)*c;
	size_t more = at[0] >= 0xF0 ? 3 : at[0] >= 0xE0 ? 2 : at[0] >= 0xC0 ? 1 : 0;
	uint32_t ret = more ? at[0] & (0x3Fu >> more) : at[0];

	for (size_t i = 1; i <= more; i++) {
		if ((at[i] & 0xC0) != 0x80) {
			more = 0;
			ret = at[0];
			break;
		}
		ret = ret << 6 | (at[i] & 0x3Fu);
	}
	*c += 1 + more;
	return ret;
}

static void write_quoted(const char *name, struct buf *out)
{
	buf_append_char(out, '"');
	for (const char *c = name; *c;) {
		uint32_t character = take_character(&c);

		if (character >= 0x20 && character < 0x7F && character != '"' && character != '\\')
			buf_append_char(out, (char)character);
		else
			buf_printf(out, "\\U%08X", (unsigned)character);
	}
	buf_append_char(out, '"');
}

static void write_name(const char *key, const char *name, struct buf *out)
{
	buf_printf(out, "%s: ", key);
	write_quoted(name, out);
}

static void write_class(const struct order_class *c, struct buf *out)
{
	buf_append_cstr(out, "  ");
	write_quoted(c->name, out);
	buf_append_cstr(out, ": [");
	for (size_t i = 0; i < c->count; i++) {
		buf_append_cstr(out, i > 0 ? ", " : "");
		write_quoted(c->verticals[i], out);
	}
	buf_append_cstr(out, "]\n");
}

static void write_limits(const struct rule_list *l, const char *indent, struct buf *out)
{
	buf_printf(out, "%sreject_at: %d\n%squarantine_at: %d\n", indent, l->reject_at, indent,
		   l->quarantine_at);
}

static void write_scope(const struct rule_scope *s, const struct rule_list *network,
			struct buf *out)
{
	_cleanup_(buf_free) struct buf changes = {0};
	const char *before = "  - ";

	if (s->order_class[0]) {
		buf_append_cstr(out, before);
		write_name("class", s->order_class, out);
	}
	if (s->vertical[0]) {
		buf_append_cstr(out, before);
		write_name("vertical", s->vertical, out);
		before = "\n    ";
	}
	if (s->webmaster[0]) {
		buf_append_cstr(out, before);
		write_name("webmaster", s->webmaster, out);
	}
	buf_append_char(out, '\n');
	write_limits(&s->list, "    ", out);
	write_changes(&s->list, network, &changes);
	if (changes.len > 0)
		buf_append_cstr(out, "    filters:\n");
	for (const char *line = buf_cstr(&changes); *line;) {
		size_t len = strcspn(line, "\n") + 1;

		buf_append_cstr(out, "    ");
		buf_append(out, line, len);
		line += len;
	}
}

void rules_file_write(const struct ruleset *rs, struct buf *out)
{
	write_limits(&rs->network, "", out);
	buf_append_cstr(out, "quarantine_for: ");
	rules_write_duration(rs->quarantine_for_ms, out);
	buf_printf(out, "\nquarantine_then: %s\nfilters:%s\n",
		   rs->quarantine_accepts ? "accept" : "reject",
		   rs->network.count == 0 ? " []" : "");
	for (size_t i = 0; i < rs->network.count; i++)
		write_rule(&rs->network.rules[i], out);
	if (rs->class_count > 0)
		buf_append_cstr(out, "classes:\n");
	for (size_t i = 0; i < rs->class_count; i++)
		write_class(&rs->classes[i], out);
	if (rs->scope_count > 0)
		buf_append_cstr(out, "scopes:\n");
	for (size_t i = 0; i < rs->scope_count; i++)
		write_scope(&rs->scopes[i], &rs->network, out);
}
