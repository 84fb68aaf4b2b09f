/* clock: an order's own civil clock, and the windows and openings that it cuts time into. Pure: what the zone does stands in
 * the terms.
 *
 * A window is named by a number that is the same all through it: of an hour the moment at which it began, so that the hour
 * that summer time gives back is one of its own; of a day, a week (from Monday) and a month the local midnight of its first
 * day, as if it were UTC. */
#ifndef PUNNET_ROUTER_CLOCK_H
#define PUNNET_ROUTER_CLOCK_H

#include "base/base.h"
#include "proto/market.pb-c.h"

#define CLOCK_OFFSET_MAX_MIN (14 * 60) /* the widest civil clock there is */
#define CLOCK_SHIFTS_MAX     256
#define WEEK_SPANS_MAX       256
#define WEEK_MINUTES         (7 * 24 * 60)

enum window_kind { WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW_KINDS };

struct week_spans {
	Punnet__V1__WeekSpan **items;
	size_t count;
};

/* What is wrong; NULL when nothing is. */
const char *clock_fault(const Punnet__V1__OrderTerms *terms);
const char *week_spans_fault(struct week_spans spans);

int64_t clock_offset_ms(const Punnet__V1__OrderTerms *terms, int64_t now_ms);
int64_t clock_window(const Punnet__V1__OrderTerms *terms, enum window_kind kind, int64_t now_ms);
/* When the next one begins. */
int64_t clock_window_end(const Punnet__V1__OrderTerms *terms, enum window_kind kind,
			 int64_t now_ms);
/* Is now inside one of the spans? No span at all is always. ret_until_ms is when the next one begins, if not. */
bool clock_inside(const Punnet__V1__OrderTerms *terms, struct week_spans spans, int64_t now_ms,
		  int64_t *ret_until_ms);

#endif
