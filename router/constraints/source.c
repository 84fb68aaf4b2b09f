/* source: who sent the lead and through what: the webmaster, his sub-ids, the class that the network gave him. Lists that
 * allow are `in`, lists that deny are `not_in`; a lead without a sub-id stands on no list. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	return criteria_ask(order, lead, GROUP_SOURCE, REASON_ROUTE_SOURCE, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms->groups >> GROUP_SOURCE & 1;
}

extern const struct constraint constraint_source;
const struct constraint constraint_source = {.name = "source", .fit = fit, .concerns = concerns};
