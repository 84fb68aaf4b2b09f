/* breaker: see breaker.h. */
#include "breaker.h"

bool breaker_allows(struct breaker *b, int64_t now_ms)
{
	if (!b->open)
		return true;
	if (now_ms < b->probe_at_ms) {
		b->held_back++;
		return false;
	}
	b->probe_at_ms = now_ms + BREAKER_PROBE_MS;
	return true;
}

static struct breaker_news works(struct breaker *b)
{
	struct breaker_news news = {.closed = b->open, .hold = b->open};

	*b = (struct breaker){0};
	return news;
}

static void count_failure(struct breaker *b, const struct attempt_said *said,
			  const struct lead_id *lead_id, int64_t took_ms, int64_t now_ms)
{
	if (b->failures == 0) {
		b->first_failed_ms = now_ms;
		b->first_lead = *lead_id;
	}
	b->several |=
	    said->reason == REASON_DELIVERY_UNREACHABLE || !lead_id_equal(&b->first_lead, lead_id);
	b->failures += took_ms >= BREAKER_HUNG_MS ? 2 : 1;
	b->reason = said->reason;
}

static bool must_open(const struct breaker *b, int64_t now_ms)
{
	if (b->failures >= BREAKER_FAILURES)
		return true;

	return b->several && b->failures >= BREAKER_LEAST &&
	       now_ms - b->first_failed_ms >= BREAKER_SPAN_MS;
}

struct breaker_news breaker_heard(struct breaker *b, const struct attempt_said *said,
				  const struct lead_id *lead_id, int64_t took_ms, int64_t now_ms)
{
	struct breaker_news news = {0};

	if (said->result != ATTEMPT_TEMPFAIL)
		return works(b);
	count_failure(b, said, lead_id, took_ms, now_ms);
	if (!b->open && must_open(b, now_ms)) {
		b->open = news.opened = true;
		b->opened_at_ms = now_ms;
		b->probe_at_ms = now_ms + BREAKER_PROBE_MS;
	}
	if (b->open && now_ms >= b->held_until_ms - BREAKER_HOLD_AHEAD_MS) {
		b->held_until_ms = now_ms + BREAKER_HOLD_MS;
		news.hold = true;
	}
	return news;
}
