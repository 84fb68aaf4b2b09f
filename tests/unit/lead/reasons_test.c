/* The table of reasons keeps its own promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lead/reasons.h"

/* characters, not bytes: a Russian one has two */
#define WEBMASTER_MAX    200
#define OPERATOR_MAX     400
#define PLACEHOLDERS_MAX 5

static size_t characters(const char *text)
{
	size_t count = 0;

	for (const char *c = text; *c; c++)
		count += ((unsigned char)*c & 0xC0) != 0x80;
	return count;
}

static bool has_cyrillic(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c == 0xD0 || (unsigned char)*c == 0xD1)
			return true;
	return false;
}

/* The names between braces; every brace is closed, and stands around a name. */
static size_t placeholders(const char *text, struct slice ret[PLACEHOLDERS_MAX])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t count = 0;

	for (const char *c = text; *c; c++) {
		assert_true(*c != '}');
		if (*c != '{')
			continue;
		ret[count] = slice_of(c + 1, strspn(c + 1, letters));
		c += 1 + ret[count].len;
		assert_true(ret[count].len > 0 && *c == '}');
		assert_true(++count <= PLACEHOLDERS_MAX);
	}
	return count;
}

static void expect_sentence(const char *text, size_t most)
{
	size_t len = strlen(text);

	if (len < 10 || characters(text) > most)
		fail_msg("expected 10 to %zu characters: %s", most, text);
	if (text[len - 1] != '.' || text[0] == ' ' || strstr(text, "  ") || strchr(text, '\n'))
		fail_msg("expected a sentence: %s", text);
}

static void every_reason_has_a_code_of_its_own(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const char *code = reason_code((enum reason)r);

		assert_true(strlen(code) > 0 && strlen(code) <= 40);
		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(code));
		assert_int_equal(reason_from_code(slice_cstr(code)), r);
	}
}

static void
every_reason_says_something_to_the_webmaster_in_both_languages_and_to_the_operator(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const char *english = reason_text((enum reason)r, LANGUAGE_EN);
		const char *russian = reason_text((enum reason)r, LANGUAGE_RU);
		const char *operator_text = reason_operator_text((enum reason)r);

		expect_sentence(english, WEBMASTER_MAX);
		expect_sentence(russian, WEBMASTER_MAX);
		expect_sentence(operator_text, OPERATOR_MAX);
		assert_false(has_cyrillic(english) || has_cyrillic(operator_text));
		assert_true(has_cyrillic(russian));
		assert_string_not_equal(english, operator_text);
	}
}

static void both_languages_have_the_same_placeholders(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		struct slice english[PLACEHOLDERS_MAX], russian[PLACEHOLDERS_MAX];
		size_t count = placeholders(reason_text((enum reason)r, LANGUAGE_EN), english);

		if (placeholders(reason_text((enum reason)r, LANGUAGE_RU), russian) != count)
			fail_msg("%s: placeholders differ", reason_code((enum reason)r));
		for (size_t i = 0; i < count; i++) {
			bool found = false;

			for (size_t k = 0; k < count; k++)
				found |= slice_equal(english[i], russian[k]);
			if (!found)
				fail_msg("%s: {" SLICE_FMT "} is not in the Russian text",
					 reason_code((enum reason)r), SLICE_ARG(english[i]));
		}
		(void)placeholders(reason_operator_text((enum reason)r), russian);
	}
}

static void what_is_no_code_is_no_reason(void **state)
{
	enum language language = LANGUAGE_RU;

	(void)state;
	assert_int_equal(reason_from_code(SLICE("")), REASON_NONE);
	assert_int_equal(reason_from_code(SLICE("phone_duplicat")), REASON_NONE);
	assert_int_equal(reason_from_code(SLICE("Phone_Duplicate")), REASON_NONE);
	assert_string_equal(reason_code(REASON_NONE), "");
	assert_int_equal(reason_kind_of(REASON_PHONE_DUPLICATE), REASON_KIND_REJECT);
	assert_int_equal(reason_kind_of(REASON_ROUTE_WON), REASON_KIND_ROUTE);
	assert_false(language_from_code(SLICE("de"), &language));
	assert_int_equal(language, LANGUAGE_RU);
	for (int i = 0; i < LANGUAGE_COUNT; i++) {
		assert_true(
		    language_from_code(slice_cstr(language_code((enum language)i)), &language));
		assert_int_equal(language, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_reason_has_a_code_of_its_own),
	    cmocka_unit_test(
		every_reason_says_something_to_the_webmaster_in_both_languages_and_to_the_operator),
	    cmocka_unit_test(both_languages_have_the_same_placeholders),
	    cmocka_unit_test(what_is_no_code_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
