/* own_customer: an advertiser is not sold its own customers, unless its order welcomes re-sales. Whose customer a person is
 * stands in the fact customer_of, found by keyed hashes; where nobody gave a list the lead doesn't say, and fits. */
#include "router/core/constraint.h"

static bool names(struct slice owners, const char *advertiser)
{
	size_t len = strlen(advertiser);

	while (owners.len > 0) {
		const char *comma = memchr(owners.data, ',', owners.len);
		size_t first = comma ? (size_t)(comma - owners.data) : owners.len;

		if (first == len && memcmp(owners.data, advertiser, len) == 0)
			return true;
		first += comma ? 1 : 0;
		owners.data += first;
		owners.len -= first;
	}
	return false;
}

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	const struct terms *terms = order->terms;

	if (terms->takes_own_customers || !names(lead->customer_of, terms->advertiser_id))
		return FIT;
	return miss_say(ret_miss, REASON_ROUTE_OWN_CUSTOMER, 0, "a customer of %s",
			terms->advertiser_id);
}

static bool concerns(const struct terms *terms)
{
	return !terms->takes_own_customers;
}

static bool touches(const struct lead_view *lead)
{
	return lead->customer_of.len > 0;
}

extern const struct constraint constraint_own_customer;
const struct constraint constraint_own_customer = {
    .name = "own_customer", .fit = fit, .concerns = concerns, .touches = touches};
