/* shared_sign: the lead shows a sign that honest leads seldom show, and so do others that the webmaster sent just before: more of
 * them than chance would bring. One lead from a data centre is somebody in his company's VPN; five in a row are a farm.
 *
 * needs    the rarest of the other filters' signs that this lead shows, how many of the webmaster's last leads showed the same as
 *          their rarest one, and how many leads he sent at all. A sign is what a filter that needs no memory says under its own
 *          standard; honest_one_in tells how often honest leads show it. Common signs are counted for an hour, rare ones, which
 *          nobody need hurry with, for RARE_MS
 * hit      chance would bring the sign so often among so many leads at most as often as the rule says
 * unknown  the lead shows no sign
 * trap     an honest lead with no sign of its own always passes, whatever the company that it comes in. One with a sign that comes
 *          between a crew's leads is taken for theirs: so the hour is short, and alone a hit never rejects */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/signs.h"

extern const struct filter filter_shared_sign;

#define RARE_MS     (8 * MS_PER_HOUR)
#define RARE        200 /* one in so many honest leads or fewer */
#define LEADS_LEAST 8

enum { COINCIDENCE };
enum { MARK_ONE_IN };

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	const struct sign *sign = s->aff_id.len > 0 ? trail_plan_signs(plan, local)->rarest : NULL;
	struct webmaster_key key;

	if (!sign)
		return;

	const struct visit own = {.at_ms = s->received_at_ms,
				  .marks = {[MARK_ONE_IN] = (uint32_t)sign->honest_one_in}};

	trail_plan_want(plan, &filter_shared_sign, "sh", slice_cstr(reason_code(sign->reason)),
			webmaster_key(s->aff_id, &key), RARE_MS, &own);
}

/* The webmaster's leads are counted up to the last full minute, so these are, too: or the first minute of a spot on TV would
 * look like a crew. */
static int64_t count_alike(const struct trail *t, int64_t now_ms, int64_t window_ms)
{
	int64_t minute_ms = now_ms - now_ms % MS_PER_MIN, count = 0;

	for (size_t i = 0; i < t->count; i++) {
		int64_t at_ms = t->visits[i].at_ms;

		count += at_ms < minute_ms && now_ms - at_ms < window_ms;
	}
	return count;
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	const struct trail *t = &want->found;

	facts_set_number(ret, FACT_SIGN_ONE_IN, want->own.marks[MARK_ONE_IN]);
	facts_set_number(ret, FACT_SIGN_LEADS_1H, count_alike(t, now_ms, MS_PER_HOUR));
	facts_set_number(ret, FACT_SIGN_LEADS_8H, count_alike(t, now_ms, RARE_MS));
}

static void weigh(const struct source *source, struct facts *ret)
{
	int64_t sum = 0;

	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		sum += source->minutes[i];
	facts_set_number(ret, FACT_SOURCE_LEADS_1H, sum);
	facts_set_number(ret, FACT_SOURCE_LEADS_TODAY, source->today.leads);
	facts_set_number(ret, FACT_SOURCE_LEADS_YESTERDAY, source->yesterday.leads);
}

/* Eight hours hardly bring more than half of what two days do. Of a webmaster who sent next to nothing yet nothing is sure: some
 * leads are taken to have come. */
static bool counts_of(const struct facts *facts, int64_t one_in, int64_t *ret_like, int64_t *ret_of)
{
	int64_t today, yesterday;

	if (one_in < RARE) {
		if (!facts_number(facts, FACT_SIGN_LEADS_1H, ret_like) ||
		    !facts_number(facts, FACT_SOURCE_LEADS_1H, ret_of))
			return false;
	} else {
		if (!facts_number(facts, FACT_SIGN_LEADS_8H, ret_like) ||
		    !facts_number(facts, FACT_SOURCE_LEADS_TODAY, &today) ||
		    !facts_number(facts, FACT_SOURCE_LEADS_YESTERDAY, &yesterday))
			return false;
		*ret_of =
		    (MIN_OF(today, CHANCE_OF_MOST) + MIN_OF(yesterday, CHANCE_OF_MOST) + 1) / 2;
	}
	*ret_of = MAX_OF(MIN_OF(*ret_of, CHANCE_OF_MOST), MAX_OF(*ret_like, LEADS_LEAST));
	return true;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t one_in, like, of;

	if (!facts_number(facts, FACT_SIGN_ONE_IN, &one_in) || one_in < 1 ||
	    !counts_of(facts, one_in, &like, &of))
		return ANSWER_UNKNOWN;
	if (like < 1 || chance_in_a_million(like, of, one_in) > rule->params[COINCIDENCE])
		return ANSWER_PASS;

	ret->reason = REASON_SHARED_SIGN;
	finding_number(ret, "leads", like);
	return ANSWER_HIT;
}

const struct filter filter_shared_sign = {
    .name = "shared_sign",
    .help = "A rare sign of the lead's stands on the webmaster's last leads, too.",
    .action = ACTION_SCORE,
    .weight = 37,
    .reasons = {REASON_SHARED_SIGN},
    FILTER_FACTS(FACT_SIGN_ONE_IN, FACT_SIGN_LEADS_1H, FACT_SIGN_LEADS_8H, FACT_SOURCE_LEADS_1H,
		 FACT_SOURCE_LEADS_TODAY, FACT_SOURCE_LEADS_YESTERDAY),
    .params = {[COINCIDENCE] = PARAM_COINCIDENCE(50000)},
    .follow = follow,
    .learn = learn,
    .weigh = weigh,
    .judge = judge,
};
