/* order_week: opening hours as people write them, and civil clocks, made into what the terms of an order hold. */
#ifndef PUNNET_ORDER_WEEK_H
#define PUNNET_ORDER_WEEK_H

#include "base/arena.h"
#include "proto/market.pb-c.h"

#define WEEK_MINUTES_A_DAY (24 * 60)
#define ZONE_YEARS_MAX     12  /* how far ahead an order without an end has its clock worked out */
#define ZONE_SHIFTS_MAX    256 /* of one clock */
#define WEEK_OPENINGS_MAX  256

struct week {
	Punnet__V1__WeekSpan **spans; /* in the order of time, none overlaps another */
	size_t count;
};

/* "mon-fri 09:00-20:00", "sat 10:00-16:00", "daily 22:00-06:00": adds it. What is wrong; NULL when nothing is. */
const char *week_add(struct week *w, struct slice text, struct arena *a);

/* What the system's zone data says of a clock, from then until then. NULL when there is no such zone. */
Punnet__V1__Clock *zone_clock(const char *zone, int64_t from_ms, int64_t until_ms, struct arena *a);

#endif
