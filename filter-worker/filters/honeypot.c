/* honeypot: a field that people can't see was filled in.
 *
 * needs    whether it was
 * hit      it was
 * unknown  the form has no such field
 * trap     browsers fill in hidden fields too, so a hit adds to the score and does not reject by itself */
#include "filter-worker/core/filter.h"

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (s && s->honeypot_case == PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED)
		facts_set_number(ret, FACT_HONEYPOT, s->honeypot_filled ? 1 : 0);
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t filled;

	if (!facts_number(facts, FACT_HONEYPOT, &filled))
		return ANSWER_UNKNOWN;
	if (filled == 0)
		return ANSWER_PASS;

	ret->reason = REASON_HONEYPOT_FILLED;
	return ANSWER_HIT;
}

const struct filter filter_honeypot = {
    .name = "honeypot",
    .help = "A field that people can't see was filled in.",
    .action = ACTION_SCORE,
    .weight = 34,
    .local = true,
    .reasons = {REASON_HONEYPOT_FILLED},
    FILTER_FACTS(FACT_HONEYPOT),
    .look = look,
    .judge = judge,
};
