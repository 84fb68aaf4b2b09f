/* proxy_ip: the address is known to hide who comes from it.
 *
 * needs    whether the address is a known Tor exit, an open proxy or a VPN's
 * hit      it is; a VPN only where `vpn: hit`
 * unknown  no address, or no data
 * trap     people who want privacy are honest, so it only adds to the score. A browser's own relay (iCloud Private Relay) is on
 *          by default for many and keeps to their country: it passes */
#include "filter-worker/core/filter.h"

enum { VPN };
enum { VPN_PASSES, VPN_HITS };

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice anonymous;

	if (!facts_text(facts, FACT_IP_ANONYMOUS, &anonymous))
		return ANSWER_UNKNOWN;
	if (!slice_is(anonymous, "tor") && !slice_is(anonymous, "proxy") &&
	    !(slice_is(anonymous, "vpn") && rule->params[VPN] == VPN_HITS))
		return ANSWER_PASS;

	ret->reason = REASON_IP_ANONYMOUS;
	finding_text(ret, "what", anonymous);
	return ANSWER_HIT;
}

const struct filter filter_proxy_ip = {
    .name = "proxy_ip",
    .help = "The address is a Tor exit, an open proxy or a VPN.",
    .action = ACTION_SCORE,
    .weight = 46,
    .local = true,
    .reasons = {REASON_IP_ANONYMOUS},
    FILTER_FACTS(FACT_IP_ANONYMOUS),
    .params = {[VPN] = {.name = "vpn",
			.type = PARAM_CHOICE,
			.standard = VPN_HITS,
			.choices = {"pass", "hit"},
			.help = "what an address of a known VPN means"}},
    .judge = judge,
};
