/* The contract suite against the memory backend, and the hooks of bus_memory.h. */
#include <stdio.h>

#include "contract.h"
#include "runtime/bus_memory.h"

static int64_t fixed_clock(void *ctx)
{
	return *(int64_t *)ctx;
}

static void the_clock_is_the_tests(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	int64_t now = 1000, offset;
	struct writer w;

	bus_memory_set_clock(r->bus, fixed_clock, &now);
	writer_open(&w, r->bus, 10);
	writer_fill(&w, topic, 0, 0, 2);
	now = 2000;
	writer_fill(&w, topic, 0, 2, 2);
	writer_close(&w);
	assert_int_equal(bus_offset_at(r->bus, topic, 0, 1000, 0, &offset), RESULT_OK);
	assert_int_equal(offset, 0);
	assert_int_equal(bus_offset_at(r->bus, topic, 0, 1001, 0, &offset), RESULT_OK);
	assert_int_equal(offset, 2);
	assert_int_equal(bus_offset_at(r->bus, topic, 0, 2001, 0, &offset), RESULT_OK);
	assert_int_equal(offset, 4);
}

static void held_acknowledgements_wait(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct writer w;
	int64_t low, high;

	writer_open(&w, r->bus, 10);
	bus_memory_hold_acks(r->bus, true);
	writer_fill(&w, topic, 0, 0, 3);
	assert_int_equal(bus_producer_poll(w.producer, NULL), RESULT_OK);
	assert_int_equal(bus_producer_flush(w.producer, 10), RESULT_AWAY);
	assert_int_equal(w.acked, 0);
	assert_int_equal(bus_offsets(r->bus, topic, 0, 0, &low, &high), RESULT_OK);
	assert_int_equal(high, 3); /* stored all the same */
	bus_memory_hold_acks(r->bus, false);
	writer_flush(&w);
	assert_int_equal(w.acked, 3);
	writer_close(&w);
}

static void a_record_can_fail_to_be_stored(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct writer w;
	int64_t low, high;

	writer_open(&w, r->bus, 10);
	bus_memory_fail_produce(r->bus, 2);
	writer_fill(&w, topic, 0, 0, 3);
	writer_flush(&w);
	assert_int_equal(w.away, 2);
	assert_int_equal(w.acked, 1);
	assert_int_equal(w.offset[2], 0);
	assert_int_equal(bus_offsets(r->bus, topic, 0, 0, &low, &high), RESULT_OK);
	assert_int_equal(high, 1);
	writer_close(&w);
}

static void a_broken_producer_says_so(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct error error;
	struct writer w;

	writer_open(&w, r->bus, 10);
	bus_memory_break_producers(r->bus);
	assert_int_equal(bus_producer_poll(w.producer, &error), RESULT_FATAL);
	assert_int_equal(bus_produce(w.producer, topic, 0, SLICE(""), NULL, SLICE(""), 0),
			 RESULT_FATAL);
	writer_close(&w);
	writer_open(&w, r->bus, 10);
	writer_fill(&w, topic, 0, 0, 1);
	writer_flush(&w);
	writer_close(&w);
}

static void a_lost_partition_is_committed_by_nobody(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct writer w;
	struct member m;

	writer_open(&w, r->bus, 100);
	writer_fill(&w, topic, 0, 0, 10);
	writer_close(&w);
	member_open(&m, r->bus, "g", NULL, topic);
	m.commit_on_revoke = true;
	WAIT_UNTIL(m.taken == 10, member_turn(&m, 100));
	bus_memory_rebalance(r->bus, "g", true);
	bus_commit(m.consumer, topic, 0, 10, SLICE("too late"));
	WAIT_UNTIL(m.assigned == 2, member_turn(&m, 0));
	assert_int_equal(m.lost, 1);
	assert_int_equal(m.committed[0], -1);
	bus_memory_rebalance(r->bus, "g", false);
	WAIT_UNTIL(m.assigned == 3, member_turn(&m, 0));
	assert_int_equal(m.lost, 1);
	assert_int_equal(m.committed[0], 0); /* handed over inside the revocation */
	member_close(&m);
}

static void a_static_member_that_stays_away_is_given_up(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member a, b;

	member_open(&a, r->bus, "g", "a", topic);
	member_open(&b, r->bus, "g", "b", topic);
	WAIT_UNTIL(member_owned(&a) == 2 && member_owned(&b) == 2, {
		member_turn(&a, 1);
		member_turn(&b, 1);
	});
	member_close(&b);
	for (int i = 0; i < 3; i++)
		member_turn(&a, 1);
	assert_int_equal(member_owned(&a), 2);
	bus_memory_session_over(r->bus, "g", "b");
	WAIT_UNTIL(member_owned(&a) == 4, member_turn(&a, 1));
	member_close(&a);
}

static void a_member_that_was_thought_dead_loses_all_and_comes_back(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member a, b;

	member_open(&a, r->bus, "g", "a", topic);
	member_open(&b, r->bus, "g", "b", topic);
	WAIT_UNTIL(member_owned(&a) == 2 && member_owned(&b) == 2, {
		member_turn(&a, 1);
		member_turn(&b, 1);
	});
	bus_memory_expel(r->bus, "g", "b");
	WAIT_UNTIL(member_owned(&a) == 4, member_turn(&a, 1));
	assert_int_equal(b.lost, 0); /* it has not asked since */
	WAIT_UNTIL(member_owned(&a) == 2 && member_owned(&b) == 2, {
		member_turn(&a, 1);
		member_turn(&b, 1);
	});
	assert_int_equal(b.lost, 2);
	member_close(&a);
	member_close(&b);
}

static void a_start_below_retention_is_the_earliest(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_reader *reader;
	struct bus_record batch[16];
	struct writer w;
	size_t count;

	writer_open(&w, r->bus, 100);
	writer_fill(&w, topic, 0, 0, 10);
	writer_close(&w);
	bus_memory_trim(r->bus, topic, 0, 4);
	reader = bus_reader_open(r->bus, topic, 0, 0, NULL);
	assert_int_equal(bus_reader_take(reader, batch, 16, 0, &count, NULL), RESULT_OK);
	assert_int_equal(count, 6);
	assert_int_equal(batch[0].offset, 4);
	bus_reader_close(reader);
}

static int set_up(void **state)
{
	*state = rig_open("memory:");
	return 0;
}

static int tear_down(void **state)
{
	rig_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest hooks[] = {
	    cmocka_unit_test_setup_teardown(the_clock_is_the_tests, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(held_acknowledgements_wait, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_record_can_fail_to_be_stored, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_broken_producer_says_so, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_lost_partition_is_committed_by_nobody, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_static_member_that_stays_away_is_given_up, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_member_that_was_thought_dead_loses_all_and_comes_back,
					    set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_start_below_retention_is_the_earliest, set_up,
					    tear_down),
	};

	return contract_run("bus: memory", "memory:") +
	       cmocka_run_group_tests_name("bus: memory hooks", hooks, NULL, NULL);
}
