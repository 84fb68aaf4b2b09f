/* punnet deliveries circuits: advertisers that delivery can't reach, as the market last heard of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "deliveries.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "scan.h"

struct circuits {
	struct arena arena;
	struct map last; /* advertiser -> the packed AdvertiserHeld */
};

static void see(void *ctx, enum scan_topic topic, _unused_ const struct bus_record *record,
		const void *message)
{
	const Punnet__V1__MarketEvent *m = message;
	struct circuits *c = ctx;
	_cleanup_(buf_free) struct buf packed = {0};
	struct slice *kept;

	if (topic != SCAN_MARKET || !m || m->event_case != PUNNET__V1__MARKET_EVENT__EVENT_HELD ||
	    m->held->by_rule)
		return;
	codec_pack(&m->held->base, &packed);
	kept = arena_alloc(&c->arena, sizeof(*kept));
	*kept = arena_dup(&c->arena, buf_slice(&packed));
	map_put(&c->last, slice_cstr(m->held->advertiser_id), kept);
}

static void print_one(const struct tool *t, const Punnet__V1__AdvertiserHeld *h, int64_t now_ms)
{
	bool open = h->until_ms > now_ms;
	char since[TIME_TEXT_LEN + 1], cost[64];

	time_text(h->since_ms, since);
	if (t->json) {
		printf("{\"advertiser\":\"%s\",\"open\":%s,\"since_ms\":%lld,\"until_ms\":%lld,"
		       "\"reason\":\"%s\",\"failures\":%u,\"held_back\":%llu,\"hour_leads\":%llu,"
		       "\"hour_cost\":[",
		       h->advertiser_id, open ? "true" : "false", (long long)h->since_ms,
		       (long long)h->until_ms, h->reason_code, h->failures,
		       (unsigned long long)h->held_back, (unsigned long long)h->hour_leads);
		for (size_t i = 0; i < h->n_hour_cost; i++)
			printf("%s{\"amount_minor\":%lld,\"currency\":\"%s\"}", i ? "," : "",
			       (long long)h->hour_cost[i]->amount_minor, h->hour_cost[i]->currency);
		printf("]}\n");
		return;
	}
	if (!open) {
		printf("%-20s %s\n", h->advertiser_id,
		       h->until_ms ? "not heard of since its hold ended" : "answers again");
		return;
	}
	printf("%-20s open since %s, %s, %u failures in a row; an hour of it costs %llu leads",
	       h->advertiser_id, since, h->reason_code, h->failures,
	       (unsigned long long)h->hour_leads);
	for (size_t i = 0; i < h->n_hour_cost; i++) {
		money_text(h->hour_cost[i]->amount_minor, h->hour_cost[i]->currency, cost,
			   sizeof(cost));
		printf(", %s", cost);
	}
	printf("\n");
}

/* How many are open. */
static size_t print_all(const struct tool *t, const struct circuits *c)
{
	struct arena scratch = {0};
	int64_t now_ms = clock_now_ms();
	struct slice key;
	void *value;
	size_t open = 0;

	for (size_t i = 0; map_at(&c->last, i, &key, &value); i++) {
		const Punnet__V1__AdvertiserHeld *h =
		    codec_unpack(&scratch, &punnet__v1__advertiser_held__descriptor,
				 *(const struct slice *)value);

		if (!h)
			continue;
		print_one(t, h, now_ms);
		open += h->until_ms > now_ms;
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	return open;
}

int deliveries_circuits(struct tool *t, int64_t since_ms)
{
	struct circuits c = {0};
	struct error e = {0};
	struct scan *s;
	enum result r;
	size_t open;

	if (!tool_bus(t, "deliveries"))
		return TOOL_AWAY;
	s = scan_open(t->bus, &e);
	if (!s)
		return tool_fail("deliveries", RESULT_AWAY, &e);
	for (int topic = 0; topic < SCAN_TOPICS; topic++)
		if (topic != SCAN_MARKET)
			scan_skip(s, (enum scan_topic)topic);
	r = scan_from(s, SCAN_MARKET, since_ms, &e);
	if (r == RESULT_OK)
		r = scan_measure(s, &e);
	if (r == RESULT_OK)
		r = scan_read(s, see, &c, &e);
	scan_close(s);
	open = print_all(t, &c);
	if (r == RESULT_OK && !t->json)
		printf("%zu open\n", open);
	map_free(&c.last);
	arena_free(&c.arena);
	if (r != RESULT_OK)
		return tool_fail("deliveries", r, &e);
	return open ? TOOL_FOUND : TOOL_DONE;
}
