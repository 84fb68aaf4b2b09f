/* breaker: see breaker.h. */
#include "breaker.h"

bool breaker_allows(struct breaker *b, int64_t now_ms)
{
	if (b->failures < BREAKER_FAILURES)
		return true;
	if (now_ms < b->probe_at_ms)
		return false;

	b->probe_at_ms = now_ms + BREAKER_PROBE_MS;
	return true;
}

void breaker_heard(struct breaker *b, enum attempt_result result, int64_t now_ms)
{
	if (result != ATTEMPT_TEMPFAIL) {
		b->failures = 0;
		return;
	}
	if (b->failures < BREAKER_FAILURES && ++b->failures == BREAKER_FAILURES)
		b->probe_at_ms = now_ms + BREAKER_PROBE_MS;
}
