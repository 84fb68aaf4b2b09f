/* The follower of webmasters.verdicts: what it reads at start and later, and what it does without the topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filter-worker/shell/verdict_book.h"
#include "filter-worker/shell/verdict_follower.h"
#include "lead/codec.h"
#include "proto/webmasters_verdicts.pb-c.h"
#include "runtime/bus.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

#define TOPIC   "webmasters.verdicts"
#define WAIT_MS 5000

struct fixture {
	struct bus *bus;
	struct bus_producer *producer;
	struct verdict_follower *follower;
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result r,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(r, RESULT_OK);
}

static int open_bus(void **state)
{
	struct bus_producer_options options = {.on_ack = on_ack, .max_in_flight = 100};
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->bus = bus_open("memory:", "test", NULL);
	assert_non_null(f->bus);
	f->producer = bus_producer_open(f->bus, &options, NULL);
	assert_non_null(f->producer);
	return 0;
}

static int close_bus(void **state)
{
	struct fixture *f = *state;

	verdict_follower_close(f->follower);
	bus_producer_close(f->producer);
	bus_close(f->bus);
	free(f);
	return 0;
}

static void make_topic(struct fixture *f)
{
	static const struct bus_topic_spec topic = {
	    .name = TOPIC, .partitions = 1, .retention_ms = -1, .compact = true};
	size_t created;

	assert_int_equal(bus_topics_apply(f->bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
}

static void put_bytes(struct fixture *f, const char *key, struct slice value)
{
	assert_int_equal(bus_produce(f->producer, TOPIC, 0, slice_cstr(key),
				     "punnet.v1.WebmasterVerdicts", value, 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(f->producer, 1000), RESULT_OK);
}

static void put(struct fixture *f, const char *aff_id, uint64_t approved, uint64_t returned)
{
	Punnet__V1__WebmasterVerdicts m = PUNNET__V1__WEBMASTER_VERDICTS__INIT;
	struct buf out = {0};

	m.vertical = (char *)"osago";
	m.aff_id = (char *)aff_id;
	m.approved = approved;
	m.returned = returned;
	codec_pack(&m.base, &out);
	put_bytes(f, "osago|", buf_slice(&out));
	buf_free(&out);
}

static struct verdict_sums sums_of(const struct fixture *f, const char *aff_id)
{
	struct verdict_sums sums;

	if (!verdict_book_look(verdict_follower_book(f->follower), SLICE("osago"),
			       slice_cstr(aff_id), &sums))
		return (struct verdict_sums){.approved = -1};
	return sums;
}

static void it_reads_to_the_end_and_follows(void **state)
{
	struct fixture *f = *state;

	make_topic(f);
	put(f, "w1", 10, 2);
	put(f, "w2", 100, 5);
	put(f, "w1", 12, 3); /* in the place of the first */
	f->follower = verdict_follower_open(f->bus, WAIT_MS);
	assert_int_equal(sums_of(f, "w1").approved, 12);
	assert_int_equal(sums_of(f, "w1").returned, 3);
	assert_int_equal(sums_of(f, "w1").peers_approved, 100);
	assert_int_equal(metric_value(METRIC_FILTER_LINES), 2);

	put(f, "w3", 7, 7);
	assert_int_equal(sums_of(f, "w1").peers_returned, 5);
	verdict_follower_poll(f->follower);
	assert_int_equal(sums_of(f, "w1").peers_returned, 12);
	assert_int_equal(metric_value(METRIC_FILTER_LINES), 3);
}

static void an_empty_topic_holds_nobody_up(void **state)
{
	struct fixture *f = *state;
	int64_t began_ms = clock_monotonic_ms();

	make_topic(f);
	f->follower = verdict_follower_open(f->bus, WAIT_MS);
	assert_true(clock_monotonic_ms() - began_ms < WAIT_MS / 5);
	assert_int_equal(sums_of(f, "w1").approved, -1);
	put(f, "w1", 1, 0);
	verdict_follower_poll(f->follower);
	assert_int_equal(sums_of(f, "w1").approved, 1);
}

static void without_the_topic_nothing_is_known_and_nothing_stops(void **state)
{
	struct fixture *f = *state;

	f->follower = verdict_follower_open(f->bus, WAIT_MS);
	for (int i = 0; i < 3; i++)
		verdict_follower_poll(f->follower);
	assert_int_equal(sums_of(f, "w1").approved, -1);
}

static void what_is_no_line_is_passed_over(void **state)
{
	struct fixture *f = *state;
	int64_t before;

	make_topic(f);
	f->follower = verdict_follower_open(f->bus, WAIT_MS);
	before = metric_value(METRIC_FILTER_LINES_SKIPPED);
	put(f, "w1", 5, 5);
	put_bytes(f, "osago|w1", SLICE("\xff\xff not a message"));
	put_bytes(f, "no line's key", SLICE(""));
	put(f, "w1", UINT64_MAX, 0);
	put(f, "", 1, 1);
	put(f, "w2", 8, 1);
	verdict_follower_poll(f->follower);
	assert_int_equal(metric_value(METRIC_FILTER_LINES_SKIPPED) - before, 4);
	assert_int_equal(sums_of(f, "w1").approved, 5);
	assert_int_equal(sums_of(f, "w1").peers_approved, 8);
}

static void a_line_that_is_taken_out_of_the_topic_counts_no_more(void **state)
{
	struct fixture *f = *state;

	make_topic(f);
	put(f, "w1", 5, 5);
	put(f, "w2", 8, 1);
	f->follower = verdict_follower_open(f->bus, WAIT_MS);
	put_bytes(f, "osago|w2", SLICE(""));
	verdict_follower_poll(f->follower);
	assert_int_equal(sums_of(f, "w1").peers_approved, 0);
	assert_int_equal(sums_of(f, "w1").approved, 5);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, open_bus, close_bus)
	const struct CMUnitTest tests[] = {
	    TEST(it_reads_to_the_end_and_follows),
	    TEST(an_empty_topic_holds_nobody_up),
	    TEST(without_the_topic_nothing_is_known_and_nothing_stops),
	    TEST(what_is_no_line_is_passed_over),
	    TEST(a_line_that_is_taken_out_of_the_topic_counts_no_more),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
