/* rng: seeded, reproducible numbers (splitmix64) for tests, samples and simulations; never for keys or ids. */
#ifndef PUNNET_RNG_H
#define PUNNET_RNG_H

#include "base.h"

struct rng {
	uint64_t state;
};

struct rng rng_seed(uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t limit); /* 0 <= x < limit, unbiased; limit > 0 */
bool rng_chance(struct rng *r, uint32_t per_10000);

#endif
