/* retry: see retry.h. */
#include "retry.h"

#include "base/hash.h"
#include "base/timefmt.h"

static struct slice next_word(struct slice *rest)
{
	const char *comma = memchr(rest->data, ',', rest->len);
	size_t len = comma ? (size_t)(comma - rest->data) : rest->len;
	struct slice word = slice_trim(slice_of(rest->data, len));

	*rest = comma ? slice_of(comma + 1, rest->len - len - 1) : slice_of(NULL, 0);
	return word;
}

enum result retry_plan_parse(struct slice text, struct retry_plan *ret, struct error *ret_error)
{
	struct retry_plan plan = {0};

	while (text.len > 0) {
		struct slice word = next_word(&text);
		int64_t ms;

		if (plan.count == RETRY_WAITS_MAX)
			return error_set(ret_error, RESULT_BAD, "at most %d waits",
					 RETRY_WAITS_MAX);
		if (!time_parse_duration(word, &ms) || ms < 0 || ms > RETRY_WAIT_MAX_MS)
			return error_set(
			    ret_error, RESULT_BAD,
			    "'" SLICE_FMT
			    "': expected waits of at most 1 day, for example \"0s,5s,30s\"",
			    SLICE_ARG(word));
		plan.wait_ms[plan.count++] = ms;
		plan.longest_ms = MAX_OF(plan.longest_ms, ms);
	}
	*ret = plan;
	return RESULT_OK;
}

static int64_t jittered(int64_t wait_ms, const struct lead_id *lead_id, uint32_t attempt)
{
	uint8_t seed[4] = {(uint8_t)(attempt >> 24), (uint8_t)(attempt >> 16),
			   (uint8_t)(attempt >> 8), (uint8_t)attempt};
	uint64_t hash = hash_fnv1a(0, slice_of(lead_id->bytes, sizeof(lead_id->bytes)));
	int64_t bp;

	hash = hash_fnv1a(hash, slice_of(seed, sizeof(seed)));
	bp = (int64_t)(hash % (2 * RETRY_JITTER_BP + 1)) - RETRY_JITTER_BP;
	return wait_ms + wait_ms * bp / 10000;
}

int64_t retry_wait_ms(const struct retry_plan *plan, const struct lead_id *lead_id,
		      uint32_t attempt, int64_t retry_after_ms)
{
	assert(attempt >= 1);
	if (attempt > plan->count)
		return -1;

	return MAX_OF(jittered(plan->wait_ms[attempt - 1], lead_id, attempt),
		      MIN_OF(retry_after_ms, plan->longest_ms));
}
