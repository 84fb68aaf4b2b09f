/* A broker of the list that is away keeps nobody from the others: a client that begins by asking it would not ask the next one before
 * the client library's next look, half a second or a second later. */
#include <stdio.h>

#include "mock.h"

/* Asking costs some 25 ms, and the next look is later than SLOW_MS. A busy machine may be slow now and then; where the next look is
 * waited for, about 12 are. */
#define TOPIC        "away"
#define TRIES        16
#define SLOW_MS      400
#define SLOW_AT_MOST 2
#define NOBODY_HERE  "127.0.0.1:1"

static int64_t read_one_ms(const char *url)
{
	int64_t began_ms = now_ms();
	struct bus *bus = bus_open(url, "test", NULL);
	struct bus_reader *reader = bus_reader_open(bus, TOPIC, 0, 0, NULL);
	struct bus_record record;
	size_t count = 0;

	assert_non_null(reader);
	WAIT_UNTIL(count > 0, assert_true(bus_reader_take(reader, &record, 1, 10, &count, NULL) !=
					  RESULT_FATAL));
	bus_reader_close(reader);
	began_ms = now_ms() - began_ms;
	bus_close(bus);
	return began_ms;
}

static void a_broker_that_is_away_is_not_waited_for(_unused_ void **state)
{
	struct mock mock;
	rd_kafka_t *producer;
	char url[256];
	int slow = 0;

	mock_open(&mock, TOPIC, 1);
	producer = mock_producer(&mock, rd_kafka_conf_new());
	mock_produce(producer, TOPIC, 0);
	assert_int_equal(rd_kafka_flush(producer, WAIT_MS), 0);
	(void)snprintf(url, sizeof(url), "kafka://" NOBODY_HERE ",%s",
		       rd_kafka_mock_cluster_bootstraps(mock.cluster));

	for (int i = 0; i < TRIES; i++)
		slow += read_one_ms(url) >= SLOW_MS;
	print_message("%d of %d were slow\n", slow, TRIES);
	assert_in_range(slow, 0, SLOW_AT_MOST);

	rd_kafka_destroy(producer);
	mock_close(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_broker_that_is_away_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
