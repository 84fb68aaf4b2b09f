/* cap_week: an order takes at most `caps.week` leads in a week, from Monday, of its own clock. Reserved and delivered count. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	return cap_ask(order, WINDOW_WEEK, REASON_ROUTE_CAP_WEEK, now_ms, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_WEEK) > 0;
}

extern const struct constraint constraint_cap_week;
const struct constraint constraint_cap_week = {
    .name = "cap_week", .fit = fit, .concerns = concerns, .standing = true};
