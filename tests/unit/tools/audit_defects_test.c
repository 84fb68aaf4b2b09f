/* Clean traffic is recorded once for each row of a table; the row's defect is put into the records or into the ledger; and the auditor
 * must name the invariant and the record. Without a defect it finds nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "audit_traffic.h"

#define DEFECTS_LEAST 40

#define RAW(n)     ((Punnet__V1__RawLead *)t->records[SCAN_RAW][n].message)
#define JUDGED(n)  ((Punnet__V1__JudgedLead *)t->records[SCAN_JUDGED][n].message)
#define ROUTED(n)  ((Punnet__V1__RoutedLead *)t->records[SCAN_ROUTED][n].message)
#define OUTCOME(n) ((Punnet__V1__Outcome *)t->records[SCAN_OUTCOMES][n].message)
#define ATTEMPT(n) ((Punnet__V1__DeliveryAttempt *)t->records[SCAN_ATTEMPTS][n].message)
#define SALE(n)    (ROUTED(n)->assignment)

/* --- defects --- */

#define DEFECT(name) static void name(struct traffic *t)

DEFECT(raw_lost)
{
	traffic_lose(t, SCAN_RAW, 4);
}
DEFECT(raw_of_another)
{
	RAW(4)->lead_id.data[15] ^= 1;
}
DEFECT(verdict_lost)
{
	traffic_lose(t, SCAN_JUDGED, 9);
}
DEFECT(rejection_lost)
{
	traffic_lose(t, SCAN_JUDGED, 2);
}
DEFECT(verdicts_reordered)
{
	traffic_swap(t, SCAN_JUDGED, 4, 5);
}
DEFECT(verdict_of_another)
{
	JUDGED(4)->lead_id.data[15] ^= 1;
}
DEFECT(verdict_elsewhere)
{
	JUDGED(4)->source->partition = 3;
}
DEFECT(rejected_for_nothing)
{
	JUDGED(2)->n_reasons = 0;
}
DEFECT(no_verdict)
{
	JUDGED(5)->verdict = 0;
}
DEFECT(by_no_rules)
{
	JUDGED(5)->ruleset = (char *)"";
}
DEFECT(rejected_and_sold)
{
	JUDGED(5)->verdict = PUNNET__V1__VERDICT__REJECTED;
}
DEFECT(accepted_and_left)
{
	JUDGED(2)->verdict = PUNNET__V1__VERDICT__ACCEPTED;
}
DEFECT(accepted_twice)
{
	Punnet__V1__JudgedLead *again;

	(void)traffic_repeat(t, SCAN_RAW, 4);
	again = traffic_repeat(t, SCAN_JUDGED, 4);
	again->source->offset = TRAFFIC_LEADS;
}
DEFECT(missealed_by_the_worker)
{
	JUDGED(5)->contact->box.data[0] ^= 1;
}
DEFECT(webmaster_changed_by_the_worker)
{
	JUDGED(5)->lead->aff_id = (char *)"w18";
}
DEFECT(missealed_in_the_market)
{
	traffic_admitted(t, 3)->admitted->contact->box.data[0] ^= 1;
}
DEFECT(missealed_by_the_router)
{
	ROUTED(3)->contact->box.data[0] ^= 1;
}
DEFECT(key_day_changed)
{
	ROUTED(3)->contact->key_day++;
}
DEFECT(admission_lost)
{
	traffic_lose(t, SCAN_MARKET,
		     traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED, 8));
}
DEFECT(admission_doubled)
{
	Punnet__V1__MarketEvent *again = traffic_repeat(
	    t, SCAN_MARKET, traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED, 3));

	again->source->offset = TRAFFIC_LEADS;
}
DEFECT(rejected_lead_admitted)
{
	Punnet__V1__MarketEvent *wrong = traffic_admitted(t, 8);
	struct lead_id id = play_lead_id(2);

	memcpy(wrong->lead_id.data, id.bytes, sizeof(id.bytes));
}
DEFECT(feedback_lost)
{
	traffic_lose(t, SCAN_MARKET, traffic_settled(t, PUNNET__V1__SETTLEMENT__APPROVED));
}
DEFECT(feedback_of_nobody)
{
	traffic_event(t, traffic_settled(t, PUNNET__V1__SETTLEMENT__APPROVED))->lead_id.data[15] ^=
	    0x80;
}
DEFECT(too_much_given_back)
{
	traffic_event(t, traffic_settled(t, PUNNET__V1__SETTLEMENT__RETURNED))
	    ->settled->price_minor++;
}
DEFECT(price_of_the_order_changed)
{
	traffic_order(t, 0)->price->amount_minor++;
}
DEFECT(cap_passed)
{
	traffic_order(t, 0)->caps->total = 2;
}
DEFECT(hour_passed)
{
	traffic_order(t, 0)->caps->hour = 2;
}
DEFECT(webmaster_cap_passed)
{
	traffic_order(t, 0)->caps->webmaster_total = 2;
}
DEFECT(budget_passed)
{
	traffic_order(t, 0)->budget->total_minor = 2500;
}
DEFECT(day_budget_passed)
{
	traffic_order(t, 0)->budget->day_minor = 2500;
}
DEFECT(funds_passed)
{
	traffic_event(t, traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_FUNDS, 0))
	    ->funds->paid_in_minor = 1000;
}
DEFECT(offered_while_held)
{
	traffic_event(t, traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_HELD, 0))
	    ->held->advertiser_id = (char *)"bank-a";
}
DEFECT(sold_while_paused)
{
	traffic_order(t, 0)->paused = true;
}
DEFECT(shared_with_too_many)
{
	traffic_order(t, 2)->share_limit = 1;
}
DEFECT(beside_an_enemy)
{
	static char *enemies[] = {(char *)"bank-b"};

	traffic_order(t, 2)->not_with = enemies;
	traffic_order(t, 2)->n_not_with = 1;
}
DEFECT(payout_share_changed)
{
	traffic_event(t, traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_RATE, 0))
	    ->rate->payout_share_bp = 7100;
}
DEFECT(decision_lost)
{
	traffic_lose(t, SCAN_ROUTED, 0);
}
DEFECT(decided_twice)
{
	Punnet__V1__RoutedLead *again = traffic_repeat(t, SCAN_ROUTED, 3);

	again->source->offset = ROUTED(t->count[SCAN_ROUTED] - 2)->source->offset + 1;
}
DEFECT(price_raised)
{
	SALE(3)->price->amount_minor++;
}
DEFECT(payout_raised)
{
	SALE(3)->payout->amount_minor++;
}
DEFECT(misrouted)
{
	SALE(0)->order_id = (char *)"first";
}
DEFECT(to_an_unknown_order)
{
	SALE(3)->order_id = (char *)"nobody's";
}
DEFECT(to_another_advertiser)
{
	SALE(0)->advertiser_id = (char *)"bank-c";
}
DEFECT(for_another_webmaster)
{
	SALE(3)->aff_id = (char *)"w18";
}
DEFECT(sold_alone_and_shared)
{
	SALE(0)->exclusive = false;
}
DEFECT(round_skipped)
{
	SALE(traffic_routed_in(t, 1))->round = 5;
}
DEFECT(unsold_lost)
{
	traffic_lose(t, SCAN_UNSOLD, 0);
}
DEFECT(final_attempt_lost)
{
	ATTEMPT(3)->final = false;
}
DEFECT(attempt_of_nobody)
{
	ATTEMPT(3)->assignment->round = 6;
}
DEFECT(outcome_lost)
{
	traffic_lose(t, SCAN_OUTCOMES, 3);
}
DEFECT(outcome_at_another_price)
{
	OUTCOME(3)->assignment->price->amount_minor++;
}
DEFECT(outcome_of_another_order)
{
	OUTCOME(0)->assignment->order_id = (char *)"second";
}
DEFECT(outcome_of_nobody)
{
	OUTCOME(3)->assignment->round = 6;
}
DEFECT(delivered_and_lost)
{
	OUTCOME(0)->kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED;
}
DEFECT(delivered_after_a_refusal)
{
	OUTCOME(1)->kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
	OUTCOME(1)->assignment->exclusive = true;
}
DEFECT(approval_withdrawn)
{
	OUTCOME(t->count[SCAN_OUTCOMES] - 2)->kind = 0;
}
DEFECT(return_withdrawn)
{
	OUTCOME(t->count[SCAN_OUTCOMES] - 1)->kind = 0;
}
DEFECT(credit_lost)
{
	traffic_transfer_of(t, CREDIT)->lost = true;
}
DEFECT(webmaster_overpaid)
{
	traffic_pay_more(t, traffic_transfer_of(t, CREDIT), 2, 1, 10);
}
DEFECT(advertiser_overcharged)
{
	traffic_pay_more(t, traffic_transfer_of(t, CREDIT), 0, 2, 10);
}
DEFECT(approved_for_more)
{
	traffic_pay_more(t, traffic_transfer_of(t, APPROVE), 0, 1, 10);
}
DEFECT(reversed_for_less)
{
	traffic_pay_more(t, traffic_transfer_of(t, REVERSE), 0, 1, 10);
}
DEFECT(transfer_unbalanced)
{
	traffic_transfer_of(t, CREDIT)->amount[2]++;
}
DEFECT(transfer_in_another_currency)
{
	traffic_transfer_of(t, CREDIT)->currency = "EUR";
}
DEFECT(transfer_from_the_funds)
{
	traffic_transfer_of(t, CREDIT)->account[0] = FUNDS;
}
DEFECT(balance_raised)
{
	t->balance[PAYABLE]--;
}
DEFECT(approved_and_reversed)
{
	struct traffic_transfer *m = &t->transfers[t->transfer_count++];

	*m = *traffic_transfer_of(t, REVERSE);
	m->id = traffic_transfer_of(t, APPROVE)->id;
}
DEFECT(paid_for_nobody)
{
	traffic_transfer_of(t, CREDIT)->id.bytes[15] ^= 0x80;
}
DEFECT(life_of_nobody)
{
	t->lives[2].id.bytes[15] ^= 0x80;
}
DEFECT(booked_as_a_test)
{
	t->lives[0].is_test = true;
}

static const struct row {
	const char *name;
	void (*put)(struct traffic *t);
	enum audit_invariant invariant;
	const char *record; /* what the finding begins with */
} rows[] = {
#define ROW(name, invariant, record)                                                               \
	{                                                                                          \
#name, name, AUDIT_##invariant, record                                             \
	}
    ROW(raw_lost, RAW_JUDGED, "leads.judged/0@4: "),
    ROW(raw_of_another, RAW_JUDGED, "leads.judged/0@4: "),
    ROW(verdict_lost, RAW_JUDGED, "leads.raw/0@9: "),
    ROW(rejection_lost, RAW_JUDGED, "leads.raw/0@2: "),
    ROW(verdicts_reordered, RAW_JUDGED, "leads.raw/0@4: "),
    ROW(verdict_of_another, RAW_JUDGED, "leads.judged/0@4: "),
    ROW(verdict_elsewhere, RAW_JUDGED, "leads.judged/0@4: "),
    ROW(rejected_for_nothing, VERDICTS, "leads.judged/0@2: "),
    ROW(no_verdict, VERDICTS, "leads.judged/0@5: "),
    ROW(by_no_rules, VERDICTS, "leads.judged/0@5: "),
    ROW(rejected_and_sold, ACCEPTED_ADMITTED, "market/0@"),
    ROW(accepted_and_left, ACCEPTED_ADMITTED, "leads.judged/0@2: "),
    ROW(accepted_twice, RAW_UNIQUE, "leads.judged/0@10: "),
    ROW(missealed_by_the_worker, CARRIED, "leads.judged/0@5: "),
    ROW(webmaster_changed_by_the_worker, CARRIED, "leads.judged/0@5: "),
    ROW(missealed_in_the_market, CARRIED, "market/0@"),
    ROW(missealed_by_the_router, CARRIED, "leads.routed/0@3: "),
    ROW(key_day_changed, CARRIED, "leads.routed/0@3: "),
    ROW(admission_lost, ACCEPTED_ADMITTED, "leads.judged/0@9: "),
    ROW(admission_doubled, ACCEPTED_ADMITTED, "market/0@"),
    ROW(rejected_lead_admitted, ACCEPTED_ADMITTED, "market/0@"),
    ROW(feedback_lost, FEEDBACK, "ledger: lead "),
    ROW(feedback_of_nobody, FEEDBACK, "market/0@"),
    ROW(too_much_given_back, FEEDBACK, "leads.routed/0@"),
    ROW(price_of_the_order_changed, TERMS, "leads.routed/0@0: "),
    ROW(cap_passed, CAPS, "leads.routed/0@"),
    ROW(hour_passed, CAPS, "leads.routed/0@"),
    ROW(webmaster_cap_passed, CAPS, "leads.routed/0@"),
    ROW(budget_passed, BUDGETS, "leads.routed/0@"),
    ROW(day_budget_passed, BUDGETS, "leads.routed/0@"),
    ROW(funds_passed, FUNDS, "leads.routed/0@"),
    ROW(offered_while_held, HOLDS, "leads.routed/0@0: "),
    ROW(sold_while_paused, TERMS, "leads.routed/0@0: "),
    ROW(shared_with_too_many, SHARING, "leads.routed/0@"),
    ROW(beside_an_enemy, SHARING, "leads.routed/0@"),
    ROW(payout_share_changed, TERMS, "leads.routed/0@0: "),
    ROW(decision_lost, ADMITTED_DECIDED, "market/0@"),
    ROW(decided_twice, ADMITTED_DECIDED, "leads.routed/0@"),
    ROW(price_raised, TERMS, "leads.routed/0@3: "),
    ROW(payout_raised, TERMS, "leads.routed/0@3: "),
    ROW(misrouted, TERMS, "leads.routed/0@0: "),
    ROW(to_an_unknown_order, TERMS, "leads.routed/0@3: "),
    ROW(to_another_advertiser, TERMS, "leads.routed/0@0: "),
    ROW(for_another_webmaster, TERMS, "leads.routed/0@3: "),
    ROW(sold_alone_and_shared, SHARING, "leads.routed/0@0: "),
    ROW(round_skipped, OFFERED_ON, "market/0@"),
    ROW(unsold_lost, ADMITTED_DECIDED, "market/0@"),
    ROW(final_attempt_lost, ASSIGNED_ANSWERED, "leads.routed/0@3: "),
    ROW(attempt_of_nobody, ASSIGNED_ANSWERED, "leads.attempts/0@3: "),
    ROW(outcome_lost, ASSIGNED_ANSWERED, "leads.routed/0@3: "),
    ROW(outcome_at_another_price, ASSIGNED_ANSWERED, "leads.outcomes/0@3: "),
    ROW(outcome_of_another_order, ASSIGNED_ANSWERED, "leads.outcomes/0@0: "),
    ROW(outcome_of_nobody, ASSIGNED_ANSWERED, "leads.outcomes/0@3: "),
    ROW(delivered_and_lost, DELIVERED_CREDITED, "ledger: lead "),
    ROW(delivered_after_a_refusal, DELIVERED_ONCE, "leads.outcomes/0@"),
    ROW(approval_withdrawn, PAID_ONCE, "ledger: lead "),
    ROW(return_withdrawn, PAID_ONCE, "ledger: lead "),
    ROW(credit_lost, DELIVERED_CREDITED, "leads.outcomes/0@"),
    ROW(webmaster_overpaid, DELIVERED_CREDITED, "ledger: lead "),
    ROW(advertiser_overcharged, DELIVERED_CREDITED, "ledger: lead "),
    ROW(approved_for_more, PAID_ONCE, "ledger: lead "),
    ROW(reversed_for_less, PAID_ONCE, "ledger: lead "),
    ROW(transfer_unbalanced, TRANSFERS, "ledger: lead "),
    ROW(transfer_in_another_currency, TRANSFERS, "ledger: lead "),
    ROW(transfer_from_the_funds, TRANSFERS, "ledger: lead "),
    ROW(balance_raised, BALANCES, "ledger: account "),
    ROW(approved_and_reversed, PAID_ONCE, "ledger: lead "),
    ROW(paid_for_nobody, DELIVERED_CREDITED, "ledger: money was moved for lead "),
    ROW(life_of_nobody, DELIVERED_CREDITED, "ledger: lead "),
    ROW(booked_as_a_test, DELIVERED_CREDITED, "ledger: lead "),
#undef ROW
};

static void clean_traffic_has_no_finding(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct traffic t;

	traffic_record(&t);
	traffic_audit(&t, lines);
	for (enum audit_invariant i = 0; i < AUDIT_INVARIANTS; i++) {
		if (lines[i].broken)
			fail_msg("%s: %s", audit_name(i), lines[i].first);
		assert_int_equal(lines[i].pending, 0);
		assert_true(lines[i].count > 0);
	}
	traffic_free(&t);
}

static int wrong(const struct row *row)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	const char *first = lines[row->invariant].first;
	struct traffic t;
	int faults;

	traffic_record(&t);
	row->put(&t);
	traffic_audit(&t, lines);
	traffic_free(&t);
	faults = lines[row->invariant].broken == 0 ||
		 strncmp(first, row->record, strlen(row->record)) != 0;
	if (!faults)
		return 0;
	print_error("%s: %s says \"%s\"\n", row->name, audit_name(row->invariant), first);
	for (enum audit_invariant i = 0; i < AUDIT_INVARIANTS; i++)
		if (lines[i].broken)
			print_error("    %s: %s\n", audit_name(i), lines[i].first);
	return 1;
}

static void every_defect_is_found_under_its_name_with_its_record(_unused_ void **state)
{
	int faults = 0;

	assert_true(ARRAY_LEN(rows) >= DEFECTS_LEAST);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		faults += wrong(&rows[i]);
	assert_int_equal(faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clean_traffic_has_no_finding),
	    cmocka_unit_test(every_defect_is_found_under_its_name_with_its_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
