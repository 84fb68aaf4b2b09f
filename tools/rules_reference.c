/* rules_reference: every filter from its own table, as Markdown. docs/filters.md is what this prints. */
#include <stdio.h>

#include "filter-worker/shell/rules_file.h"
#include "rules.h"

static const char head[] = "# Filters\n\n"
			   "Printed by `punnet rules reference` from the filters' own tables; "
			   "don't edit. How a rule set uses them: "
			   "[rules.md](rules.md); how to\n"
			   "write one: [adding-a-filter.md](adding-a-filter.md). At the top of "
			   "each file stands when the filter can't know, and "
			   "its trap: the honest\n"
			   "lead that looks like a bad one.\n\n"
			   "Every rule has these keys beside its filter's parameters: `enabled` "
			   "(true), `shadow` (false), `action`, `weight` (0 "
			   "to 1000) and\n"
			   "`on_unknown` (pass, or hit). A filter reads the facts that are named "
			   "with it and nothing else; they stand in the "
			   "record of every\n"
			   "verdict. A reason's second text is the Russian one; `punnet trace` "
			   "shows the operator's own beside them.\n";

static const char *const fact_types[] = {[FACT_TYPE_NUMBER] = "number",
					 [FACT_TYPE_BYTES] = "bytes",
					 [FACT_TYPE_TEXT] = "text",
					 [FACT_TYPE_CLAIM] = "claim"};

/* A cell of a table: a bar would end it. */
static void print_cell(const char *text)
{
	for (const char *c = text; *c; c++)
		printf(*c == '|' ? "\\|" : "%c", *c);
}

static const char *action_of(const struct filter *f)
{
	return f->action == ACTION_REJECT ? "reject" : "score";
}

static const char *source_of(const struct filter *f)
{
	if (f->local)
		return "without Redis";
	if (f->need)
		return "with claims in Redis";
	return f->follow ? "with counts in Redis" : "with the webmaster's sums in Redis";
}

static void print_contents(void)
{
	puts("\n| filter | by default | what it looks for |\n|---|---|---|");
	for (size_t i = 0; i < filter_count; i++) {
		printf("| [%s](#%s) | %s, %d | ", filters[i]->name, filters[i]->name,
		       action_of(filters[i]), (int)filters[i]->weight);
		print_cell(filters[i]->help);
		puts(" |");
	}
}

static void write_limits(const struct filter_param *p, struct buf *out)
{
	if (p->type != PARAM_CHOICE) {
		rules_write_value(p, p->least, out);
		buf_append_cstr(out, " to ");
		rules_write_value(p, p->most, out);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(p->choices) && p->choices[i]; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", p->choices[i]);
}

static void print_params(const struct filter *f)
{
	static const char *const types[] = {
	    [PARAM_DURATION] = "duration", [PARAM_CHOICE] = "choice", [PARAM_NUMBER] = "number"};

	if (!f->params[0].name)
		return;
	puts("\n| parameter | type | default | values | meaning |\n|---|---|---|---|---|");
	for (size_t i = 0; i < FILTER_PARAMS_MAX && f->params[i].name; i++) {
		const struct filter_param *p = &f->params[i];
		_cleanup_(buf_free) struct buf standard = {0}, limits = {0};

		rules_write_value(p, p->standard, &standard);
		write_limits(p, &limits);
		printf("| `%s` | %s | %s | %s | ", p->name, types[p->type], buf_cstr(&standard),
		       buf_cstr(&limits));
		print_cell(p->help);
		puts(" |");
	}
}

static void print_reason(enum reason r)
{
	printf("- `%s`\n  - %s\n  - %s\n", reason_code(r), reason_text(r, LANGUAGE_EN),
	       reason_text(r, LANGUAGE_RU));
}

static void print_filter(const struct filter *f)
{
	printf("\n## %s\n%s Judged %s; by default: %s, weight %d.\n"
	       "([file](../filter-worker/filters/%s.c))\n",
	       f->name, f->help, source_of(f), action_of(f), (int)f->weight, f->name);
	print_params(f);
	puts("\nReads:");
	for (size_t i = 0; i < f->fact_count; i++)
		printf("- `%s` (%s): %s\n", fact_text(f->facts[i]),
		       fact_types[fact_type_of(f->facts[i])], fact_help(f->facts[i]));
	puts("\nSays:");
	for (size_t i = 0; i < FILTER_REASONS_MAX && f->reasons[i] != REASON_NONE; i++)
		print_reason(f->reasons[i]);
}

static bool belongs_to_a_filter(enum reason r)
{
	for (size_t i = 0; i < filter_count; i++) {
		for (size_t k = 0; k < FILTER_REASONS_MAX && filters[i]->reasons[k]; k++)
			if (filters[i]->reasons[k] == r)
				return true;
	}
	return false;
}

int rules_reference(void)
{
	fputs(head, stdout);
	print_contents();
	for (size_t i = 0; i < filter_count; i++)
		print_filter(filters[i]);
	puts("\n## Reasons of no filter\nSaid by the rules as a whole, or by the worker.\n");
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		enum reason_kind kind = reason_kind_of((enum reason)r);

		if ((kind == REASON_KIND_REJECT || kind == REASON_KIND_SCORE) &&
		    !belongs_to_a_filter((enum reason)r))
			print_reason((enum reason)r);
	}
	return TOOL_DONE;
}
