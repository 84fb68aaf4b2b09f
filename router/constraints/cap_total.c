/* cap_total: an order stops at its total cap, and at the quantity that it wanted. Reserved and delivered count; what was
 * returned stays counted. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	uint64_t cap = order_cap_total(order);
	uint64_t taken = order->reserved + order->delivered;

	if (cap == 0 || taken < cap)
		return FIT;
	return miss_count(ret_miss, REASON_ROUTE_CAP_TOTAL, 0, taken, cap);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_TOTAL) > 0 || terms->quantity > 0;
}

extern const struct constraint constraint_cap_total;
const struct constraint constraint_cap_total = {
    .name = "cap_total", .fit = fit, .concerns = concerns, .standing = true};
