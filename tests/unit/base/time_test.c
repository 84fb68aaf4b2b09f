/* Times and durations as people and programs write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/timefmt.h"

#include <time.h>

#define LAST_MS 253402300799999LL

static void rfc_3339_is_read_with_any_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01T03:00:00+03:00", 0},
	    {"1969-12-31T19:00:00-05:00", -1} /* its year stands before 1970 */,
	    {"2026-12-01T10:00:00.123Z", 1796119200123},
	    {"2026-12-01T13:00:00.123+03:00", 1796119200123},
	    {"2026-12-01t10:00:00.123456789z", 1796119200123},
	    {"2026-12-01 10:00:00.1Z", 1796119200100},
	    {"2026-12-01T10:00:00-00:00", 1796119200000},
	    {"2026-12-01T15:30:00+05:30", 1796119200000},
	    {"2024-02-29T00:00:00Z", 1709164800000},
	    {"2000-02-29T00:00:00Z", 951782400000},
	    {"9999-12-31T23:59:59.999Z", LAST_MS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = -1;

		assert_int_equal(time_parse_rfc3339(slice_cstr(rows[i].text), &ms),
				 rows[i].ms >= 0);
		assert_int_equal(ms, rows[i].ms);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "2026-12-01",
	    "2026-12-01T10:00:00",
	    "2026-12-01T10:00Z",
	    "2026-12-01T24:00:00Z",
	    "2026-12-01T23:60:00Z",
	    "2026-12-01T23:59:60Z",
	    "2026-13-01T00:00:00Z",
	    "2026-00-01T00:00:00Z",
	    "2026-12-00T00:00:00Z",
	    "2026-04-31T00:00:00Z",
	    "2026-02-29T00:00:00Z",
	    "2100-02-29T00:00:00Z",
	    "1969-12-31T23:59:59Z",
	    "1970-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:59-00:01",
	    "2026-12-01T10:00:00.Z",
	    "2026-12-01T10:00:00+0300",
	    "2026-12-01T10:00:00+24:00",
	    "2026-12-01T10:00:00+03:60",
	    "2026-12-01T10:00:00Zx",
	    " 2026-12-01T10:00:00Z",
	    "2026-12-1T10:00:00Z",
	    "+2026-12-01T10:00:00Z",
	    "2026-12-01T-1:00:00Z",
	    "-5",
	    "-0",
	    "253402300800000",
	    "12345678901234567890",
	    "1e12",
	};
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(time_parse(slice_cstr(bad[i]), &ms));
	assert_false(time_parse(slice_of("2026-12-01\0"
					 "10:00:00Z",
					 20),
				&ms));
	assert_int_equal(ms, 42);
}

static void unix_milliseconds_are_read_too(void **state)
{
	int64_t ms;

	(void)state;
	assert_true(time_parse(SLICE("1796119200123"), &ms));
	assert_int_equal(ms, 1796119200123);
	assert_true(time_parse(SLICE("0"), &ms));
	assert_int_equal(ms, 0);
	assert_true(time_parse(SLICE("2026-12-01T10:00:00.123Z"), &ms));
	assert_int_equal(ms, 1796119200123);
}

static void what_was_written_reads_again_and_agrees_with_the_c_library(void **state)
{
	struct rng rng = rng_seed(7);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t ms = (int64_t)rng_below(&rng, LAST_MS + 1), again;
		char text[TIME_TEXT_LEN + 1], expected[64];
		time_t s = ms / 1000;
		struct tm tm;

		time_text(ms, text);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
		assert_memory_equal(text, expected, 19);
		assert_true(time_parse_rfc3339(slice_cstr(text), &again));
		assert_int_equal(again, ms);
	}
}

static void times_that_cannot_be_written_become_the_nearest_that_can(void **state)
{
	char text[TIME_TEXT_LEN + 1];

	(void)state;
	time_text(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	time_text(INT64_MIN, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	time_text(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void durations_carry_their_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
	    {"250ms", 250},
	    {"30s", 30000},
	    {"5m", 300000},
	    {"2h", 7200000},
	    {"90d", 7776000000},
	    {"0s", 0},
	    {"", -1},
	    {"30", -1},
	    {"s", -1},
	    {"-1s", -1},
	    {"1.5h", -1},
	    {"1h30m", -1},
	    {"1 s", -1},
	    {"1S", -1},
	    {"1w", -1},
	    {"106751991168d", -1},
	    {"99999999999999999999ms", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = -1;

		assert_int_equal(time_parse_duration(slice_cstr(rows[i].text), &ms),
				 rows[i].ms >= 0);
		assert_int_equal(ms, rows[i].ms);
	}
}

static void a_day_is_counted_from_1970(void **state)
{
	(void)state;
	assert_int_equal(time_day(0), 0);
	assert_int_equal(time_day(MS_PER_DAY - 1), 0);
	assert_int_equal(time_day(MS_PER_DAY), 1);
	assert_int_equal(time_day(1796119200123), 20788);
	assert_int_equal(time_day(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc_3339_is_read_with_any_offset),
	    cmocka_unit_test(what_is_no_time_is_refused),
	    cmocka_unit_test(unix_milliseconds_are_read_too),
	    cmocka_unit_test(what_was_written_reads_again_and_agrees_with_the_c_library),
	    cmocka_unit_test(times_that_cannot_be_written_become_the_nearest_that_can),
	    cmocka_unit_test(durations_carry_their_unit),
	    cmocka_unit_test(a_day_is_counted_from_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
