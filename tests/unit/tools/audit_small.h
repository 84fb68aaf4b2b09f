/* audit_small: a small network that is told to the auditor record by record, whole or with one flaw. Shared by its tests. */
#ifndef PUNNET_TESTS_AUDIT_SMALL_H
#define PUNNET_TESTS_AUDIT_SMALL_H

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

struct lead_id small_id_of(enum who who);
struct audit_at small_at(int64_t offset);
void small_commit_all(struct audit *a, int64_t next);
void small_raw(struct audit *a, enum flaw flaw);
void small_judge(struct audit *a, int64_t offset, int64_t raw, enum who id, enum flaw flaw);
void small_judged(struct audit *a, enum flaw flaw);
void small_orders(struct audit *a, enum flaw flaw);
void small_admit(struct audit *a, int64_t offset, int64_t judged, enum who who);
void small_settle(struct audit *a, int64_t offset, enum who who, uint32_t round, int settlement,
		  const char *order);
void small_market(struct audit *a, enum flaw flaw);
struct audit_decision small_decision(enum who who, uint32_t round, int64_t offset, int64_t market,
				     int64_t price);
void small_decisions(struct audit *a, enum flaw flaw);
void small_outcomes(struct audit *a, enum flaw flaw);
void small_ledger(struct audit *a, enum flaw flaw);
/* All of it, in one round. */
void small_tell(enum flaw flaw, struct audit_line ret[AUDIT_INVARIANTS]);

#endif
