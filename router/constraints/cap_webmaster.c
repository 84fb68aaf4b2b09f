/* cap_webmaster: an order takes at most so many leads of one webmaster, a day or in all (`caps.webmaster`). They are counted from
 * the moment at which the cap is set; there is room for ORDER_WEBMASTERS_MAX webmasters, and one more is turned away. */
#include <inttypes.h>

#include "router/core/constraint.h"

static enum fit fit(const struct order *order, const struct lead_view *lead, int64_t now_ms,
		    struct miss *ret_miss)
{
	uint64_t total = terms_limit(order->terms, LIMIT_WEBMASTER_TOTAL);
	uint64_t day = terms_limit(order->terms, LIMIT_WEBMASTER_DAY);
	const char *aff_id = lead->lead->aff_id;
	struct webmaster_count taken;

	if (!order_counts_webmasters(order))
		return FIT;
	if (order->webmasters && map_count(order->webmasters) >= ORDER_WEBMASTERS_MAX &&
	    !map_get(order->webmasters, slice_cstr(aff_id)))
		return miss_say(ret_miss, REASON_ROUTE_CAP_WEBMASTER, 0, "no room for %s", aff_id);
	taken = order_webmaster(order, aff_id, now_ms);
	if (total > 0 && taken.taken_total >= total)
		return miss_say(ret_miss, REASON_ROUTE_CAP_WEBMASTER, 0,
				"%" PRIu64 " of %" PRIu64 " from %s", taken.taken_total, total,
				aff_id);
	if (day > 0 && taken.taken_day >= day)
		return miss_say(ret_miss, REASON_ROUTE_CAP_WEBMASTER,
				clock_window_end(&order->terms->clock, WINDOW_DAY, now_ms),
				"%" PRIu64 " of %" PRIu64 " a day from %s", taken.taken_day, day,
				aff_id);
	return FIT;
}

static bool concerns(const struct terms *terms)
{
	return terms_limit(terms, LIMIT_WEBMASTER_DAY) > 0 ||
	       terms_limit(terms, LIMIT_WEBMASTER_TOTAL) > 0;
}

extern const struct constraint constraint_cap_webmaster;
const struct constraint constraint_cap_webmaster = {
    .name = "cap_webmaster", .fit = fit, .concerns = concerns};
