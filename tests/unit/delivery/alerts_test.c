/* Alerts, from what happens to the advertiser's and the operator's URLs, on a bus in memory, against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/shell/alerts.h"
#include "postbacks_world.h"
#include "proto/orders_progress.pb-c.h"
#include "runtime/clock.h"

#define WAIT_LIMIT_MS 20000

static const struct alerts_settings settings = {.ack_watchdog_ms = 30000};

static struct alerts *open_alerts(struct world *w)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "orders.progress", .partitions = 1, .retention_ms = -1, .compact = true},
	};
	struct error e = {0};
	struct alerts *a;
	size_t created;

	assert_int_equal(bus_topics_apply(w->bus, topics, ARRAY_LEN(topics), 5000, &created, &e),
			 RESULT_OK);
	a = alerts_open(w->bus, w->directory, &settings, &e);
	if (!a)
		fail_msg("%s", e.text);
	return a;
}

static void goes(struct world *w, const char *order, Punnet__V1__PaceState state)
{
	Punnet__V1__OrderProgress m = PUNNET__V1__ORDER_PROGRESS__INIT;
	Punnet__V1__Pace pace = PUNNET__V1__PACE__INIT;

	pace.state = state;
	pace.expected = 812;
	m.order_id = (char *)order;
	m.advertiser_id = (char *)"bank-a";
	m.quantity = 1000;
	m.log_time_ms = 1767225600000;
	m.pace = &pace;
	put_message(w, "orders.progress", order, &m.base);
}

static void turn_alerts(struct alerts *a)
{
	struct error e = {0};
	bool busy;

	if (alerts_turn(a, &busy, &e) == RESULT_FATAL)
		fail_msg("%s", e.text);
}

static void turn_both(struct world *w, struct alerts *a)
{
	turn_alerts(a);
	turn_once(w);
}

/* The attempts that were final, so that nothing is under way. */
static void turn_until_told(struct world *w, size_t finals)
{
	struct attempts seen;

	turn_until_final(w, finals, &seen);
	assert_int_equal(seen.ok, finals);
	arena_free(&seen.arena);
}

static size_t events_stored(struct world *w)
{
	int64_t low, high;

	assert_int_equal(bus_offsets(w->bus, "status.events", 0, 5000, &low, &high), RESULT_OK);
	return (size_t)high;
}

static void turn_until(struct world *w, struct alerts *a, size_t events, int told)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;

	while (events_stored(w) < events || server_saw("\"path\"") < told) {
		turn_both(w, a);
		if (clock_monotonic_ms() > ends_ms)
			fail_msg("%zu events, %d told", events_stored(w), server_saw("\"path\""));
	}
	assert_int_equal(events_stored(w), events);
	assert_int_equal(server_saw("\"path\""), told);
}

/* Everything is committed. */
static void end_orderly(struct world *w, struct alerts *a)
{
	alerts_drain(a);
	while (!alerts_drained(a))
		turn_both(w, a);
	alerts_close(a);
}

static void an_order_that_falls_short_is_told_once_to_all_who_ask(_unused_ void **state)
{
	static const char *const events[] = {"order_short", "order_filled"};
	struct alerts *a;
	struct world w;

	world_open(&w);
	put_alerts(&w, "advertiser/bank-a",
		   "http://127.0.0.1:%d/a?e={event}&o={order_id}&x={expected}", events, 2);
	put_alerts(&w, "operator/op", "http://127.0.0.1:%d/op?e={event}", events, 1);
	put_alerts(&w, "advertiser/bank-b", "http://127.0.0.1:%d/b", events, 2);
	a = open_alerts(&w);
	open_postbacks(&w);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_ON_PLAN);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_FAST); /* nobody asks for it */
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_FILLED);
	turn_until(&w, a, 3, 3);
	assert_int_equal(server_saw("/a?e=order_short&o=cards&x=812"), 1);
	assert_int_equal(server_saw("/a?e=order_filled&o=cards&x=812"), 1);
	assert_int_equal(server_saw("/op?e=order_short"), 1);
	assert_int_equal(server_saw("\"webhook-id\": \"cards.order_short.1\""), 2);
	end_orderly(&w, a);
	world_close(&w);
}

/* With the fault alerts_forgotten the successor tells what was told: the control. */
static void a_successor_knows_what_was_told(_unused_ void **state)
{
	static const char *const events[] = {"order_short"};
	struct alerts *a;
	struct world w;

	world_open(&w);
	put_alerts(&w, "advertiser/bank-a", "http://127.0.0.1:%d/a?o={order_id}", events, 1);
	a = open_alerts(&w);
	open_postbacks(&w);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	turn_until(&w, a, 1, 1);
	end_orderly(&w, a);
	a = open_alerts(&w);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	goes(&w, "loans", PUNNET__V1__PACE_STATE__PACE_SHORT);
	turn_until(&w, a, 2, 2);
	assert_int_equal(server_saw("/a?o=cards"), 1);
	assert_int_equal(server_saw("/a?o=loans"), 1);
	end_orderly(&w, a);
	world_close(&w);
}

/* With the fault watermark_off it is told twice: the control. */
static void what_a_crash_writes_twice_is_told_once(_unused_ void **state)
{
	static const char *const events[] = {"order_short"};
	struct alerts *a;
	struct world w;

	world_open(&w);
	put_alerts(&w, "advertiser/bank-a", "http://127.0.0.1:%d/a?o={order_id}", events, 1);
	a = open_alerts(&w);
	open_postbacks(&w);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	while (events_stored(&w) < 1)
		turn_alerts(a);
	alerts_close(a); /* its event is stored, and neither acknowledged nor committed */
	turn_until_told(&w, 1);
	postbacks_drain(w.postbacks);
	while (!postbacks_drained(w.postbacks))
		turn_once(&w);
	close_postbacks(&w);
	open_postbacks(&w); /* the commit's note says what was told */
	a = open_alerts(&w);
	goes(&w, "loans", PUNNET__V1__PACE_STATE__PACE_SHORT);
	turn_until(&w, a, 3, 2);
	assert_int_equal(server_saw("/a?o=cards"), 1);
	end_orderly(&w, a);
	world_close(&w);
}

/* A circuit's news goes the same way, with what an hour costs. */
static void a_circuit_that_opens_and_closes_is_told(_unused_ void **state)
{
	static const char *const events[] = {"circuit_opened", "circuit_closed"};
	struct meter_hour hour = {.leads = 412, .currency = {"RUB"}, .minor = {18540000}};
	struct circuit_news news = {"bank-a", "no_answer", true, 1767225600000, &hour};
	struct alerts *a;
	struct world w;

	world_open(&w);
	put_alerts(
	    &w, "advertiser/bank-a",
	    "http://127.0.0.1:%d/a?e={event}&why={reason_code}&n={hour_leads}&sum={hour_cost}",
	    events, 2);
	a = open_alerts(&w);
	open_postbacks(&w);
	alerts_circuit(a, &news);
	news.advertiser_id = "bank-b"; /* it asked for nothing */
	alerts_circuit(a, &news);
	news = (struct circuit_news){"bank-a", "", false, 1767225660000, &hour};
	alerts_circuit(a, &news);
	turn_until(&w, a, 2, 2);
	assert_int_equal(server_saw("e=circuit_opened&why=no_answer&n=412&sum=185400.00"), 1);
	assert_int_equal(server_saw("e=circuit_closed"), 1);
	end_orderly(&w, a);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_order_that_falls_short_is_told_once_to_all_who_ask),
	    cmocka_unit_test(a_successor_knows_what_was_told),
	    cmocka_unit_test(what_a_crash_writes_twice_is_told_once),
	    cmocka_unit_test(a_circuit_that_opens_and_closes_is_told),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
