/* resale: the same person came through another webmaster minutes ago: the lead is probably sold on, and not the person's own
 * second try.
 *
 * needs    how long before this lead the same person last came through another webmaster, in any vertical, within a day,
 *          and the same of those leads that came from another address
 * hit      a shorter time than the rule says; from another address it is rejected up to `reject_within`: the person would have to be
 *          in two places
 * unknown  neither a phone nor an e-mail was given
 * trap     people who compare offers fill in several forms themselves, mostly hours apart, now and then within minutes, and
 *          from where they are: so from one address it only adds to the score, and `action: reject` is for networks that forbid it
 *          by contract. Who leaves his house in between has another address; that is why reject_within is short */
#include "filter-worker/core/filter.h"

extern const struct filter filter_resale;

#define KEEP_MS PERSON_KEEP_MS
#define NOBODY  (-1)

enum { WITHIN, REJECT_WITHIN };

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	trail_plan_want_person(plan, &filter_resale, s, local);
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	int64_t least_ms = NOBODY, elsewhere_ms = NOBODY;
	uint32_t address = want->own.marks[PERSON_ADDRESS];

	for (size_t i = 0; i < want->found.count; i++) {
		const struct visit *v = &want->found.visits[i];
		int64_t gap_ms = MAX_OF(now_ms - v->at_ms, 0);

		if (v->marks[PERSON_WEBMASTER] == want->own.marks[PERSON_WEBMASTER] ||
		    gap_ms >= KEEP_MS)
			continue;
		if (least_ms == NOBODY || gap_ms < least_ms)
			least_ms = gap_ms;
		if (v->marks[PERSON_ADDRESS] != 0 && v->marks[PERSON_ADDRESS] != address &&
		    (elsewhere_ms == NOBODY || gap_ms < elsewhere_ms))
			elsewhere_ms = gap_ms;
	}
	facts_set_number(ret, FACT_OTHER_WEBMASTER_MS, least_ms);
	if (address != 0)
		facts_set_number(ret, FACT_OTHER_PLACE_MS, elsewhere_ms);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t gap_ms, elsewhere_ms;

	if (!facts_number(facts, FACT_OTHER_WEBMASTER_MS, &gap_ms))
		return ANSWER_UNKNOWN;
	if (facts_number(facts, FACT_OTHER_PLACE_MS, &elsewhere_ms) && elsewhere_ms != NOBODY &&
	    elsewhere_ms < rule->params[REJECT_WITHIN]) {
		ret->rejects = true;
		gap_ms = elsewhere_ms;
	} else if (gap_ms == NOBODY || gap_ms >= rule->params[WITHIN]) {
		return ANSWER_PASS;
	}

	ret->reason = REASON_RESALE;
	finding_seconds(ret, "seconds", gap_ms);
	return ANSWER_HIT;
}

const struct filter filter_resale = {
    .name = "resale",
    .help = "The same person came through another webmaster minutes ago.",
    .action = ACTION_SCORE,
    .weight = 46,
    .reasons = {REASON_RESALE},
    FILTER_FACTS(FACT_OTHER_WEBMASTER_MS, FACT_OTHER_PLACE_MS),
    .params = {[WITHIN] = {.name = "within",
			   .type = PARAM_DURATION,
			   .standard = 40 * MS_PER_MIN,
			   .least = MS_PER_S,
			   .most = KEEP_MS,
			   .help = "A shorter time after the other webmaster's lead is a hit."},
	       [REJECT_WITHIN] = {.name = "reject_within",
				  .type = PARAM_DURATION,
				  .standard = 40 * MS_PER_MIN,
				  .least = 0,
				  .most = KEEP_MS,
				  .help = "A shorter time after it, from another address, is "
					  "rejected; 0s: never."}},
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
