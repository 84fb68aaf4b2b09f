/* already_offered: an order is offered a lead once. A refusal is not asked again, however high the order stands. */
#include "router/core/constraint.h"
#include "router/core/state.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	for (size_t i = 0; i < lead->holding_count; i++) {
		if (lead->holdings[i].order == order->index)
			return miss_say(ret_miss, REASON_ROUTE_ALREADY_OFFERED, 0, "in round %zu",
					i);
	}
	return FIT;
}

static bool touches(const struct lead_view *lead)
{
	return lead->holding_count > 0;
}

extern const struct constraint constraint_already_offered;
const struct constraint constraint_already_offered = {
    .name = "already_offered", .fit = fit, .touches = touches};
