/* A commit that nobody waits for and that the group refuses: it is told, and does not count as one that the group has taken. librdkafka's
 * mock cluster refuses it, as a group does that has given the member's partitions away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mock.h"
#include "runtime/clock.h"

#define TOPIC         "refused"
#define OFFSET_COMMIT 8
#define NO_MEMBER     25 /* the protocol's number of UNKNOWN_MEMBER_ID */
#define LOG_BYTES     65536

static bool is_told(FILE *log)
{
	static char text[LOG_BYTES];
	ssize_t len = pread(fileno(log), text, sizeof(text) - 1, 0);

	text[MAX_OF(len, 0)] = 0;
	return strstr(text, "\"why\":\"commit\"") != NULL;
}

static void a_commit_that_is_refused_is_told_and_holds_nothing(_unused_ void **state)
{
	FILE *log = tmpfile();
	int stderr_fd = dup(STDERR_FILENO);
	struct mock mock;
	struct member m;
	struct bus *bus;
	int64_t asked_ms;

	assert_true(log && dup2(fileno(log), STDERR_FILENO) >= 0);
	mock_open(&mock, TOPIC, 1);
	bus = bus_open(mock.url, "test", NULL);
	member_open(&m, bus, TOPIC, NULL, TOPIC);
	WAIT_UNTIL(m.assigned == 1, member_turn(&m, 1));

	rd_kafka_mock_push_request_errors(mock.cluster, OFFSET_COMMIT, 1,
					  (rd_kafka_resp_err_t)NO_MEMBER);
	bus_commit(m.consumer, TOPIC, 0, 1, SLICE(""));
	WAIT_UNTIL(is_told(log), member_turn(&m, 1));
	assert_int_equal(bus_held_since_ms(m.consumer), 0);

	WAIT_UNTIL(member_owned(&m) == 1, member_turn(&m, 1)); /* it may have had to join again */
	asked_ms = clock_monotonic_ms();
	WAIT_UNTIL(bus_held_since_ms(m.consumer) >= asked_ms, {
		bus_commit(m.consumer, TOPIC, 0, 2, SLICE(""));
		member_turn(&m, 1);
	});

	member_close(&m);
	bus_close(bus);
	mock_close(&mock);
	(void)dup2(stderr_fd, STDERR_FILENO);
	(void)close(stderr_fd);
	(void)fclose(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_commit_that_is_refused_is_told_and_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
