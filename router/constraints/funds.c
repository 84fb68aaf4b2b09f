/* funds: an advertiser spends what it paid in and its credit, and no more. All its orders of one currency in this market share
 * it; without a limit there is none. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	int64_t left;

	if (!order->account || !order->account->limited)
		return FIT;
	left = account_left_minor(order->account);
	if (price_of(order, lead, now_ms) <= left)
		return FIT;
	return miss_money(ret_miss, REASON_ROUTE_FUNDS, 0, left, order);
}

extern const struct constraint constraint_funds;
const struct constraint constraint_funds = {.name = "funds", .fit = fit};
