/* A producer that waits for a slow broker sleeps. More than five messages are under way, so that what is produced meanwhile may not be
 * sent yet; librdkafka as it comes asks thousands of times a second whether it may. Its own statistics count how often it woke. */
#include <stdlib.h>
#include <string.h>

#include "mock.h"

#define TOPIC        "slow"
#define FIRST        10  /* more than may be under way when the next are due */
#define ANSWER_MS    500 /* that a broker takes */
#define WAKEUPS_MOST 500
#define WAKEUPS      "\"wakeups\":"

struct seen {
	uint64_t wakeups;
	size_t delivered;
};

static int on_statistics(_unused_ rd_kafka_t *rk, char *json, _unused_ size_t len, void *opaque)
{
	struct seen *seen = opaque;

	seen->wakeups = 0;
	for (const char *at = json; (at = strstr(at, WAKEUPS)); at += strlen(WAKEUPS))
		seen->wakeups += strtoull(at + strlen(WAKEUPS), NULL, 10);
	return 0;
}

static void on_delivery(_unused_ rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct seen *seen = opaque;

	assert_int_equal(message->err, 0);
	seen->delivered++;
}

static rd_kafka_t *producer(const struct mock *mock, struct seen *seen)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	mock_set(conf, "linger.ms", "5");
	mock_set(conf, "statistics.interval.ms", "50");
	rd_kafka_conf_set_opaque(conf, seen);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	return mock_producer(mock, conf);
}

static void produce(rd_kafka_t *rk, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mock_produce(rk, TOPIC, 0);
}

static void who_waits_for_a_broker_sleeps(_unused_ void **state)
{
	struct mock mock;
	rd_kafka_t *rk;
	struct seen seen = {0};
	uint64_t before;

	mock_open(&mock, TOPIC, 1);
	rk = producer(&mock, &seen);
	produce(rk, 1); /* connected, with a number of its own */
	WAIT_UNTIL(seen.delivered == 1 && seen.wakeups > 0, rd_kafka_poll(rk, 1));

	rd_kafka_mock_broker_set_rtt(mock.cluster, MOCK_BROKER, ANSWER_MS);
	before = seen.wakeups;
	for (size_t sent = 1; sent < 3 * FIRST; sent += FIRST) {
		produce(rk, FIRST);
		rd_kafka_poll(rk, ANSWER_MS / 10);
	}
	WAIT_UNTIL(seen.delivered == 1 + 3 * FIRST, rd_kafka_poll(rk, 1));
	assert_in_range(seen.wakeups - before, 1, WAKEUPS_MOST);

	rd_kafka_destroy(rk);
	mock_close(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_waits_for_a_broker_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
