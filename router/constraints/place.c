/* place: region, city and postal code, as the lead names them: byte by byte, in the form's own words. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	return criteria_ask(order, lead, GROUP_PLACE, REASON_ROUTE_PLACE, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms->groups >> GROUP_PLACE & 1;
}

extern const struct constraint constraint_place;
const struct constraint constraint_place = {.name = "place", .fit = fit, .concerns = concerns};
