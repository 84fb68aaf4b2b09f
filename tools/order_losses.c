/* order_losses: what an advertiser asks: which leads did I not get, and what would it take?
 *
 * The market's log is folded once more by the router's own core, and at each decision of the time asked for the order is
 * asked, too: what it says to that lead at that moment, and what it lacked. A criterion that alone kept it from a lead which
 * it would have got is counted by name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/money.h"
#include "base/room.h"
#include "order_more.h"
#include "order_replay.h"
#include "router/core/match.h"
#include "runtime/clock.h"

#define HOURS_MAX (24 * 31)
#define GAPS_MAX                                                                                   \
	1000000 /* of the leads that it was outbid for; what comes after them is only counted */
#define HALF 2

struct losses {
	struct order_replay replay;
	const char *id;
	int64_t since_ms;
	uint64_t leads, won, outbid, missed[REASON_COUNT];
	int64_t *gaps; /* by how much */
	size_t gap_count, gap_cap;
	uint64_t by_criterion[CRITERIA_MAX + 1];
	char *criterion_names[CRITERIA_MAX + 1];
};

static void add_gap(struct losses *l, int64_t gap)
{
	if (l->gap_count == GAPS_MAX)
		return;
	l->gaps = room_for_one(l->gaps, l->gap_count, &l->gap_cap, sizeof(*l->gaps));
	l->gaps[l->gap_count++] = gap;
}

/* Would it have stood before whoever got the lead? */
static bool would_win(const struct order *o, const struct lead_view *lead,
		      const struct match *match, int64_t now_ms)
{
	struct candidate c = {.order = (struct order *)o, .fits = true, .now_ms = now_ms};

	c.price_minor = price_of(o, lead, now_ms);
	c.score = rank_score(o, c.price_minor, now_ms);
	return !match->won || candidate_compare(&c, &match->best[0]) < 0;
}

/* The same order without one of its criteria. */
static void try_without(struct losses *l, const struct order *o, const struct lead_view *lead,
			const struct match *match, int64_t now_ms)
{
	struct criterion where[CRITERIA_MAX + 1];

	for (size_t i = 0; i < o->terms->where_count && i <= CRITERIA_MAX; i++) {
		uint32_t attribute = o->terms->where[i].attribute;
		struct terms terms = *o->terms;
		struct order other = *o;

		if (criterion_ask(&terms.where[i], &lead->values[attribute]) == FIT)
			continue;
		memcpy(where, terms.where, terms.where_count * sizeof(*where));
		where[i] = where[--terms.where_count];
		terms.where = where;
		other.terms = &terms;
		if (!match_fits(&other, lead, now_ms) || !would_win(&other, lead, match, now_ms))
			continue;
		l->by_criterion[i]++;
		if (!l->criterion_names[i])
			l->criterion_names[i] = strdup(lead->attributes->items[attribute].name);
	}
}

static void look(void *ctx, const struct lead_view *lead, const struct match *match, int64_t now_ms)
{
	struct losses *l = ctx;
	struct order *o = market_order(l->replay.market, slice_cstr(l->id));
	struct miss miss = {0};

	if (!o || o->removed || now_ms < l->since_ms || lead->lead->is_test ||
	    strcmp(o->terms->vertical, lead->lead->vertical) != 0)
		return;
	l->leads++;
	if (constraints_ask(o, lead, now_ms, &miss).fit != FIT) {
		l->missed[miss.code]++;
		try_without(l, o, lead, match, now_ms);
	} else if (match->best[0].order == o) {
		l->won++;
	} else {
		l->outbid++;
		/* So much more would have been needed, whoever is paced. */
		add_gap(l,
			(match->best[0].score - rank_score(o, price_of(o, lead, now_ms), now_ms)) >>
			    PACE_MONEY_SHIFT);
	}
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static const char *money(const struct order *o, int64_t amount, char text[64])
{
	money_text(amount, o->terms->currency, text, 64);
	return text;
}

static void print_misses(const struct losses *l)
{
	for (int code = 0; code < REASON_COUNT; code++) {
		if (l->missed[code] > 0)
			printf("%10" PRIu64 "  %-16s %s\n", l->missed[code],
			       reason_code((enum reason)code),
			       reason_text((enum reason)code, LANGUAGE_EN));
	}
}

static void print_hints(const struct losses *l, const struct order *o)
{
	char text[64];

	if (l->gap_count > 0)
		printf("price + %s would have got half of the %zu that it was outbid for\n",
		       money(o, l->gaps[(l->gap_count - 1) / HALF] + 1, text), l->gap_count);
	for (size_t i = 0; i <= CRITERIA_MAX; i++) {
		if (l->by_criterion[i] > 0)
			printf("without `where.%s` it would have got %" PRIu64 " more\n",
			       l->criterion_names[i], l->by_criterion[i]);
	}
}

static void print(const struct losses *l, const struct order *o, int64_t hours)
{
	char text[64];

	printf("%s, the last %" PRId64 " hours: %" PRIu64 " offers in %s, it got %" PRIu64 "\n",
	       l->id, hours, l->leads, o->terms->vertical, l->won);
	if (l->outbid > 0)
		printf("%10" PRIu64 "  %-16s by at most %s\n", l->outbid, "outbid",
		       money(o, l->gap_count ? l->gaps[l->gap_count - 1] : 0, text));
	print_misses(l);
	print_hints(l, o);
}

static void print_json(const struct losses *l, int64_t hours)
{
	printf("{\"order\":\"%s\",\"hours\":%" PRId64 ",\"offers\":%" PRIu64 ",\"won\":%" PRIu64
	       ",\"outbid\":%" PRIu64 ",\"outbid_by_at_most_minor\":%" PRId64 ",\"missed\":{",
	       l->id, hours, l->leads, l->won, l->outbid,
	       l->gap_count ? l->gaps[l->gap_count - 1] : 0);
	for (int code = 0, first = 1; code < REASON_COUNT; code++) {
		if (l->missed[code] == 0)
			continue;
		printf("%s\"%s\":%" PRIu64, first ? "" : ",", reason_code((enum reason)code),
		       l->missed[code]);
		first = 0;
	}
	printf("},\"without\":{");
	for (size_t i = 0, first = 1; i <= CRITERIA_MAX; i++) {
		if (l->by_criterion[i] == 0)
			continue;
		printf("%s\"%s\":%" PRIu64, first ? "" : ",", l->criterion_names[i],
		       l->by_criterion[i]);
		first = 0;
	}
	printf("}}\n");
}

static void losses_free(struct losses *l)
{
	for (size_t i = 0; i <= CRITERIA_MAX; i++)
		free(l->criterion_names[i]);
	free(l->gaps);
	market_free(l->replay.market);
}

int order_losses(struct tool *t, const struct directory *d, int argc, char **argv)
{
	const char *text = tool_option(&argc, argv, "--hours");
	const Punnet__V1__DirectoryEntry *e, *v;
	struct losses l = {0};
	struct error error;
	int64_t hours = 24;
	enum result r;

	if (argc != 3 || (text && !slice_to_int64(slice_cstr(text), &hours)) || hours < 1 ||
	    hours > HOURS_MAX)
		return tool_usage("order", "expected losses ID [--hours N], N from 1 to %d",
				  HOURS_MAX);
	e = directory_get(d, "order", slice_cstr(argv[2]));
	v = e ? directory_get(d, "vertical", slice_cstr(e->order->terms->vertical)) : NULL;
	if (!v)
		return tool_usage("order", "no order \"%s\"", argv[2]);
	l.id = argv[2];
	l.since_ms = clock_now_ms() - hours * MS_PER_HOUR;
	l.replay.partition = v->vertical->market_partition;
	l.replay.market = market_new(l.replay.partition);
	market_observe(l.replay.market, look, &l);
	r = order_replay(t, &l.replay, &error);
	if (r == RESULT_OK && !market_order(l.replay.market, slice_cstr(l.id)))
		r = error_set(&error, RESULT_BAD,
			      "the market's log does not hold the order any more");
	if (r == RESULT_OK) {
		qsort(l.gaps, l.gap_count, sizeof(*l.gaps), by_size);
		if (t->json)
			print_json(&l, hours);
		else
			print(&l, market_order(l.replay.market, slice_cstr(l.id)), hours);
	}
	losses_free(&l);
	return r == RESULT_OK ? TOOL_DONE : tool_fail("order", r, &error);
}
