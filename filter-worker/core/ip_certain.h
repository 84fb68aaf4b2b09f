/* ip_certain: does an address say where its person is? What ip_country and ip_phone_region have in common. */
#ifndef PUNNET_FILTER_IP_CERTAIN_H
#define PUNNET_FILTER_IP_CERTAIN_H

#include "filter.h"

/* The first parameter of both. */
#define IP_CERTAIN_PARAM                                                                           \
	{                                                                                          \
		.name = "uncertain", .type = PARAM_CHOICE, .standard = 0,                          \
		.choices = {"pass", "hit"},                                                        \
		.help =                                                                            \
		    "what an address of a carrier of phones, of servers or of a VPN means, whose " \
		    "country says little of where the person is",                                  \
	}

/* Carriers lead their subscribers' traffic through a few gateways, servers and VPN stand anywhere. */
static inline bool ip_place_is_certain(const struct filter_rule *rule, const struct facts *facts)
{
	struct slice network, anonymous;

	if (rule->params[0] == 1)
		return true;
	return facts_text(facts, FACT_IP_NETWORK, &network) && !slice_is(network, "mobile") &&
	       !slice_is(network, "hosting") && !slice_is(network, "unknown") &&
	       (!facts_text(facts, FACT_IP_ANONYMOUS, &anonymous) || slice_is(anonymous, "none"));
}

#endif
