/* subid_flood: a webmaster's leads come under ever new sub-ids, and yesterday they did not: what was refused under one is tried
 * again under the next.
 *
 * needs    the webmaster's leads and different sub1 values of today and of yesterday (UTC days)
 * hit      many of today's leads have a sub1 of their own, and that is several times yesterday's share
 * unknown  too few leads, today or yesterday, to say so
 * trap     many trackers make a sub-id per click: yesterday then looked alike, and it passes. On the first day of a webmaster
 *          nobody knows the habit. A hit only adds to the score, and little: it is about the webmaster, not about the person */
#include "filter-worker/core/filter.h"

enum { LEAST, SHARE, TIMES };

static void weigh(const struct source *source, struct facts *ret)
{
	facts_set_number(ret, FACT_SOURCE_LEADS_TODAY, source->today.leads);
	facts_set_number(ret, FACT_SOURCE_LEADS_YESTERDAY, source->yesterday.leads);
	facts_set_number(ret, FACT_SOURCE_SUBS_TODAY, source->today.subs);
	facts_set_number(ret, FACT_SOURCE_SUBS_YESTERDAY, source->yesterday.subs);
}

/* In percent; sums are about right, so it may be over 100. */
static bool share_of(const struct facts *facts, enum fact_name subs_fact, enum fact_name leads_fact,
		     int64_t least, int64_t *ret)
{
	int64_t subs, leads;

	if (!facts_number(facts, subs_fact, &subs) || !facts_number(facts, leads_fact, &leads) ||
	    leads < least || leads > UINT32_MAX || subs < 0 || subs > UINT32_MAX)
		return false;
	*ret = subs * 100 / leads;
	return true;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t today, yesterday, least = rule->params[LEAST];

	if (!share_of(facts, FACT_SOURCE_SUBS_TODAY, FACT_SOURCE_LEADS_TODAY, least, &today))
		return ANSWER_UNKNOWN;
	if (today < rule->params[SHARE])
		return ANSWER_PASS;
	if (!share_of(facts, FACT_SOURCE_SUBS_YESTERDAY, FACT_SOURCE_LEADS_YESTERDAY, least,
		      &yesterday))
		return ANSWER_UNKNOWN;
	if (today < yesterday * rule->params[TIMES])
		return ANSWER_PASS;

	ret->reason = REASON_SUBID_FLOOD;
	finding_number(ret, "today", MIN_OF(today, 100));
	finding_number(ret, "yesterday", MIN_OF(yesterday, 100));
	return ANSWER_HIT;
}

const struct filter filter_subid_flood = {
    .name = "subid_flood",
    .help = "The webmaster's leads suddenly come under ever new sub-ids.",
    .action = ACTION_SCORE,
    .weight = 5,
    .reasons = {REASON_SUBID_FLOOD},
    FILTER_FACTS(FACT_SOURCE_LEADS_TODAY, FACT_SOURCE_LEADS_YESTERDAY, FACT_SOURCE_SUBS_TODAY,
		 FACT_SOURCE_SUBS_YESTERDAY),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 50,
			  .least = 10,
			  .most = 1000000,
			  .help = "Of fewer leads a day nothing is said."},
	       [SHARE] = {.name = "share",
			  .type = PARAM_NUMBER,
			  .standard = 50,
			  .least = 1,
			  .most = 100,
			  .help =
			      "From so many different sub1 values on a hundred leads it is a hit."},
	       [TIMES] = {.name = "times",
			  .type = PARAM_NUMBER,
			  .standard = 3,
			  .least = 1,
			  .most = 100,
			  .help = "And when that is so many times yesterday's share."}},
    .weigh = weigh,
    .judge = judge,
};
