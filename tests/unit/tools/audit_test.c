/* The auditor over a small network that is told record by record: a whole one gives no finding, and each way of breaking
 * it is found under its own name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "tools/audit_core.h"

#define HOUR_MS INT64_C(3600000)
#define NOON_MS (INT64_C(490000) * HOUR_MS)

enum flaw {
	WHOLE,
	REPEATED,  /* every stage said everything twice: no flaw at all */
	RAW_TWICE, /* one of the two records was set aside: no flaw */
	ACCEPTED_TWICE,
	VERDICT_LOST,
	VERDICT_PUT_ASIDE, /* lost, and explained by a dead letter: no flaw */
	VERDICTS_REORDERED,
	VERDICT_SWAPPED,
	REJECT_WITHOUT_REASON,
	ADMISSION_LOST,
	ADMITTED_TWICE,
	REJECT_ADMITTED,
	DECISION_LOST,
	DECIDED_TWICE,
	OFFER_LOST,
	OFFER_UNEXPLAINED,
	OVER_TOTAL,
	OVER_HOUR,
	AFTER_THE_END,
	OTHER_PRICE,
	OTHER_PAYOUT,
	OUTCOME_LOST,
	OUTCOME_UNRECORDED,
	DELIVERED_TWICE,
	CREDIT_LOST,
	CREDIT_UNDELIVERED,
	OVERPAID,
	UNBALANCED,
	BALANCE_WRONG,
	APPROVED_AND_REVERSED,
	APPROVED_BY_NOBODY,
	FEEDBACK_LOST,
};

/* Four leads: A is sold and approved, B is refused by one and sold to another, C is rejected, D is unsold. */
enum who { A, B, C, D, NOBODY };

static struct lead_id id_of(enum who who)
{
	const uint8_t random[10] = {(uint8_t)(who + 1), 7, 7, 7, 7, 7, 7, 7, 7, (uint8_t)(who + 1)};

	return lead_id_make(NOON_MS, random);
}

static struct audit_at at(int64_t offset)
{
	return (struct audit_at){0, offset};
}

static void commit_all(struct audit *a, int64_t next)
{
	for (int t = 0; t < AUDIT_TOPICS; t++)
		audit_committed(a, (enum audit_topic)t, 0, next);
}

static void tell_raw(struct audit *a, enum flaw flaw)
{
	int last = flaw == RAW_TWICE || flaw == ACCEPTED_TWICE ? D + 1 : D;

	for (int w = A; w <= last; w++) {
		struct lead_id id = id_of(w > D ? A : (enum who)w);

		audit_raw(a, at(w), &id);
	}
}

static void judge(struct audit *a, int64_t offset, int64_t raw, enum who id, enum flaw flaw)
{
	audit_judged(a, &(struct audit_judged){.at = at(offset),
					       .raw = at(raw),
					       .id = id_of(id),
					       .verdict = raw == C || (raw > D && flaw == RAW_TWICE)
							      ? AUDIT_REJECTED
							      : AUDIT_ACCEPTED,
					       .has_reasons = flaw != REJECT_WITHOUT_REASON});
}

static void tell_judged(struct audit *a, enum flaw flaw)
{
	if (flaw == VERDICT_PUT_ASIDE)
		audit_dead_letter(a, "leads.raw", 0, C);
	if (flaw == VERDICTS_REORDERED) {
		judge(a, 0, B, B, flaw);
		judge(a, 1, A, A, flaw);
	} else {
		judge(a, 0, A, flaw == VERDICT_SWAPPED ? B : A, flaw);
		judge(a, 1, B, B, flaw);
	}
	if (flaw != VERDICT_LOST && flaw != VERDICT_PUT_ASIDE)
		judge(a, 2, C, C, flaw);
	judge(a, 3, D, D, flaw);
	if (flaw == RAW_TWICE || flaw == ACCEPTED_TWICE)
		judge(a, 4, 4, A, flaw);
	if (flaw == REPEATED)
		for (int w = A; w <= D; w++)
			judge(a, 4 + w, (enum who)w, (enum who)w, flaw);
}

static void tell_orders(struct audit *a, enum flaw flaw)
{
	struct audit_terms o = {.order_id = "o1",
				.vertical = "osago",
				.revision = 1,
				.price = {1000, "RUB"},
				.cap_total = flaw == OVER_TOTAL ? 1 : 2,
				.cap_hour = flaw == OVER_HOUR ? 1 : 2,
				.until_ms = flaw == AFTER_THE_END ? NOON_MS : 0};

	audit_rate(a, at(0), NOON_MS, &(struct audit_rate){"osago", 7000, false, false});
	audit_order(a, at(1), NOON_MS, &o);
	o.order_id = "o2";
	o.price.amount_minor = 900;
	o.until_ms = 0;
	audit_order(a, at(2), NOON_MS, &o);
}

static void admit(struct audit *a, int64_t offset, int64_t judged, enum who who)
{
	struct lead_id id = id_of(who);

	audit_admitted(a, at(offset), NOON_MS + offset, at(judged), &id, 0);
}

static void settle(struct audit *a, int64_t offset, enum who who, uint32_t round, int settlement,
		   const char *order)
{
	audit_settled(a, at(offset), NOON_MS + offset,
		      &(struct audit_settled){.outbox = at(offset),
					      .id = id_of(who),
					      .settlement = settlement,
					      .round = round,
					      .order_id = order});
}

static void tell_market(struct audit *a, enum flaw flaw)
{
	tell_orders(a, flaw);
	admit(a, 3, 0, A);
	admit(a, 4, 1, B);
	if (flaw == REJECT_ADMITTED)
		admit(a, 5, 2, C);
	if (flaw == ADMISSION_LOST)
		audit_market_other(a, at(5), NOON_MS);
	else
		admit(a, 6, 3, D);
	settle(a, 7, A, 0, AUDIT_DELIVERED, "o1");
	settle(a, 8, B, 0, AUDIT_REFUSED, "o1");
	if (flaw != FEEDBACK_LOST)
		settle(a, 9, B, 1, AUDIT_DELIVERED, "o2");
	settle(a, 10, A, 0, AUDIT_APPROVED, "o1");
	if (flaw == ADMITTED_TWICE)
		admit(a, 11, 4, A);
	if (flaw == REPEATED)
		admit(a, 11, 0, A);
}

static struct audit_decision decision(enum who who, uint32_t round, int64_t offset, int64_t market,
				      int64_t price)
{
	return (struct audit_decision){.at = at(offset),
				       .market = at(market),
				       .id = id_of(who),
				       .round = round,
				       .order_id = price == 900 ? "o2" : "o1",
				       .price = {price, "RUB"},
				       .payout_minor = price * 7 / 10,
				       .exclusive = true};
}

static void tell_decisions(struct audit *a, enum flaw flaw)
{
	struct audit_decision d = decision(A, 0, 0, 3, 1000);

	if (flaw == OTHER_PRICE)
		d.price.amount_minor = 1001;
	if (flaw == OTHER_PAYOUT)
		d.payout_minor = 701;
	audit_decided(a, &d);
	d = decision(B, 0, 1, 4, 1000);
	audit_decided(a, &d);
	d = decision(B, 1, 2, flaw == OFFER_UNEXPLAINED ? 7 : 8, 900);
	if (flaw != OFFER_LOST)
		audit_decided(a, &d);
	d = decision(B, 1, 3, flaw == DECIDED_TWICE ? 9 : 8, 900);
	if (flaw == DECIDED_TWICE || flaw == REPEATED)
		audit_decided(a, &d);
	d = (struct audit_decision){.at = at(0), .market = at(6), .id = id_of(D)};
	if (flaw != DECISION_LOST && flaw != ADMISSION_LOST)
		audit_decided(a, &d);
}

static void outcome(struct audit *a, int64_t offset, enum who who, uint32_t round, int kind)
{
	int64_t price = round == 1 ? 900 : 1000;
	struct lead_id id = id_of(who);

	audit_attempt(a, at(offset), &id, round, true);
	audit_outcome(a, &(struct audit_outcome){.at = at(offset),
						 .id = id,
						 .kind = kind,
						 .round = round,
						 .order_id = round == 1 ? "o2" : "o1",
						 .price = {price, "RUB"},
						 .payout_minor = price * 7 / 10});
}

static void tell_outcomes(struct audit *a, enum flaw flaw)
{
	struct audit_outcome approved = {.at = at(3), .id = id_of(A), .kind = AUDIT_APPROVED};
	struct audit_outcome bare = {.at = at(0),
				     .id = id_of(A),
				     .kind = AUDIT_DELIVERED,
				     .order_id = "o1",
				     .price = {1000, "RUB"},
				     .payout_minor = 700};

	int first = flaw == CREDIT_UNDELIVERED ? AUDIT_UNRESOLVED : AUDIT_DELIVERED;

	if (flaw == OUTCOME_UNRECORDED)
		audit_outcome(a, &bare);
	else
		outcome(a, 0, A, 0, first);
	outcome(a, 1, B, 0, flaw == DELIVERED_TWICE ? AUDIT_DELIVERED : AUDIT_REFUSED);
	for (int n = flaw == OUTCOME_LOST ? 0 : flaw == REPEATED ? 2 : 1; n > 0; n--)
		outcome(a, 2, B, 1, AUDIT_DELIVERED);
	if (flaw != APPROVED_BY_NOBODY)
		audit_outcome(a, &approved);
}

static void book(struct audit *a, enum who who, uint32_t round, int event, int64_t x, int64_t y,
		 int64_t z)
{
	struct lead_id id = id_of(who);

	audit_entry(a, &id, round, event, event == 2 ? 2 : 1, x);
	audit_entry(a, &id, round, event, event == 2 ? 3 : 2, y);
	if (event != 2)
		audit_entry(a, &id, round, event, 4, z);
}

static void tell_ledger(struct audit *a, enum flaw flaw)
{
	struct lead_id lead_a = id_of(A), lead_b = id_of(B);
	bool lost = flaw == CREDIT_LOST;
	int64_t more = flaw == OVERPAID ? 10 : 0;

	audit_ledger_begin(a);
	audit_life(a, &lead_a, 0, 2, false);
	audit_life(a, &lead_b, 0, 4, false);
	if (flaw != OUTCOME_LOST)
		audit_life(a, &lead_b, 1, 1, false);
	audit_account(a, 1, "advertisers:bank:receivable", "RUB", lost ? 1000 : 1900);
	audit_account(a, 2, "webmasters:w1:hold", "RUB", (lost ? 0 : -630) - more);
	audit_account(a, 3, "webmasters:w1:payable", "RUB", -700);
	audit_account(a, 4, "network:margin", "RUB",
		      (lost ? -300 : -570) + more + (flaw == BALANCE_WRONG));
	audit_transfer(a, &lead_a, 0, 1, "RUB");
	audit_transfer(a, &lead_a, 0, 2, "RUB");
	if (flaw == APPROVED_AND_REVERSED)
		audit_transfer(a, &lead_a, 0, 3, "RUB");
	if (!lost)
		audit_transfer(a, &lead_b, 1, 1, "RUB");
	book(a, A, 0, 1, 1000, -700, flaw == UNBALANCED ? -299 : -300);
	book(a, A, 0, 2, 700, -700, 0);
	if (flaw == APPROVED_AND_REVERSED)
		book(a, A, 0, 3, -1000, 700, 300);
	if (!lost)
		book(a, B, 1, 1, 900, -630 - more, -270 + more);
	audit_ledger_end(a);
}

static void tell(enum flaw flaw, struct audit_line ret[AUDIT_INVARIANTS])
{
	struct audit *a = audit_new();

	commit_all(a, 100);
	tell_raw(a, flaw);
	tell_judged(a, flaw);
	tell_market(a, flaw);
	tell_decisions(a, flaw);
	tell_outcomes(a, flaw);
	tell_ledger(a, flaw);
	audit_report(a, ret);
	audit_free(a);
}

static void expect_fine(enum flaw flaw)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	tell(flaw, lines);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		if (lines[i].broken)
			fail_msg("flaw %d: %s: %s", flaw, audit_name(i), lines[i].first);
}

enum kind { LOST, TWICE, WRONG };

static void expect(enum flaw flaw, enum audit_invariant i, enum kind kind)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	tell(flaw, lines);
	if (!lines[i].broken)
		fail_msg("flaw %d: %s found nothing", flaw, audit_name(i));
	assert_true(lines[i].first[0] != '\0');
	assert_int_equal(lines[i].lost > 0, kind == LOST);
	assert_int_equal(lines[i].twice > 0, kind == TWICE);
}

static void a_whole_network_has_no_finding_and_nothing_under_way(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	tell(WHOLE, lines);
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

	tell(VERDICT_SWAPPED, lines);
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

	commit_all(a, 0);
	tell_raw(a, WHOLE);
	judge(a, 0, A, A, WHOLE);
	judge(a, 1, B, B, WHOLE);
	tell_orders(a, WHOLE);
	admit(a, 3, 0, A);
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

	commit_all(a, 100);
	tell_raw(a, WHOLE);
	tell_judged(a, WHOLE);
	tell_orders(a, OVER_TOTAL); /* one lead in all */
	admit(a, 3, 0, A);
	settle(a, 4, A, 0, AUDIT_REFUSED, "o1");
	admit(a, 5, 1, B);
	d = decision(A, 0, 0, 3, 1000);
	audit_decided(a, &d);
	d = (struct audit_decision){.at = at(0), .market = at(4), .id = id_of(A), .round = 1};
	audit_decided(a, &d);
	d = decision(B, 0, 1, 5, 1000);
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

	commit_all(a, 0);
	tell_raw(a, WHOLE);
	tell_judged(a, WHOLE);
	tell_market(a, WHOLE);
	audit_report(a, lines);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].pending, 3);
	commit_all(a, 100);
	tell_decisions(a, WHOLE);
	tell_outcomes(a, WHOLE);
	tell_ledger(a, WHOLE);
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
