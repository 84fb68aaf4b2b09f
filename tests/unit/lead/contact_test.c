/* Contacts as people type them, and what they are compared as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "lead/contact.h"

static void a_phone_typed_in_many_ways_is_one_phone(void **state)
{
	static const struct {
		const char *typed, *country, *normal;
	} rows[] = {
	    {"8 (916) 123 45 67", "RU", "+79161234567"},
	    {"+7 916 123-45-67", "RU", "+79161234567"},
	    {"+7 916 123-45-67", "", "+79161234567"},
	    {"+7 916 123-45-67", "DE", "+79161234567"},
	    {"9161234567", "RU", "+79161234567"},
	    {"79161234567", "RU", "+79161234567"},
	    {"007 916 123 45 67", "DE", "+79161234567"},
	    {"+8 916 123 45 67", "RU", "+79161234567"},
	    {"(+7) 916/123.45.67", "", "+79161234567"},
	    {"+7\u00A0916\u2009123\u201145\u221267", "", "+79161234567"},
	    {"\uFF0B\uFF17 \uFF19\uFF11\uFF16 123 45 67", "", "+79161234567"},
	    {"\u202A+79161234567\u202C", "", "+79161234567"},
	    {"8 800 555 35 35", "RU", "+78005553535"},
	    {"8 701 123 45 67", "KZ", "+77011234567"},
	    {"80 29 491 19 11", "BY", "+375294911911"},
	    {"8 029 491 19 11", "BY", "+375294911911"},
	    {"050 123 45 67", "UA", "+380501234567"},
	    {"+44 (0)20 7946 0958", "", "+442079460958"},
	    {"020 7946 0958", "GB", "+442079460958"},
	    {"(415) 555-2671", "US", "+14155552671"},
	    {"1-415-555-2671", "CA", "+14155552671"},
	    {"06 698 12345", "IT", "+390669812345"},
	    {"0151 23456789", "DE", "+4915123456789"},
	    {"4915123456789", "DE", "+4915123456789"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char normal[PHONE_TEXT_MAX];

		assert_int_equal(
		    phone_normalise(slice_cstr(rows[i].typed), slice_cstr(rows[i].country), normal),
		    PHONE_E164);
		assert_string_equal(normal, rows[i].normal);
	}
}

static void digits_that_no_plan_fits_stay_as_typed(void **state)
{
	static const struct {
		const char *typed, *country, *normal;
	} rows[] = {
	    {"123-45-67", "RU", "1234567"},
	    {"123 45", "", "12345"},
	    {"9161234567", "", "9161234567"},
	    {"9161234567", "XX", "9161234567"},
	    {"9161234567", "ru", "9161234567"},
	    {"+7 916 123", "", "7916123"},
	    {"+999 12 34 56 78", "", "99912345678"},
	    {"+0 916 123 45 67", "", "09161234567"},
	    {"000000", "RU", "000000"},
	    {"123456789012345", "", "123456789012345"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char normal[PHONE_TEXT_MAX];

		assert_int_equal(
		    phone_normalise(slice_cstr(rows[i].typed), slice_cstr(rows[i].country), normal),
		    PHONE_DIGITS);
		assert_string_equal(normal, rows[i].normal);
	}
}

static void what_is_no_phone_is_named_so(void **state)
{
	static const char *const bad[] = {
	    "",
	    "1234",
	    "1234567890123456",
	    "12345678901234567890123",
	    "+",
	    "++79161234567",
	    "7+9161234567",
	    "\u0442\u0435\u043B. 89161234567",
	    "89161234567 \u0434\u043E\u0431. 12",
	    "89161234567 ext. 12",
	    "8916123456O",
	    "*100#",
	    "ivan@example.com",
	    "89161234567, 89161234568",
	    "8916123\x01"
	    "4567",
	    "8916123456\xFF",
	    "\xEF\xBC",
	};
	char normal[PHONE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(phone_normalise(slice_cstr(bad[i]), SLICE("RU"), normal),
				 PHONE_NOT_DIGITS);
		assert_string_equal(normal, "");
	}
	assert_int_equal(phone_normalise(slice_of("89161234567\0", 12), SLICE("RU"), normal),
			 PHONE_NOT_DIGITS);
}

/* What came out goes in again, everywhere: a normal form is its own normal form. */
static void a_normal_phone_stays_what_it_is(void **state)
{
	static const char alphabet[] = "0123456789012345678901234567890123456789 +-(8";
	struct rng rng = rng_seed(17);

	(void)state;
	for (int round = 0; round < 100000; round++) {
		char typed[24], first[PHONE_TEXT_MAX], second[PHONE_TEXT_MAX], country[2];
		size_t len = rng_below(&rng, sizeof(typed));
		enum phone_form form;

		for (size_t i = 0; i < len; i++)
			typed[i] = alphabet[rng_below(&rng, sizeof(alphabet) - 1)];
		country[0] = (char)('A' + rng_below(&rng, 26));
		country[1] = (char)('A' + rng_below(&rng, 26));
		form = phone_normalise(slice_of(typed, len), slice_of(country, 2), first);
		assert_true(strlen(first) <= 16);
		if (form != PHONE_E164)
			continue;
		assert_int_equal(phone_normalise(slice_cstr(first), SLICE("RU"), second),
				 PHONE_E164);
		assert_string_equal(first, second);
	}
}

static void an_email_typed_in_many_ways_is_one_address(void **state)
{
	static const struct {
		const char *typed, *normal;
	} rows[] = {
	    {"ivan@example.com", "ivan@example.com"},
	    {"  Ivan.Petrov@Example.COM\n", "ivan.petrov@example.com"},
	    {"a+b_c-d'e@sub.example.co", "a+b_c-d'e@sub.example.co"},
	    {"x@\u043F\u0440\u0438\u043C\u0435\u0440.\u0440\u0444", "x@xn--e1afmkfd.xn--p1ai"},
	    {"x@\u041F\u0420\u0418\u041C\u0415\u0420.\u0420\u0424", "x@xn--e1afmkfd.xn--p1ai"},
	    {"x@xn--e1afmkfd.xn--p1ai", "x@xn--e1afmkfd.xn--p1ai"},
	    {"\u043F\u043E\u0447\u0442\u0430@example.ru",
	     "\u043F\u043E\u0447\u0442\u0430@example.ru"},
	    {"x@1.2.3.com", "x@1.2.3.com"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char normal[EMAIL_TEXT_MAX + 1];

		assert_int_equal(email_normalise(slice_cstr(rows[i].typed), normal), EMAIL_OK);
		assert_string_equal(normal, rows[i].normal);
	}
}

static void what_is_no_address_says_why(void **state)
{
	static const struct {
		const char *typed;
		enum email_form form;
	} rows[] = {
	    {"", EMAIL_NO_AT},
	    {"ivan", EMAIL_NO_AT},
	    {"@example.com", EMAIL_BAD_LOCAL},
	    {".a@example.com", EMAIL_BAD_LOCAL},
	    {"a.@example.com", EMAIL_BAD_LOCAL},
	    {"a..b@example.com", EMAIL_BAD_LOCAL},
	    {"a b@example.com", EMAIL_BAD_LOCAL},
	    {"a@b@example.com", EMAIL_BAD_LOCAL},
	    {"\"a b\"@example.com", EMAIL_BAD_LOCAL},
	    {"a\xFF@example.com", EMAIL_BAD_LOCAL},
	    {"a\u200B@example.com", EMAIL_BAD_LOCAL},
	    {"a\u00A0@example.com", EMAIL_BAD_LOCAL},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com",
	     EMAIL_BAD_LOCAL},
	    {"a@", EMAIL_BAD_DOMAIN},
	    {"a@localhost", EMAIL_BAD_DOMAIN},
	    {"a@example.com.", EMAIL_BAD_DOMAIN},
	    {"a@.example.com", EMAIL_BAD_DOMAIN},
	    {"a@example..com", EMAIL_BAD_DOMAIN},
	    {"a@-example.com", EMAIL_BAD_DOMAIN},
	    {"a@example-.com", EMAIL_BAD_DOMAIN},
	    {"a@example.com-", EMAIL_BAD_DOMAIN},
	    {"a@exa_mple.com", EMAIL_BAD_DOMAIN},
	    {"a@10.0.0.1", EMAIL_BAD_DOMAIN},
	    {"a@[10.0.0.1]", EMAIL_BAD_DOMAIN},
	    {"a@\xFF.com", EMAIL_BAD_DOMAIN},
	    {"a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com",
	     EMAIL_BAD_DOMAIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char normal[EMAIL_TEXT_MAX + 1];

		assert_int_equal(email_normalise(slice_cstr(rows[i].typed), normal), rows[i].form);
		assert_string_equal(normal, rows[i].typed);
	}
	assert_string_equal(email_form_code(EMAIL_BAD_DOMAIN), "bad_domain");
	assert_string_equal(email_form_code(EMAIL_NO_AT), "no_at");
}

static void an_address_that_is_too_long_is_cut_between_characters(void **state)
{
	char typed[1000], normal[EMAIL_TEXT_MAX + 1];

	(void)state;
	typed[0] = 'a';
	typed[1] = '@';
	for (size_t i = 2; i < sizeof(typed); i += 2)
		memcpy(typed + i, "\u0451", 2);
	assert_int_equal(email_normalise(slice_of(typed, 999), normal), EMAIL_TOO_LONG);
	assert_int_equal(strlen(normal), EMAIL_TEXT_MAX);
	typed[0] = '@';
	assert_int_equal(email_normalise(slice_of(typed + 1, 998), normal), EMAIL_TOO_LONG);
	assert_int_equal(strlen(normal), EMAIL_TEXT_MAX - 1);
	assert_true(slice_utf8_valid(slice_cstr(normal)));
}

static void a_mailbox_has_one_spelling_where_its_provider_says_so(void **state)
{
	static const struct {
		const char *address,
		    *mailbox; /* NULL: the provider is not known to ignore anything */
	} rows[] = {
	    {"i.van.p+tag+more@googlemail.com", "ivanp@gmail.com"},
	    {"ivan.p+tag@outlook.com", "ivan.p@outlook.com"},
	    {"i-v_a.n+t@pm.me", "ivan@proton.me"},
	    {"i.van-p@ya.ru", "i-van-p@yandex.ru"},
	    {"+tag@gmail.com", "+tag@gmail.com"},
	    {"ivan.p+tag@example.com", NULL},
	    {"ivan.p@mail.gmail.com", NULL},
	    {"...@gmail.com", NULL},
	    {"gmail.com", NULL},
	    {"", NULL},
	};
	char mailbox[EMAIL_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool found = email_canonical(slice_cstr(rows[i].address), mailbox);

		assert_int_equal(found, rows[i].mailbox != NULL);
		if (!found)
			continue;
		assert_string_equal(mailbox, rows[i].mailbox);
		assert_true(email_canonical(slice_cstr(rows[i].mailbox), mailbox));
		assert_string_equal(mailbox, rows[i].mailbox);
	}
}

static void countries_are_those_of_iso_3166(void **state)
{
	unsigned known = 0;

	(void)state;
	for (char a = 'A'; a <= 'Z'; a++) {
		for (char b = 'A'; b <= 'Z'; b++)
			known += country_known(slice_of((char[]){a, b}, 2));
	}
	assert_int_equal(known, 249);
	assert_true(country_known(SLICE("RU")));
	assert_true(country_known(SLICE("AQ")));
	assert_false(country_known(SLICE("ru")));
	assert_false(country_known(SLICE("XK")));
	assert_false(country_known(SLICE("UK")));
	assert_false(country_known(SLICE("RUS")));
	assert_false(country_known(SLICE("D ")));
	assert_false(country_known((struct slice){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_phone_typed_in_many_ways_is_one_phone),
	    cmocka_unit_test(digits_that_no_plan_fits_stay_as_typed),
	    cmocka_unit_test(what_is_no_phone_is_named_so),
	    cmocka_unit_test(a_normal_phone_stays_what_it_is),
	    cmocka_unit_test(an_email_typed_in_many_ways_is_one_address),
	    cmocka_unit_test(what_is_no_address_says_why),
	    cmocka_unit_test(an_address_that_is_too_long_is_cut_between_characters),
	    cmocka_unit_test(a_mailbox_has_one_spelling_where_its_provider_says_so),
	    cmocka_unit_test(countries_are_those_of_iso_3166),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
