/* punnet tiers: webmasters' tiers for what was approved of their leads in the last month.
 *
 * The ledger is counted, and the rate card of each vertical with tiers is published anew with who is in which: to the market, so that every
 * sale behind that record is paid by it and replays so, and to the directory, where the next `directory apply` finds it. Counted again,
 * a month comes to the same, and nothing is published. It refuses a month of which payout has not settled everything yet. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "lead/codec.h"
#include "ledger_tool.h"
#include "router/core/price.h"
#include "runtime/clock.h"
#include "runtime/directory.h"
#include "tiers_core.h"

#define OUTCOMES "leads.outcomes"

struct tiering {
	struct tool *tool;
	struct store *ledger;
	struct directory *directory;
	struct arena arena;
	const char *month, *vertical; /* vertical: the one at hand */
	struct tiers tiers;           /* of it */
	int64_t from_ms, to_ms;
	bool dry;
	size_t changes, published;
	struct error error;
};

/* --- is the month over, for payout too? --- */

static enum result all_is_settled(struct tiering *g)
{
	int32_t partitions = bus_partitions(g->tool->bus, OUTCOMES, TOOL_TIMEOUT_MS);

	if (partitions < 1)
		return error_set(&g->error, RESULT_AWAY, OUTCOMES " can't be read");
	for (int32_t p = 0; p < partitions; p++) {
		struct store_cursor cursor;
		int64_t end;
		enum result r =
		    bus_offset_at(g->tool->bus, OUTCOMES, p, g->to_ms, TOOL_TIMEOUT_MS, &end);

		if (r != RESULT_OK)
			return error_set(&g->error, RESULT_AWAY, OUTCOMES "/%d can't be read", p);
		r = store_cursor_read(g->ledger, OUTCOMES, (uint32_t)p, &cursor, &g->error);
		if (r != RESULT_OK)
			return r;
		if (end > MAX_OF(cursor.next, (int64_t)0))
			return error_set(&g->error, RESULT_BAD,
					 "payout has not settled all of %s yet: " OUTCOMES
					 "/%d is at %lld, and the month ends at %lld",
					 g->month, p, (long long)cursor.next, (long long)end);
	}
	return RESULT_OK;
}

/* --- counting --- */

static void count_one(void *ctx, const char *vertical, const char *aff_id, int64_t leads)
{
	struct tiering *g = ctx;

	if (strcmp(vertical, g->vertical) == 0)
		tiers_count(&g->tiers, aff_id, (uint64_t)leads);
}

static void print_change(void *ctx, const char *aff_id, const char *was, const char *is,
			 uint64_t approved)
{
	const struct tiering *g = ctx;

	if (g->tool->json)
		printf("{\"vertical\":\"%s\",\"webmaster\":\"%s\",\"was\":\"%s\",\"tier\":\"%s\","
		       "\"approved\":%llu,\"month\":\"%s\"}\n",
		       g->vertical, aff_id, was, is, (unsigned long long)approved, g->month);
	else if (*is)
		printf("%-16s %-20s %10s -> %-10s %llu approved in %s\n", g->vertical, aff_id,
		       *was ? was : "-", is, (unsigned long long)approved, g->month);
	else
		printf("%-16s %-20s %10s -> -          too few approved in %s\n", g->vertical,
		       aff_id, was, g->month);
}

/* --- publishing: the market first, for what stands in the directory is taken for published --- */

static enum result publish(struct tiering *g, const Punnet__V1__DirectoryEntry *entry,
			   Punnet__V1__RateChanged *card)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__DirectoryEntry e = *entry;
	Punnet__V1__Vertical v = *entry->vertical;
	enum result r;

	source.topic = (char *)"operator";
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = card;
	r = tool_produce(g->tool, "market", (int32_t)v.market_partition, slice_cstr(g->vertical),
			 &event.base, &g->error);
	if (r == RESULT_OK)
		r = tool_flush(g->tool, &g->error);
	if (r != RESULT_OK)
		return r;
	v.card = card;
	e.vertical = &v;
	e.revision++;
	r = tool_produce(g->tool, "directory", 0, slice_cstr(e.id), &e.base, &g->error);
	g->published++;
	return r == RESULT_OK ? tool_flush(g->tool, &g->error) : r;
}

static enum result apply_vertical(struct tiering *g, const Punnet__V1__DirectoryEntry *entry)
{
	const Punnet__V1__RateChanged *was = entry->vertical->card;
	struct report_period period = {g->from_ms, g->to_ms};
	Punnet__V1__RateChanged *is;
	enum result r;

	g->vertical = strchr(entry->id, '/') + 1;
	g->tiers = (struct tiers){.arena = &g->arena, .card = was};
	if (strcmp(was->tier_month, g->month) > 0)
		return error_set(&g->error, RESULT_BAD, "%s: %s is counted already, %s is older",
				 g->vertical, was->tier_month, g->month);
	r = report_approved(g->ledger, &period, count_one, g, &g->error);
	if (r != RESULT_OK)
		return r;
	if (g->tiers.count > TIERED_MAX)
		return error_set(&g->error, RESULT_BAD,
				 "%s: %zu webmasters in tiers, at most %d are possible",
				 g->vertical, g->tiers.count, TIERED_MAX);
	is = tiers_card(&g->tiers, g->month);
	g->changes += tiers_compare(was, is, print_change, g);
	if (strcmp(was->tier_month, g->month) == 0 && tiers_same(was, is))
		return RESULT_OK;
	return g->dry ? RESULT_OK : publish(g, entry, is);
}

static enum result apply_all(struct tiering *g)
{
	const Punnet__V1__DirectoryEntry *e;
	enum result r = all_is_settled(g);

	for (size_t i = 0; r == RESULT_OK && directory_at(g->directory, i, &e); i++)
		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL &&
		    e->vertical->card && e->vertical->card->n_tiers > 0)
			r = apply_vertical(g, e);
	if (r == RESULT_OK && !g->tool->json)
		printf("%s: %zu webmasters change, %zu rate cards are published\n", g->month,
		       g->changes, g->published);
	return r;
}

/* --- showing --- */

static void list_card(const struct tool *t, const char *vertical,
		      const Punnet__V1__RateChanged *card)
{
	for (size_t i = 0; i < card->n_tier_holders; i++) {
		const Punnet__V1__TierHolder *h = card->tier_holders[i];

		printf(t->json ? "{\"vertical\":\"%s\",\"webmaster\":\"%s\",\"tier\":\"%s\","
				 "\"approved\":%llu,\"month\":\"%s\"}\n"
			       : "%-16s %-20s %-10s %llu approved in %s\n",
		       vertical, h->aff_id, h->tier, (unsigned long long)h->approved,
		       card->tier_month);
	}
}

static enum result list_all(struct tiering *g)
{
	const Punnet__V1__DirectoryEntry *e;

	for (size_t i = 0; directory_at(g->directory, i, &e); i++)
		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL &&
		    e->vertical->card)
			list_card(g->tool, strchr(e->id, '/') + 1, e->vertical->card);
	return RESULT_OK;
}

int command_tiers(struct tool *t, int argc, char **argv)
{
	const char *month = tool_option(&argc, argv, "--month");
	struct tiering g = {.tool = t, .dry = tool_flag(&argc, argv, "--dry-run")};
	bool apply = argc == 2 && strcmp(argv[1], "apply") == 0;
	char last[MONTH_TEXT_LEN + 1];
	enum result r;

	month_before(clock_now_ms(), last);
	g.month = month ? month : last;
	if (!apply && (argc != 2 || strcmp(argv[1], "list") != 0))
		return tool_usage("tiers", "expected apply or list");
	if (!month_span(g.month, &g.from_ms, &g.to_ms) || g.to_ms > clock_now_ms())
		return tool_usage("tiers", "--month %s: expected a month that is over, as 2026-11",
				  g.month);
	if (!tool_bus(t, "tiers"))
		return TOOL_AWAY;
	g.ledger = apply ? ledger_open(t, "tiers") : NULL;
	if (apply && !g.ledger)
		return TOOL_AWAY;
	g.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &g.error);
	r = !g.directory ? RESULT_AWAY : apply ? apply_all(&g) : list_all(&g);
	directory_close(g.directory);
	store_close(g.ledger);
	arena_free(&g.arena);
	return r == RESULT_OK ? TOOL_DONE : tool_fail("tiers", r, &g.error);
}
