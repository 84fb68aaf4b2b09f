/* cap_hour: an order takes at most `caps.hour` leads in a clock hour of its own clock. Reserved and delivered count. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	return cap_ask(order, WINDOW_HOUR, REASON_ROUTE_CAP_HOUR, now_ms, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_HOUR) > 0;
}

extern const struct constraint constraint_cap_hour;
const struct constraint constraint_cap_hour = {
    .name = "cap_hour", .fit = fit, .concerns = concerns, .standing = true};
