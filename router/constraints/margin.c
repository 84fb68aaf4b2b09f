/* margin: what is left of the price after the webmaster's payout is not below the network's floor. The payout is not cut to
 * make it so: what the rate card promises is paid, or the order does not get the lead. */
#include <inttypes.h>

#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	int64_t price = price_of(order, lead, now_ms);
	struct payout payout = payout_of(order, lead, price);

	if (payout.amount_minor <= price - payout.margin_floor_minor)
		return FIT;
	return miss_say(ret_miss, REASON_ROUTE_MARGIN, 0,
			"%" PRId64 " of %" PRId64 " go out, %" PRId64 " must stay",
			payout.amount_minor, price, payout.margin_floor_minor);
}

extern const struct constraint constraint_margin;
const struct constraint constraint_margin = {.name = "margin", .fit = fit};
