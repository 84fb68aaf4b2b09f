/* punnet statement, punnet books: payout's reports over the ledger, for a person and for other programs. They read only. */
#include <stdio.h>
#include <string.h>

#include "ledger_tool.h"

int command_statement(struct tool *t, int argc, char **argv)
{
	struct error error = {0};
	bool html = tool_flag(&argc, argv, "--html");
	enum report_format format = ledger_format(t, &argc, argv);
	struct report_period period;
	int status = ledger_period("statement", &argc, argv, &period);
	struct store *ledger;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc != 2)
		return tool_usage("statement", "expected one party");
	ledger = ledger_open(t, "statement");
	if (!ledger)
		return TOOL_AWAY;
	r = report_statement(ledger, argv[1], &period, html ? REPORT_HTML : format, stdout, &error);
	store_close(ledger);
	return ledger_done("statement", r, &error);
}

int command_books(struct tool *t, int argc, char **argv)
{
	struct error error = {0};
	const char *format = tool_option(&argc, argv, "--format");
	struct report_period period;
	int status = ledger_period("books", &argc, argv, &period);
	struct store *ledger;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc > 1)
		return tool_usage("books", "unexpected \"%s\"", argv[1]);
	if (format && strcmp(format, "hledger") != 0)
		return tool_usage("books", "--format %s: expected hledger", format);
	ledger = ledger_open(t, "books");
	if (!ledger)
		return TOOL_AWAY;
	r = report_books(ledger, &period, stdout, &error);
	store_close(ledger);
	return ledger_done("books", r, &error);
}
