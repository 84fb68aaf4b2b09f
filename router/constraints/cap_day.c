/* cap_day: an order takes at most `caps.day` leads in a day of its own clock. Reserved and delivered count. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	return cap_ask(order, WINDOW_DAY, REASON_ROUTE_CAP_DAY, now_ms, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_DAY) > 0;
}

extern const struct constraint constraint_cap_day;
const struct constraint constraint_cap_day = {
    .name = "cap_day", .fit = fit, .concerns = concerns, .standing = true};
