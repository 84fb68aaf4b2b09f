/* consent: the consent that the form took is incomplete, out of date, or later than the lead.
 *
 * needs    whether the hash of the consent's text and its time were given, and how old it is
 * hit      one of the two is missing, or it was given after the lead, `clocks` allowed: that proves nothing to anybody, and
 *          is rejected where `broken: reject`. Or it is older than `most`; over reject_over it is rejected
 * unknown  neither was given: the form does not say that it asks. Where a vertical needs consent, `on_unknown: hit` in its
 *          scope says so
 * trap     a consent that was renewed is as old as its renewal: forms send that time. The form's clock and ours may
 *          disagree by minutes */
#include "filter-worker/core/filter.h"

enum { MOST, CLOCKS, REJECT_OVER, BROKEN };
enum { BROKEN_SCORES, BROKEN_REJECTS };

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (!s || (s->consent_text_sha256.len == 0 && s->consented_at_ms == 0))
		return;
	facts_set_number(ret, FACT_CONSENT_TEXT, s->consent_text_sha256.len > 0);
	if (s->consented_at_ms != 0)
		facts_set_number(ret, FACT_CONSENT_AGE_MS,
				 sight->raw->lead->received_at_ms - s->consented_at_ms);
}

static enum answer say(struct finding *ret, enum reason reason, const char *detail)
{
	ret->reason = reason;
	if (detail)
		finding_text(ret, "detail", slice_cstr(detail));
	return ANSWER_HIT;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t text, age_ms;

	if (!facts_number(facts, FACT_CONSENT_TEXT, &text))
		return ANSWER_UNKNOWN;
	ret->rejects = rule->params[BROKEN] == BROKEN_REJECTS;
	if (text == 0)
		return say(ret, REASON_CONSENT_INCOMPLETE, "consent_text_sha256");
	if (!facts_number(facts, FACT_CONSENT_AGE_MS, &age_ms))
		return say(ret, REASON_CONSENT_INCOMPLETE, "consented_at");
	if (age_ms < -rule->params[CLOCKS])
		return say(ret, REASON_CONSENT_AFTER_LEAD, NULL);
	if (age_ms <= rule->params[MOST])
		return ANSWER_PASS;

	ret->rejects = age_ms > rule->params[REJECT_OVER];
	finding_number(ret, "days", age_ms / MS_PER_DAY);
	finding_number(ret, "most", rule->params[MOST] / MS_PER_DAY);
	return say(ret, REASON_CONSENT_STALE, NULL);
}

const struct filter filter_consent = {
    .name = "consent",
    .help = "The consent is incomplete, out of date, or later than the lead.",
    .action = ACTION_SCORE,
    .weight = 35,
    .local = true,
    .reasons = {REASON_CONSENT_INCOMPLETE, REASON_CONSENT_STALE, REASON_CONSENT_AFTER_LEAD},
    FILTER_FACTS(FACT_CONSENT_TEXT, FACT_CONSENT_AGE_MS),
    .params =
	{
	    [MOST] = {.name = "most",
		      .type = PARAM_DURATION,
		      .standard = 30 * MS_PER_DAY,
		      .least = MS_PER_DAY,
		      .most = 1000 * MS_PER_DAY,
		      .help = "An older consent is out of date."},
	    [CLOCKS] = {.name = "clocks",
			.type = PARAM_DURATION,
			.standard = 10 * MS_PER_MIN,
			.least = 0,
			.most = MS_PER_DAY,
			.help = "How far the form's clock may be ahead of ours."},
	    [REJECT_OVER] = {.name = "reject_over",
			     .type = PARAM_DURATION,
			     .standard = 90 * MS_PER_DAY,
			     .least = MS_PER_DAY,
			     .most = 10000 * MS_PER_DAY,
			     .help = "An older one is rejected."},
	    [BROKEN] = {.name = "broken",
			.type = PARAM_CHOICE,
			.standard = BROKEN_REJECTS,
			.choices = {"score", "reject"},
			.help = "what an incomplete consent means, or one later than the lead"},
	},
    .look = look,
    .judge = judge,
};
