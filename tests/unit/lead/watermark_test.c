/* The watermark: a repeat falls away, whatever stands between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "lead/watermark.h"

static void only_what_is_newer_passes(void **state)
{
	static const struct {
		struct provenance p;
		bool is_new;
	} rows[] = {
	    {{"leads.judged", 3, 0, 0}, true},
	    {{"leads.judged", 3, 0, 0}, false},
	    {{"leads.judged", 3, 1042, 0}, true},
	    {{"leads.judged", 3, 1042, 1}, true},
	    {{"leads.judged", 3, 1042, 1}, false},
	    {{"leads.judged", 3, 1042, 0}, false},
	    {{"leads.judged", 3, 1041, 9}, false},
	    {{"leads.judged", 4, 7, 0}, true},
	    {{"market", 3, 7, 0}, true},
	    {{"leads.judged", 3, UINT64_MAX, UINT32_MAX}, true},
	    {{"leads.judged", 3, UINT64_MAX, UINT32_MAX}, false},
	    {{"leads.judged", 4, 7, 1}, true},
	};
	struct watermark w = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(watermark_is_new(&w, &rows[i].p), rows[i].is_new);
		assert_int_equal(watermark_advance(&w, &rows[i].p), rows[i].is_new);
	}
	assert_int_equal(w.count, 3);
}

static void what_was_written_reads_again(void **state)
{
	_cleanup_(buf_free) struct buf text = {0}, again = {0};
	struct watermark w = {0}, read;

	(void)state;
	for (uint32_t i = 0; i < WATERMARK_SOURCES_MAX; i++)
		assert_true(watermark_advance(
		    &w, &(struct provenance){"payout.outbox", i * 7, UINT64_MAX - i, i}));
	watermark_write(&w, &text);
	assert_true(text.len < 4096); /* what the broker takes as metadata of a commit */
	assert_true(watermark_read(buf_slice(&text), &read));
	assert_int_equal(read.count, WATERMARK_SOURCES_MAX);
	assert_false(
	    watermark_is_new(&read, &(struct provenance){"payout.outbox", 7, UINT64_MAX - 1, 1}));
	assert_true(
	    watermark_is_new(&read, &(struct provenance){"payout.outbox", 7, UINT64_MAX - 1, 2}));
	watermark_write(&read, &again);
	assert_true(slice_equal(buf_slice(&text), buf_slice(&again)));
}

static void its_text_is_plain(void **state)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct watermark w = {0};

	(void)state;
	watermark_write(&w, &text);
	assert_string_equal(buf_cstr(&text), "");
	assert_true(watermark_advance(&w, &(struct provenance){"leads.judged", 3, 1042, 0}));
	assert_true(watermark_advance(&w, &(struct provenance){"market", 0, 5, 12}));
	watermark_write(&w, &text);
	assert_string_equal(buf_cstr(&text), "leads.judged/3=1042.0,market/0=5.12");
}

static void other_text_is_refused_and_leaves_its_output(void **state)
{
	static const char *const bad[] = {
	    "x",
	    "market/0",
	    "market/0=5",
	    "market/0=5.",
	    "market/0=5.0,",
	    ",market/0=5.0",
	    "market/0=5.0,,leads.raw/0=1.0",
	    "/0=5.0",
	    "market/=5.0",
	    "market/-1=5.0",
	    "market/00=5.0",
	    "market/0=05.0",
	    "market/4294967296=5.0",
	    "market/0=18446744073709551616.0",
	    "market/0=5.4294967296",
	    "market/0=5.0 ",
	    "mar ket/0=5.0",
	    "market/0=5.0,market/0=6.0",
	    "a-name-that-is-longer-than-the-31-allowed/0=5.0",
	};
	struct watermark w = {.count = 42};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(watermark_read(slice_cstr(bad[i]), &w));
	assert_int_equal(w.count, 42);
	assert_true(watermark_read((struct slice){0}, &w));
	assert_int_equal(w.count, 0);
}

static void one_source_too_many_is_refused(void **state)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct watermark w;

	(void)state;
	for (int i = 0; i <= WATERMARK_SOURCES_MAX; i++)
		buf_printf(&text, "%smarket/%d=1.0", i ? "," : "", i);
	assert_false(watermark_read(buf_slice(&text), &w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_newer_passes),
	    cmocka_unit_test(what_was_written_reads_again),
	    cmocka_unit_test(its_text_is_plain),
	    cmocka_unit_test(other_text_is_refused_and_leaves_its_output),
	    cmocka_unit_test(one_source_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
