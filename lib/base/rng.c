#include "rng.h"

struct rng rng_seed(uint64_t seed)
{
	return (struct rng){seed};
}

/* splitmix64, after Steele, Lea and Flood: a counter and a mixing function. */
uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* The high half of a 128-bit product; products whose low half is among the first 2^64 mod limit would come once too
 * often, and are drawn again. */
uint64_t rng_below(struct rng *r, uint64_t limit)
{
	unsigned __int128 product;
	uint64_t surplus;

	assert(limit > 0);
	surplus = -limit % limit;
	do
		product = (unsigned __int128)rng_next(r) * limit;
	while ((uint64_t)product < surplus);
	return (uint64_t)(product >> 64);
}

bool rng_chance(struct rng *r, uint32_t per_10000)
{
	return rng_below(r, 10000) < per_10000;
}
