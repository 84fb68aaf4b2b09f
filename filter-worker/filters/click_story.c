/* click_story: the click that is given can't have brought this lead.
 *
 * needs    how long before the lead the click was, and how long the form took
 * hit      the click came after the lead, `clocks` allowed; or after the form was begun; or longer ago than a click counts for
 *          anywhere (`most`)
 * unknown  no click was given; a form that does not say how long it took can only be seen to be too late or too old
 * trap     clocks differ by minutes, and a tracker that notes the click when the form is sent does so with every lead: the webmaster
 *          reads why and mends it. So it weighs two thirds of the limit. A tab that was saved for days is click_time's matter */
#include "filter-worker/core/filter.h"

enum { CLOCKS, MOST };

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t age_ms, filled_ms;

	if (!facts_number(facts, FACT_CLICK_AGE_MS, &age_ms))
		return ANSWER_UNKNOWN;
	if (age_ms < -rule->params[CLOCKS] ||
	    (age_ms >= 0 && facts_number(facts, FACT_FILLED_MS, &filled_ms) && age_ms < filled_ms))
		ret->reason = REASON_CLICK_IMPOSSIBLE;
	else if (age_ms > rule->params[MOST])
		ret->reason = REASON_CLICK_EXPIRED;
	else
		return age_ms < 0 ? ANSWER_UNKNOWN : ANSWER_PASS;
	finding_seconds(ret, "seconds", age_ms);
	return ANSWER_HIT;
}

const struct filter filter_click_story = {
    .name = "click_story",
    .help = "The click that is given can't have brought the lead.",
    .action = ACTION_SCORE,
    .weight = 50,
    .local = true,
    .reasons = {REASON_CLICK_IMPOSSIBLE, REASON_CLICK_EXPIRED},
    FILTER_FACTS(FACT_CLICK_AGE_MS, FACT_FILLED_MS),
    .params =
	{
	    [CLOCKS] = {.name = "clocks",
			.type = PARAM_DURATION,
			.standard = 2 * MS_PER_MIN,
			.least = 0,
			.most = MS_PER_DAY,
			.help = "How far the click's clock may be ahead of ours."},
	    [MOST] = {.name = "most",
		      .type = PARAM_DURATION,
		      .standard = 45 * MS_PER_DAY,
		      .least = MS_PER_DAY,
		      .most = 1000 * MS_PER_DAY,
		      .help = "An older click counts for nothing."},
	},
    .judge = judge,
};
