/* pace_clock: when leads come. Learned from the hours of the log: a rate for each hour of the week, as far as it was seen, and a
 * level that says how the last day compares with it. Pure; integers only. Rates are in leads an hour << PACE_RATE_SHIFT. */
#ifndef PUNNET_ROUTER_PACE_CLOCK_H
#define PUNNET_ROUTER_PACE_CLOCK_H

#include "base/base.h"

#define PACE_RATE_SHIFT 10
#define PACE_RATE_MAX   (1ULL << 48)
#define PACE_WEEK_HOURS 168
#define PACE_WEEKS_MAX  4 /* an hour's rate is the mean of so many of its kind; older ones fade */
#define PACE_SILENCE_HOURS                                                                         \
	24 /* a longer silence says nothing: the past ended, or the log was moved */
#define PACE_LEVEL_SHIFT 12

struct pace_clock {
	int64_t first_ms;               /* of the first lead; 0: there was none */
	int64_t hour;                   /* the one that is running, in hours since 1970 */
	uint64_t in_hour;               /* leads of it */
	uint64_t leads;                 /* since first_ms, for as long as no whole hour was seen */
	bool whole;                     /* the running hour was seen from its beginning */
	uint32_t hours;                 /* whole ones seen; stops at UINT32_MAX */
	uint64_t rate[PACE_WEEK_HOURS]; /* mean of what was seen */
	uint8_t weeks[PACE_WEEK_HOURS]; /* how often, up to PACE_WEEKS_MAX */
	uint64_t seen, expected;        /* of the last day, fading */
	/* worked out of the above, no part of the state */
	uint64_t level;                    /* 1 << PACE_LEVEL_SHIFT: as usual */
	uint64_t sum[PACE_WEEK_HOURS + 1]; /* of the rates that are expected, up to the hour */
};

void pace_clock_lead(struct pace_clock *c, int64_t at_ms);
/* Leads expected from one time to another, at least 0. */
uint64_t pace_clock_expect(const struct pace_clock *c, int64_t from_ms, int64_t to_ms);
/* How long leads have been watched, silences left out. */
int64_t pace_clock_watched_ms(const struct pace_clock *c, int64_t now_ms);
/* After the state was read back. */
void pace_clock_derive(struct pace_clock *c);

#endif
