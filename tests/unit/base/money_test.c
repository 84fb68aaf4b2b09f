/* Money: exact, checked, rounded toward zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/money.h"

static void amounts_are_written_in_major_units_of_their_currency(void **state)
{
	static const struct {
		int64_t amount_minor;
		const char *currency, *text;
	} rows[] = {
	    {45000, "RUB", "450.00 RUB"},
	    {-5, "RUB", "-0.05 RUB"},
	    {0, "RUB", "0.00 RUB"},
	    {100, "RUB", "1.00 RUB"},
	    {500, "JPY", "500 JPY"},
	    {0, "JPY", "0 JPY"},
	    {-1234, "KWD", "-1.234 KWD"},
	    {7, "CLF", "0.0007 CLF"},
	    {INT64_MAX, "RUB", "92233720368547758.07 RUB"},
	    {INT64_MIN, "RUB", "-92233720368547758.08 RUB"},
	    {INT64_MIN, "JPY", "-9223372036854775808 JPY"},
	    {INT64_MIN, "XQQ", "-9223372036854775808 minor XQQ"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[32];

		money_text(rows[i].amount_minor, rows[i].currency, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void a_currency_is_known_by_its_three_letters(void **state)
{
	(void)state;
	assert_true(money_currency_known(SLICE("RUB")));
	assert_true(money_currency_known(SLICE("KZT")));
	assert_false(money_currency_known(SLICE("rub")));
	assert_false(money_currency_known(SLICE("RU")));
	assert_false(money_currency_known(SLICE("RUBL")));
	assert_false(money_currency_known(SLICE("")));
	assert_false(money_currency_known(SLICE("DEM")));
	assert_false(money_currency_known(SLICE("UB ")));
	assert_int_equal(money_exponent("EUR"), 2);
	assert_int_equal(money_exponent("KRW"), 0);
	assert_int_equal(money_exponent("TND"), 3);
	assert_int_equal(money_exponent("UYW"), 4);
	assert_int_equal(money_exponent("ABC"), -1);
	assert_int_equal(money_exponent(""), -1);
}

static void a_share_is_rounded_toward_zero(void **state)
{
	(void)state;
	assert_int_equal(money_share_bp(45000, 7000), 31500);
	assert_int_equal(money_share_bp(1, 9999), 0);
	assert_int_equal(money_share_bp(-1, 9999), 0);
	assert_int_equal(money_share_bp(3, 5000), 1);
	assert_int_equal(money_share_bp(-3, 5000), -1);
	assert_int_equal(money_share_bp(12345, 0), 0);
}

static void a_share_of_the_largest_amounts_does_not_overflow(void **state)
{
	(void)state;
	assert_int_equal(money_share_bp(INT64_MAX, 10000), INT64_MAX);
	assert_int_equal(money_share_bp(INT64_MIN, 10000), INT64_MIN);
	assert_int_equal(money_share_bp(INT64_MAX, 5000), INT64_MAX / 2);
	assert_int_equal(money_share_bp(INT64_MIN, 1), -922337203685477);
}

static void a_sum_that_overflows_is_refused_and_leaves_its_output(void **state)
{
	int64_t sum = 42;

	(void)state;
	assert_false(money_add(INT64_MAX, 1, &sum));
	assert_false(money_add(INT64_MIN, -1, &sum));
	assert_int_equal(sum, 42);
	assert_true(money_add(INT64_MAX, INT64_MIN, &sum));
	assert_int_equal(sum, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(amounts_are_written_in_major_units_of_their_currency),
	    cmocka_unit_test(a_currency_is_known_by_its_three_letters),
	    cmocka_unit_test(a_share_is_rounded_toward_zero),
	    cmocka_unit_test(a_share_of_the_largest_amounts_does_not_overflow),
	    cmocka_unit_test(a_sum_that_overflows_is_refused_and_leaves_its_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
