/* click_time: the lead came too soon after the click, or too late.
 *
 * needs    how long before the lead the click was
 * hit      under `least` nobody reads a page and fills in a form; over `most` the click hardly brought this lead
 * unknown  no click was given, or one after the lead: the two clocks disagree, and nothing can be told from them
 * trap     people keep a page open for days and come back to it, and browsers fill in short forms in seconds: a hit only
 *          adds to the score */
#include "filter-worker/core/filter.h"

enum { LEAST, MOST };

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (s && s->clicked_at_ms > 0)
		facts_set_number(ret, FACT_CLICK_AGE_MS,
				 sight->raw->lead->received_at_ms - s->clicked_at_ms);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t age_ms;

	if (!facts_number(facts, FACT_CLICK_AGE_MS, &age_ms) || age_ms < 0)
		return ANSWER_UNKNOWN;
	if (age_ms >= rule->params[LEAST] && age_ms <= rule->params[MOST])
		return ANSWER_PASS;

	ret->reason = age_ms < rule->params[LEAST] ? REASON_CLICK_TOO_FRESH : REASON_CLICK_TOO_OLD;
	finding_seconds(ret, "seconds", age_ms);
	return ANSWER_HIT;
}

const struct filter filter_click_time = {
    .name = "click_time",
    .help = "The lead came too soon after its click, or too late.",
    .action = ACTION_SCORE,
    .weight = 14,
    .local = true,
    .reasons = {REASON_CLICK_TOO_FRESH, REASON_CLICK_TOO_OLD},
    FILTER_FACTS(FACT_CLICK_AGE_MS),
    .params =
	{
	    [LEAST] = {.name = "least",
		       .type = PARAM_DURATION,
		       .standard = 15 * MS_PER_S,
		       .least = 0,
		       .most = MS_PER_HOUR,
		       .help = "Sooner than this after the click adds the weight."},
	    [MOST] = {.name = "most",
		      .type = PARAM_DURATION,
		      .standard = MS_PER_DAY,
		      .least = MS_PER_MIN,
		      .most = 90 * MS_PER_DAY,
		      .help = "Later than this after the click adds the weight."},
	},
    .look = look,
    .judge = judge,
};
