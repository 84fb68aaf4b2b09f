/* clock: the only places where time and randomness come from. Cores get them as arguments. */
#ifndef PUNNET_CLOCK_H
#define PUNNET_CLOCK_H

#include "base/base.h"

int64_t clock_now_ms(void);       /* Unix ms, wall clock */
int64_t clock_monotonic_ms(void); /* for time-outs and watchdogs */
int64_t clock_monotonic_us(void);
int64_t clock_monotonic_coarse_ms(
    void); /* a few ms behind at most, and a quarter of the cost: for watchdogs of each record */
void clock_random(void *ret, size_t len); /* libsodium's generator */

#endif
