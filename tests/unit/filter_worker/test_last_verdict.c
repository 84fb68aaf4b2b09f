/* Where a worker begins: after the last verdict in the log, whatever else stands behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filter-worker/shell/last_verdict.h"
#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"

#define TOPIC   "leads.judged"
#define WAIT_MS 5000

struct fixture {
	struct bus *bus;
	struct bus_producer *producer;
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result r,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(r, RESULT_OK);
}

static int open_bus(void **state)
{
	static const struct bus_topic_spec topic = {
	    .name = TOPIC, .partitions = 2, .retention_ms = -1};
	struct bus_producer_options options = {.on_ack = on_ack, .max_in_flight = 10000};
	struct fixture *f = calloc(1, sizeof(*f));
	size_t created;

	*state = f;
	f->bus = bus_open("memory:", "test", NULL);
	assert_non_null(f->bus);
	assert_int_equal(bus_topics_apply(f->bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
	f->producer = bus_producer_open(f->bus, &options, NULL);
	assert_non_null(f->producer);
	return 0;
}

static int close_bus(void **state)
{
	struct fixture *f = *state;

	bus_producer_close(f->producer);
	bus_close(f->bus);
	free(f);
	return 0;
}

static void put(struct fixture *f, struct slice value)
{
	assert_int_equal(
	    bus_produce(f->producer, TOPIC, 1, slice_cstr("key"), "punnet.v1.JudgedLead", value, 1),
	    RESULT_OK);
	assert_int_equal(bus_producer_flush(f->producer, 1000), RESULT_OK);
}

static void put_verdict(struct fixture *f, const char *topic, uint32_t partition, uint64_t offset)
{
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__JudgedLead judged = PUNNET__V1__JUDGED_LEAD__INIT;
	struct buf out = {0};

	source.topic = (char *)(uintptr_t)topic;
	source.partition = partition;
	source.offset = offset;
	judged.source = &source;
	codec_pack(&judged.base, &out);
	put(f, buf_slice(&out));
	buf_free(&out);
}

static void put_garbage(struct fixture *f, int count)
{
	for (int i = 0; i < count; i++)
		put(f, slice_cstr("\xff\xfe no verdict"));
}

static enum result ask(struct fixture *f, int64_t *ret_next)
{
	return last_verdict(f->bus, 1, WAIT_MS, ret_next, NULL);
}

static void an_empty_log_has_none(void **state)
{
	int64_t next;

	assert_int_equal(ask(*state, &next), RESULT_AGAIN);
}

static void the_last_verdict_says_where_to_begin(void **state)
{
	int64_t next = -1;

	put_verdict(*state, "leads.raw", 1, 41);
	put_verdict(*state, "leads.raw", 1, 42);
	assert_int_equal(ask(*state, &next), RESULT_OK);
	assert_int_equal(next, 43);
}

static void garbage_at_the_end_is_passed_over(void **state)
{
	int64_t next = -1;

	put_verdict(*state, "leads.raw", 1, 42);
	for (int count = 1; count <= 1000; count *= 10) {
		put_garbage(*state, count);
		assert_int_equal(ask(*state, &next), RESULT_OK);
		assert_int_equal(next, 43);
	}
}

static void a_verdict_about_somewhere_else_is_none(void **state)
{
	int64_t next = -1;

	put_verdict(*state, "leads.raw", 1, 42);
	put_verdict(*state, "leads.raw", 0, 77);
	put_verdict(*state, "market", 1, 78);
	put(*state, (struct slice){0});
	assert_int_equal(ask(*state, &next), RESULT_OK);
	assert_int_equal(next, 43);
}

static void nothing_but_garbage_is_no_verdict(void **state)
{
	int64_t next;

	put_garbage(*state, 300);
	assert_int_equal(ask(*state, &next), RESULT_AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_empty_log_has_none, open_bus, close_bus),
	    cmocka_unit_test_setup_teardown(the_last_verdict_says_where_to_begin, open_bus,
					    close_bus),
	    cmocka_unit_test_setup_teardown(garbage_at_the_end_is_passed_over, open_bus, close_bus),
	    cmocka_unit_test_setup_teardown(a_verdict_about_somewhere_else_is_none, open_bus,
					    close_bus),
	    cmocka_unit_test_setup_teardown(nothing_but_garbage_is_no_verdict, open_bus, close_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
