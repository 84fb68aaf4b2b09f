/* punnet funds: what advertisers pay in, how far they may go without it, and the rates of exchange. Each is booked once under its
 * reference; the market hears of it through payout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "ledger_tool.h"
#include "payout/store/operations.h"
#include "runtime/clock.h"

#define BP_ONE 10000

static const struct step {
	const char *name;
	enum operation_kind kind;
	bool needs_why;
} steps[] = {{"deposit", OPERATION_DEPOSIT, false},
	     {"withdraw", OPERATION_WITHDRAW, true},
	     {"cover", OPERATION_COVER, false},
	     {"credit-note", OPERATION_CREDIT_NOTE, true},
	     {"limit", OPERATION_CREDIT_LIMIT, false}};

/* --- where it may be spent --- */

static bool partition_of(const struct directory *d, const char *vertical, uint32_t *ret)
{
	const Punnet__V1__DirectoryEntry *e = directory_get(d, "vertical", slice_cstr(vertical));

	if (!e || e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL)
		return false;
	*ret = e->vertical->market_partition;
	return true;
}

/* Each market decides alone: money that two of them could spend would be spent twice. */
static int find_market(const struct directory *d, const char *advertiser, const char *vertical,
		       uint32_t *ret)
{
	const Punnet__V1__DirectoryEntry *e;
	bool found = false;

	if (vertical)
		return partition_of(d, vertical, ret)
			   ? TOOL_DONE
			   : tool_usage("funds", "--vertical %s: there is none", vertical);
	for (size_t i = 0; directory_at(d, i, &e); i++) {
		uint32_t p;

		if (e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER ||
		    e->order->removed || !e->order->terms ||
		    strcmp(e->order->terms->advertiser_id, advertiser) != 0 ||
		    !partition_of(d, e->order->terms->vertical, &p))
			continue;
		if (found && p != *ret)
			return tool_usage(
			    "funds",
			    "%s has orders in several markets: say with --vertical in which "
			    "one it is spent",
			    advertiser);
		found = true;
		*ret = p;
	}
	return found ? TOOL_DONE
		     : tool_usage("funds",
				  "%s has no order yet: say with --vertical where it is spent",
				  advertiser);
}

/* Orders spend prices; what is paid in has the tax in it. */
static int64_t without_tax(const struct directory *d, const char *advertiser, int64_t minor)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(d, "advertiser", slice_cstr(advertiser));
	int64_t bp = e && e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER
			 ? e->advertiser->vat_bp
			 : 0;

	return minor < 0 ? minor : (int64_t)((__int128)minor * BP_ONE / (BP_ONE + bp));
}

static int place(struct tool *t, struct operation *o, const char *vertical)
{
	struct error error = {0};
	struct bus *bus = tool_bus(t, "funds");
	struct directory *d = bus ? directory_open(bus, TOOL_TIMEOUT_MS, &error) : NULL;
	int status;

	if (!d)
		return bus ? tool_fail("funds", RESULT_AWAY, &error) : TOOL_AWAY;
	status = find_market(d, o->party, vertical, &o->market_partition);
	if (o->kind == OPERATION_CREDIT_LIMIT)
		o->amount.amount_minor = without_tax(d, o->party, o->amount.amount_minor);
	else
		o->into.amount_minor = without_tax(d, o->party, o->amount.amount_minor);
	directory_close(d);
	return status;
}

/* --- booking --- */

static int book(struct tool *t, const struct step *step, int argc, char **argv)
{
	const char *vertical = tool_option(&argc, argv, "--vertical");
	const char *reference = tool_option(&argc, argv, "--reference");
	const char *why = tool_option(&argc, argv, "--why");
	const char *who = ledger_who("funds", &argc, argv);
	char moment[32];
	struct operation o = {
	    .kind = step->kind, .at_ms = clock_now_ms(), .who = who, .why = why ? why : ""};
	struct error error = {0};
	struct store *ledger;
	bool lifted, repeat = false;
	enum result r;
	int status = TOOL_DONE;

	if (!who)
		return TOOL_USAGE;
	if (argc != 5)
		return tool_usage("funds", "expected %s ADVERTISER AMOUNT CURRENCY", step->name);
	lifted = step->kind == OPERATION_CREDIT_LIMIT && strcmp(argv[3], "none") == 0;
	if (!amount_read(lifted ? "0" : argv[3], argv[4], &o.amount))
		return tool_usage("funds", "%s %s: expected an amount like 1500.00 RUB", argv[3],
				  argv[4]);
	if (lifted)
		o.amount.amount_minor = -1;
	if (step->needs_why && !why)
		return tool_usage("funds", "%s needs --why", step->name);
	snprintf(moment, sizeof(moment), "at %lld", (long long)o.at_ms);
	if (!reference && step->kind != OPERATION_CREDIT_LIMIT)
		return tool_usage(
		    "funds",
		    "--reference TEXT: the bank's, or your own; the same one is booked once");
	o.party = argv[2];
	o.reference = reference ? reference : moment;
	if (operation_moves_funds(o.kind))
		status = place(t, &o, vertical);
	if (status != TOOL_DONE)
		return status;
	ledger = ledger_open(t, "funds");
	if (!ledger)
		return TOOL_AWAY;
	r = store_operate(ledger, &o, &repeat, &error);
	store_close(ledger);
	if (r == RESULT_OK)
		printf("%s %s %s of %s %s\n", booking_name((int)o.kind), argv[3], argv[4], argv[2],
		       repeat ? "was booked before" : "is booked");
	return ledger_done("funds", r, &error);
}

static int add_rate(struct tool *t, int argc, char **argv)
{
	const char *since = tool_option(&argc, argv, "--since");
	const char *who = ledger_who("funds", &argc, argv);
	struct rate rate = {.since_ms = clock_now_ms(), .who = who};
	struct error error = {0};
	struct store *ledger;
	enum result r;

	if (!who)
		return TOOL_USAGE;
	if (argc != 5 || strlen(argv[2]) != 3 || strlen(argv[3]) != 3 ||
	    !rate_read(argv[4], &rate.num, &rate.den))
		return tool_usage("funds", "expected rate FROM INTO NUMBER: RUB EUR 100/9265");
	if (since && !ledger_time(since, &rate.since_ms))
		return tool_usage("funds", "--since %s: expected a date or an RFC 3339 time",
				  since);
	memcpy(rate.from, argv[2], 4);
	memcpy(rate.into, argv[3], 4);
	ledger = ledger_open(t, "funds");
	if (!ledger)
		return TOOL_AWAY;
	r = store_rate_add(ledger, &rate, &error);
	store_close(ledger);
	if (r == RESULT_OK)
		printf("%s to %s at %lld/%lld is recorded\n", rate.from, rate.into,
		       (long long)rate.num, (long long)rate.den);
	return ledger_done("funds", r, &error);
}

static int list(struct tool *t, int argc, char **argv)
{
	enum report_format format = ledger_format(t, &argc, argv);
	struct error error = {0};
	struct store *ledger;
	enum result r;

	if (argc != 2)
		return tool_usage("funds", "list takes no more");
	ledger = ledger_open(t, "funds");
	if (!ledger)
		return TOOL_AWAY;
	r = report_funds(ledger, format, stdout, &error);
	store_close(ledger);
	return ledger_done("funds", r, &error);
}

int command_funds(struct tool *t, int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(steps); i++)
		if (strcmp(argv[1], steps[i].name) == 0)
			return book(t, &steps[i], argc, argv);
	if (argc > 1 && strcmp(argv[1], "rate") == 0)
		return add_rate(t, argc, argv);
	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return list(t, argc, argv);
	return tool_usage("funds",
			  "expected deposit, withdraw, cover, credit-note, limit, rate or list");
}
