/* The JSON writer: what it writes, the reader reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"

static void text_is_quoted_and_escaped(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *written;
	} rows[] = {
	    {"", 0, "\"\""},
	    {"plain", 5, "\"plain\""},
	    {"a\"b\\c/\b\f\n\r\t", 11, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\""},
	    {"\0\x1F\x7F", 3, "\"\\u0000\\u001f\x7F\""},
	    {"ёж 🦔!", 10, "\"ёж 🦔!\""},
	    {"a\xFF"
	     "b",
	     3,
	     "\"a\xEF\xBF\xBD"
	     "b\""},
	    {"\xD1\x91\xD1", 3, "\"ё\xEF\xBF\xBD\""},
	    {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(buf_free) struct buf b = {0};

		json_write_string(&b, slice_of(rows[i].text, rows[i].len));
		assert_string_equal(buf_cstr(&b), rows[i].written);
	}
}

static void members_are_written_with_their_names(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)state;
	buf_append_char(&b, '{');
	json_write_member(&b, "lead_id", SLICE("0192"));
	buf_append_char(&b, ',');
	json_write_member_int(&b, "amount_minor", INT64_MIN);
	buf_append_char(&b, '}');
	assert_string_equal(buf_cstr(&b),
			    "{\"lead_id\":\"0192\",\"amount_minor\":-9223372036854775808}");
}

static void any_valid_text_comes_back_as_it_was(void **state)
{
	struct rng rng = rng_seed(11);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		_cleanup_(arena_free) struct arena a = {0};
		_cleanup_(buf_free) struct buf b = {0};
		char bytes[24];
		size_t len = rng_below(&rng, sizeof(bytes));
		struct json *read;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)rng_below(&rng, rng_chance(&rng, 2000) ? 256 : 128);
		json_write_string(&b, slice_of(bytes, len));
		read = json_parse(&a, buf_slice(&b), JSON_LIMITS_DEFAULT, NULL);
		assert_non_null(read);
		if (slice_utf8_valid(slice_of(bytes, len)))
			assert_true(slice_equal(read->text, slice_of(bytes, len)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_quoted_and_escaped),
	    cmocka_unit_test(members_are_written_with_their_names),
	    cmocka_unit_test(any_valid_text_comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
