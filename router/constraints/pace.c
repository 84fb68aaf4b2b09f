/* pace: an order with a quantity by a deadline lets a lead go that is worth less to it than one to come. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	if (!pace_ready(order) || !pace_waits(order, price_of(order, lead, now_ms)))
		return FIT;
	return miss_set(ret_miss, REASON_ROUTE_PACED, 0, NULL);
}

static bool concerns(const struct terms *terms)
{
	return terms->quantity > 0 && terms->until_ms > 0;
}

extern const struct constraint constraint_pace;
const struct constraint constraint_pace = {.name = "pace", .fit = fit, .concerns = concerns};
