/* contract: writing, reading, topics and offsets; and the rig that all bus tests stand on. */
#include "contract.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"

#define BIG_BYTES (BUS_RECORD_MAX_BYTES - 100)

int64_t now_ms(void)
{
	return clock_monotonic_ms();
}

void pause_until_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)poll(&p, 1, timeout_ms);
}

/* --- the rig --- */

struct rig *rig_open(const char *url)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct error error;

	assert_non_null(r);
	r->url = url;
	r->bus = bus_open(url, "bus-contract", &error);
	if (!r->bus)
		fail_msg("%s", error.text);
	(void)snprintf(r->prefix, sizeof(r->prefix), "bus-test-%lld-%d", (long long)clock_now_ms(),
		       (int)getpid());
	return r;
}

void rig_close(struct rig *r)
{
	bus_close(r->bus);
	free(r);
}

const char *rig_topic(struct rig *r, int32_t partitions)
{
	static char names[8][96];
	char *name = names[r->topic_number % 8];
	struct bus_topic_spec spec = {
	    .name = name, .partitions = partitions, .retention_ms = -1, .append_time = false};
	struct error error;
	size_t created;

	(void)snprintf(name, sizeof(names[0]), "%s-%d", r->prefix, r->topic_number++);
	if (bus_topics_apply(r->bus, &spec, 1, WAIT_MS, &created, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	assert_int_equal(created, 1);
	return name;
}

/* --- the writer --- */

static void on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	struct writer *w = ctx;

	assert_true(token < TOKENS_MAX);
	assert_false(w->seen[token]); /* once for each record */
	w->seen[token] = true;
	w->partition[token] = partition;
	w->offset[token] = offset;
	if (result == RESULT_OK)
		w->acked++;
	else
		w->away++;
}

void writer_open(struct writer *w, struct bus *b, size_t max_in_flight)
{
	struct bus_producer_options o = {
	    .on_ack = on_ack, .ctx = w, .linger_ms_x10 = 5, .max_in_flight = max_in_flight};
	struct error error;

	memset(w, 0, sizeof(*w));
	w->producer = bus_producer_open(b, &o, &error);
	if (!w->producer)
		fail_msg("%s", error.text);
}

void writer_close(struct writer *w)
{
	bus_producer_close(w->producer);
	w->producer = NULL;
}

void writer_put(struct writer *w, const char *topic, int32_t partition, const char *text,
		uint64_t token)
{
	int64_t until = now_ms() + WAIT_MS;
	enum result result;

	while ((result = bus_produce(w->producer, topic, partition, SLICE("key"), "punnet.v1.Test",
				     slice_cstr(text), token)) == RESULT_AGAIN) {
		assert_true(now_ms() < until);
		pause_until_readable(bus_producer_fd(w->producer), 100);
		assert_int_equal(bus_producer_poll(w->producer, NULL), RESULT_OK);
	}
	assert_int_equal(result, RESULT_OK);
}

void writer_fill(struct writer *w, const char *topic, int32_t partition, int from, int count)
{
	char text[16];

	for (int i = from; i < from + count; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		writer_put(w, topic, partition, text, (uint64_t)i);
	}
}

void writer_flush(struct writer *w)
{
	assert_int_equal(bus_producer_flush(w->producer, WAIT_MS), RESULT_OK);
	assert_int_equal(bus_producer_in_flight(w->producer), 0);
	assert_int_equal(bus_producer_oldest_ms(w->producer), 0);
}

/* --- topics --- */

static void topics_are_made_once(void **state)
{
	struct rig *r = *state;
	const char *name = rig_topic(r, 3);
	struct bus_topic_spec spec = {.name = name, .partitions = 3, .retention_ms = 3600000};
	struct error error;
	size_t created = 9;

	assert_int_equal(bus_topics_apply(r->bus, &spec, 1, WAIT_MS, &created, &error), RESULT_OK);
	assert_int_equal(created, 0);
	assert_int_equal(bus_partitions(r->bus, name, WAIT_MS), 3);
	spec.partitions = 4;
	assert_int_equal(bus_topics_apply(r->bus, &spec, 1, WAIT_MS, &created, &error), RESULT_BAD);
	assert_non_null(strstr(error.text, name));
	assert_int_equal(bus_partitions(r->bus, "bus-test-nowhere", 2000), -1);
}

/* --- writing and reading --- */

/* Takes from the reader until count records came; each is "n" at offset n. */
static void expect_numbers(struct bus_reader *reader, int from, int until)
{
	struct bus_record batch[TAKE_MAX];

	WAIT_UNTIL(from >= until, {
		size_t count;

		assert_int_equal(bus_reader_take(reader, batch, TAKE_MAX, 1000, &count, NULL),
				 RESULT_OK);
		for (size_t i = 0; i < count; i++, from++) {
			char text[16];

			(void)snprintf(text, sizeof(text), "%d", from);
			assert_int_equal(batch[i].offset, from);
			assert_true(slice_is(batch[i].value, text));
			assert_true(slice_is(batch[i].key, "key"));
			assert_true(slice_is(batch[i].type, "punnet.v1.Test"));
		}
	});
	assert_int_equal(bus_reader_position(reader), from);
}

static void records_come_in_the_order_of_the_calls_without_gaps(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 2);
	struct writer w;

	writer_open(&w, r->bus, 1000);
	writer_fill(&w, topic, 0, 0, 5000);
	writer_flush(&w);
	assert_int_equal(w.acked, 5000);
	for (int i = 0; i < 5000; i++) {
		assert_true(w.seen[i]);
		assert_int_equal(w.offset[i], i);
		assert_int_equal(w.partition[i], 0);
	}
	writer_close(&w);

	struct bus_reader *reader = bus_reader_open(r->bus, topic, 0, 0, NULL);
	assert_non_null(reader);
	expect_numbers(reader, 0, 5000);
	bus_reader_close(reader);

	reader = bus_reader_open(r->bus, topic, 0, 4990, NULL);
	assert_non_null(reader);
	expect_numbers(reader, 4990, 5000);
	bus_reader_close(reader);
}

static void past_max_in_flight_nothing_is_taken(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct writer w;
	int64_t low, high;

	writer_open(&w, r->bus, 10);
	writer_fill(&w, topic, 0, 0, 10);
	assert_int_equal(bus_producer_in_flight(w.producer), 10);
	assert_int_equal(bus_produce(w.producer, topic, 0, SLICE("key"), NULL, SLICE("10"), 10),
			 RESULT_AGAIN);
	writer_flush(&w);
	writer_fill(&w, topic, 0, 10, 1);
	writer_flush(&w);
	assert_int_equal(w.acked, 11);
	assert_int_equal(bus_offsets(r->bus, topic, 0, WAIT_MS, &low, &high), RESULT_OK);
	assert_int_equal(low, 0);
	assert_int_equal(high, 11);
	writer_close(&w);
}

static void the_producers_fd_tells_of_acknowledgements(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct writer w;

	writer_open(&w, r->bus, 100);
	for (int i = 0; i < 20; i++) {
		writer_fill(&w, topic, 0, i, 1);
		WAIT_UNTIL(w.acked == (size_t)i + 1, {
			struct pollfd p = {.fd = bus_producer_fd(w.producer), .events = POLLIN};

			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
			assert_int_equal(bus_producer_poll(w.producer, NULL), RESULT_OK);
		});
	}
	writer_close(&w);
}

static void a_big_record_comes_back_whole(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	char *big = malloc(BUS_RECORD_MAX_BYTES + 1);
	struct writer w;
	struct bus_record record;
	size_t count = 0;

	assert_non_null(big);
	for (size_t i = 0; i < BUS_RECORD_MAX_BYTES; i++)
		big[i] = (char)(i * 31 % 251);
	writer_open(&w, r->bus, 10);
	assert_int_equal(bus_produce(w.producer, topic, 0, SLICE("k"), "t",
				     slice_of(big, BUS_RECORD_MAX_BYTES), 0),
			 RESULT_BAD);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(
		    bus_produce(w.producer, topic, 0, SLICE("k"), "t", slice_of(big, BIG_BYTES), i),
		    RESULT_OK);
	writer_flush(&w);
	assert_int_equal(w.acked, 3);
	writer_close(&w);

	struct bus_reader *reader = bus_reader_open(r->bus, topic, 0, 2, NULL);
	assert_non_null(reader);
	WAIT_UNTIL(
	    count == 1,
	    assert_int_equal(bus_reader_take(reader, &record, 1, 1000, &count, NULL), RESULT_OK));
	assert_int_equal(record.value.len, BIG_BYTES);
	assert_memory_equal(record.value.data, big, BIG_BYTES);
	bus_reader_close(reader);
	free(big);
}

static void a_record_without_key_and_type_has_empty_ones(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_reader *reader;
	struct bus_record record;
	struct writer w;

	writer_open(&w, r->bus, 10);
	assert_int_equal(bus_produce(w.producer, topic, 0, SLICE(""), NULL, SLICE(""), 0),
			 RESULT_OK);
	writer_flush(&w);
	writer_close(&w);
	assert_int_equal(bus_last(r->bus, topic, 0, WAIT_MS, &reader, &record, NULL), RESULT_OK);
	assert_int_equal(record.key.len, 0);
	assert_int_equal(record.value.len, 0);
	assert_int_equal(record.type.len, 0);
	bus_reader_close(reader);
}

/* --- offsets --- */

static void an_empty_partition_has_no_last_record(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_reader *reader = NULL;
	struct bus_record record;
	int64_t low = -1, high = -1, offset = -1;
	size_t count = 9;

	assert_int_equal(bus_offsets(r->bus, topic, 0, WAIT_MS, &low, &high), RESULT_OK);
	assert_int_equal(low, 0);
	assert_int_equal(high, 0);
	assert_int_equal(bus_offset_at(r->bus, topic, 0, 1, WAIT_MS, &offset), RESULT_OK);
	assert_int_equal(offset, 0);
	assert_int_equal(bus_last(r->bus, topic, 0, WAIT_MS, &reader, &record, NULL), RESULT_AGAIN);
	assert_null(reader);

	reader = bus_reader_open(r->bus, topic, 0, -1, NULL);
	assert_non_null(reader);
	assert_int_equal(bus_reader_take(reader, &record, 1, 200, &count, NULL), RESULT_OK);
	assert_int_equal(count, 0);
	assert_int_equal(bus_reader_position(reader), 0);
	bus_reader_close(reader);
}

static void the_last_record_is_found(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 2);
	struct bus_reader *reader, *again;
	struct bus_record record, same;
	struct writer w;

	writer_open(&w, r->bus, 1000);
	for (int i = 0; i < 3; i++) {
		writer_fill(&w, topic, 1, i * 10, 10);
		writer_flush(&w);
		assert_int_equal(bus_last(r->bus, topic, 1, WAIT_MS, &reader, &record, NULL),
				 RESULT_OK);
		assert_int_equal(record.offset, i * 10 + 9);
		assert_int_equal(bus_last(r->bus, topic, 1, WAIT_MS, &again, &same, NULL),
				 RESULT_OK);
		assert_true(
		    slice_equal(record.value, same.value)); /* two readers of one partition */
		bus_reader_close(reader);
		bus_reader_close(again);
	}
	writer_close(&w);
}

static void an_offset_is_found_by_its_time(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_reader *reader;
	struct bus_record record;
	struct writer w;
	int64_t offset, before = clock_now_ms();

	writer_open(&w, r->bus, 1000);
	writer_fill(&w, topic, 0, 0, 10);
	writer_flush(&w);
	WAIT_UNTIL(clock_now_ms() > before + 20, pause_until_readable(-1, 5));
	writer_fill(&w, topic, 0, 10, 10);
	writer_flush(&w);
	writer_close(&w);

	assert_int_equal(bus_last(r->bus, topic, 0, WAIT_MS, &reader, &record, NULL), RESULT_OK);
	assert_in_range(record.timestamp_ms, before, clock_now_ms());
	assert_int_equal(bus_offset_at(r->bus, topic, 0, before, WAIT_MS, &offset), RESULT_OK);
	assert_int_equal(offset, 0);
	assert_int_equal(bus_offset_at(r->bus, topic, 0, record.timestamp_ms, WAIT_MS, &offset),
			 RESULT_OK);
	assert_in_range(offset, 10, 19);
	assert_int_equal(bus_offset_at(r->bus, topic, 0, record.timestamp_ms + 1, WAIT_MS, &offset),
			 RESULT_OK);
	assert_int_equal(offset, 20);
	bus_reader_close(reader);
}

static void a_reader_at_the_end_sees_what_comes(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_reader *reader;
	struct bus_record record;
	struct writer w;
	size_t count;

	writer_open(&w, r->bus, 1000);
	writer_fill(&w, topic, 0, 0, 10);
	writer_flush(&w);
	reader = bus_reader_open(r->bus, topic, 0, 10, NULL);
	assert_non_null(reader);
	assert_int_equal(bus_reader_take(reader, &record, 1, 200, &count, NULL), RESULT_OK);
	assert_int_equal(count, 0);
	assert_int_equal(bus_reader_position(reader), 10);
	for (int i = 10; i < 30; i++) {
		writer_fill(&w, topic, 0, i, 1);
		writer_flush(&w);
		pause_until_readable(bus_reader_fd(reader), WAIT_MS);
		expect_numbers(reader, i, i + 1);
	}
	bus_reader_close(reader);
	writer_close(&w);
}

static void a_partition_that_is_not_there_cant_be_read(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_reader *reader = bus_reader_open(r->bus, topic, 7, 0, NULL);
	struct bus_record record;
	enum result result = reader ? RESULT_OK : RESULT_BAD;
	size_t count;

	WAIT_UNTIL(result == RESULT_BAD,
		   result = bus_reader_take(reader, &record, 1, 500, &count, NULL));
	bus_reader_close(reader);
}

/* --- the suite --- */

static const char *suite_url;

static int set_up(void **state)
{
	*state = rig_open(suite_url);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(*state);
	return 0;
}

int contract_run(const char *name, const char *url)
{
	static const struct CMUnitTest own[] = {
	    cmocka_unit_test(topics_are_made_once),
	    cmocka_unit_test(records_come_in_the_order_of_the_calls_without_gaps),
	    cmocka_unit_test(past_max_in_flight_nothing_is_taken),
	    cmocka_unit_test(the_producers_fd_tells_of_acknowledgements),
	    cmocka_unit_test(a_big_record_comes_back_whole),
	    cmocka_unit_test(a_record_without_key_and_type_has_empty_ones),
	    cmocka_unit_test(an_empty_partition_has_no_last_record),
	    cmocka_unit_test(the_last_record_is_found),
	    cmocka_unit_test(an_offset_is_found_by_its_time),
	    cmocka_unit_test(a_reader_at_the_end_sees_what_comes),
	    cmocka_unit_test(a_partition_that_is_not_there_cant_be_read),
	};
	struct CMUnitTest all[64];
	size_t count = 0;

	suite_url = url;
	assert(ARRAY_LEN(own) + group_test_count <= ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		all[count++] = own[i];
	for (size_t i = 0; i < group_test_count; i++)
		all[count++] = group_tests[i];
	return _cmocka_run_group_tests(name, all, count, set_up, tear_down);
}
