/* The auditor over a small network that is told record by record: a whole one gives no finding, and each way of breaking
 * it is found under its own name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "audit_small.h"

static void expect_fine(enum flaw flaw)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	small_tell(flaw, lines);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		if (lines[i].broken)
			fail_msg("flaw %d: %s: %s", flaw, audit_name(i), lines[i].first);
}

enum kind { LOST, TWICE, WRONG };

static void expect(enum flaw flaw, enum audit_invariant i, enum kind kind)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	small_tell(flaw, lines);
	if (!lines[i].broken)
		fail_msg("flaw %d: %s found nothing", flaw, audit_name(i));
	assert_true(lines[i].first[0] != '\0');
	assert_int_equal(lines[i].lost > 0, kind == LOST);
	assert_int_equal(lines[i].twice > 0, kind == TWICE);
}

static void a_whole_network_has_no_finding_and_nothing_under_way(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	small_tell(WHOLE, lines);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		if (lines[i].broken)
			fail_msg("%s: %s", audit_name(i), lines[i].first);
		assert_int_equal(lines[i].pending, 0);
	}
	assert_int_equal(lines[AUDIT_RAW_UNIQUE].count, 4);
	assert_int_equal(lines[AUDIT_RAW_JUDGED].count, 4);
	assert_int_equal(lines[AUDIT_ACCEPTED_ADMITTED].count, 3);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].count, 3);
	assert_int_equal(lines[AUDIT_OFFERED_ON].count, 1);
	assert_int_equal(lines[AUDIT_CAPS].count, 3);
	assert_int_equal(lines[AUDIT_DELIVERED_CREDITED].count, 2);
	assert_int_equal(lines[AUDIT_TRANSFERS].count, 3);
	assert_int_equal(lines[AUDIT_FEEDBACK].count, 3);
	assert_int_equal(lines[AUDIT_RAW_UNIQUE].hash, lines[AUDIT_RAW_JUDGED].hash);
}

static void what_a_stage_repeats_after_a_crash_is_no_finding(_unused_ void **state)
{
	expect_fine(REPEATED);
}

static void a_dead_letter_explains_a_gap(_unused_ void **state)
{
	expect_fine(VERDICT_PUT_ASIDE);
}

static void a_lead_that_is_stored_twice_may_be_accepted_once(_unused_ void **state)
{
	expect_fine(RAW_TWICE);
	expect(ACCEPTED_TWICE, AUDIT_RAW_UNIQUE, TWICE);
}

static void verdicts_that_are_lost_reordered_or_swapped_are_found(_unused_ void **state)
{
	expect(VERDICT_LOST, AUDIT_RAW_JUDGED, LOST);
	expect(VERDICTS_REORDERED, AUDIT_RAW_JUDGED, LOST);
	expect(REJECT_WITHOUT_REASON, AUDIT_VERDICTS, WRONG);
}

static void a_verdict_about_another_lead_is_found(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	small_tell(VERDICT_SWAPPED, lines);
	assert_true(lines[AUDIT_RAW_JUDGED].broken > 0);
	assert_non_null(strstr(lines[AUDIT_RAW_JUDGED].first, "leads.judged/0@0"));
}

static void admissions_that_are_lost_doubled_or_not_deserved_are_found(_unused_ void **state)
{
	expect(ADMISSION_LOST, AUDIT_ACCEPTED_ADMITTED, LOST);
	expect(ADMITTED_TWICE, AUDIT_ACCEPTED_ADMITTED, WRONG);
	expect(REJECT_ADMITTED, AUDIT_ACCEPTED_ADMITTED, WRONG);
}

static void decisions_that_are_lost_doubled_or_unexplained_are_found(_unused_ void **state)
{
	expect(DECISION_LOST, AUDIT_ADMITTED_DECIDED, LOST);
	expect(DECIDED_TWICE, AUDIT_ADMITTED_DECIDED, TWICE);
	expect(OFFER_LOST, AUDIT_OFFERED_ON, LOST);
	expect(OFFER_UNEXPLAINED, AUDIT_OFFERED_ON, WRONG);
}

static void an_order_that_takes_more_than_it_may_is_found(_unused_ void **state)
{
	expect(OVER_TOTAL, AUDIT_CAPS, WRONG);
	expect(OVER_HOUR, AUDIT_CAPS, WRONG);
	expect(AFTER_THE_END, AUDIT_TERMS, WRONG);
	expect(OTHER_PRICE, AUDIT_TERMS, WRONG);
	expect(OTHER_PAYOUT, AUDIT_TERMS, WRONG);
}

static void outcomes_that_are_lost_unrecorded_or_doubled_are_found(_unused_ void **state)
{
	expect(OUTCOME_LOST, AUDIT_ASSIGNED_ANSWERED, LOST);
	expect(OUTCOME_UNRECORDED, AUDIT_ASSIGNED_ANSWERED, WRONG);
	expect(DELIVERED_TWICE, AUDIT_DELIVERED_ONCE, TWICE);
	expect(FEEDBACK_LOST, AUDIT_FEEDBACK, LOST);
}

static void money_that_is_missing_wrong_or_out_of_balance_is_found(_unused_ void **state)
{
	expect(CREDIT_LOST, AUDIT_DELIVERED_CREDITED, LOST);
	expect(CREDIT_UNDELIVERED, AUDIT_DELIVERED_CREDITED, WRONG);
	expect(OVERPAID, AUDIT_DELIVERED_CREDITED, WRONG);
	expect(UNBALANCED, AUDIT_TRANSFERS, WRONG);
	expect(BALANCE_WRONG, AUDIT_BALANCES, WRONG);
	expect(APPROVED_AND_REVERSED, AUDIT_PAID_ONCE, WRONG);
	expect(APPROVED_BY_NOBODY, AUDIT_PAID_ONCE, WRONG);
}

/* The same gaps, above what their readers have committed. */
static void what_no_reader_has_committed_past_is_pending_and_not_lost(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();
	uint64_t pending = 0;

	small_commit_all(a, 0);
	small_raw(a, WHOLE);
	small_judge(a, 0, A, A, WHOLE);
	small_judge(a, 1, B, B, WHOLE);
	small_orders(a, WHOLE);
	small_admit(a, 3, 0, A);
	audit_ledger_begin(a);
	audit_ledger_end(a);
	audit_report(a, lines);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		assert_int_equal(lines[i].broken, 0);
		pending += lines[i].pending;
	}
	assert_int_equal(lines[AUDIT_RAW_JUDGED].pending, 2);
	assert_int_equal(lines[AUDIT_ACCEPTED_ADMITTED].pending, 1);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].pending, 1);
	assert_int_equal(pending, 4); /* every lead under way is counted once */
	audit_free(a);
}

static void a_place_that_a_refusal_gave_back_may_be_taken_again(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();
	struct audit_decision d;

	small_commit_all(a, 100);
	small_raw(a, WHOLE);
	small_judged(a, WHOLE);
	small_orders(a, OVER_TOTAL); /* one lead in all */
	small_admit(a, 3, 0, A);
	small_settle(a, 4, A, 0, AUDIT_REFUSED, "o1");
	small_admit(a, 5, 1, B);
	d = small_decision(A, 0, 0, 3, 1000);
	audit_decided(a, &d);
	d = (struct audit_decision){
	    .at = small_at(0), .market = small_at(4), .id = small_id_of(A), .round = 1};
	audit_decided(a, &d);
	d = small_decision(B, 0, 1, 5, 1000);
	audit_decided(a, &d);
	audit_report(a, lines);
	assert_int_equal(lines[AUDIT_CAPS].broken, 0);
	assert_int_equal(lines[AUDIT_CAPS].count, 2);
	audit_free(a);
}

static void a_decision_that_comes_in_a_later_round_completes_the_earlier_one(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();

	small_commit_all(a, 0);
	small_raw(a, WHOLE);
	small_judged(a, WHOLE);
	small_market(a, WHOLE);
	audit_report(a, lines);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].pending, 3);
	small_commit_all(a, 100);
	small_decisions(a, WHOLE);
	small_outcomes(a, WHOLE);
	small_ledger(a, WHOLE);
	audit_report(a, lines);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		assert_int_equal(lines[i].broken, 0);
		assert_int_equal(lines[i].pending, 0);
	}
	audit_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_network_has_no_finding_and_nothing_under_way),
	    cmocka_unit_test(what_a_stage_repeats_after_a_crash_is_no_finding),
	    cmocka_unit_test(a_dead_letter_explains_a_gap),
	    cmocka_unit_test(a_lead_that_is_stored_twice_may_be_accepted_once),
	    cmocka_unit_test(verdicts_that_are_lost_reordered_or_swapped_are_found),
	    cmocka_unit_test(a_verdict_about_another_lead_is_found),
	    cmocka_unit_test(admissions_that_are_lost_doubled_or_not_deserved_are_found),
	    cmocka_unit_test(decisions_that_are_lost_doubled_or_unexplained_are_found),
	    cmocka_unit_test(an_order_that_takes_more_than_it_may_is_found),
	    cmocka_unit_test(outcomes_that_are_lost_unrecorded_or_doubled_are_found),
	    cmocka_unit_test(money_that_is_missing_wrong_or_out_of_balance_is_found),
	    cmocka_unit_test(what_no_reader_has_committed_past_is_pending_and_not_lost),
	    cmocka_unit_test(a_place_that_a_refusal_gave_back_may_be_taken_again),
	    cmocka_unit_test(a_decision_that_comes_in_a_later_round_completes_the_earlier_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
