/* price: a sale has a price: above zero, for what the webmaster gets rounds to nothing of one that is too low, unless he gets
 * no share at all. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	int64_t price = price_of(order, lead, now_ms);
	struct payout payout;

	if (price <= 0)
		return miss_say(ret_miss, REASON_ROUTE_PRICE, 0, "the price is not above zero");
	payout = payout_of(order, lead, price);
	if (payout.amount_minor == 0 && payout.share_bp > 0)
		return miss_say(ret_miss, REASON_ROUTE_PRICE, 0, "the payout rounds to nothing");
	return FIT;
}

extern const struct constraint constraint_price;
const struct constraint constraint_price = {.name = "price", .fit = fit};
