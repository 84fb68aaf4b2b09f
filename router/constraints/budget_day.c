/* budget_day: an order spends at most `budget.day_minor` in a day of its own clock, reserved leads included. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	int64_t day = (int64_t)terms_limit(order->terms, LIMIT_BUDGET_DAY), left;

	if (day == 0)
		return FIT;
	left = day - order_spent_today_minor(order, now_ms);
	if (price_of(order, lead, now_ms) <= left)
		return FIT;
	return miss_money(ret_miss, REASON_ROUTE_BUDGET_DAY,
			  clock_window_end(&order->terms->clock, WINDOW_DAY, now_ms), left, order);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_BUDGET_DAY) > 0;
}

extern const struct constraint constraint_budget_day;
const struct constraint constraint_budget_day = {
    .name = "budget_day", .fit = fit, .concerns = concerns};
