/* A topic that was just made: a broker answers that nobody leads it yet. librdkafka's mock cluster gives the answers. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

/* The mock cluster wants the client first. */
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include "contract.h"

#define TOPIC      "new"
#define PARTITIONS 3
#define NOBODY     (-1)
#define BROKER     1

static void lead(rd_kafka_mock_cluster_t *cluster, int32_t broker)
{
	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_int_equal(rd_kafka_mock_partition_set_leader(cluster, TOPIC, p, broker), 0);
}

static void *lead_soon(void *cluster)
{
	const struct timespec soon = {.tv_nsec = 500000000};

	(void)nanosleep(&soon, NULL);
	lead(cluster, BROKER);
	return NULL;
}

static void a_topic_that_is_led_in_a_moment_is_waited_for(_unused_ void **state)
{
	char text[256];
	rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
	struct bus *bus;
	pthread_t election;

	rd_kafka_mock_topic_create(cluster, TOPIC, PARTITIONS, 1);
	lead(cluster, NOBODY);
	(void)snprintf(text, sizeof(text), "kafka://%s", rd_kafka_mock_cluster_bootstraps(cluster));
	bus = bus_open(text, "test", NULL);

	assert_int_equal(pthread_create(&election, NULL, lead_soon, cluster), 0);
	assert_int_equal(bus_partitions(bus, TOPIC, WAIT_MS), PARTITIONS);

	assert_int_equal(pthread_join(election, NULL), 0);
	bus_close(bus);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_topic_that_is_led_in_a_moment_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
