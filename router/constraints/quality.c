/* quality: what the judgement found: the score, and the facts that the market carries, the kind of line among them. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	return criteria_ask(order, lead, GROUP_QUALITY, REASON_ROUTE_QUALITY, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms->groups >> GROUP_QUALITY & 1;
}

extern const struct constraint constraint_quality;
const struct constraint constraint_quality = {.name = "quality", .fit = fit, .concerns = concerns};
