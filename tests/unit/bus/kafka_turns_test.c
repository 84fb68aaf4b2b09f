/* Partitions that wait for the same slow broker take turns. Five requests may be under way to it, and eight partitions have more to
 * send than that; each has to be answered once before another one is answered twice, or nearly so. With librdkafka as it comes, whose
 * turn it is when there is room is a matter of chance. */
#include "mock.h"

#define TOPIC           "turns"
#define PARTITIONS      8
#define RECORDS         3000 /* a partition */
#define RECORDS_REQUEST "50"
#define ANSWER_MS       10 /* that a broker takes */
#define BEHIND_MOST     2  /* turns that one partition has had more than another */

struct turns {
	int last; /* whose records were acknowledged last */
	uint32_t records[PARTITIONS], taken[PARTITIONS];
	uint32_t behind; /* the most, while everybody had something to send */
	size_t delivered;
};

static bool all_wait(const struct turns *t)
{
	for (size_t i = 0; i < PARTITIONS; i++)
		if (t->records[i] == RECORDS)
			return false;
	return true;
}

static void take_turn(struct turns *t, int partition)
{
	uint32_t least = UINT32_MAX;

	t->last = partition;
	t->taken[partition]++;
	for (size_t i = 0; i < PARTITIONS; i++)
		least = MIN_OF(least, t->taken[i]);
	if (all_wait(t))
		t->behind = MAX_OF(t->behind, t->taken[partition] - least);
}

static void on_delivery(_unused_ rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct turns *t = opaque;

	assert_int_equal(message->err, 0);
	if (message->partition != t->last)
		take_turn(t, message->partition);
	t->records[message->partition]++;
	t->delivered++;
}

static rd_kafka_t *producer(const struct mock *mock, struct turns *turns)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	mock_set(conf, "linger.ms", "1");
	mock_set(conf, "batch.num.messages", RECORDS_REQUEST);
	rd_kafka_conf_set_opaque(conf, turns);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	return mock_producer(mock, conf);
}

static void partitions_of_a_slow_broker_take_turns(_unused_ void **state)
{
	struct mock mock;
	struct turns turns = {.last = -1};
	rd_kafka_t *rk;

	mock_open(&mock, TOPIC, PARTITIONS);
	rd_kafka_mock_broker_set_rtt(mock.cluster, MOCK_BROKER, ANSWER_MS);
	rk = producer(&mock, &turns);
	for (int i = 0; i < RECORDS; i++)
		for (int p = 0; p < PARTITIONS; p++)
			mock_produce(rk, TOPIC, p);
	WAIT_UNTIL(turns.delivered == (size_t)PARTITIONS * RECORDS, rd_kafka_poll(rk, 1));
	print_message("behind by %u turns at most\n", turns.behind);
	assert_in_range(turns.behind, 1, BEHIND_MOST);

	rd_kafka_destroy(rk);
	mock_close(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(partitions_of_a_slow_broker_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
