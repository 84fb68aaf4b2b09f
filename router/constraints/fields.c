/* fields: the fields of the vertical's own schema (age, amount, …), and language and system. */
#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	return criteria_ask(order, lead, GROUP_FIELDS, REASON_ROUTE_FIELDS, ret_miss);
}

static bool concerns(const struct terms *terms)
{
	return terms->groups >> GROUP_FIELDS & 1;
}

extern const struct constraint constraint_fields;
const struct constraint constraint_fields = {.name = "fields", .fit = fit, .concerns = concerns};
