/* What a Redis Cluster asks of a rule set: claims that are taken together, in one scope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "filter-worker/shell/rules_file.h"

static void expect_mixed(const char *text, const char *said)
{
	static struct ruleset rs; /* too large for a stack */
	struct yaml_faults faults = {.file = "rules"};
	struct buf mixed = {0};

	if (rules_file_read(slice_cstr(text), &rs, &faults) != RESULT_OK)
		fail_msg("%s", buf_cstr(&faults.text));
	ruleset_write_mixed_scopes(&rs, &mixed);
	assert_string_equal(buf_cstr(&mixed), said);
	buf_free(&mixed);
}

static void claims_that_no_cluster_can_take_together_are_found(_unused_ void **state)
{
	expect_mixed("filters: [resubmission, phone_duplicate, email_duplicate]\n", "");
	expect_mixed("filters: [resubmission, phone_duplicate: {scope: network}]\n", "");
	expect_mixed("filters: [phone_duplicate: {scope: network}, honeypot, email_duplicate]\n",
		     "phone_duplicate and email_duplicate");
	expect_mixed(
	    "filters: [phone_duplicate, email_duplicate: {shadow: true, scope: network}]\n",
	    "phone_duplicate and email_duplicate");
	expect_mixed("filters: [phone_duplicate, email_duplicate]\n"
		     "scopes: [{vertical: a, filters: [email_duplicate: {scope: network}]}]\n",
		     "phone_duplicate and email_duplicate of the scope vertical=a");
}

/* As it is delivered, a rule set runs on a cluster. */
static void the_standard_rules_fit_a_cluster(_unused_ void **state)
{
	static struct ruleset rs;
	struct buf mixed = {0};

	ruleset_standard(&rs);
	ruleset_write_mixed_scopes(&rs, &mixed);
	assert_int_equal(mixed.len, 0);
	buf_free(&mixed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(claims_that_no_cluster_can_take_together_are_found),
	    cmocka_unit_test(the_standard_rules_fit_a_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
