/* punnet statement, punnet books: payout's reports over the ledger, for a person and for other programs. They read only. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "payout/reports/reports.h"
#include "payout/store/store.h"
#include "runtime/clock.h"
#include "tool.h"

#define DB_TIMEOUT_MS 10000

/* A date alone is its first moment, in UTC. */
static bool read_time(const char *text, int64_t *ret_ms)
{
	char moment[40];

	if (strlen(text) == strlen("2026-12-01")) {
		snprintf(moment, sizeof(moment), "%sT00:00:00Z", text);
		text = moment;
	}
	return time_parse(slice_cstr(text), ret_ms);
}

/* --from and --to; without them, all until now. 0, or the exit status after having said why not. */
static int read_period(const char *command, int *argc, char **argv, struct report_period *ret)
{
	const char *from = tool_option(argc, argv, "--from");
	const char *to = tool_option(argc, argv, "--to");

	*ret = (struct report_period){0, clock_now_ms() + 1};
	if (from && !read_time(from, &ret->from_ms))
		return tool_usage(command, "--from %s: expected a date or an RFC 3339 time", from);
	if (to && !read_time(to, &ret->to_ms))
		return tool_usage(command, "--to %s: expected a date or an RFC 3339 time", to);
	if (ret->from_ms > ret->to_ms)
		return tool_usage(command, "--from is after --to");
	return TOOL_DONE;
}

static int report_done(const char *command, enum result r, const struct error *e)
{
	if (r == RESULT_OK && fflush(stdout) == 0)
		return TOOL_DONE;
	return tool_fail(command, r, e);
}

int command_statement(struct tool *t, int argc, char **argv)
{
	struct error error = {.text = "the output could not be written"};
	bool csv = tool_flag(&argc, argv, "--csv");
	struct report_period period;
	int status = read_period("statement", &argc, argv, &period);
	struct store *ledger;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc != 2)
		return tool_usage("statement", "expected one party");
	ledger = store_open(config_text(t->config, "common", "db"), DB_TIMEOUT_MS, &error);
	if (!ledger)
		return tool_fail("statement", RESULT_AWAY, &error);
	r = report_statement(ledger, argv[1], &period,
			     t->json ? REPORT_JSON
			     : csv   ? REPORT_CSV
				     : REPORT_TEXT,
			     stdout, &error);
	store_close(ledger);
	return report_done("statement", r, &error);
}

int command_books(struct tool *t, int argc, char **argv)
{
	struct error error = {.text = "the output could not be written"};
	const char *format = tool_option(&argc, argv, "--format");
	struct report_period period;
	int status = read_period("books", &argc, argv, &period);
	struct store *ledger;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc > 1)
		return tool_usage("books", "unexpected \"%s\"", argv[1]);
	if (format && strcmp(format, "hledger") != 0)
		return tool_usage("books", "--format %s: expected hledger", format);
	ledger = store_open(config_text(t->config, "common", "db"), DB_TIMEOUT_MS, &error);
	if (!ledger)
		return tool_fail("books", RESULT_AWAY, &error);
	r = report_books(ledger, &period, stdout, &error);
	store_close(ledger);
	return report_done("books", r, &error);
}
