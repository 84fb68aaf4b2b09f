/* statistics: see statistics.h. The bounds in the comments are those that keep every product within 64 bits. */
#include "statistics.h"

#define Z_SQUARED   38416 /* 1.96², in ten thousandths */
#define Z_SCALE     10000
#define POOL_MOST   (1LL << 20) /* larger samples are halved until they fit */
#define COUNTS_MOST 3600
#define TENTHS      10
#define PERCENT     100
#define CHANCE_MAX  ((int64_t)1 << 40)

uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ULL << 31; bit > 0; bit >>= 1) {
		uint64_t with = root | bit;

		if (with * with <= n)
			root = with;
	}
	return root;
}

static int64_t bounded(int64_t n)
{
	return n < 0 ? 0 : MIN_OF(n, STATISTICS_MOST);
}

bool share_is_at_least(int64_t hits, int64_t of, int64_t percent)
{
	assert(percent > 0 && percent < PERCENT);
	of = bounded(of);
	hits = MIN_OF(bounded(hits), of);

	/* above < 10^11; needed < 10^9 * 2500 * 38416 < 10^17, and its root, the square of 100 * above, < 4 * 10^8. */
	int64_t above = PERCENT * hits - of * percent;
	uint64_t needed = (uint64_t)(of * percent * (PERCENT - percent)) * Z_SQUARED;

	static_assert(Z_SCALE == PERCENT * PERCENT, "the root of the scale is 100");
	if (of == 0 || above <= 0)
		return false;
	return (uint64_t)(PERCENT * above) > isqrt(needed - 1);
}

int64_t dispersion_percent(const uint32_t *counts, size_t count, int64_t *ret_sum)
{
	uint64_t sum = 0, squares = 0;

	assert(count > 1 && count <= COUNTS_MOST);
	for (size_t i = 0; i < count; i++) {
		uint64_t n = MIN_OF(counts[i], 1000000U);

		sum += n;
		squares += n * n;
	}
	*ret_sum = (int64_t)sum;
	if (sum == 0)
		return PERCENT;
	/* count * squares < 1.3 * 10^19 < 2^64, and it is no less than sum² (Cauchy, Schwarz). */
	return (int64_t)((count * squares - sum * sum) / (sum * (count - 1)) * PERCENT +
			 (count * squares - sum * sum) % (sum * (count - 1)) * PERCENT /
			     (sum * (count - 1)));
}

int64_t share_excess_tenths(int64_t hits, int64_t of, int64_t peer_hits, int64_t peer_of)
{
	of = bounded(of);
	peer_of = bounded(peer_of);
	hits = MIN_OF(bounded(hits), of);
	peer_hits = MIN_OF(bounded(peer_hits), peer_of);
	for (; of + peer_of > POOL_MOST; of /= 2, peer_of /= 2, hits /= 2, peer_hits /= 2)
		;

	int64_t pool = of + peer_of, pool_hits = hits + peer_hits;
	int64_t apart = hits * peer_of - peer_hits * of; /* < 2^40 */

	if (apart <= 0)
		return 0;
	/* Both kinds are there, or the shares would not differ. Variance and root are rounded up: a small pool is to look no surer than it is.
	 * of * peer_of <= 2^38, the variance <= 2^18. */
	int64_t variance = (pool_hits * (pool - pool_hits) + pool - 1) / pool;
	uint64_t error = isqrt((uint64_t)(of * peer_of * variance) - 1) + 1;

	return TENTHS * apart / (int64_t)error;
}

int64_t chance_in_a_million(int64_t like, int64_t of, int64_t one_in)
{
	int64_t ret = CHANCE_MILLION;

	assert(one_in > 0);
	like = MIN_OF(like, (int64_t)CHANCE_LIKE_MOST);
	of = MIN_OF(of, (int64_t)CHANCE_OF_MOST);
	one_in = MIN_OF(one_in, STATISTICS_MOST);
	/* Each product < 2^40 * 10^5 < 2^57. */
	for (int64_t i = 1; i <= like; i++)
		ret = MIN_OF(ret * (of - i + 1) / (i * one_in), CHANCE_MAX);
	return MIN_OF(ret, (int64_t)CHANCE_MILLION);
}
