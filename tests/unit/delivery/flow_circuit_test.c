/* An advertiser that fails, and one that must not be hurried: what the market hears, and what the others notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.h"
#include "proto/directory.pb-c.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"

#define LEADS 30

struct holds {
	size_t count;
	Punnet__V1__AdvertiserHeld first, last; /* their texts live in the arena */
	struct arena arena;
};

static void seen_hold(void *ctx, struct slice value)
{
	struct holds *h = ctx;
	const Punnet__V1__MarketEvent *e =
	    codec_unpack(&h->arena, &punnet__v1__market_event__descriptor, value);

	assert_non_null(e);
	assert_int_equal(e->event_case, PUNNET__V1__MARKET_EVENT__EVENT_HELD);
	assert_string_equal(e->held->advertiser_id, "bank-a");
	if (h->count++ == 0)
		h->first = *e->held;
	h->last = *e->held;
}

static void put_vertical(struct world *w, const char *id, uint32_t partition)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Vertical v = PUNNET__V1__VERTICAL__INIT;
	char key[64];

	snprintf(key, sizeof(key), "vertical/%s", id);
	e.id = key;
	e.revision = 1;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL;
	v.market_partition = partition;
	e.vertical = &v;
	put_message(w, "directory", 0, slice_cstr(key), &e.base);
}

/* A lead that comes while the circuit is open is not sent; one that comes when a probe is due is the probe. */
static void lead_until_closed(struct world *w, struct holds *h)
{
	struct routed good = {110, "status/200", "bank-a", SEALING_DAY, NULL};
	int64_t now_ms, next_ms = 0, ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;

	do {
		now_ms = clock_monotonic_ms();
		assert_true(now_ms < ends_ms);
		if (now_ms >= next_ms) {
			route(w, &good, NULL);
			good.lead++;
			next_ms = now_ms + 300;
		}
		turn_once(w);
		arena_reset(&h->arena);
		h->count = 0;
		read_topic(w, "market", seen_hold, h);
	} while (h->last.until_ms != 0 || h->count < 4);
}

static void
a_dead_advertisers_orders_are_held_in_every_market_until_it_answers(_unused_ void **state)
{
	struct routed good = {100, "status/200", "bank-a", SEALING_DAY, NULL};
	struct holds h = {0};
	struct world w;

	world_open(&w);
	put_vertical(&w, "osago", 0);
	put_vertical(&w, "courses", 1);
	put_vertical(&w, "microloan", 1);
	open_delivery(&w);
	/* three leads are worth something, so that an hour has its price */
	for (uint8_t i = 0; i < 3; i++) {
		good.lead = (uint8_t)(100 + i);
		route(&w, &good, NULL);
	}
	turn_until(&w, "leads.outcomes", 3);
	for (uint8_t i = 0; i < LEADS; i++) {
		struct routed bad = {i, "status/500", "bank-a", SEALING_DAY, NULL};

		route(&w, &bad, NULL);
	}
	turn_until(&w, "leads.outcomes", 3 + LEADS);
	turn_until(&w, "market", 2); /* one a partition, and no more */
	read_topic(&w, "market", seen_hold, &h);
	assert_int_equal(h.count, 2);
	assert_in_range(h.first.until_ms - clock_now_ms(), 30000, 60000);
	assert_string_equal(h.first.reason_code, "advertiser_error");
	assert_in_range(h.first.failures, 3, 20);
	/* three leads in five minutes, by the hour */
	assert_int_equal(h.first.n_hour_cost, 1);
	assert_int_equal(h.first.hour_cost[0]->amount_minor, 3 * 45000 * 12);
	assert_string_equal(h.first.hour_cost[0]->currency, "RUB");
	/* a probe finds it well */
	lead_until_closed(&w, &h);
	assert_int_equal(h.count, 4);
	arena_free(&h.arena);
	world_close(&w);
}

static void an_advertiser_is_not_hurried(_unused_ void **state)
{
	struct world w;
	int64_t from_ms;

	world_open(&w);
	put_advertiser_of_rate(&w, "bank-slow", 20);
	open_delivery(&w);
	from_ms = clock_monotonic_ms();
	for (uint8_t i = 0; i < LEADS; i++) {
		struct routed slow = {i, "status/200", "bank-slow", SEALING_DAY, NULL};
		struct routed fast = {(uint8_t)(100 + i), "status/200", "bank-a", SEALING_DAY,
				      NULL};

		route(&w, &slow, NULL);
		route(&w, &fast, NULL);
	}
	/* the others go on at once: what is left are the slow one's */
	turn_until(&w, "leads.outcomes", LEADS + 3);
	assert_true(clock_monotonic_ms() - from_ms < 1000);
	turn_until(&w, "leads.outcomes", 2 * LEADS);
	/* 30 at 20 a second, less the credit of 100 ms */
	assert_true(clock_monotonic_ms() - from_ms >= 1300);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dead_advertisers_orders_are_held_in_every_market_until_it_answers),
	    cmocka_unit_test(an_advertiser_is_not_hurried),
	};

	return cmocka_run_group_tests(tests, flow_start_server, flow_stop_server);
}
