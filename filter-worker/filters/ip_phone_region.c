/* ip_phone_region: the phone is of one part of the world, and the address of another.
 *
 * needs    the phone's region (after its numbering plan), the address's country and network
 * hit      the two countries lie in different parts of the world (core/country_area.h), far from one another
 * unknown  no phone, no address, a number of no country; networks that do not say where a person is, as in ip_country
 * trap     travellers and people who took their number along: honest, so it adds only a little. Regions within a country and
 *          neighbouring countries say nothing at all */
#include "filter-worker/core/country_area.h"
#include "filter-worker/core/filter.h"
#include "filter-worker/core/ip_certain.h"

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice region, country;
	enum country_area phone, address;

	if (!facts_text(facts, FACT_PHONE_REGION, &region) ||
	    !facts_text(facts, FACT_IP_COUNTRY, &country))
		return ANSWER_UNKNOWN;
	if (slice_equal(region, country))
		return ANSWER_PASS;
	phone = country_area(region);
	address = country_area(country);
	if (phone == AREA_UNKNOWN || address == AREA_UNKNOWN)
		return ANSWER_UNKNOWN;
	if (phone == address)
		return ANSWER_PASS;
	if (!ip_place_is_certain(rule, facts))
		return ANSWER_UNKNOWN;

	ret->reason = REASON_IP_FAR_FROM_PHONE;
	finding_text(ret, "country", country);
	finding_text(ret, "region", region);
	return ANSWER_HIT;
}

const struct filter filter_ip_phone_region = {
    .name = "ip_phone_region",
    .help = "The phone and the address are of different parts of the world.",
    .action = ACTION_SCORE,
    .weight = 10,
    .local = true,
    .reasons = {REASON_IP_FAR_FROM_PHONE},
    FILTER_FACTS(FACT_PHONE_REGION, FACT_IP_COUNTRY, FACT_IP_NETWORK, FACT_IP_ANONYMOUS),
    .params = {IP_CERTAIN_PARAM},
    .judge = judge,
};
