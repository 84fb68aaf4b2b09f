/* clock: the only places where time and randomness come from. Cores get them as arguments. */
#ifndef PUNNET_CLOCK_H
#define PUNNET_CLOCK_H

#include "base/base.h"

int64_t clock_now_ms(void);       /* Unix ms, wall clock */
int64_t clock_monotonic_ms(void); /* for time-outs and watchdogs */
int64_t clock_monotonic_us(void);
void clock_random(void *ret, size_t len); /* libsodium's generator */

#endif
