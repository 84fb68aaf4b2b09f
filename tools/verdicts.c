/* punnet verdicts: what advertisers said and what became of it; and the operator's own word that lets an advertiser off. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "ledger_tool.h"
#include "proto/leads_outcomes.pb-c.h"
#include "runtime/clock.h"

#define TOPIC "leads.outcomes"

static int list(struct tool *t, int argc, char **argv)
{
	enum report_format format = ledger_format(t, &argc, argv);
	struct report_period period;
	int status = ledger_period("verdicts", &argc, argv, &period);
	struct error error = {0};
	struct store *ledger;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc != 3)
		return tool_usage("verdicts", "expected list ADVERTISER");
	ledger = ledger_open(t, "verdicts");
	if (!ledger)
		return TOOL_AWAY;
	r = report_verdicts(ledger, argv[2], &period, format, stdout, &error);
	store_close(ledger);
	return ledger_done("verdicts", r, &error);
}

/* The ledger decides when the record comes to it: here nothing is known of the lead but its id. */
static enum result say(struct tool *t, const char *advertiser, const struct lead_id *id,
		       const char *who, const char *why, struct error *ret_error)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct slice key = slice_of(id->bytes, sizeof(id->bytes));
	int32_t partitions = bus_partitions(t->bus, TOPIC, TOOL_TIMEOUT_MS);
	char verdict_id[200], reason[600];

	if (partitions < 1)
		return error_set(ret_error, RESULT_AWAY, "%s: its partitions can't be learned",
				 TOPIC);
	snprintf(verdict_id, sizeof(verdict_id), "waived by %s", who);
	snprintf(reason, sizeof(reason), "waived: %s", why);
	source.topic = (char *)"operator";
	m.source = &source;
	m.lead_id = codec_lead_id(id);
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_WAIVED;
	m.advertiser_id = (char *)advertiser;
	m.verdict_id = verdict_id;
	m.reason_code = reason;
	m.at_ms = clock_now_ms();
	return tool_produce(t, TOPIC, hash_partition(key, partitions), key, &m.base, ret_error);
}

static int waive(struct tool *t, int argc, char **argv)
{
	const char *why = tool_option(&argc, argv, "--why");
	const char *who = ledger_who("verdicts", &argc, argv);
	struct error error = {0};
	enum result r = RESULT_OK;

	if (!who)
		return TOOL_USAGE;
	if (argc < 4 || !why || strlen(why) > 500 || strlen(who) > 100)
		return tool_usage("verdicts", "expected waive ADVERTISER LEAD_ID… --why TEXT");
	if (!tool_bus(t, "verdicts"))
		return TOOL_AWAY;
	for (int i = 3; i < argc && r == RESULT_OK; i++) {
		struct lead_id id;

		if (!lead_id_parse(slice_cstr(argv[i]), &id))
			return tool_usage("verdicts", "%s: not a lead id", argv[i]);
		r = say(t, argv[2], &id, who, why, &error);
	}
	if (r == RESULT_OK)
		r = tool_flush(t, &error);
	if (r != RESULT_OK)
		return tool_fail("verdicts", r, &error);
	printf("%d waived; punnet trace LEAD_ID shows what became of it\n", argc - 3);
	return TOOL_DONE;
}

int command_verdicts(struct tool *t, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return list(t, argc, argv);
	if (argc > 1 && strcmp(argv[1], "waive") == 0)
		return waive(t, argc, argv);
	return tool_usage("verdicts", "expected list or waive");
}
