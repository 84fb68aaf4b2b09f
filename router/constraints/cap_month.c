/* cap_month: an order takes at most `caps.month` leads in a calendar month of its own clock. Reserved and delivered count. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	return cap_ask(order, WINDOW_MONTH, REASON_ROUTE_CAP_MONTH, now_ms, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_MONTH) > 0;
}

extern const struct constraint constraint_cap_month;
const struct constraint constraint_cap_month = {
    .name = "cap_month", .fit = fit, .concerns = concerns, .standing = true};
