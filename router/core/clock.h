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

/* From this moment on it shows so much more than UTC. */
struct clock_shift {
	int64_t from_ms;
	int32_t offset_minutes;
};

struct civil_clock {
	const struct clock_shift *shifts; /* in the order of time */
	uint32_t shift_count;
	int32_t offset_minutes; /* without shifts */
};

/* Minutes of a week that begins on Monday: from the first up to, not including, the last. */
struct week_span {
	uint16_t from_minute, until_minute;
};

struct week_spans {
	const struct week_span *items;
	size_t count;
};

/* What is wrong; NULL when nothing is. */
const char *clock_fault(const Punnet__V1__OrderTerms *terms);
const char *week_spans_fault(Punnet__V1__WeekSpan *const *spans, size_t count);

/* Of terms without a fault. `room` has a place for each shift, or each span, and must outlive what is made. */
struct civil_clock civil_clock_make(const Punnet__V1__OrderTerms *terms, struct clock_shift *room);
struct week_spans week_spans_make(Punnet__V1__WeekSpan *const *spans, size_t count,
				  struct week_span *room);

int64_t clock_offset_ms(const struct civil_clock *c, int64_t now_ms);
int64_t clock_window(const struct civil_clock *c, enum window_kind kind, int64_t now_ms);
/* The window, other than an hour, of what the clock shows, or of the day of that name. */
int64_t clock_window_of_day(enum window_kind kind, int64_t local_ms);
/* When the next one begins. */
int64_t clock_window_end(const struct civil_clock *c, enum window_kind kind, int64_t now_ms);
/* Is now inside one of the spans? No span at all is always. ret_until_ms is when the next one begins, if not. */
bool clock_inside(const struct civil_clock *c, struct week_spans spans, int64_t now_ms,
		  int64_t *ret_until_ms);

#endif
