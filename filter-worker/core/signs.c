/* signs: see signs.h. */
#include "signs.h"

#include "ruleset.h"

#define FILTER(x) extern const struct filter filter_##x;
#include "filter-worker/filters/filters.def"
#undef FILTER

#define UNUSUAL 30 /* one in so many honest leads or fewer */

/* One in so many honest leads shows it, rounded to the side of the honest: see rules/default.yaml for how it was measured. */
static const struct sign signs[] = {
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

/* No lead that shows one of these goes on; they tell of the company that others come in. */
static const struct filter *const settle[] = {&filter_phone_valid, &filter_email_syntax,
					      &filter_crawler_agent};

static const struct filter_rule *standard_of(const struct filter *f)
{
	static struct filter_rule standards[RULES_MAX];
	struct filter_rule *rule = &standards[filter_index(f)];

	if (!rule->filter)
		*rule = rule_standard(f);
	return rule;
}

static bool asks(const struct filter *f, const struct facts *local, struct finding *ret)
{
	const struct filter_rule *rule = standard_of(f);

	*ret = (struct finding){.arena = NULL};
	if (f->judge(rule, local, ret) != ANSWER_HIT)
		return false;
	ret->rejects |= rule->action == ACTION_REJECT;
	return true;
}

static void see(const struct sign *sign, const struct finding *f, struct signs *ret)
{
	if (f->reason != sign->reason)
		return;
	if (!ret->rarest || sign->honest_one_in > ret->rarest->honest_one_in)
		ret->rarest = sign;
	ret->unusual |= f->rejects || sign->honest_one_in >= UNUSUAL;
}

struct signs signs_of(const struct facts *local)
{
	struct signs ret = {.rarest = NULL};
	const struct filter *asked = NULL;
	struct finding finding;
	bool hit = false;

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (signs[i].filter != asked) {
			asked = signs[i].filter;
			hit = asks(asked, local, &finding);
			ret.unusual |= hit && finding.rejects;
		}
		if (hit)
			see(&signs[i], &finding, &ret);
	}
	for (size_t i = 0; i < ARRAY_LEN(settle) && !ret.unusual; i++)
		ret.unusual = asks(settle[i], local, &finding);
	return ret;
}
