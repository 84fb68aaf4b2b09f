/* Addresses of pages are kept without the person that stands in them, and otherwise as they were sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "collector/core/page_address.h"

static const char *clean(const char *text)
{
	static struct draft d;
	static char seen[DRAFT_PAGE_MAX + 1];
	struct slice kept;

	d = (struct draft){.phone = "+79161234567"};
	d.v[LEAD_FIELD_FIRST_NAME] = (struct draft_value){.given = true, .text = SLICE("Мария")};
	d.v[LEAD_FIELD_LAST_NAME] = (struct draft_value){.given = true, .text = SLICE("Sokolova")};
	d.v[LEAD_FIELD_LANDING_URL] = (struct draft_value){.given = true, .text = slice_cstr(text)};
	page_addresses_clean(&d);
	kept = draft_text(&d, LEAD_FIELD_LANDING_URL);
	snprintf(seen, sizeof(seen), SLICE_FMT, SLICE_ARG(kept));
	return seen;
}

#define stays(text)         assert_string_equal(clean(text), text)
#define becomes(text, kept) assert_string_equal(clean(text), kept)

static void an_address_without_a_person_stays_as_it_was_sent(void **state)
{
	(void)state;
	stays("https://forms.example.org/card?utm_source=blog&utm_campaign=81234567&x=#top");
	stays("https://e.example/?yclid=1234567890123456789&gclid=Cj0KCQiA_7654321");
	stays("https://e.example/a%20b/c+d?q=%");
	stays("https://e.example/550e8400-e29b-41d4-a716-446655440000/a;b,c");
	stays("https://e.example/?from=2026-11-22&sum=30000.50&p=%zz%4");
	stays("");
}

static void an_email_goes_however_it_is_encoded(void **state)
{
	(void)state;
	becomes("https://e.example/?email=maria@mail.example&utm_source=a",
		"https://e.example/?email=&utm_source=a");
	becomes("https://e.example/u/maria%40mail.example/x", "https://e.example/u//x");
	becomes("/?next=%2Fa%3Fe%3Dmaria%2540mail.example#e=a@b", "/?next=#e=");
	becomes("/?e=maria%252540mail.example", "/?e=");
	becomes("https://maria:secret@e.example/a", "https:///a");
}

static void a_phone_goes_however_it_is_written(void **state)
{
	(void)state;
	becomes("/?p=89261112233&s=1", "/?p=&s=1");
	becomes("/?p=%2B7+(926)+111-22-33&s=1", "/?p=&s=1");
	becomes("/?p=+4930123456", "/?p=");
	becomes("/p/926.111.22.33/", "/p//");
	stays("/?p=123456789"); /* nine digits without a plus may be anything */
	stays("/?p=1234567890123456");
}

static void the_leads_own_phone_and_name_go_wherever_they_stand(void **state)
{
	(void)state;
	becomes("/?id=u-89161234567-x", "/?id=");
	becomes("/?id=t916_123_45_67", "/?id=");
	stays("/?id=u-89161234568-x");
	becomes("/sokolova?n=%D0%9C%D0%B0%D1%80%D0%B8%D1%8F&m=sokolovas", "/?n=&m=sokolovas");
}

static void the_longest_address_has_room(void **state)
{
	char text[DRAFT_PAGE_MAX + 1], want[DRAFT_PAGE_MAX + 1];

	(void)state;
	memset(text, 'a', DRAFT_PAGE_MAX);
	text[DRAFT_PAGE_MAX] = '\0';
	stays(text);
	memset(text, '1', DRAFT_PAGE_MAX);
	stays(text);
	memset(text, '/', DRAFT_PAGE_MAX);
	memcpy(text, "a@b", 3);
	memcpy(want, text + 3, sizeof(want) - 3);
	becomes(text, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_without_a_person_stays_as_it_was_sent),
	    cmocka_unit_test(an_email_goes_however_it_is_encoded),
	    cmocka_unit_test(a_phone_goes_however_it_is_written),
	    cmocka_unit_test(the_leads_own_phone_and_name_go_wherever_they_stand),
	    cmocka_unit_test(the_longest_address_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
