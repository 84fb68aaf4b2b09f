/* audit_small: see audit_small.h. */
#include "audit_small.h"

#include <string.h>

struct lead_id small_id_of(enum who who)
{
	const uint8_t random[10] = {(uint8_t)(who + 1), 7, 7, 7, 7, 7, 7, 7, 7, (uint8_t)(who + 1)};

	return lead_id_make(NOON_MS, random);
}

struct audit_at small_at(int64_t offset)
{
	return (struct audit_at){0, offset};
}

void small_commit_all(struct audit *a, int64_t next)
{
	for (int t = 0; t < AUDIT_TOPICS; t++)
		audit_committed(a, (enum audit_topic)t, 0, next);
}

void small_raw(struct audit *a, enum flaw flaw)
{
	int last = flaw == RAW_TWICE || flaw == ACCEPTED_TWICE ? D + 1 : D;

	for (int w = A; w <= last; w++) {
		struct lead_id id = small_id_of(w > D ? A : (enum who)w);

		audit_raw(a, small_at(w), &id);
	}
}

void small_judge(struct audit *a, int64_t offset, int64_t raw, enum who id, enum flaw flaw)
{
	audit_judged(a, &(struct audit_judged){.at = small_at(offset),
					       .raw = small_at(raw),
					       .id = small_id_of(id),
					       .verdict = raw == C || (raw > D && flaw == RAW_TWICE)
							      ? AUDIT_REJECTED
							      : AUDIT_ACCEPTED,
					       .has_reasons = flaw != REJECT_WITHOUT_REASON});
}

void small_judged(struct audit *a, enum flaw flaw)
{
	if (flaw == VERDICT_PUT_ASIDE)
		audit_dead_letter(a, "leads.raw", 0, C);
	if (flaw == VERDICTS_REORDERED) {
		small_judge(a, 0, B, B, flaw);
		small_judge(a, 1, A, A, flaw);
	} else {
		small_judge(a, 0, A, flaw == VERDICT_SWAPPED ? B : A, flaw);
		small_judge(a, 1, B, B, flaw);
	}
	if (flaw != VERDICT_LOST && flaw != VERDICT_PUT_ASIDE)
		small_judge(a, 2, C, C, flaw);
	small_judge(a, 3, D, D, flaw);
	if (flaw == RAW_TWICE || flaw == ACCEPTED_TWICE)
		small_judge(a, 4, 4, A, flaw);
	if (flaw == REPEATED)
		for (int w = A; w <= D; w++)
			small_judge(a, 4 + w, (enum who)w, (enum who)w, flaw);
}

void small_orders(struct audit *a, enum flaw flaw)
{
	struct audit_terms o = {.order_id = "o1",
				.vertical = "osago",
				.revision = 1,
				.price = {1000, "RUB"},
				.cap_total = flaw == OVER_TOTAL ? 1 : 2,
				.cap_hour = flaw == OVER_HOUR ? 1 : 2,
				.until_ms = flaw == AFTER_THE_END ? NOON_MS : 0};

	audit_rate(a, small_at(0), NOON_MS, &(struct audit_rate){"osago", 7000, false, false});
	audit_order(a, small_at(1), NOON_MS, &o);
	o.order_id = "o2";
	o.price.amount_minor = 900;
	o.until_ms = 0;
	audit_order(a, small_at(2), NOON_MS, &o);
}

void small_admit(struct audit *a, int64_t offset, int64_t judged, enum who who)
{
	struct lead_id id = small_id_of(who);

	audit_admitted(a, small_at(offset), NOON_MS + offset, small_at(judged), &id, 0);
}

void small_settle(struct audit *a, int64_t offset, enum who who, uint32_t round, int settlement,
		  const char *order)
{
	audit_settled(a, small_at(offset), NOON_MS + offset,
		      &(struct audit_settled){.outbox = small_at(offset),
					      .id = small_id_of(who),
					      .settlement = settlement,
					      .round = round,
					      .order_id = order});
}

void small_market(struct audit *a, enum flaw flaw)
{
	small_orders(a, flaw);
	small_admit(a, 3, 0, A);
	small_admit(a, 4, 1, B);
	if (flaw == REJECT_ADMITTED)
		small_admit(a, 5, 2, C);
	if (flaw == ADMISSION_LOST)
		audit_market_other(a, small_at(5), NOON_MS);
	else
		small_admit(a, 6, 3, D);
	small_settle(a, 7, A, 0, AUDIT_DELIVERED, "o1");
	small_settle(a, 8, B, 0, AUDIT_REFUSED, "o1");
	if (flaw != FEEDBACK_LOST)
		small_settle(a, 9, B, 1, AUDIT_DELIVERED, "o2");
	small_settle(a, 10, A, 0, AUDIT_APPROVED, "o1");
	if (flaw == ADMITTED_TWICE)
		small_admit(a, 11, 4, A);
	if (flaw == REPEATED)
		small_admit(a, 11, 0, A);
}

struct audit_decision small_decision(enum who who, uint32_t round, int64_t offset, int64_t market,
				     int64_t price)
{
	return (struct audit_decision){.at = small_at(offset),
				       .market = small_at(market),
				       .id = small_id_of(who),
				       .round = round,
				       .order_id = price == 900 ? "o2" : "o1",
				       .price = {price, "RUB"},
				       .payout_minor = price * 7 / 10,
				       .exclusive = true};
}

void small_decisions(struct audit *a, enum flaw flaw)
{
	struct audit_decision d = small_decision(A, 0, 0, 3, 1000);

	if (flaw == OTHER_PRICE)
		d.price.amount_minor = 1001;
	if (flaw == OTHER_PAYOUT)
		d.payout_minor = 701;
	audit_decided(a, &d);
	d = small_decision(B, 0, 1, 4, 1000);
	audit_decided(a, &d);
	d = small_decision(B, 1, 2, flaw == OFFER_UNEXPLAINED ? 7 : 8, 900);
	if (flaw != OFFER_LOST)
		audit_decided(a, &d);
	d = small_decision(B, 1, 3, flaw == DECIDED_TWICE ? 9 : 8, 900);
	if (flaw == DECIDED_TWICE || flaw == REPEATED)
		audit_decided(a, &d);
	d = (struct audit_decision){.at = small_at(0), .market = small_at(6), .id = small_id_of(D)};
	if (flaw != DECISION_LOST && flaw != ADMISSION_LOST)
		audit_decided(a, &d);
}

static void outcome(struct audit *a, int64_t offset, enum who who, uint32_t round, int kind)
{
	int64_t price = round == 1 ? 900 : 1000;
	struct lead_id id = small_id_of(who);

	audit_attempt(a, small_at(offset), &id, round, true);
	audit_outcome(a, &(struct audit_outcome){.at = small_at(offset),
						 .id = id,
						 .kind = kind,
						 .round = round,
						 .order_id = round == 1 ? "o2" : "o1",
						 .price = {price, "RUB"},
						 .payout_minor = price * 7 / 10});
}

void small_outcomes(struct audit *a, enum flaw flaw)
{
	struct audit_outcome approved = {
	    .at = small_at(3), .id = small_id_of(A), .kind = AUDIT_APPROVED};
	struct audit_outcome bare = {.at = small_at(0),
				     .id = small_id_of(A),
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
	struct lead_id id = small_id_of(who);

	audit_entry(a, &id, round, event, event == 2 ? 2 : 1, x);
	audit_entry(a, &id, round, event, event == 2 ? 3 : 2, y);
	if (event != 2)
		audit_entry(a, &id, round, event, 4, z);
}

void small_ledger(struct audit *a, enum flaw flaw)
{
	struct lead_id lead_a = small_id_of(A), lead_b = small_id_of(B);
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

void small_tell(enum flaw flaw, struct audit_line ret[AUDIT_INVARIANTS])
{
	struct audit *a = audit_new();

	small_commit_all(a, 100);
	small_raw(a, flaw);
	small_judged(a, flaw);
	small_market(a, flaw);
	small_decisions(a, flaw);
	small_outcomes(a, flaw);
	small_ledger(a, flaw);
	audit_report(a, ret);
	audit_free(a);
}
