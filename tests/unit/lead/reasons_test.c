/* The table of reasons keeps its own promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lead/reasons.h"

static void every_reason_has_a_code_of_its_own_and_a_sentence(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const char *code = reason_code((enum reason)r);
		const char *text = reason_text((enum reason)r);

		assert_true(strlen(code) > 0 && strlen(code) <= 40);
		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(code));
		assert_int_equal(reason_from_code(slice_cstr(code)), r);
		assert_true(strlen(text) > 0);
		assert_int_equal(text[strlen(text) - 1], '.');
	}
}

static void placeholders_are_closed(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		bool open = false;

		for (const char *c = reason_text((enum reason)r); *c; c++) {
			assert_true(*c != (open ? '{' : '}'));
			if (*c == '{' || *c == '}')
				open = !open;
			else if (open)
				assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
		}
		assert_false(open);
	}
}

static void what_is_no_code_is_no_reason(void **state)
{
	(void)state;
	assert_int_equal(reason_from_code(SLICE("")), REASON_NONE);
	assert_int_equal(reason_from_code(SLICE("phone_duplicat")), REASON_NONE);
	assert_int_equal(reason_from_code(SLICE("Phone_Duplicate")), REASON_NONE);
	assert_string_equal(reason_code(REASON_NONE), "");
	assert_int_equal(reason_kind_of(REASON_PHONE_DUPLICATE), REASON_KIND_REJECT);
	assert_int_equal(reason_kind_of(REASON_ROUTE_WON), REASON_KIND_ROUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_reason_has_a_code_of_its_own_and_a_sentence),
	    cmocka_unit_test(placeholders_are_closed),
	    cmocka_unit_test(what_is_no_code_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
