/* clock: see clock.h. The generator is libsodium's; if it can't be had there is no point in going on. */
#include "clock.h"

#include <sodium.h>
#include <time.h>

static int64_t clock_us(clockid_t which)
{
	struct timespec t;
	int r = clock_gettime(which, &t);

	assert(r == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_coarse_ms(void)
{
	return clock_us(CLOCK_MONOTONIC_COARSE) / 1000;
}

int64_t clock_monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

void clock_random(void *ret, size_t len)
{
	int r = sodium_init(); /* 1 when it was done before */

	assert(r >= 0);
	randombytes_buf(ret, len);
}
