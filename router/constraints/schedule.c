/* schedule: an order with opening hours buys inside them, by its own clock. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	int64_t opens_ms = 0;

	if (clock_inside(&order->terms->clock, order->terms->open, now_ms, &opens_ms))
		return FIT;
	return miss_set(ret_miss, REASON_ROUTE_SCHEDULE, opens_ms, NULL);
}

static bool concerns(const struct terms *terms)
{
	return terms->open.count > 0;
}

extern const struct constraint constraint_schedule;
const struct constraint constraint_schedule = {
    .name = "schedule", .fit = fit, .concerns = concerns, .standing = true};
