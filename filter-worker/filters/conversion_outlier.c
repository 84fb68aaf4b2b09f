/* conversion_outlier: advertisers return far more of the webmaster's leads than of the other webmasters' in the vertical.
 *
 * needs    how many leads of the webmaster, and of all others in the vertical, were approved and returned
 * hit      the share of returned ones is over the others' by so many points, and by so many standard errors
 *          (core/statistics.h) that chance does not explain it
 * unknown  too few verdicts on either side, or nobody has told them
 * trap     new creatives, a new landing page: few verdicts say nothing, and webmasters differ honestly, so that a difference
 *          which is only certain and not large passes. It is about the webmaster, and weighs little */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/statistics.h"
#include "filter-worker/core/verdict_sums.h"

enum { LEAST, PEERS_LEAST, POINTS, ERRORS };

struct share {
	int64_t returned, of;
};

static void look(const struct sight *sight, struct facts *ret)
{
	const struct verdict_sums *v = sight->verdicts;

	if (!v)
		return;
	facts_set_number(ret, FACT_SOURCE_APPROVED, v->approved);
	facts_set_number(ret, FACT_SOURCE_RETURNED, v->returned);
	facts_set_number(ret, FACT_PEERS_APPROVED, v->peers_approved);
	facts_set_number(ret, FACT_PEERS_RETURNED, v->peers_returned);
}

static bool share_of(const struct facts *facts, enum fact_name approved_fact,
		     enum fact_name returned_fact, int64_t least, struct share *ret)
{
	int64_t approved;

	if (!facts_number(facts, approved_fact, &approved) ||
	    !facts_number(facts, returned_fact, &ret->returned) || approved < 0 ||
	    ret->returned < 0)
		return false;
	ret->returned = MIN_OF(ret->returned, STATISTICS_MOST / 2);
	ret->of = MIN_OF(approved, STATISTICS_MOST / 2) + ret->returned;
	return ret->of >= least;
}

static int64_t percent(const struct share *s)
{
	return s->returned * 100 / s->of;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct share own, peers;

	if (!share_of(facts, FACT_SOURCE_APPROVED, FACT_SOURCE_RETURNED, rule->params[LEAST],
		      &own) ||
	    !share_of(facts, FACT_PEERS_APPROVED, FACT_PEERS_RETURNED, rule->params[PEERS_LEAST],
		      &peers))
		return ANSWER_UNKNOWN;
	if (percent(&own) - percent(&peers) < rule->params[POINTS] ||
	    share_excess_tenths(own.returned, own.of, peers.returned, peers.of) <
		rule->params[ERRORS])
		return ANSWER_PASS;

	ret->reason = REASON_CONVERSION_OUTLIER;
	finding_number(ret, "returned", own.returned);
	finding_number(ret, "verdicts", own.of);
	finding_number(ret, "peers", percent(&peers));
	return ANSWER_HIT;
}

#define NUMBER(number_name, number, lowest, highest, what)                                         \
	{                                                                                          \
		.name = (number_name), .type = PARAM_NUMBER, .standard = (number),                 \
		.least = (lowest), .most = (highest), .help = (what)                               \
	}

const struct filter filter_conversion_outlier = {
    .name = "conversion_outlier",
    .help = "Advertisers return far more of the webmaster's leads than of others'.",
    .action = ACTION_SCORE,
    .weight = 10,
    .local = true,
    .reasons = {REASON_CONVERSION_OUTLIER},
    FILTER_FACTS(FACT_SOURCE_APPROVED, FACT_SOURCE_RETURNED, FACT_PEERS_APPROVED,
		 FACT_PEERS_RETURNED),
    .params =
	{
	    [LEAST] = NUMBER("least", 50, 10, 1000000, "Of fewer verdicts nothing is said."),
	    [PEERS_LEAST] = NUMBER("peers_least", 200, 10, 1000000,
				   "Nor when the vertical's others have fewer."),
	    [POINTS] =
		NUMBER("points", 15, 1, 99, "So many percentage points over the others' share."),
	    [ERRORS] = NUMBER("errors", 40, 10, 200, "And so many tenths of a standard error."),
	},
    .look = look,
    .judge = judge,
};
