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
#include "filter-worker/core/ruleset.h"

#define FILTER(x) extern const struct filter filter_##x;
#include "filters.def"
#undef FILTER

#define RARE_MS     (8 * MS_PER_HOUR)
#define RARE        200 /* one in so many honest leads or fewer */
#define MILLION     1000000
#define CHANCE_MAX  ((int64_t)1 << 40)
#define LEADS_LEAST 8
#define ONE_IN_MOST 1000000000LL
#define LEADS_MOST  100000

enum { COINCIDENCE };
enum { MARK_ONE_IN };

/* One in so many honest leads shows it, rounded to the side of the honest: see rules/default.yaml for how it was measured. */
static const struct sign {
	const struct filter *filter;
	enum reason reason;
	int64_t honest_one_in;
} signs[] = {
    {&filter_fill_time, REASON_FILLED_TOO_FAST, 10},
    {&filter_click_time, REASON_CLICK_TOO_FRESH, 30},
    {&filter_pasted_fields, REASON_FIELDS_PASTED, 50},
    {&filter_datacentre_ip, REASON_IP_DATACENTRE, 30},
    {&filter_proxy_ip, REASON_IP_ANONYMOUS, 100},
    {&filter_ip_country, REASON_IP_COUNTRY, 80},
    {&filter_name_parts, REASON_NAME_PARTS_DISAGREE, 250},
    {&filter_disposable_email, REASON_EMAIL_DOUBTFUL, 250},
    {&filter_agent_disagrees, REASON_AGENT_DISAGREES, 250},
    {&filter_consent, REASON_CONSENT_STALE, 200},
    {&filter_phone_pattern, REASON_PHONE_PATTERN, 250},
    {&filter_mixed_script, REASON_NAME_MIXES_SCRIPTS, 300},
    {&filter_gibberish_name, REASON_NAME_GIBBERISH, 300},
    {&filter_profanity, REASON_NAME_PROFANE, 300},
    {&filter_profanity, REASON_NAME_TEST_WORD, 300},
    {&filter_disposable_phone, REASON_PHONE_DISPOSABLE, 300},
    {&filter_click_story, REASON_CLICK_IMPOSSIBLE, 300},
    {&filter_click_story, REASON_CLICK_EXPIRED, 300},
};

/* Signs are facts of the lead: today's rules do not change them, only the filters' own standard does, which is made once. */
static enum reason ask(size_t sign, const struct facts *local)
{
	static struct filter_rule standards[ARRAY_LEN(signs)];
	struct filter_rule *rule = &standards[sign];
	struct finding finding = {.arena = NULL};

	if (!rule->filter)
		*rule = rule_standard(signs[sign].filter);
	return rule->filter->judge(rule, local, &finding) == ANSWER_HIT ? finding.reason
									: REASON_NONE;
}

/* NULL: none. */
static const struct sign *rarest_sign(const struct facts *local)
{
	const struct sign *ret = NULL;
	const struct filter *asked = NULL;
	enum reason said = REASON_NONE;

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (signs[i].filter != asked)
			said = ask(i, local);
		asked = signs[i].filter;
		if (said == signs[i].reason &&
		    (!ret || signs[i].honest_one_in > ret->honest_one_in))
			ret = &signs[i];
	}
	return ret;
}

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	const struct sign *sign = s->aff_id.len > 0 ? rarest_sign(local) : NULL;
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

/* The most that chance may do, in millionths: C(of, like) ways to choose them, each as likely as `like` honest leads in a row with
 * the sign (the union bound). */
static int64_t chance_of(int64_t like, int64_t of, int64_t honest_one_in)
{
	int64_t ret = MILLION;

	/* Facts of a record may be anything: none makes this long, or too large to multiply. */
	like = MIN_OF(like, (int64_t)TRAIL_VISITS_MAX);
	of = MIN_OF(of, LEADS_MOST);
	honest_one_in = MIN_OF(honest_one_in, ONE_IN_MOST);
	for (int64_t i = 1; i <= like; i++)
		ret = MIN_OF(ret * (of - i + 1) / (i * honest_one_in), CHANCE_MAX);
	return MIN_OF(ret, MILLION);
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
		*ret_of = (MIN_OF(today, LEADS_MOST) + MIN_OF(yesterday, LEADS_MOST) + 1) / 2;
	}
	*ret_of = MAX_OF(MIN_OF(*ret_of, LEADS_MOST), MAX_OF(*ret_like, LEADS_LEAST));
	return true;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t one_in, like, of;

	if (!facts_number(facts, FACT_SIGN_ONE_IN, &one_in) || one_in < 1 ||
	    !counts_of(facts, one_in, &like, &of))
		return ANSWER_UNKNOWN;
	if (like < 1 || chance_of(like, of, one_in) > rule->params[COINCIDENCE])
		return ANSWER_PASS;

	ret->reason = REASON_SHARED_SIGN;
	finding_number(ret, "leads", like);
	return ANSWER_HIT;
}

const struct filter filter_shared_sign = {
    .name = "shared_sign",
    .help = "A rare sign of the lead's stands on the webmaster's last leads, too.",
    .action = ACTION_SCORE,
    .weight = 45,
    .reasons = {REASON_SHARED_SIGN},
    FILTER_FACTS(FACT_SIGN_ONE_IN, FACT_SIGN_LEADS_1H, FACT_SIGN_LEADS_8H, FACT_SOURCE_LEADS_1H,
		 FACT_SOURCE_LEADS_TODAY, FACT_SOURCE_LEADS_YESTERDAY),
    .params = {[COINCIDENCE] = {.name = "coincidence",
				.type = PARAM_NUMBER,
				.standard = 10000,
				.least = 0,
				.most = MILLION - 1,
				.help =
				    "It is a hit when chance does it at most so many times in a "
				    "million."}},
    .follow = follow,
    .learn = learn,
    .weigh = weigh,
    .judge = judge,
};
