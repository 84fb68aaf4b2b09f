/* country: an order with a list of countries takes leads from these only. A lead that doesn't say where it comes from is
 * UNKNOWN, and its detail says "unknown". */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	return criteria_ask(order, lead, GROUP_COUNTRY, REASON_ROUTE_COUNTRY, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms->groups >> GROUP_COUNTRY & 1;
}

extern const struct constraint constraint_country;
const struct constraint constraint_country = {.name = "country", .fit = fit, .concerns = concerns};
