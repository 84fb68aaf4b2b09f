/* Which list applies to a lead: each step of the order, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "filter-worker/core/judge.h"
#include "filter-worker/shell/rules_file.h"

static void read_rules(const char *text, struct ruleset *ret)
{
	struct yaml_faults faults = {.file = "rules"};

	if (rules_file_read(slice_cstr(text), ret, &faults) != RESULT_OK)
		fail_msg("%s", buf_cstr(&faults.text));
	yaml_faults_free(&faults);
}

static void expect_scope(const struct ruleset *rs, const char *vertical, const char *webmaster,
			 const char *wanted)
{
	_cleanup_(buf_free) struct buf text = {0};

	ruleset_scope_text(rs, ruleset_list(rs, slice_cstr(vertical), slice_cstr(webmaster)),
			   &text);
	assert_string_equal(buf_cstr(&text), wanted);
}

static void expect_fault(const char *more, const char *said)
{
	static struct ruleset rs;
	_cleanup_(buf_free) struct buf text = {0};
	struct yaml_faults faults = {.file = "rules.yaml"};

	buf_printf(&text, "filters: [honeypot]\n%s", more);
	assert_int_equal(rules_file_read(buf_slice(&text), &rs, &faults), RESULT_BAD);
	if (!strstr(buf_cstr(&faults.text), said))
		fail_msg("expected to read \"%s\" in: %s", said, buf_cstr(&faults.text));
	yaml_faults_free(&faults);
}

/* The scopes stand in the file from the weakest to the strongest, and the other way round: their order is no matter. */
static const char *const orders[] = {
    "  - class: firms\n  - vertical: leasing\n  - webmaster: w17\n"
    "  - {vertical: leasing, webmaster: w17}\n",
    "  - {vertical: leasing, webmaster: w17}\n  - webmaster: w17\n  - vertical: leasing\n"
    "  - class: firms\n",
};

static void read_all_scopes(const char *order, struct ruleset *ret)
{
	_cleanup_(buf_free) struct buf text = {0};

	buf_printf(&text, "filters: [honeypot]\nclasses: {firms: [leasing, audit]}\nscopes:\n%s",
		   order);
	read_rules(buf_cstr(&text), ret);
}

static void vertical_and_webmaster_go_before_the_webmaster(void **state)
{
	static struct ruleset rs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		read_all_scopes(orders[i], &rs);
		expect_scope(&rs, "leasing", "w17", "vertical=leasing webmaster=w17");
	}
}

static void the_webmaster_goes_before_the_vertical_and_its_class(void **state)
{
	static struct ruleset rs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		read_all_scopes(orders[i], &rs);
		expect_scope(&rs, "audit", "w17", "webmaster=w17");
		expect_scope(&rs, "osago", "w17", "webmaster=w17");
	}
	read_rules("filters: [honeypot]\nscopes: [{vertical: osago}, {webmaster: w17}]\n", &rs);
	expect_scope(&rs, "osago", "w17", "webmaster=w17");
}

static void the_vertical_goes_before_its_class(void **state)
{
	static struct ruleset rs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		read_all_scopes(orders[i], &rs);
		expect_scope(&rs, "leasing", "w18", "vertical=leasing");
	}
}

static void the_class_goes_before_the_network(void **state)
{
	static struct ruleset rs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		read_all_scopes(orders[i], &rs);
		expect_scope(&rs, "audit", "w18", "class=firms");
	}
}

static void who_fits_no_scope_is_judged_by_the_network(void **state)
{
	static struct ruleset rs;

	(void)state;
	read_all_scopes(orders[0], &rs);
	expect_scope(&rs, "osago", "w18", "");
	expect_scope(&rs, "leasin", "w1", "");
	expect_scope(&rs, "", "", "");
	expect_scope(&rs, "firms", "w18", ""); /* a class is no vertical */
}

static void a_class_changes_the_verdict_of_its_verticals_alone(void **state)
{
	static struct ruleset rs;
	struct facts facts = {0};
	struct arena a = {0};
	struct judgement j;

	(void)state;
	read_rules("filters: [honeypot]\nclasses: {firms: [leasing]}\n"
		   "scopes: [{class: firms, filters: [honeypot: {action: reject}]}]\n",
		   &rs);
	facts_set_number(&facts, FACT_HONEYPOT, 1);
	facts_set_text(&facts, FACT_VERTICAL, SLICE("leasing"));
	judge_lead(&rs, &facts, &a, &j);
	assert_int_equal(j.verdict, LEAD_REJECTED);
	facts_set_text(&facts, FACT_VERTICAL, SLICE("osago"));
	judge_lead(&rs, &facts, &a, &j);
	assert_int_equal(j.verdict, LEAD_ACCEPTED);
	arena_free(&a);
}

static void the_hash_knows_classes_and_not_the_order_of_their_verticals(void **state)
{
	static struct ruleset plain, one, other, more;

	(void)state;
	read_rules("filters: [honeypot]\n", &plain);
	read_rules("filters: [honeypot]\nclasses: {a: [x, y], b: [z]}\n", &one);
	read_rules("classes: {b: [z], a: [y, x]}\nfilters: [honeypot]\n", &other);
	read_rules("filters: [honeypot]\nclasses: {a: [x, y, w], b: [z]}\n", &more);
	assert_string_equal(one.hash, other.hash);
	assert_string_not_equal(one.hash, plain.hash);
	assert_string_not_equal(one.hash, more.hash);
}

static void what_can_not_be_a_class_is_said_with_its_line(void **state)
{
	(void)state;
	expect_fault("classes: [firms]\n", "rules.yaml:2: classes: expected {name:");
	expect_fault("classes: {firms: leasing}\n", "rules.yaml:2: classes: expected `name:");
	expect_fault("classes: {firms: []}\n", "rules.yaml:2: classes: expected `name:");
	expect_fault("classes: {\"two words\": [leasing]}\n", "without blanks");
	expect_fault("classes:\n  firms: [leasing, leasing]\n",
		     "rules.yaml:3: classes: firms: expected at most 32 different verticals");
	expect_fault("classes:\n  firms: [leasing]\n  loans: [leasing]\n",
		     "rules.yaml:4: classes: loans: has a vertical of another class");
	expect_fault("scopes:\n  - class: firms\n",
		     "rules.yaml:3: scopes: class \"firms\" is not one of `classes`");
	expect_fault("classes: {firms: [leasing]}\nscopes:\n  - {class: firms, webmaster: w17}\n",
		     "rules.yaml:4: scopes: expected a vertical, a webmaster, or both; or a class");
	expect_fault("classes: {firms: [leasing]}\nscopes: [{class: firms}, {class: firms}]\n",
		     "scopes: this one stands twice");
	expect_fault("scopes: [{vertical: \"a b\"}]\n", "without blanks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vertical_and_webmaster_go_before_the_webmaster),
	    cmocka_unit_test(the_webmaster_goes_before_the_vertical_and_its_class),
	    cmocka_unit_test(the_vertical_goes_before_its_class),
	    cmocka_unit_test(the_class_goes_before_the_network),
	    cmocka_unit_test(who_fits_no_scope_is_judged_by_the_network),
	    cmocka_unit_test(a_class_changes_the_verdict_of_its_verticals_alone),
	    cmocka_unit_test(the_hash_knows_classes_and_not_the_order_of_their_verticals),
	    cmocka_unit_test(what_can_not_be_a_class_is_said_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
