/* retry: when a lead is tried again. The plan is a list of waits; attempt n that failed for now waits for the n-th one.
 *
 * The jitter comes from the lead and the attempt, never from a clock or a die: the same attempt waits equally long on
 * every machine, and leads that failed together do not come back together. */
#ifndef PUNNET_DELIVERY_RETRY_H
#define PUNNET_DELIVERY_RETRY_H

#include "base/ids.h"
#include "base/result.h"

#define RETRY_WAITS_MAX   16
#define RETRY_WAIT_MAX_MS MS_PER_DAY
#define RETRY_JITTER_BP   1000 /* at most this many 1/10000 of the wait, either way */

struct retry_plan {
	int64_t wait_ms[RETRY_WAITS_MAX];
	size_t count; /* attempts in all = count + 1 */
	int64_t longest_ms;
};

/* "0s,5s,30s,2m,10m". RESULT_BAD with a sentence when it is not such a list. */
_must_use_ enum result retry_plan_parse(struct slice text, struct retry_plan *ret,
					struct error *ret_error);

/* How long to wait after attempt number `attempt` (from 1) failed for now; -1: that was the last one. What the
 * advertiser asked for (retry_after_ms, 0 = nothing) is honoured up to the plan's longest wait. */
int64_t retry_wait_ms(const struct retry_plan *plan, const struct lead_id *lead_id,
		      uint32_t attempt, int64_t retry_after_ms);

#endif
