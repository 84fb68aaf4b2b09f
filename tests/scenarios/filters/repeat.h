/* repeat: a line of a scenario that stands for many leads, a fixed time apart:
 *     2026-12-01 10:00  lead A{n}  osago  +7 916 274-{n}  (50 times, every 30s)  -> accepted
 * {n} is 0000 in the first of them, 0001 in the next. */
#ifndef PUNNET_FILTER_SCRIPT_REPEAT_H
#define PUNNET_FILTER_SCRIPT_REPEAT_H

#include "base/arena.h"

struct repeat {
	struct slice remark; /* where it stands in the line */
	int64_t times, every_ms;
};

/* false: the line has no such remark. */
bool repeat_read(struct slice line, struct repeat *ret);
/* The line of the lead with this number, without the remark; in the arena. */
struct slice repeat_line(const struct repeat *r, struct slice line, int64_t number,
			 struct arena *a);

#endif
