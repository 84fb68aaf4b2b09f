/* resale: the same person came through another webmaster minutes ago: the lead is probably sold on, and not the person's own
 * second try.
 *
 * needs    how long before this lead the same person last came through another webmaster, in any vertical, within a day
 * hit      a shorter time than the rule says
 * unknown  neither a phone nor an e-mail was given
 * trap     people who compare offers fill in several forms themselves, mostly hours apart, now and then within minutes: so it
 *          only adds to the score, and `action: reject` is for networks that forbid it by contract */
#include "filter-worker/core/filter.h"

#include "base/hash.h"

extern const struct filter filter_resale;

#define KEEP_MS MS_PER_DAY
#define NOBODY  (-1)

enum { WITHIN };

/* Webmasters are no secret; they need only be told apart. */
static uint32_t webmaster_mark(struct slice aff_id)
{
	uint64_t hash = hash_fnv1a(0, aff_id);

	return (uint32_t)(hash ^ hash >> 32);
}

static void follow(const struct claim_subject *s, _unused_ const struct facts *local,
		   struct trail_plan *plan)
{
	const struct visit own = {.at_ms = s->received_at_ms, .marks = {webmaster_mark(s->aff_id)}};

	trail_plan_want(plan, &filter_resale, "rl", (struct slice){0}, s->person, KEEP_MS, &own);
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	int64_t least_ms = NOBODY;

	for (size_t i = 0; i < want->found.count; i++) {
		const struct visit *v = &want->found.visits[i];
		int64_t gap_ms = MAX_OF(now_ms - v->at_ms, 0);

		if (v->marks[0] == want->own.marks[0] || gap_ms >= KEEP_MS)
			continue;
		if (least_ms == NOBODY || gap_ms < least_ms)
			least_ms = gap_ms;
	}
	facts_set_number(ret, FACT_OTHER_WEBMASTER_MS, least_ms);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t gap_ms;

	if (!facts_number(facts, FACT_OTHER_WEBMASTER_MS, &gap_ms))
		return ANSWER_UNKNOWN;
	if (gap_ms == NOBODY || gap_ms >= rule->params[WITHIN])
		return ANSWER_PASS;

	ret->reason = REASON_RESALE;
	finding_seconds(ret, "seconds", gap_ms);
	return ANSWER_HIT;
}

const struct filter filter_resale = {
    .name = "resale",
    .help = "The same person came through another webmaster minutes ago.",
    .action = ACTION_SCORE,
    .weight = 40,
    .reasons = {REASON_RESALE},
    FILTER_FACTS(FACT_OTHER_WEBMASTER_MS),
    .params = {[WITHIN] = {.name = "within",
			   .type = PARAM_DURATION,
			   .standard = 10 * MS_PER_MIN,
			   .least = MS_PER_S,
			   .most = KEEP_MS,
			   .help = "A shorter time after the other webmaster's lead is a hit."}},
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
