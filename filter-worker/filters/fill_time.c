/* fill_time: the form was filled in faster than people can.
 *
 * needs    how long it took, as the form's own script measured it
 * hit      under score_below it adds to the score; under reject_below the lead is rejected whatever the rule's action
 * unknown  the form did not say: a missing measurement is not a fast hand
 * trap     browsers that fill in for their users are fast, so a few seconds only add to the score. The time is never
 *          guessed from the form's clock against ours: a clock that is a minute off would make a robot of anybody */
#include "filter-worker/core/filter.h"

enum { REJECT_BELOW, SCORE_BELOW };

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (s && s->filled_case == PUNNET__V1__SUBMISSION__FILLED_FILLED_MS)
		facts_set_number(ret, FACT_FILLED_MS, s->filled_ms);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t filled_ms;

	if (!facts_number(facts, FACT_FILLED_MS, &filled_ms))
		return ANSWER_UNKNOWN;
	ret->rejects = filled_ms < rule->params[REJECT_BELOW];
	if (!ret->rejects && filled_ms >= rule->params[SCORE_BELOW])
		return ANSWER_PASS;

	ret->reason = REASON_FILLED_TOO_FAST;
	finding_seconds(ret, "seconds", filled_ms);
	finding_seconds(ret, "least", rule->params[ret->rejects ? REJECT_BELOW : SCORE_BELOW]);
	return ANSWER_HIT;
}

const struct filter filter_fill_time = {
    .name = "fill_time",
    .help = "The form was filled in faster than people can.",
    .action = ACTION_SCORE,
    .weight = 25,
    .local = true,
    .reasons = {REASON_FILLED_TOO_FAST},
    FILTER_FACTS(FACT_FILLED_MS),
    .params =
	{
	    [REJECT_BELOW] = {.name = "reject_below",
			      .type = PARAM_DURATION,
			      .standard = 2 * MS_PER_S,
			      .least = 0,
			      .most = MS_PER_MIN,
			      .help = "Faster than this is rejected; 0s never rejects."},
	    [SCORE_BELOW] = {.name = "score_below",
			     .type = PARAM_DURATION,
			     .standard = 5 * MS_PER_S,
			     .least = 0,
			     .most = 5 * MS_PER_MIN,
			     .help = "Faster than this adds the weight."},
	},
    .look = look,
    .judge = judge,
};
