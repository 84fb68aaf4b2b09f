/* What delivery is about to send stands in leads.attempts before it is sent, and a successor goes by that alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.h"
#include "proto/leads_attempts.pb-c.h"
#include "runtime/bus_memory.h"
#include "runtime/clock.h"

#define PARTITION 1 /* of leads with an odd number */
#define FAR       100
#define TURNS     20

/* Cut off under way; then the advertiser only fails, which alone would be "undeliverable". */
static const struct routed cut_off = {1, "slow_then_500", "bank-a", SEALING_DAY};
static const struct routed accepted = {1, "status/200", "bank-a", SEALING_DAY};
static const struct routed failing = {3, "status/500", "bank-a", SEALING_DAY};
static const struct routed failing_later = {5, "status/500", "bank-a", SEALING_DAY};

struct takings {
	size_t count;
	uint64_t until, take_over; /* of the last one */
};

static struct takings takings_of(struct world *w, int32_t partition)
{
	struct bus_record records[READ_MAX];
	struct takings found = {0};
	struct arena scratch = {0};
	struct error e = {0};
	struct bus_reader *r = bus_reader_open(w->bus, "leads.attempts", partition, 0, &e);
	size_t count;

	assert_int_equal(bus_reader_take(r, records, READ_MAX, 0, &count, &e), RESULT_OK);
	for (size_t i = 0; i < count; i++) {
		const Punnet__V1__Taking *m;

		if (!slice_is(records[i].type, "punnet.v1.Taking"))
			continue;
		m = codec_unpack(&scratch, &punnet__v1__taking__descriptor, records[i].value);
		assert_non_null(m);
		found = (struct takings){found.count + 1, m->until, m->take_over};
	}
	bus_reader_close(r);
	arena_free(&scratch);
	return found;
}

static void put_take_over(struct world *w, bool notes_takings)
{
	Punnet__V1__TakeOver m = PUNNET__V1__TAKE_OVER__INIT;

	m.instance_id = (char *)"another";
	m.notes_takings = notes_takings;
	put_message(w, "leads.attempts", PARTITION, SLICE(""), &m.base);
}

static void put_taking(struct world *w, uint64_t take_over, uint64_t until)
{
	Punnet__V1__Taking m = PUNNET__V1__TAKING__INIT;

	m.take_over = take_over;
	m.until = until;
	put_message(w, "leads.attempts", PARTITION, SLICE(""), &m.base);
}

static void turn_until_it_sends(struct world *w)
{
	while (delivery_sending(w->delivery) == 0)
		turn_once(w);
}

/* Its owner ended while the first lead was being sent. */
static void begin_with_one_cut_off(struct world *w)
{
	world_open(w);
	open_delivery(w);
	route(w, &cut_off, NULL);
	turn_until_it_sends(w);
	close_delivery(w);
}

/* And the group has heard of it. */
static void turn_until_committed(struct world *w, int64_t next)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS, at[PARTITIONS] = {0};
	struct error e = {0};

	while (at[PARTITION] < next) {
		turn_once(w);
		assert_int_equal(
		    bus_committed(w->bus, "delivery", "leads.routed", PARTITIONS, 1000, at, &e),
		    RESULT_OK);
		assert_true(clock_monotonic_ms() < ends_ms);
	}
}

static void expect_outcome(struct world *w, uint8_t lead, Punnet__V1__OutcomeKind kind)
{
	struct outcomes *o = calloc(1, sizeof(*o));

	read_topic(w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, lead)->kind, kind);
	free(o);
}

/* A process has the partitions and one lead behind it; the next one is taken, and no acknowledgement comes. */
static void begin_with_a_task_that_waits(struct world *w)
{
	world_open(w);
	open_delivery(w);
	route(w, &accepted, NULL);
	turn_until(w, "leads.outcomes", 1);
	while (delivery_open_tasks(w->delivery) > 0)
		turn_once(w);
	route(w, &failing, NULL);
	bus_memory_hold_acks(w->bus, true);
	for (int i = 0; i < TURNS; i++)
		turn_once(w);
	assert_int_equal(delivery_open_tasks(w->delivery), 1);
}

static void a_task_waits_until_its_taking_is_acknowledged(_unused_ void **state)
{
	struct takings noted;
	struct world w;

	begin_with_a_task_that_waits(&w);
	noted = takings_of(&w, PARTITION);
	assert_int_equal(noted.count, 2);
	assert_int_equal(noted.until, 2);
	assert_int_equal(noted.take_over, 1);
	assert_int_equal(delivery_sending(w.delivery), 0);
	bus_memory_hold_acks(w.bus, false);
	turn_until(&w, "leads.outcomes", 2);
	world_close(&w);
}

static void a_task_that_waited_until_an_orderly_end_was_not_sent(_unused_ void **state)
{
	struct world w;

	begin_with_a_task_that_waits(&w);
	close_delivery(&w);
	bus_memory_hold_acks(w.bus, false);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	expect_outcome(&w, 3, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	world_close(&w);
}

static void one_taking_covers_all_that_a_turn_took(_unused_ void **state)
{
	struct world w;

	world_open(&w);
	open_delivery(&w);
	for (uint8_t lead = 1; lead <= 40; lead++) {
		struct routed row = accepted;

		row.lead = lead;
		route(&w, &row, NULL);
	}
	turn_until(&w, "leads.outcomes", 40);
	assert_int_equal(takings_of(&w, 0).count, 1);
	assert_int_equal(takings_of(&w, 1).count, 1);
	assert_int_equal(takings_of(&w, 1).until, 20);
	world_close(&w);
}

static void an_orderly_end_does_not_settle_what_the_predecessor_had_under_way(_unused_ void **state)
{
	struct world w;

	begin_with_one_cut_off(&w);
	open_delivery(&w);
	delivery_drain(w.delivery); /* before it takes anything */
	do
		turn_once(&w);
	while (!delivery_drained(w.delivery));
	close_delivery(&w);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 1);
	expect_outcome(&w, 1, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	world_close(&w);
}

static void what_a_taking_covers_may_have_been_sent_and_nothing_else(_unused_ void **state)
{
	struct world w;

	begin_with_one_cut_off(&w);
	route(&w, &failing, NULL); /* there before the successor comes */
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	expect_outcome(&w, 1, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	expect_outcome(&w, 3, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	world_close(&w);
}

/* What it noted lies behind the commit: that it is one who notes stands in its TakeOver. */
static void one_that_had_ended_all_that_it_took_has_sent_nothing_else(_unused_ void **state)
{
	struct delivery *frozen;
	struct world w;

	world_open(&w);
	w.settings.instance_id = "a";
	open_delivery(&w);
	route(&w, &accepted, NULL);
	turn_until_committed(&w, 1);
	bus_memory_expel(w.bus, "delivery", "a");
	frozen = w.delivery;
	route(&w, &failing, NULL);
	w.settings.instance_id = "b";
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	expect_outcome(&w, 3, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	delivery_close(frozen);
	world_close(&w);
}

static void a_taking_behind_somebody_elses_take_over_does_not_count(_unused_ void **state)
{
	struct world w;

	begin_with_one_cut_off(&w);
	put_take_over(&w, true);
	put_taking(&w, 1, FAR); /* of the one before, which stood still meanwhile */
	route(&w, &failing, NULL);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	expect_outcome(&w, 1, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	expect_outcome(&w, 3, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	world_close(&w);
}

/* Somebody who notes has come after it, and has died before it sent anything. */
static void
one_of_a_version_that_noted_nothing_may_have_sent_all_that_was_there(_unused_ void **state)
{
	struct world w;

	begin_with_one_cut_off(&w);
	put_take_over(&w, false);
	put_take_over(&w, true);
	route(&w, &failing, NULL);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	expect_outcome(&w, 3, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	route(&w, &failing_later, NULL);
	turn_until(&w, "leads.outcomes", 3);
	expect_outcome(&w, 5, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_task_waits_until_its_taking_is_acknowledged),
	    cmocka_unit_test(a_task_that_waited_until_an_orderly_end_was_not_sent),
	    cmocka_unit_test(one_taking_covers_all_that_a_turn_took),
	    cmocka_unit_test(an_orderly_end_does_not_settle_what_the_predecessor_had_under_way),
	    cmocka_unit_test(what_a_taking_covers_may_have_been_sent_and_nothing_else),
	    cmocka_unit_test(one_that_had_ended_all_that_it_took_has_sent_nothing_else),
	    cmocka_unit_test(a_taking_behind_somebody_elses_take_over_does_not_count),
	    cmocka_unit_test(one_of_a_version_that_noted_nothing_may_have_sent_all_that_was_there),
	};

	return cmocka_run_group_tests(tests, flow_start_server, flow_stop_server);
}
