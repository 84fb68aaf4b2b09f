/* bucket: see bucket.h. rate tokens a second are rate thousandths a millisecond. */
#include "bucket.h"

#define BUCKET_IDLE_MAX_MS                                                                         \
	(10 * MS_PER_MIN) /* longer than this fills any bucket that is worth one */

uint32_t bucket_take(struct bucket *b, uint32_t rate, uint32_t burst, uint32_t count,
		     int64_t now_ms)
{
	int64_t full = (int64_t)MAX_OF(burst, 1u) * 1000,
		needed = MIN_OF((int64_t)count * 1000, full), wait_ms;

	assert(rate > 0);
	if (!b->started) {
		*b = (struct bucket){.tokens_milli = full, .at_ms = now_ms, .started = true};
	} else if (now_ms > b->at_ms) {
		int64_t passed = MIN_OF(now_ms - b->at_ms, (int64_t)BUCKET_IDLE_MAX_MS);

		b->tokens_milli = MIN_OF(b->tokens_milli + passed * rate, full);
		b->at_ms = now_ms;
	}
	if (b->tokens_milli >= needed) {
		b->tokens_milli -= (int64_t)count * 1000;
		return 0;
	}
	wait_ms = (needed - b->tokens_milli + rate - 1) / rate;
	return (uint32_t)MAX_OF((wait_ms + MS_PER_S - 1) / MS_PER_S, 1LL);
}
