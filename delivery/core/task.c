/* task: see task.h. */
#include "task.h"

struct task_step task_after(const struct task_past *past, const struct attempt_said *said,
			    const struct retry_plan *plan, const struct lead_id *lead_id,
			    int64_t ended_at_ms)
{
	struct task_step step = {
	    .attempt = past->attempts + 1,
	    .said = *said,
	    .ever_unknown = !said->absent && (past->ever_unknown || said->unknown),
	    .final = true,
	};
	int64_t wait_ms;

	if (said->result != ATTEMPT_TEMPFAIL)
		return step;

	wait_ms = retry_wait_ms(plan, lead_id, step.attempt, said->retry_after_ms);
	if (wait_ms < 0)
		return step;

	step.final = false;
	step.next_due_at_ms = ended_at_ms + wait_ms;
	return step;
}

/* Whom a permanent failure is about. Only an answer about the lead itself clears the doubt of an earlier attempt: an
 * endpoint that is gone today may have taken the lead a minute ago, and a "duplicate" may be of that very attempt. */
enum failure_about { ABOUT_LEAD, ABOUT_ENDPOINT, ABOUT_US };

static enum failure_about about(enum reason reason)
{
	switch (reason) {
	case REASON_DELIVERY_REFUSED:
		return ABOUT_LEAD;
	case REASON_DELIVERY_ENDPOINT_INVALID:
	case REASON_DELIVERY_ADDRESS_REFUSED:
	case REASON_DELIVERY_CONTACT_DESTROYED:
	case REASON_ERASED:
		return ABOUT_US;
	default:
		return ABOUT_ENDPOINT;
	}
}

enum task_outcome outcome_of(enum attempt_result result, enum reason reason, bool ever_unknown)
{
	if (result == ATTEMPT_OK)
		return TASK_DELIVERED;
	if (result == ATTEMPT_PERMFAIL && about(reason) == ABOUT_LEAD)
		return TASK_REFUSED;
	if (ever_unknown)
		return TASK_UNRESOLVED;
	if (result == ATTEMPT_PERMFAIL && about(reason) == ABOUT_ENDPOINT)
		return TASK_REFUSED;

	return TASK_UNDELIVERABLE;
}

enum reason outcome_reason(enum task_outcome outcome, enum reason last)
{
	if (outcome == TASK_DELIVERED)
		return REASON_NONE;

	return outcome == TASK_UNRESOLVED ? REASON_DELIVERY_UNRESOLVED : last;
}

bool task_may_be_under_way(bool was_there, bool clean, bool has_attempt, bool final,
			   int64_t next_due_at_ms, int64_t taken_over_at_ms)
{
	if (!was_there || clean || final)
		return false;

	return !has_attempt || next_due_at_ms <= taken_over_at_ms;
}
