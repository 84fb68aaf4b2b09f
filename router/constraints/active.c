/* active: an order buys from its beginning up to, not including, its end, and not while it is paused. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	const struct terms *terms = order->terms;

	if (terms->until_ms != 0 && now_ms >= terms->until_ms)
		return miss_set(ret_miss, REASON_ROUTE_ENDED, 0, NULL);
	if (terms->paused)
		return miss_set(ret_miss, REASON_ROUTE_PAUSED, 0, NULL);
	if (now_ms < terms->from_ms)
		return miss_set(ret_miss, REASON_ROUTE_NOT_STARTED, terms->from_ms, NULL);
	return FIT;
}

extern const struct constraint constraint_active;
const struct constraint constraint_active = {.name = "active", .fit = fit, .standing = true};
