/* price: a sale leaves the network no loss: the price is above zero, and the webmaster's payout is not above it. A price
 * so low that the payout rounds to nothing is no price, unless the vertical pays no share at all. */
#include "base/money.h"
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	int64_t price = order->terms->price->amount_minor;
	int64_t payout;

	if (price <= 0)
		return miss_say(ret_miss, REASON_ROUTE_PRICE, 0, "the price is not above zero");
	payout = money_share_bp(price, lead->payout_share_bp);
	if (payout > price)
		return miss_say(ret_miss, REASON_ROUTE_PRICE, 0, "the payout is above the price");
	if (payout == 0 && lead->payout_share_bp > 0)
		return miss_say(ret_miss, REASON_ROUTE_PRICE, 0, "the payout rounds to nothing");
	return FIT;
}

extern const struct constraint constraint_price;
const struct constraint constraint_price = {.name = "price", .fit = fit};
