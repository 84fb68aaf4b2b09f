/* ip_country: the address is in another country than the one that the lead names.
 *
 * needs    the country that the lead names (the front door's own where it names none), the address's country and network
 * hit      they differ
 * unknown  no address, or its country is not known; and in networks whose country says little of where the person is:
 *          carriers of phones, servers, Tor, VPN and relays (`uncertain: hit` takes their word)
 * trap     a mobile gateway may stand in a neighbouring country, a corporate VPN wherever the company is; and people travel. So
 *          a hit only adds to the score, unless a scope rejects. Cities are not looked at: they are wrong too often */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/ip_certain.h"

static void look(const struct sight *sight, struct facts *ret)
{
	struct slice country = slice_cstr(sight->raw->lead->country);

	if (country.len == 2)
		facts_set_text(ret, FACT_DECLARED_COUNTRY, country);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice declared, country;

	if (!facts_text(facts, FACT_DECLARED_COUNTRY, &declared) ||
	    !facts_text(facts, FACT_IP_COUNTRY, &country))
		return ANSWER_UNKNOWN;
	if (slice_equal(declared, country))
		return ANSWER_PASS;
	if (!ip_place_is_certain(rule, facts))
		return ANSWER_UNKNOWN;

	ret->reason = REASON_IP_COUNTRY;
	finding_text(ret, "country", country);
	finding_text(ret, "declared", declared);
	return ANSWER_HIT;
}

const struct filter filter_ip_country = {
    .name = "ip_country",
    .help = "The address is in another country than the one that the lead names.",
    .action = ACTION_SCORE,
    .weight = 35,
    .local = true,
    .reasons = {REASON_IP_COUNTRY},
    FILTER_FACTS(FACT_DECLARED_COUNTRY, FACT_IP_COUNTRY, FACT_IP_NETWORK, FACT_IP_ANONYMOUS),
    .params = {IP_CERTAIN_PARAM},
    .look = look,
    .judge = judge,
};
