/* What webmasters ask for once more, from status.replays to their trackers, on a bus in memory, against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/shell/replays.h"
#include "postbacks_world.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/status_replays.pb-c.h"
#include "runtime/clock.h"

#define HAPPENED_MS 1767225600000
#define APPROVED    PUNNET__V1__STATUS_KIND__STATUS_APPROVED
#define DELIVERED   PUNNET__V1__STATUS_KIND__STATUS_DELIVERED

static struct replays_settings settings = {.ack_watchdog_ms = 30000, .events_per_s = 10000};

#define QUIET_MS 250 /* nothing more is told meanwhile */

static struct replays *open_replays(struct world *w)
{
	static const struct bus_topic_spec topic = {
	    .name = "status.replays", .partitions = 1, .retention_ms = -1};
	struct error e = {0};
	struct replays *r;
	size_t created;

	assert_int_equal(bus_topics_apply(w->bus, &topic, 1, 5000, &created, &e), RESULT_OK);
	r = replays_open(w->bus, &settings, &e);
	if (!r)
		fail_msg("%s", e.text);
	return r;
}

/* Two trackers, with these events told. */
static struct replays *begin(struct world *w)
{
	struct replays *r;

	world_open(w);
	put_webmaster(w, "w1", "http://127.0.0.1:%d/one?c={click_id}", false, false);
	put_webmaster(w, "w2", "http://127.0.0.1:%d/two?c={click_id}", false, false);
	open_postbacks(w);
	r = open_replays(w);
	happens(w, "w1", DELIVERED, "a", 0);
	happens(w, "w1", APPROVED, "a", 0);
	happens(w, "w2", APPROVED, "b", 0);
	happens(w, "w1", APPROVED, "c", 0);
	return r;
}

static void asks(struct world *w, const char *aff_id, Punnet__V1__StatusKind kind,
		 const char *event_id)
{
	Punnet__V1__ReplayRequest m = PUNNET__V1__REPLAY_REQUEST__INIT;

	m.aff_id = (char *)aff_id;
	m.from_ms = HAPPENED_MS;
	m.until_ms = HAPPENED_MS + 1;
	m.kind = kind;
	m.event_id = (char *)event_id;
	put_message(w, "status.replays", aff_id, &m.base);
}

static void turn(struct world *w, struct replays *r)
{
	struct error e = {0};
	bool busy;

	if (replays_turn(r, &busy, &e) == RESULT_FATAL)
		fail_msg("%s", e.text);
	if (w->postbacks)
		turn_once(w);
}

static void turn_until(struct world *w, struct replays *r, int told)
{
	int64_t ends_ms = clock_monotonic_ms() + 20000, quiet_ms;

	while (server_saw("\"path\"") < told || !replays_is_taking(r)) {
		turn(w, r);
		if (clock_monotonic_ms() > ends_ms)
			fail_msg("%d of %d told", server_saw("\"path\""), told);
	}
	quiet_ms = clock_monotonic_ms() + QUIET_MS;
	while (clock_monotonic_ms() < quiet_ms)
		turn(w, r);
	assert_int_equal(server_saw("\"path\""), told);
}

static void end(struct world *w, struct replays *r)
{
	replays_drain(r);
	while (!replays_drained(r))
		turn(w, r);
	replays_close(r);
	world_close(w);
}

static void he_hears_once_more_what_he_asks_for(_unused_ void **state)
{
	struct attempts a;
	struct world w;
	struct replays *r = begin(&w);

	turn_until(&w, r, 4);
	asks(&w, "w1", APPROVED, "");
	turn_until(&w, r, 6);
	assert_int_equal(server_saw("/one?c=a"), 3);
	assert_int_equal(server_saw("/one?c=c"), 2);
	assert_int_equal(server_saw("\"webhook-id\": \"w1.2\""), 2); /* under its own id */
	/* what was told again is no event of its own: asked again, each comes once more */
	asks(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED, "w1.4");
	turn_until(&w, r, 7);
	assert_int_equal(server_saw("/one?c=c"), 3);
	turn_until_final(&w, 7, &a);
	assert_string_equal(a.all[6]->replayed_by, "webmaster");
	assert_string_equal(a.all[0]->replayed_by, "");
	arena_free(&a.arena);
	end(&w, r);
}

/* With the fault replays_anybody he gets them: the control. */
static void nobody_hears_of_anothers_events(_unused_ void **state)
{
	struct world w;
	struct replays *r = begin(&w);

	turn_until(&w, r, 4);
	asks(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED, "w2.3");
	asks(&w, "nobody", PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED, "");
	asks(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED, "w1.2");
	turn_until(&w, r, 5);
	assert_int_equal(server_saw("/two?c=b"), 1);
	end(&w, r);
}

/* Written again and not committed, as if it had died there. With the fault watermark_off it is told three times: the control. */
static void what_a_crash_writes_twice_is_told_once(_unused_ void **state)
{
	int64_t low, high = 0;
	struct world w;
	struct replays *r = begin(&w);

	turn_until(&w, r, 4);
	asks(&w, "w1", APPROVED, "");
	while (high < 6) {
		struct error e = {0};
		bool busy;

		assert_int_equal(replays_turn(r, &busy, &e), RESULT_OK);
		assert_int_equal(bus_offsets(w.bus, "status.events", 0, 5000, &low, &high),
				 RESULT_OK);
	}
	replays_close(r);
	r = open_replays(&w);
	turn_until(&w, r, 6);
	assert_int_equal(bus_offsets(w.bus, "status.events", 0, 5000, &low, &high), RESULT_OK);
	assert_int_equal(high, 8);
	end(&w, r);
}

static void a_request_that_can_not_be_read_is_put_aside(_unused_ void **state)
{
	int64_t low, high;
	struct world w;
	struct replays *r = begin(&w);

	put_bytes(&w, "status.replays", "w1", "punnet.v1.ReplayRequest", SLICE("\xff\xff"));
	asks(&w, "w1", APPROVED, "w1.2");
	turn_until(&w, r, 5);
	assert_int_equal(bus_offsets(w.bus, "dead.letters", 0, 5000, &low, &high), RESULT_OK);
	assert_int_equal(high, 1);
	end(&w, r);
}

/* Twenty a second: after the two that may come at once the next one takes its time. */
static void it_is_told_at_the_pace_that_is_set(_unused_ void **state)
{
	int64_t began_ms;
	struct world w;
	struct replays *r;

	settings.events_per_s = 20;
	r = begin(&w);
	for (int i = 0; i < 8; i++)
		happens(&w, "w1", APPROVED, "d", 0);
	turn_until(&w, r, 12);
	began_ms = clock_monotonic_ms();
	asks(&w, "w1", APPROVED, "");
	turn_until(&w, r, 22);
	assert_true(clock_monotonic_ms() - began_ms >= 350);
	settings.events_per_s = 10000;
	end(&w, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(he_hears_once_more_what_he_asks_for),
	    cmocka_unit_test(nobody_hears_of_anothers_events),
	    cmocka_unit_test(what_a_crash_writes_twice_is_told_once),
	    cmocka_unit_test(a_request_that_can_not_be_read_is_put_aside),
	    cmocka_unit_test(it_is_told_at_the_pace_that_is_set),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
