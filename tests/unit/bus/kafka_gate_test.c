/* A leader refuses the first of two requests that are under way and takes the second: nothing is counted as stored that is not, and
 * nothing overtakes. librdkafka's mock cluster says what a leader that has just moved says; each case is a process of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mock.h"
#include "runtime/bus_kafka_gate.h"

#define TOPIC           "moved"
#define PRODUCE         0
#define NOT_LEADER      6 /* the protocol's number of the error */
#define ROUND_TRIP_MS   300
#define BETWEEN_MS      30 /* enough for a request of its own, and less than a round trip */
#define RECORDS         3
#define CHILD_TIMEOUT_S 60
#define CONTROL_TRIES   5 /* where the machine is slow, what shall be two requests may be one */

enum outcome { ALL_STORED = 10, FATAL, FEWER_STORED, OVERTAKEN };

struct scene {
	struct mock mock;
	struct bus *bus;
	struct bus_producer *producer;
	size_t acked;
	int64_t offset[RECORDS + 1];
};

static void on_ack(void *ctx, uint64_t token, enum result result, _unused_ int32_t partition,
		   int64_t offset)
{
	struct scene *s = ctx;

	s->offset[token] = result == RESULT_OK ? offset : -1;
	s->acked++;
}

static void scene_open(struct scene *s)
{
	const struct bus_producer_options options = {
	    .on_ack = on_ack, .ctx = s, .max_in_flight = 100};

	mock_open(&s->mock, TOPIC, 2);
	s->bus = bus_open(s->mock.url, "test", NULL);
	s->producer = bus_producer_open(s->bus, &options, NULL);
	assert(s->producer);
}

/* Serves acknowledgements for so long, or until so many are there. false: the producer ended. */
static bool serve(struct scene *s, int64_t ms, size_t acked)
{
	int64_t until = now_ms() + ms;
	struct error error;

	while (now_ms() < until && s->acked < acked) {
		pause_until_readable(bus_producer_fd(s->producer), 5);
		if (bus_producer_poll(s->producer, &error) == RESULT_FATAL)
			return false;
	}
	return true;
}

static bool put(struct scene *s, int32_t partition, uint64_t token)
{
	return bus_produce(s->producer, TOPIC, partition, SLICE("key"), "t", SLICE("value"),
			   token) == RESULT_OK;
}

/* What brings identity and connection goes to another partition. */
static enum outcome play(void)
{
	struct scene s = {0};
	int64_t low, high = 0;

	alarm(CHILD_TIMEOUT_S);
	scene_open(&s);
	if (!put(&s, 1, RECORDS) || !serve(&s, WAIT_MS, 1))
		return FATAL;
	rd_kafka_mock_broker_set_rtt(s.mock.cluster, MOCK_BROKER, ROUND_TRIP_MS);
	rd_kafka_mock_push_request_errors(s.mock.cluster, PRODUCE, 1,
					  (rd_kafka_resp_err_t)NOT_LEADER);
	for (uint64_t i = 0; i < RECORDS; i++)
		if (!put(&s, 0, i) || !serve(&s, BETWEEN_MS, RECORDS + 1))
			return FATAL;
	if (!serve(&s, WAIT_MS, RECORDS + 1))
		return FATAL;
	if (bus_offsets(s.bus, TOPIC, 0, WAIT_MS, &low, &high) != RESULT_OK)
		return FATAL;
	if (high != RECORDS)
		return FEWER_STORED;
	for (uint64_t i = 0; i < RECORDS; i++)
		if (s.offset[i] != (int64_t)i)
			return OVERTAKEN;
	return ALL_STORED;
}

static enum outcome play_apart(const char *faults)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (faults)
			setenv("PUNNET_FAULT", faults, 1);
		_exit((int)play());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (enum outcome)WEXITSTATUS(status);
}

static enum outcome play_control(const char *faults)
{
	enum outcome outcome = ALL_STORED;

	for (size_t i = 0; i < CONTROL_TRIES && outcome == ALL_STORED; i++)
		outcome = play_apart(faults);
	return outcome;
}

static void the_first_record_of_a_partition_is_not_overtaken(_unused_ void **state)
{
	assert_int_equal(play_apart(NULL), ALL_STORED);
	/* The controls: without the gate the record is nowhere, and counts as stored unless its place is asked for. */
	assert_int_equal(play_control("first_not_alone"), FATAL);
	assert_int_equal(play_control("first_not_alone,any_place"), FEWER_STORED);
}

static void put_in(struct kafka_gate *g, uint32_t slot, int64_t now)
{
	if (!gate_lets(g, now))
		gate_hold(g, slot, SLICE("k"), "t", SLICE("v"));
}

static void what_is_held_comes_in_its_order(_unused_ void **state)
{
	struct kafka_gate g = {0};
	struct gate_held *h;

	for (uint32_t i = 0; i < 4; i++)
		put_in(&g, i, 1);
	assert_int_equal(g.under_way, 1);
	assert_null(gate_next(&g, 2));
	gate_stored(&g, 1);
	for (uint32_t i = 1; i < 4; i++) {
		h = gate_next(&g, 2);
		assert_int_equal(h->slot, i);
		assert_true(slice_equal(gate_key(h), SLICE("k")));
		assert_true(slice_equal(gate_value(h), SLICE("v")));
		free(h);
	}
	assert_null(gate_next(&g, 2));
	assert_int_equal(g.under_way, 3);
	assert_true(gate_lets(&g, 3));
}

static void after_a_quiet_time_the_next_one_goes_alone_again(_unused_ void **state)
{
	struct kafka_gate g = {0};

	assert_true(gate_lets(&g, 0));
	gate_stored(&g, 0);
	assert_true(gate_lets(&g, GATE_QUIET_MS));     /* not quiet for long enough */
	assert_true(gate_lets(&g, 3 * GATE_QUIET_MS)); /* nor while something is under way */
	gate_stored(&g, GATE_QUIET_MS);
	gate_stored(&g, GATE_QUIET_MS);
	assert_true(gate_lets(&g, 2 * GATE_QUIET_MS + 1));
	assert_false(gate_lets(&g, 2 * GATE_QUIET_MS + 1));
	gate_hold(&g, 7, SLICE(""), "t", SLICE("v"));
	gate_drop(&g);
}

static void what_was_not_taken_leaves_the_gate_as_it_was(_unused_ void **state)
{
	struct kafka_gate g = {0};

	assert_true(gate_lets(&g, 0));
	gate_refused(&g);
	assert_int_equal(g.state, GATE_FRESH);
	assert_int_equal(g.under_way, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_record_of_a_partition_is_not_overtaken),
	    cmocka_unit_test(what_is_held_comes_in_its_order),
	    cmocka_unit_test(after_a_quiet_time_the_next_one_goes_alone_again),
	    cmocka_unit_test(what_was_not_taken_leaves_the_gate_as_it_was),
	};

	return cmocka_run_group_tests_name("kafka_gate", tests, NULL, NULL);
}
