/* The broker is killed and started again under a producer and a consumer: nothing is lost, doubled or out of order.
 *
 * PUNNET_TEST_KAFKA=host:port names the broker, PUNNET_TEST_KAFKA_RESTART a shell command that kills it with SIGKILL and
 * starts it again (it may return before the broker is up). The broker must be the test's own. */
#include <stdio.h>
#include <stdlib.h>

#include "contract.h"

#define SKIPPED    77
#define PARTITIONS 4
#define RECORDS    400000 /* over all partitions */
#define IN_FLIGHT  20000
#define OUTAGES    2
#define RECOVER_MS 90000

static const char *restart_command;

struct tally {
	size_t acked;
	bool acked_each[RECORDS];
};

static void on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	struct tally *t = ctx;

	assert_int_equal(result, RESULT_OK);
	assert_false(t->acked_each[token]);
	assert_int_equal(partition, token % PARTITIONS);
	assert_int_equal(offset, token / PARTITIONS); /* in order, without gaps, once each */
	t->acked_each[token] = true;
	t->acked++;
}

/* As much as goes in now; the record of token n is "n / PARTITIONS" in partition n % PARTITIONS. */
static uint64_t push(struct bus_producer *p, const char *topic, uint64_t next)
{
	struct error error;
	char text[16];

	while (next < RECORDS) {
		enum result result;

		(void)snprintf(text, sizeof(text), "%d", (int)(next / PARTITIONS));
		result = bus_produce(p, topic, (int32_t)(next % PARTITIONS), SLICE("key"), "t",
				     slice_cstr(text), next);
		if (result == RESULT_AGAIN)
			break;
		assert_int_equal(result, RESULT_OK);
		next++;
	}
	if (bus_producer_poll(p, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	return next;
}

/* A member that was away for too long loses its partitions and begins again: what counts is where it got to. */
static bool all_taken(const struct member *m)
{
	for (int i = 0; i < PARTITIONS; i++)
		if (m->next[i] < RECORDS / PARTITIONS)
			return false;
	return true;
}

static void nothing_is_lost_or_doubled_when_the_broker_dies(void **state)
{
	static struct tally tally;
	struct rig *r = *state;
	const char *topic = rig_topic(r, PARTITIONS);
	struct bus_producer_options o = {
	    .on_ack = on_ack, .ctx = &tally, .linger_ms_x10 = 5, .max_in_flight = IN_FLIGHT};
	struct bus_producer *p = bus_producer_open(r->bus, &o, NULL);
	int64_t until = now_ms() + (OUTAGES + 1) * RECOVER_MS;
	struct member m;
	uint64_t next = 0;
	int outages = 0;

	assert_non_null(p);
	member_open(&m, r->bus, topic, NULL, topic);
	while (tally.acked < RECORDS || !all_taken(&m)) {
		assert_true(now_ms() < until);
		next = push(p, topic, next);
		member_turn(&m, TAKE_MAX); /* checks that each partition comes in order, once */
		if (outages < OUTAGES &&
		    tally.acked > RECORDS / (OUTAGES + 1) * (size_t)(outages + 1)) {
			assert_int_equal(system(restart_command), 0);
			outages++;
		}
	}
	assert_int_equal(outages, OUTAGES);
	for (int32_t i = 0; i < PARTITIONS; i++) {
		int64_t low, high;

		assert_int_equal(bus_offsets(r->bus, topic, i, WAIT_MS, &low, &high), RESULT_OK);
		assert_int_equal(high - low, RECORDS / PARTITIONS);
	}
	bus_producer_close(p);
	member_close(&m);
}

static void what_was_written_during_an_outage_arrives_after_it(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct writer w;

	writer_open(&w, r->bus, 100);
	writer_fill(&w, topic, 0, 0, 1);
	writer_flush(&w);
	assert_int_equal(system(restart_command), 0);
	writer_fill(&w, topic, 0, 1, 50);
	WAIT_UNTIL(bus_producer_oldest_ms(w.producer) > 500, pause_until_readable(-1, 50));
	assert_int_equal(bus_producer_flush(w.producer, RECOVER_MS), RESULT_OK);
	assert_int_equal(w.acked, 51);
	assert_int_equal(w.offset[50], 50);
	writer_close(&w);
}

static int set_up(void **state)
{
	char url[256];

	(void)snprintf(url, sizeof(url), "kafka://%s", getenv("PUNNET_TEST_KAFKA"));
	*state = rig_open(url);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_lost_or_doubled_when_the_broker_dies),
	    cmocka_unit_test(what_was_written_during_an_outage_arrives_after_it),
	};

	restart_command = getenv("PUNNET_TEST_KAFKA_RESTART");
	if (!getenv("PUNNET_TEST_KAFKA") || !restart_command) {
		(void)fprintf(stderr,
			      "skipped: PUNNET_TEST_KAFKA=host:port and PUNNET_TEST_KAFKA_RESTART="
			      "command name no broker that may be killed\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests_name("bus: kafka dies", tests, set_up, tear_down);
}
