/* statistics: the four tests by which a webmaster's leads are compared with what chance would do. In integers, so that every
 * machine judges alike, and a verdict can be computed again. Pure. Counts that are negative count as 0, and above
 * STATISTICS_MOST as that. */
#ifndef PUNNET_STATISTICS_H
#define PUNNET_STATISTICS_H

#include "base/base.h"

#define STATISTICS_MOST 1000000000LL

/* The greatest number whose square is at most n. */
uint64_t isqrt(uint64_t n);

/* Is the true share surely (95 %) at least so many percent, when `hits` of `of` were seen? That is: is the lower bound of the
 * Wilson interval (Wilson 1927) not under it. No root is needed: the bound is where the score test just does not reject,
 * (hits - of*p)² = z² * of * p * (1-p), with hits above what p expects. percent: 1 to 99. */
bool share_is_at_least(int64_t hits, int64_t of, int64_t percent);

/* The index of dispersion of counts, the variance by the mean, in percent: 100 when arrivals are independent of each other
 * (Poisson), less when they are kept apart, more when they come together. (count - 1) times it is chi-squared with count - 1
 * degrees of freedom (Fisher 1950), good from a mean of about 1 on. ret_sum: of the counts; the index of none is 100. */
int64_t dispersion_percent(const uint32_t *counts, size_t count, int64_t *ret_sum);

/* By how many standard errors, in tenths, the first share is above the second (two proportions, pooled). 0: it is not, or one
 * of them is of nothing. */
int64_t share_excess_tenths(int64_t hits, int64_t of, int64_t peer_hits, int64_t peer_of);

/* The most that chance may do, in millionths: that `like` of `of` leads show what one in `one_in` shows. C(of, like) ways to choose
 * them, each as likely as `like` of them in a row (the union bound). like counts up to CHANCE_LIKE_MOST, of up to
 * CHANCE_OF_MOST: none makes this long, or too large to multiply. */
#define CHANCE_MILLION   1000000
#define CHANCE_LIKE_MOST 24
#define CHANCE_OF_MOST   100000
int64_t chance_in_a_million(int64_t like, int64_t of, int64_t one_in);

#endif
