/* punnet payouts: runs of payments to webmasters. One person proposes, another one confirms; then the files for the bank. */
#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "ledger_tool.h"
#include "payees.h"
#include "payout/store/runs.h"
#include "runtime/clock.h"

static void say_left_out(void *ctx, const char *aff_id, const struct money *amount, const char *why)
{
	char money[64];

	(void)ctx;
	money_text(amount->amount_minor, amount->currency, money, sizeof(money));
	fprintf(stderr, "left out: %s, %s: %s\n", aff_id, money, why);
}

static int propose(struct tool *t, int argc, char **argv)
{
	const char *until = tool_option(&argc, argv, "--until");
	const char *file = tool_option(&argc, argv, "--payees");
	const char *who = ledger_who("payouts", &argc, argv);
	enum report_format format = ledger_format(t, &argc, argv);
	struct payees payees = {0};
	struct proposal p = {.now_ms = clock_now_ms(),
			     .who = who,
			     .payee = payees_find,
			     .left_out = say_left_out,
			     .ctx = &payees};
	struct error error = {0};
	struct store *ledger;
	int64_t run = 0;
	enum result r;

	if (!who)
		return TOOL_USAGE;
	if (!until || !ledger_time(until, &p.until_ms) || argc != 2)
		return tool_usage("payouts", "expected run --until DATE --payees FILE.csv");
	if (!file)
		return tool_usage("payouts", "--payees FILE.csv: how webmasters are paid");
	if (p.until_ms > p.now_ms)
		return tool_usage("payouts",
				  "--until is in the future: not all of it is known yet");
	if (!payees_read(&payees, file)) {
		payees_free(&payees);
		return TOOL_FOUND;
	}
	ledger = ledger_open(t, "payouts");
	r = ledger ? store_run_propose(ledger, &p, &run, &error) : RESULT_AWAY;
	if (r == RESULT_OK && run > 0)
		r = report_run(ledger, run, format, stdout, &error);
	if (r == RESULT_OK && format == REPORT_TEXT)
		printf(run ? "run %lld is proposed; somebody else confirms it: punnet payouts "
			     "confirm %lld\n"
			   : "nobody is to be paid\n",
		       (long long)run, (long long)run);
	store_close(ledger);
	payees_free(&payees);
	return ledger ? ledger_done("payouts", r, &error) : TOOL_AWAY;
}

static bool run_number(const char *text, int64_t *ret)
{
	return slice_to_int64(slice_cstr(text), ret) && *ret > 0;
}

static int decide(struct tool *t, int argc, char **argv)
{
	const char *who = ledger_who("payouts", &argc, argv);
	bool alone = tool_flag(&argc, argv, "--alone");
	bool confirm = strcmp(argv[1], "confirm") == 0;
	struct error error = {0};
	struct store *ledger;
	enum result r;
	int64_t run;

	if (!who)
		return TOOL_USAGE;
	if (argc != 3 || !run_number(argv[2], &run))
		return tool_usage("payouts", "expected the number of one run");
	ledger = ledger_open(t, "payouts");
	if (!ledger)
		return TOOL_AWAY;
	r = confirm ? store_run_confirm(ledger, run, who, alone, clock_now_ms(), &error)
		    : store_run_cancel(ledger, run, who, clock_now_ms(), &error);
	store_close(ledger);
	if (r == RESULT_OK)
		printf("run %lld is %s\n", (long long)run, confirm ? "confirmed" : "cancelled");
	return ledger_done("payouts", r, &error);
}

static int export(struct tool *t, int argc, char **argv)
{
	const char *date = tool_option(&argc, argv, "--date");
	const char *bic = tool_option(&argc, argv, "--debtor-bic");
	struct debtor debtor = {.name = tool_option(&argc, argv, "--debtor-name"),
				.iban = tool_option(&argc, argv, "--debtor-iban"),
				.bic = bic ? bic : "",
				.date = date ? date : ""};
	struct error error = {0};
	struct store *ledger;
	int64_t run, moment;
	enum result r;

	if (argc != 3 || !run_number(argv[2], &run))
		return tool_usage("payouts", "expected the number of one run");
	if (!debtor.name || !debtor.iban)
		return tool_usage("payouts",
				  "--debtor-name and --debtor-iban: whose account pays?");
	if (date && (strlen(date) != strlen("2026-12-01") || !ledger_time(date, &moment)))
		return tool_usage("payouts", "--date %s: expected a date", date);
	ledger = ledger_open(t, "payouts");
	if (!ledger)
		return TOOL_AWAY;
	r = report_pain001(ledger, run, &debtor, stdout, &error);
	store_close(ledger);
	return ledger_done("payouts", r, &error);
}

static int show(struct tool *t, int argc, char **argv)
{
	enum report_format format = ledger_format(t, &argc, argv);
	bool list = strcmp(argv[1], "list") == 0;
	struct error error = {0};
	struct store *ledger;
	int64_t run = 0;
	enum result r;

	if (list ? argc != 2 : argc != 3 || !run_number(argv[2], &run))
		return tool_usage("payouts", "expected list, or show and the number of one run");
	ledger = ledger_open(t, "payouts");
	if (!ledger)
		return TOOL_AWAY;
	r = list ? report_runs(ledger, format, stdout, &error)
		 : report_run(ledger, run, format, stdout, &error);
	store_close(ledger);
	return ledger_done("payouts", r, &error);
}

int command_payouts(struct tool *t, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct tool *t, int argc, char **argv);
	} steps[] = {{"run", propose},   {"confirm", decide}, {"cancel", decide},
		     {"export", export}, {"list", show},      {"show", show}};

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(steps); i++)
		if (strcmp(argv[1], steps[i].name) == 0)
			return steps[i].run(t, argc, argv);
	return tool_usage("payouts", "expected run, confirm, cancel, list, show or export");
}
