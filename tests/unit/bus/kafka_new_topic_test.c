/* A topic that was just made: a broker answers that nobody leads it yet. librdkafka's mock cluster gives the answers. */
#include <pthread.h>
#include <time.h>

#include "mock.h"

#define TOPIC      "new"
#define PARTITIONS 3
#define NOBODY     (-1)

static void lead(rd_kafka_mock_cluster_t *cluster, int32_t broker)
{
	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_int_equal(rd_kafka_mock_partition_set_leader(cluster, TOPIC, p, broker), 0);
}

static void *lead_soon(void *cluster)
{
	const struct timespec soon = {.tv_nsec = 500000000};

	(void)nanosleep(&soon, NULL);
	lead(cluster, MOCK_BROKER);
	return NULL;
}

static void a_topic_that_is_led_in_a_moment_is_waited_for(_unused_ void **state)
{
	struct mock mock;
	struct bus *bus;
	pthread_t election;

	mock_open(&mock, TOPIC, PARTITIONS);
	lead(mock.cluster, NOBODY);
	bus = bus_open(mock.url, "test", NULL);

	assert_int_equal(pthread_create(&election, NULL, lead_soon, mock.cluster), 0);
	assert_int_equal(bus_partitions(bus, TOPIC, WAIT_MS), PARTITIONS);

	assert_int_equal(pthread_join(election, NULL), 0);
	bus_close(bus);
	mock_close(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_topic_that_is_led_in_a_moment_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
