/* task: one assignment on its way to its advertiser, as a fold over what its attempts said.
 *
 * task_after() decides what an attempt leads to; outcome_of() says what a final attempt makes of the assignment. Both
 * use only what the attempt's record holds, so a successor that reads the record decides the same. */
#ifndef PUNNET_DELIVERY_TASK_H
#define PUNNET_DELIVERY_TASK_H

#include "attempt.h"
#include "retry.h"

/* What is known of the attempts before. */
struct task_past {
	uint32_t attempts;
	bool ever_unknown; /* and nobody said since that it did not arrive */
};

struct task_step {
	uint32_t attempt; /* from 1 */
	struct attempt_said said;
	bool ever_unknown;
	bool final;
	int64_t next_due_at_ms; /* 0 when final */
};

struct task_step task_after(const struct task_past *past, const struct attempt_said *said,
			    const struct retry_plan *plan, const struct lead_id *lead_id,
			    int64_t ended_at_ms);

/* The numbers are those of the OutcomeKind message. */
enum task_outcome {
	TASK_DELIVERED = 1,
	TASK_REFUSED = 2,
	TASK_UNDELIVERABLE = 3, /* it never arrived, and that is known */
	TASK_UNRESOLVED = 4,    /* it may have arrived */
};

enum task_outcome outcome_of(enum attempt_result result, enum reason reason, bool ever_unknown);
/* The reason that the outcome carries; REASON_NONE for a delivery. */
enum reason outcome_reason(enum task_outcome outcome, enum reason last);

/* A successor must take an attempt for one that may have arrived when its predecessor could have had it under way:
 * the record was there before the successor came, and either no attempt of it is recorded, or the next one was due. */
bool task_may_be_under_way(bool was_there, bool clean, bool has_attempt, bool final,
			   int64_t next_due_at_ms, int64_t taken_over_at_ms);

#endif
