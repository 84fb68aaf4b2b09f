/* crawler_agent: the user agent names a program, not a person's browser.
 *
 * needs    the kind of user agent; for HTTP libraries, whether the form's script had anything to say
 * hit      it is a crawler's, or a browser's that a program drives; or an HTTP library's, although the form was filled in by a
 *          script that runs in browsers only
 * unknown  no user agent, or no data
 * trap     browsers inside apps (social networks, messengers, search) are people. An HTTP library alone is a webmaster's server or
 *          a phone's app that hands over a person's lead */
#include "filter-worker/core/agents.h"
#include "filter-worker/core/filter.h"

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (!s || !s->user_agent[0] || !sight->lists || !sight->lists->agents)
		return;
	facts_set_text(
	    ret, FACT_AGENT_KIND,
	    agent_kind_text(agents_kind(sight->lists->agents, slice_cstr(s->user_agent))));
}

static bool form_spoke(const struct facts *facts)
{
	int64_t value;

	return facts_number(facts, FACT_FILLED_MS, &value) ||
	       facts_number(facts, FACT_FIELDS_FOCUSED, &value);
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice kind;

	if (!facts_text(facts, FACT_AGENT_KIND, &kind))
		return ANSWER_UNKNOWN;
	if (!slice_is(kind, "crawler") && !slice_is(kind, "automation") &&
	    !(slice_is(kind, "library") && form_spoke(facts)))
		return ANSWER_PASS;

	ret->reason = REASON_AGENT_CRAWLER;
	finding_text(ret, "kind", kind);
	return ANSWER_HIT;
}

const struct filter filter_crawler_agent = {
    .name = "crawler_agent",
    .help = "The user agent names a program, not a person's browser.",
    .action = ACTION_REJECT,
    .weight = 100,
    .local = true,
    .reasons = {REASON_AGENT_CRAWLER},
    FILTER_FACTS(FACT_AGENT_KIND, FACT_FILLED_MS, FACT_FIELDS_FOCUSED),
    .look = look,
    .judge = judge,
};
