/* advertiser_held: while delivery can't reach an advertiser, none of its orders is offered a lead: leads lose their value in
 * minutes. The hold has an end of its own, for a lead that comes after it is how delivery finds out.
 * A rule about its scorecard holds it in the same way, for longer, and has a reason of its own. */
#include "router/core/constraint.h"
#include "router/core/holds.h"

static enum fit fit(const struct order *order, _unused_ const struct lead_view *lead,
		    int64_t now_ms, struct miss *ret_miss)
{
	if (order->hold && now_ms < order->hold->until_ms)
		return miss_set(ret_miss, REASON_ROUTE_ADVERTISER_HELD, order->hold->until_ms,
				NULL);
	if (order->hold && now_ms < order->hold->rule_until_ms)
		return miss_set(ret_miss, REASON_ROUTE_ADVERTISER_BY_RULE,
				order->hold->rule_until_ms, NULL);
	return FIT;
}

extern const struct constraint constraint_advertiser_held;
const struct constraint constraint_advertiser_held = {.name = "advertiser_held", .fit = fit};
