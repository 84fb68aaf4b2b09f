/* The first field in which two messages differ, by name, with both values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "proto/leads_judged.pb-c.h"
#include "tools/replay/replay.h"

static void assert_named(const Punnet__V1__JudgedLead *a, const Punnet__V1__JudgedLead *b,
			 const char *field, const char *recorded, const char *recomputed)
{
	struct replay_difference d = {.found = false};

	assert_true(replay_messages_differ(&a->base, &b->base, &d));
	assert_string_equal(d.field, field);
	assert_string_equal(d.recorded, recorded);
	assert_string_equal(d.recomputed, recomputed);
}

static void fields_are_named(void **state)
{
	Punnet__V1__JudgedLead a = PUNNET__V1__JUDGED_LEAD__INIT, b = a;
	Punnet__V1__Reason x = PUNNET__V1__REASON__INIT, y = x;
	Punnet__V1__Reason *as[] = {&x, &x}, *bs[] = {&x, &y};
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	struct replay_difference d = {.found = false};

	(void)state;
	assert_false(replay_messages_differ(&a.base, &b.base, &d));
	b.score = -7;
	assert_named(&a, &b, "score", "0", "-7");
	b.score = 0;
	b.ruleset = (char *)"x";
	assert_named(&a, &b, "ruleset", "\"\"", "\"x\"");
	b.ruleset = a.ruleset;
	b.lead = &lead;
	assert_named(&a, &b, "lead", "not given", "given");
	b.lead = NULL;
	b.lead_id = (ProtobufCBinaryData){2, (uint8_t *)"\x01\xff"};
	assert_named(&a, &b, "lead_id", "", "01ff");
	b.lead_id = a.lead_id;
	a.reasons = as;
	b.reasons = bs;
	a.n_reasons = 2;
	b.n_reasons = 1;
	assert_named(&a, &b, "reasons", "2 of them", "1 of them");
	b.n_reasons = 2;
	y.code = (char *)"honeypot";
	assert_named(&a, &b, "reasons[1].code", "\"\"", "\"honeypot\"");
}

static void members_of_a_choice_are_named(void **state)
{
	Punnet__V1__JudgedLead a = PUNNET__V1__JUDGED_LEAD__INIT, b = a;
	Punnet__V1__Fact x = PUNNET__V1__FACT__INIT, y = x;
	Punnet__V1__Fact *as[] = {&x}, *bs[] = {&y};

	(void)state;
	a.facts = as;
	b.facts = bs;
	a.n_facts = b.n_facts = 1;
	x.value_case = y.value_case = PUNNET__V1__FACT__VALUE_NUMBER;
	x.number = 5;
	y.number = 6;
	assert_named(&a, &b, "facts[0].number", "5", "6");
	y.value_case = PUNNET__V1__FACT__VALUE_TEXT;
	y.text = (char *)"five";
	assert_named(&a, &b, "facts[0].number", "given", "not given");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_named),
	    cmocka_unit_test(members_of_a_choice_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
