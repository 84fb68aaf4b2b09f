/* bad_subid: most of the webmaster's last leads under this lead's sub-id show a sign of fraud. A sub-id is one campaign, one bought
 * source: who works under it works under it alone.
 *
 * needs    of the webmaster's last leads with this lead's sub1, how many there are, and how many show an unusual sign: one of what
 *          filters that need no memory say under their own standard (core/signs.h); whether this lead shows one; whether yesterday
 *          (UTC) had leads under this sub1
 * hit      the sub-id is new since yesterday, and chance would bring so many of so many at most as often as the rule says: three or
 *          more, or two where this lead shows a sign as well
 * unknown  the lead has no sub1, or nobody came under it lately
 * trap     one lead from a company's VPN is no campaign: two of two say nothing yet. Under the sub-ids that a webmaster has always
 *          used a crew's leads stand among people's, so an old one always passes */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/signs.h"

extern const struct filter filter_bad_subid;

/* Honest leads that show any unusual sign, rounded to their side: see rules/default.yaml. */
#define HONEST_ONE_IN 8
#define SIGNED_LEAST  3 /* one of these may be the lead itself */

enum { COINCIDENCE };

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	if (s->sub1.len > 0)
		trail_plan_want_source(plan, &filter_bad_subid, s, local);
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	const struct trail *t = &want->found;
	int64_t leads = 0, with_sign = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct visit *v = &t->visits[i];

		if (now_ms - v->at_ms >= SOURCE_KEEP_MS || source_sub(v) != source_sub(&want->own))
			continue;
		leads++;
		with_sign += source_is_signed(v);
	}
	facts_set_number(ret, FACT_RECENT_SAME_SUB, leads);
	facts_set_number(ret, FACT_RECENT_SAME_SUB_SIGNED, with_sign);
	facts_set_number(ret, FACT_SIGN_UNUSUAL, source_is_signed(&want->own));
}

static void weigh(const struct source *source, struct facts *ret)
{
	if (source->has_sub)
		facts_set_number(ret, FACT_SUB_YESTERDAY, source->sub_yesterday);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t leads, with_sign, own, old;

	if (!facts_number(facts, FACT_RECENT_SAME_SUB, &leads) ||
	    !facts_number(facts, FACT_RECENT_SAME_SUB_SIGNED, &with_sign) || leads < 1 ||
	    with_sign < 0 || with_sign > leads)
		return ANSWER_UNKNOWN;
	if (!facts_number(facts, FACT_SIGN_UNUSUAL, &own) ||
	    !facts_number(facts, FACT_SUB_YESTERDAY, &old))
		return ANSWER_UNKNOWN;
	if (old != 0 || with_sign + (own == 1) < SIGNED_LEAST ||
	    chance_in_a_million(with_sign, leads, HONEST_ONE_IN) > rule->params[COINCIDENCE])
		return ANSWER_PASS;

	ret->reason = REASON_SUBID_BAD;
	finding_number(ret, "with_sign", with_sign);
	finding_number(ret, "leads", leads);
	return ANSWER_HIT;
}

const struct filter filter_bad_subid = {
    .name = "bad_subid",
    .help = "Most of the last leads under the same new sub-id show signs of fraud.",
    .action = ACTION_SCORE,
    .weight = 60,
    .reasons = {REASON_SUBID_BAD},
    FILTER_FACTS(FACT_RECENT_SAME_SUB, FACT_RECENT_SAME_SUB_SIGNED, FACT_SIGN_UNUSUAL,
		 FACT_SUB_YESTERDAY),
    .params = {[COINCIDENCE] = PARAM_COINCIDENCE(16000)},
    .follow = follow,
    .learn = learn,
    .weigh = weigh,
    .judge = judge,
};
