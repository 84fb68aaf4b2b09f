/* datacentre_ip: the address is one of servers, where no people are at home.
 *
 * needs    the kind of network that the address stands in, and whether it is known to hide people
 * hit      it is a hosting network
 * unknown  no address, no data, or a network of no known kind
 * trap     who works through a company's VPN comes from such an address and is a person, so alone a hit never rejects. Known Tor
 *          exits, VPN and relays are people hiding: proxy_ip speaks of those, and they are not counted twice */
#include "filter-worker/core/filter.h"

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice network, anonymous;

	if (!facts_text(facts, FACT_IP_NETWORK, &network) || slice_is(network, "unknown"))
		return ANSWER_UNKNOWN;
	if (!slice_is(network, "hosting") ||
	    (facts_text(facts, FACT_IP_ANONYMOUS, &anonymous) && !slice_is(anonymous, "none")))
		return ANSWER_PASS;

	ret->reason = REASON_IP_DATACENTRE;
	return ANSWER_HIT;
}

const struct filter filter_datacentre_ip = {
    .name = "datacentre_ip",
    .help = "The address is one of servers.",
    .action = ACTION_SCORE,
    .weight = 40,
    .local = true,
    .reasons = {REASON_IP_DATACENTRE},
    FILTER_FACTS(FACT_IP_NETWORK, FACT_IP_ANONYMOUS),
    .judge = judge,
};
