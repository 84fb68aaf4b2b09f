/* An answer that gives the contact back in disguise is found; one that does not, is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/rng.h"
#include "delivery/core/echo.h"

#define PHONE "+79161234567"
#define NAME  "Иван Петров"
#define MAIL  "Anna.K@example.com"

static const struct slice values[] = {
    {PHONE, sizeof(PHONE) - 1}, {NAME, sizeof(NAME) - 1}, {MAIL, sizeof(MAIL) - 1}, {"Li", 2}};

static bool hidden(const char *body)
{
	struct arena a = {0};
	bool found = echo_is_hidden(slice_cstr(body), values, ARRAY_LEN(values), true, &a);

	arena_free(&a);
	return found;
}

static void every_disguise_is_seen(_unused_ void **state)
{
	assert_true(hidden("got=%2B79161234567&ok=1"));
	assert_true(hidden("name=%D0%98%D0%B2%D0%B0%D0%BD%20%D0%9F%D0%B5%D1%82%D1%80%D0%BE%D0%B2"));
	assert_true(hidden("name=%d0%98%d0%b2%d0%b0%d0%bd %d0%9f%d0%b5%d1%82%d1%80%d0%be%d0%b2"));
	assert_true(hidden("{\"sent\":\"{\\\"m\\\":\\\"anna.k\\u0040example.com\\\"}\"}"));
	assert_true(
	    hidden("\\u0418\\u0432\\u0430\\u043d \\u041f\\u0435\\u0442\\u0440\\u043e\\u0432"));
	assert_true(hidden("ref 2B3739313631323334353637 taken"));
	assert_true(hidden("ref 416e6e612e4b406578616d706c652e636f6d"));
}

/* Wherever it stands in what was encoded, and in either alphabet. */
static void base64_is_seen_in_every_place(_unused_ void **state)
{
	static const int variants[] = {sodium_base64_VARIANT_ORIGINAL,
				       sodium_base64_VARIANT_URLSAFE_NO_PADDING};
	struct rng r = rng_seed(9);

	for (int n = 0; n < 600; n++) {
		char plain[256], body[512];
		size_t before = rng_below(&r, 20), v = rng_below(&r, 3), after = rng_below(&r, 5);
		size_t len = before + values[v].len + after;

		memset(plain, 'x', sizeof(plain));
		memcpy(plain + before, values[v].data, values[v].len);
		sodium_bin2base64(body, sizeof(body), (const uint8_t *)plain, len,
				  variants[rng_below(&r, 2)]);
		assert_true(hidden(body));
	}
}

static void an_honest_answer_is_not_suspected(_unused_ void **state)
{
	assert_false(hidden(""));
	assert_false(hidden("{\"outcome\":\"accepted\",\"id\":\"0192f0c1\"}"));
	assert_false(hidden("100% of it \\u00e4 %zz %4"));
	assert_false(hidden("TGk= 4c69")); /* two letters prove nothing */
	assert_false(hidden("%"));
	assert_false(hidden("\\u12"));
	assert_false(hidden("Kzc5MTYxMjM0NTY4")); /* another phone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_disguise_is_seen),
	    cmocka_unit_test(base64_is_seen_in_every_place),
	    cmocka_unit_test(an_honest_answer_is_not_suspected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
