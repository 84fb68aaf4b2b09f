/* Quarantined leads as the auditor sees them: one waits, is ended by a record of the market, and is decided upon that record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "tools/audit_core.h"

#define NOON_MS  1796040000000LL
#define UNTIL_MS (NOON_MS + 1000)

static const struct lead_id id = {{7}};

static struct audit_at at(int64_t offset)
{
	return (struct audit_at){0, offset};
}

/* Received, judged quarantined, and waiting at market/0@1, behind a rate. */
static struct audit *waiting(void)
{
	struct audit *a = audit_new();

	audit_raw(a, at(0), &id);
	audit_judged(a, &(struct audit_judged){.at = at(0),
					       .raw = at(0),
					       .id = id,
					       .verdict = AUDIT_QUARANTINED,
					       .has_reasons = true});
	audit_rate(a, at(0), NOON_MS,
		   &(struct audit_rate){.vertical = "osago", .payout_share_bp = 7000});
	audit_admitted(a, at(1), NOON_MS, at(0), &id, UNTIL_MS);
	return a;
}

static void decide(struct audit *a, int64_t market_offset)
{
	audit_decided(a,
		      &(struct audit_decision){.at = at(0), .id = id, .market = at(market_offset)});
}

static void report(struct audit *a, struct audit_line lines[AUDIT_INVARIANTS])
{
	for (int t = 0; t < AUDIT_TOPICS; t++)
		audit_committed(a, (enum audit_topic)t, 0, 10);
	audit_report(a, lines);
	audit_free(a);
}

static uint64_t broken(const struct audit_line lines[AUDIT_INVARIANTS])
{
	uint64_t count = 0;

	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		count += lines[i].broken;
	return count;
}

static void a_lead_that_waits_needs_no_decision(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	report(waiting(), lines);
	assert_int_equal(broken(lines), 0);
	assert_int_equal(lines[AUDIT_ACCEPTED_ADMITTED].count, 1);
}

static void the_end_of_the_wait_is_decided_upon(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = waiting();

	audit_wait_ended(a, at(2), NOON_MS, &id, false);
	decide(a, 2);
	report(a, lines);
	if (broken(lines) > 0)
		for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
			if (lines[i].broken)
				fail_msg("%s: %s", audit_name(i), lines[i].first);

	a = waiting();
	audit_wait_ended(a, at(2), NOON_MS, &id, false);
	report(a, lines);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].lost, 1);

	/* decided upon another record than the one that ended the wait */
	a = waiting();
	audit_wait_ended(a, at(2), NOON_MS, &id, false);
	decide(a, 1);
	report(a, lines);
	assert_true(lines[AUDIT_ADMITTED_DECIDED].broken > 0);
}

static void a_wait_that_expired_too_early_is_none(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = waiting();

	audit_wait_ended(a, at(2), UNTIL_MS - 1, &id, true);
	report(a, lines);
	assert_int_equal(broken(lines), 0);

	a = waiting();
	audit_wait_ended(a, at(2), UNTIL_MS, &id, true);
	report(a, lines);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].lost, 1);
}

static void who_was_accepted_may_not_wait_and_the_other_way_round(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();

	audit_raw(a, at(0), &id);
	audit_judged(a, &(struct audit_judged){.at = at(0),
					       .raw = at(0),
					       .id = id,
					       .verdict = AUDIT_QUARANTINED,
					       .has_reasons = true});
	audit_admitted(a, at(0), NOON_MS, at(0), &id, 0);
	report(a, lines);
	assert_true(lines[AUDIT_ACCEPTED_ADMITTED].broken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lead_that_waits_needs_no_decision),
	    cmocka_unit_test(the_end_of_the_wait_is_decided_upon),
	    cmocka_unit_test(a_wait_that_expired_too_early_is_none),
	    cmocka_unit_test(who_was_accepted_may_not_wait_and_the_other_way_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
