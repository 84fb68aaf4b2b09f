/* ledger_tool: see ledger_tool.h. */
#include "ledger_tool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "runtime/clock.h"

#define DB_TIMEOUT_MS 10000

struct store *ledger_open(struct tool *t, const char *command)
{
	struct error error = {0};
	struct store *s = store_open(config_text(t->config, "common", "db"), DB_TIMEOUT_MS, &error);

	if (!s)
		(void)tool_fail(command, RESULT_AWAY, &error);
	return s;
}

bool ledger_time(const char *text, int64_t *ret_ms)
{
	char moment[40];

	if (strlen(text) == strlen("2026-12-01")) {
		snprintf(moment, sizeof(moment), "%sT00:00:00Z", text);
		text = moment;
	}
	return time_parse(slice_cstr(text), ret_ms);
}

int ledger_period(const char *command, int *argc, char **argv, struct report_period *ret)
{
	const char *from = tool_option(argc, argv, "--from");
	const char *to = tool_option(argc, argv, "--to");

	*ret = (struct report_period){0, clock_now_ms() + 1};
	if (from && !ledger_time(from, &ret->from_ms))
		return tool_usage(command, "--from %s: expected a date or an RFC 3339 time", from);
	if (to && !ledger_time(to, &ret->to_ms))
		return tool_usage(command, "--to %s: expected a date or an RFC 3339 time", to);
	if (ret->from_ms > ret->to_ms)
		return tool_usage(command, "--from is after --to");
	return TOOL_DONE;
}

enum report_format ledger_format(const struct tool *t, int *argc, char **argv)
{
	if (tool_flag(argc, argv, "--csv"))
		return REPORT_CSV;
	return t->json ? REPORT_JSON : REPORT_TEXT;
}

int ledger_done(const char *command, enum result r, struct error *e)
{
	if (r == RESULT_OK && fflush(stdout) == 0 && !ferror(stdout))
		return TOOL_DONE;
	if (r == RESULT_OK)
		r = error_set(e, RESULT_BAD, "the output could not be written");
	return tool_fail(command, r, e);
}

const char *ledger_who(const char *command, int *argc, char **argv)
{
	const char *who = tool_option(argc, argv, "--who");

	if (!who)
		who = getenv("USER");
	if (who && who[0])
		return who;
	(void)tool_usage(command, "--who NAME: who decides?");
	return NULL;
}
