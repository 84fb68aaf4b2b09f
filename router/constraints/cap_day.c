/* cap_day: an order takes at most `caps.day` leads in a clock day of its own clock. Reserved and delivered count. */
#include <inttypes.h>

#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	uint64_t cap = order_cap_day(order);
	uint64_t taken = order_taken(order, WINDOW_DAY, now_ms);

	if (cap == 0 || taken < cap)
		return FIT;
	return miss_say(ret_miss, REASON_ROUTE_CAP_DAY, order_window_end(order, WINDOW_DAY, now_ms),
			"%" PRIu64 " of %" PRIu64, taken, cap);
}

extern const struct constraint constraint_cap_day;
const struct constraint constraint_cap_day = {.name = "cap_day", .fit = fit};
