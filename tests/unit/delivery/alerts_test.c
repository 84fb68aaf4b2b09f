/* Alerts, from what happens to the advertiser's and the operator's URLs, on a bus in memory, against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/shell/alerts.h"
#include "postbacks_world.h"
#include "proto/audit_findings.pb-c.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/orders_progress.pb-c.h"
#include "runtime/clock.h"

#define WAIT_LIMIT_MS 20000
#define GATHERED_MS                                                                                \
	1500 /* long enough for a slow machine to put a second letter beside the first */

static struct alerts_settings settings;

static struct alerts *open_alerts(struct world *w)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "orders.progress", .partitions = 1, .retention_ms = -1, .compact = true},
	    {.name = "audit.findings", .partitions = 1, .retention_ms = -1, .compact = true},
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

/* A world in which one entry asks for these events at the server's url. */
static struct alerts *begin(struct world *w, const char *entry_id, const char *url,
			    const char *const *events, size_t count)
{
	struct alerts *a;

	settings = (struct alerts_settings){.ack_watchdog_ms = 30000};
	world_open(w);
	put_alerts(w, entry_id, url, events, count);
	a = open_alerts(w);
	open_postbacks(w);
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

static void is_put_aside(struct world *w, const char *topic, uint64_t offset, const char *reason)
{
	Punnet__V1__DeadLetter m = PUNNET__V1__DEAD_LETTER__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)topic;
	source.partition = 3;
	source.offset = offset;
	m.source = &source;
	m.reason_code = (char *)reason;
	m.at_ms = 1767225600000;
	put_message(w, "dead.letters", "", &m.base);
}

static void auditor_says(struct world *w, uint64_t findings, const char *first)
{
	Punnet__V1__AuditFinding m = PUNNET__V1__AUDIT_FINDING__INIT;

	m.invariant = (char *)"credited_once";
	m.findings = findings;
	m.first = (char *)first;
	m.at_ms = 1767225600000;
	put_message(w, "audit.findings", m.invariant, &m.base);
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

static void end(struct world *w, struct alerts *a)
{
	end_orderly(w, a);
	world_close(w);
}

/* What the alerts wrote is stored, and neither acknowledged nor committed: as if they had died there. Then all begins anew. */
static struct alerts *die_behind(struct world *w, struct alerts *a, size_t events)
{
	while (events_stored(w) < events)
		turn_alerts(a);
	alerts_close(a);
	turn_until_told(w, events);
	postbacks_drain(w->postbacks);
	while (!postbacks_drained(w->postbacks))
		turn_once(w);
	close_postbacks(w);
	open_postbacks(w); /* the commit's note says what was told */
	return open_alerts(w);
}

static void an_order_that_falls_short_is_told_once_to_all_who_ask(_unused_ void **state)
{
	static const char *const events[] = {"order_short", "order_filled"};
	struct world w;
	struct alerts *a =
	    begin(&w, "advertiser/bank-a",
		  "http://127.0.0.1:%d/a?e={event}&o={order_id}&x={expected}", events, 2);

	put_alerts(&w, "operator/op", "http://127.0.0.1:%d/op?e={event}", events, 1);
	put_alerts(&w, "advertiser/bank-b", "http://127.0.0.1:%d/b", events, 2);
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
	end(&w, a);
}

/* With the fault alerts_forgotten the successor tells what was told: the control. */
static void a_successor_knows_what_was_told(_unused_ void **state)
{
	static const char *const events[] = {"order_short"};
	struct world w;
	struct alerts *a =
	    begin(&w, "advertiser/bank-a", "http://127.0.0.1:%d/a?o={order_id}", events, 1);

	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	turn_until(&w, a, 1, 1);
	end_orderly(&w, a);
	a = open_alerts(&w);
	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	goes(&w, "loans", PUNNET__V1__PACE_STATE__PACE_SHORT);
	turn_until(&w, a, 2, 2);
	assert_int_equal(server_saw("/a?o=cards"), 1);
	assert_int_equal(server_saw("/a?o=loans"), 1);
	end(&w, a);
}

/* With the fault watermark_off it is told twice: the control. */
static void what_a_crash_writes_twice_is_told_once(_unused_ void **state)
{
	static const char *const events[] = {"order_short"};
	struct world w;
	struct alerts *a =
	    begin(&w, "advertiser/bank-a", "http://127.0.0.1:%d/a?o={order_id}", events, 1);

	goes(&w, "cards", PUNNET__V1__PACE_STATE__PACE_SHORT);
	a = die_behind(&w, a, 1);
	goes(&w, "loans", PUNNET__V1__PACE_STATE__PACE_SHORT);
	turn_until(&w, a, 3, 2);
	assert_int_equal(server_saw("/a?o=cards"), 1);
	end(&w, a);
}

/* A circuit's news goes the same way, with what an hour costs. */
static void a_circuit_that_opens_and_closes_is_told(_unused_ void **state)
{
	static const char *const events[] = {"circuit_opened", "circuit_closed"};
	struct meter_hour hour = {.leads = 412, .currency = {"RUB"}, .minor = {18540000}};
	struct circuit_news news = {"bank-a", "no_answer", true, 1767225600000, &hour};
	struct world w;
	struct alerts *a = begin(
	    &w, "advertiser/bank-a",
	    "http://127.0.0.1:%d/a?e={event}&why={reason_code}&n={hour_leads}&sum={hour_cost}",
	    events, 2);

	alerts_circuit(a, &news);
	news.advertiser_id = "bank-b"; /* it asked for nothing */
	alerts_circuit(a, &news);
	news = (struct circuit_news){"bank-a", "", false, 1767225660000, &hour};
	alerts_circuit(a, &news);
	turn_until(&w, a, 2, 2);
	assert_int_equal(server_saw("e=circuit_opened&why=no_answer&n=412&sum=185400.00"), 1);
	assert_int_equal(server_saw("e=circuit_closed"), 1);
	end(&w, a);
}

/* One event for each topic and reason, to operators alone. */
static void dead_letters_are_counted_and_told_together(_unused_ void **state)
{
	static const char *const events[] = {"dead_letters"};
	struct world w;
	struct alerts *a = begin(
	    &w, "operator/op",
	    "http://127.0.0.1:%d/op?e={event}&n={found}&t={topic}&why={reason_code}&at={first}",
	    events, 1);

	put_alerts(&w, "advertiser/bank-a", "http://127.0.0.1:%d/a", events, 1);
	is_put_aside(&w, "leads.raw", 7, "unreadable");
	is_put_aside(&w, "leads.routed", 8, "unreadable");
	is_put_aside(&w, "leads.raw", 9, "unreadable");
	is_put_aside(&w, "leads.raw", 11, "unknown_vertical");
	is_put_aside(&w, "leads.raw", 12, "unreadable");
	turn_until(&w, a, 3, 3);
	assert_int_equal(
	    server_saw("/op?e=dead_letters&n=3&t=leads.raw&why=unreadable&at=leads.raw%2F3%407"),
	    1);
	assert_int_equal(server_saw("n=1&t=leads.routed&why=unreadable"), 1);
	assert_int_equal(server_saw("n=1&t=leads.raw&why=unknown_vertical"), 1);
	is_put_aside(&w, "leads.raw", 20, "unreadable");
	turn_until(&w, a, 4, 4);
	assert_int_equal(server_saw("n=1&t=leads.raw&why=unreadable&at=leads.raw%2F3%4020"), 1);
	end(&w, a);
}

static void letters_wait_for_each_other_as_long_as_is_said(_unused_ void **state)
{
	static const char *const events[] = {"dead_letters"};
	int64_t began_ms = clock_monotonic_ms();
	struct alerts *a;
	struct world w;

	world_open(&w);
	put_alerts(&w, "operator/op", "http://127.0.0.1:%d/op?n={found}", events, 1);
	settings = (struct alerts_settings){.ack_watchdog_ms = 30000,
					    .letter_alert_after_ms = GATHERED_MS};
	a = open_alerts(&w);
	open_postbacks(&w);
	is_put_aside(&w, "leads.raw", 7, "unreadable");
	turn_both(&w, a);
	is_put_aside(&w, "leads.raw", 8, "unreadable");
	turn_until(&w, a, 1, 1);
	assert_true(clock_monotonic_ms() - began_ms >= GATHERED_MS);
	assert_int_equal(server_saw("/op?n=2"), 1);
	/* what was not told yet is told by the successor */
	is_put_aside(&w, "leads.raw", 9, "unreadable");
	turn_both(&w, a);
	end_orderly(&w, a);
	settings.letter_alert_after_ms = 0;
	a = open_alerts(&w);
	turn_until(&w, a, 2, 2);
	assert_int_equal(server_saw("/op?n=1"), 1);
	end(&w, a);
}

/* With the fault watermark_off they are told twice. */
static void letters_that_a_crash_writes_twice_are_told_once(_unused_ void **state)
{
	static const char *const events[] = {"dead_letters"};
	struct world w;
	struct alerts *a =
	    begin(&w, "operator/op", "http://127.0.0.1:%d/op?n={found}&t={topic}", events, 1);

	is_put_aside(&w, "leads.raw", 7, "unreadable");
	is_put_aside(&w, "leads.routed", 8, "unreadable");
	a = die_behind(&w, a, 2);
	turn_until(&w, a, 4, 2);
	is_put_aside(&w, "leads.unsold", 9, "unreadable");
	turn_until(&w, a, 5, 3);
	assert_int_equal(server_saw("n=1&t=leads.unsold"), 1);
	end(&w, a);
}

static void more_kinds_than_there_is_room_for_are_one(_unused_ void **state)
{
	static const char *const events[] = {"dead_letters"};
	struct world w;
	struct alerts *a =
	    begin(&w, "operator/op", "http://127.0.0.1:%d/op?n={found}&t={topic}", events, 1);
	char reason[16];

	for (int i = 0; i < 20; i++) {
		snprintf(reason, sizeof(reason), "reason_%d", i);
		is_put_aside(&w, "leads.raw", (uint64_t)i, reason);
	}
	turn_until(&w, a, 16, 16);
	assert_int_equal(server_saw("n=1&t=leads.raw"), 15);
	assert_int_equal(server_saw("n=5&t=other"), 1);
	end(&w, a);
}

static void what_the_auditor_finds_is_told_with_the_first_record(_unused_ void **state)
{
	static const char *const events[] = {"audit_broken", "audit_holds"};
	struct world w;
	struct alerts *a =
	    begin(&w, "operator/op",
		  "http://127.0.0.1:%d/op?e={event}&n={found}&what={reason_code}&first={first}",
		  events, 2);

	auditor_says(&w, 2, "lead 0192f0c1 twice");
	turn_until(&w, a, 1, 1);
	assert_int_equal(
	    server_saw("/op?e=audit_broken&n=2&what=credited_once&first=lead%200192f0c1%20twice"),
	    1);
	auditor_says(&w, 0, "");
	turn_until(&w, a, 2, 2);
	assert_int_equal(server_saw("/op?e=audit_holds&n=0&what=credited_once"), 1);
	end(&w, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_order_that_falls_short_is_told_once_to_all_who_ask),
	    cmocka_unit_test(a_successor_knows_what_was_told),
	    cmocka_unit_test(what_a_crash_writes_twice_is_told_once),
	    cmocka_unit_test(a_circuit_that_opens_and_closes_is_told),
	    cmocka_unit_test(dead_letters_are_counted_and_told_together),
	    cmocka_unit_test(letters_wait_for_each_other_as_long_as_is_said),
	    cmocka_unit_test(letters_that_a_crash_writes_twice_are_told_once),
	    cmocka_unit_test(more_kinds_than_there_is_room_for_are_one),
	    cmocka_unit_test(what_the_auditor_finds_is_told_with_the_first_record),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
