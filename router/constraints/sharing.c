/* sharing: a lead that others have goes to an order only if all of them share: none wants it alone, there are fewer than each one's
 * limit, no two are one advertiser's, and none names another's advertiser in its `not_with`. */
#include "router/core/constraint.h"
#include "router/core/state.h"

/* Names are of one market: the same text is the same pointer. */
static bool wont_have(const struct terms *terms, const char *advertiser)
{
	for (size_t i = 0; i < terms->not_with_count; i++) {
		if (terms->not_with[i] == advertiser)
			return true;
	}
	return false;
}

static enum fit beside(const struct order *order, const struct order *holder, uint32_t holders,
		       struct miss *ret_miss)
{
	const struct terms *mine = order->terms, *theirs = holder->terms;

	if (mine->share_limit == 1 || theirs->share_limit == 1)
		return miss_say(ret_miss, REASON_ROUTE_EXCLUSIVE, 0, "%s has it", theirs->order_id);
	if (mine->advertiser_id == theirs->advertiser_id)
		return miss_say(ret_miss, REASON_ROUTE_NOT_WITH, 0, "the advertiser has it by %s",
				theirs->order_id);
	if (wont_have(mine, theirs->advertiser_id) || wont_have(theirs, mine->advertiser_id))
		return miss_say(ret_miss, REASON_ROUTE_NOT_WITH, 0, "%s has it",
				theirs->advertiser_id);
	if (holders >= mine->share_limit || holders >= theirs->share_limit)
		return miss_say(ret_miss, REASON_ROUTE_SHARES_GONE, 0, "%u have it", holders);
	return FIT;
}

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	uint32_t holders = 0;

	for (size_t i = 0; i < lead->holding_count; i++)
		holders += lead->holdings[i].state != HOLDING_BACK;
	for (size_t i = 0; i < lead->holding_count; i++) {
		const struct holding *h = &lead->holdings[i];

		if (h->state != HOLDING_BACK &&
		    beside(order, lead->orders[h->order], holders, ret_miss) == MISS)
			return MISS;
	}
	return FIT;
}

static bool touches(const struct lead_view *lead)
{
	return lead->holding_count > 0;
}

extern const struct constraint constraint_sharing;
const struct constraint constraint_sharing = {.name = "sharing", .fit = fit, .touches = touches};
