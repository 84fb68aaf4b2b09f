/* budget_total: an order spends at most `budget.total_minor`: what is reserved and delivered, less what was returned. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	int64_t left = order_budget_left_minor(order);

	if (left == INT64_MAX || price_of(order, lead, now_ms) <= left)
		return FIT;
	return miss_money(ret_miss, REASON_ROUTE_BUDGET_TOTAL, 0, left, order);
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_BUDGET_TOTAL) > 0;
}

extern const struct constraint constraint_budget_total;
const struct constraint constraint_budget_total = {
    .name = "budget_total", .fit = fit, .concerns = concerns};
