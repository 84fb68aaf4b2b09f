/* rejection_breaker: most of what the webmaster sends is rejected, so that what passes is looked at more strictly.
 *
 * needs    the webmaster's leads and rejected leads of today, and yesterday's while today's are too few
 * hit      the share of rejected ones is surely (95 %) as large as the rule says: the lower bound of Wilson's interval
 *          (core/statistics.h), which knows how little a few leads say
 * unknown  too few leads of both days
 * trap     a small N: three of four rejected say nothing. A webmaster who mended a mistake of yesterday's is judged by today
 *          alone as soon as that is enough. It weighs under half of the limit: a lead with no sign of its own is never
 *          rejected for the company that it comes in, so good leads bring the share down again */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/statistics.h"

enum { LEAST, SHARE };

static void weigh(const struct source *source, struct facts *ret)
{
	facts_set_number(ret, FACT_SOURCE_LEADS_TODAY, source->today.leads);
	facts_set_number(ret, FACT_SOURCE_LEADS_YESTERDAY, source->yesterday.leads);
	facts_set_number(ret, FACT_SOURCE_REJECTED_TODAY, source->today.rejected);
	facts_set_number(ret, FACT_SOURCE_REJECTED_YESTERDAY, source->yesterday.rejected);
}

/* Adds a day; false: it is not known. */
static bool add_day(const struct facts *facts, enum fact_name leads_fact,
		    enum fact_name rejected_fact, int64_t *leads, int64_t *rejected)
{
	int64_t more_leads, more_rejected;

	if (!facts_number(facts, leads_fact, &more_leads) ||
	    !facts_number(facts, rejected_fact, &more_rejected))
		return false;
	*leads += MIN_OF(more_leads, STATISTICS_MOST);
	*rejected += MIN_OF(more_rejected, STATISTICS_MOST);
	return true;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t leads = 0, rejected = 0;

	if (!add_day(facts, FACT_SOURCE_LEADS_TODAY, FACT_SOURCE_REJECTED_TODAY, &leads, &rejected))
		return ANSWER_UNKNOWN;
	if (leads < rule->params[LEAST] &&
	    !add_day(facts, FACT_SOURCE_LEADS_YESTERDAY, FACT_SOURCE_REJECTED_YESTERDAY, &leads,
		     &rejected))
		return ANSWER_UNKNOWN;
	if (leads < rule->params[LEAST])
		return ANSWER_UNKNOWN;
	if (!share_is_at_least(rejected, leads, rule->params[SHARE]))
		return ANSWER_PASS;

	ret->reason = REASON_REJECTION_BREAKER;
	finding_number(ret, "rejected", rejected);
	finding_number(ret, "leads", leads);
	return ANSWER_HIT;
}

const struct filter filter_rejection_breaker = {
    .name = "rejection_breaker",
    .help = "Most of the webmaster's leads are rejected.",
    .action = ACTION_SCORE,
    .weight = 14,
    .reasons = {REASON_REJECTION_BREAKER},
    FILTER_FACTS(FACT_SOURCE_LEADS_TODAY, FACT_SOURCE_LEADS_YESTERDAY, FACT_SOURCE_REJECTED_TODAY,
		 FACT_SOURCE_REJECTED_YESTERDAY),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 30,
			  .least = 10,
			  .most = 1000000,
			  .help = "Of fewer leads in two days nothing is said."},
	       [SHARE] = {.name = "share",
			  .type = PARAM_NUMBER,
			  .standard = 40,
			  .least = 1,
			  .most = 99,
			  .help =
			      "From so many percent of rejected leads on, surely, it is a hit."}},
    .weigh = weigh,
    .judge = judge,
};
