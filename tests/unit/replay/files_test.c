/* Recorded topics: what was put in comes out, what is damaged is refused, and a bus that reads can do nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "runtime/bus_files.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/punnet-files-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[128];

	(void)state;
	for (int p = 0; p < 2; p++) {
		snprintf(path, sizeof(path), "%s/t-%d.records", folder, p);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static void record_some(void)
{
	static const int64_t offsets[] = {5, 6, 9};
	struct error e = {0};

	for (int p = 0; p < 2; p++) {
		struct recording *r = recording_begin(folder, "t", p, 5, 12, &e);

		assert_non_null(r);
		for (size_t i = 0; i < ARRAY_LEN(offsets); i++)
			recording_put(r, &(struct bus_record){.offset = offsets[i],
							      .timestamp_ms = 1000 + offsets[i],
							      .key = SLICE("key"),
							      .type = SLICE("punnet.v1.T"),
							      .value = SLICE("some bytes")});
		assert_int_equal(recording_end(r, &e), RESULT_OK);
	}
}

static struct bus *open_folder(void)
{
	struct error e = {0};
	char url[128];
	struct bus *b;

	snprintf(url, sizeof(url), "files:%s", folder);
	b = bus_open_reading(url, "test", &e);
	assert_non_null(b);
	return b;
}

static void what_was_recorded_is_read(void **state)
{
	struct bus *b;
	struct bus_reader *r;
	struct bus_record got[8];
	struct error e = {0};
	int64_t low, high, at, from[2], end[2];
	size_t count;

	(void)state;
	record_some();
	b = open_folder();
	assert_int_equal(bus_partitions(b, "t", 0), 2);
	assert_int_equal(bus_partitions(b, "u", 0), -1);
	assert_int_equal(bus_offsets(b, "t", 1, 0, &low, &high), RESULT_OK);
	assert_int_equal(low, 5);
	assert_int_equal(high, 12);
	assert_int_equal(bus_offset_at(b, "t", 0, 1006, 0, &at), RESULT_OK);
	assert_int_equal(at, 6);
	assert_int_equal(bus_offset_at(b, "t", 0, 2000, 0, &at), RESULT_OK);
	assert_int_equal(at, 12);
	assert_int_equal(bus_offsets_since(b, "t", 2, 1007, 0, from, end), RESULT_OK);
	assert_int_equal(from[1], 9);
	assert_int_equal(end[0], 12);
	r = bus_reader_open(b, "t", 0, 6, &e);
	assert_non_null(r);
	assert_int_equal(bus_reader_take(r, got, 8, 0, &count, &e), RESULT_OK);
	assert_int_equal(count, 2);
	assert_int_equal(got[1].offset, 9);
	assert_int_equal(got[1].timestamp_ms, 1009);
	assert_true(slice_is(got[1].key, "key") && slice_is(got[1].value, "some bytes") &&
		    slice_is(got[1].type, "punnet.v1.T"));
	/* Behind the last record there are offsets without one. */
	assert_int_equal(bus_reader_take(r, got, 8, 0, &count, &e), RESULT_OK);
	assert_int_equal(count, 0);
	assert_int_equal(bus_reader_position(r), 12);
	bus_reader_close(r);
	bus_close(b);
}

static void damage_is_refused(void **state)
{
	struct error e = {0};
	char path[128];
	struct bus *b;
	FILE *f;

	(void)state;
	for (long at = 24; at < 150; at += 7) {
		record_some();
		snprintf(path, sizeof(path), "%s/t-0.records", folder);
		f = fopen(path, "r+");
		assert_non_null(f);
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		int c = fgetc(f);

		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		fputc(c ^ 0x55, f);
		fclose(f);
		b = open_folder();
		assert_null(bus_reader_open(b, "t", 0, -1, &e));
		bus_close(b);
	}
}

static enum result taken;
static void on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	(void)ctx, (void)token, (void)partition, (void)offset;
	taken = result;
}
static int64_t on_assign(void *ctx, const struct bus_assignment *a, enum result *ret)
{
	(void)ctx, (void)a, (void)ret;
	return 0;
}
static void on_revoke(void *ctx, const char *topic, int32_t partition, bool lost)
{
	(void)ctx, (void)topic, (void)partition, (void)lost;
}

static void refuses_to_write(struct bus *b)
{
	static const char *const topics[] = {"t"};
	struct error e = {0};
	struct bus_producer_options out = {.on_ack = on_ack, .max_in_flight = 1};
	struct bus_consumer_options in = {.group = "g",
					  .topics = topics,
					  .topic_count = 1,
					  .on_assign = on_assign,
					  .on_revoke = on_revoke};
	struct bus_topic_spec spec = {.name = "new", .partitions = 1};
	size_t made = 0;
	int64_t next;

	assert_null(bus_producer_open(b, &out, &e));
	assert_non_null(strstr(e.text, "no producer"));
	assert_null(bus_consumer_open(b, &in, &e));
	assert_int_equal(bus_topics_apply(b, &spec, 1, 0, &made, &e), RESULT_BAD);
	assert_int_equal(bus_committed(b, "g", "t", 1, 0, &next, &e), RESULT_BAD);
	bus_close(b);
}

static void a_bus_for_reading_writes_nothing(void **state)
{
	struct error e = {0};

	(void)state;
	record_some();
	refuses_to_write(open_folder());
	refuses_to_write(bus_open_reading("kafka://127.0.0.1:1", "test", &e));
	refuses_to_write(bus_open_looking("kafka://127.0.0.1:1", "test", &e));
	assert_null(bus_open_reading("memory:", "test", &e));
	assert_null(bus_open_reading("files:/nowhere/at/all", "test", &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_was_recorded_is_read, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(damage_is_refused, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(a_bus_for_reading_writes_nothing, make_folder,
					    remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
