/* resubmission: the same webmaster sent this very payload a moment ago, or used this idempotency key within the day.
 *
 * needs    a claim on the payload's fingerprint within the webmaster, and one on the idempotency key's when there is one;
 *          both are taken even by a lead that is rejected, for a repeat of a rejected lead is a repeat too
 * hit      another lead holds one of them; the reason names it, so that a retry is led back to the first answer
 * unknown  no fingerprint of the payload
 *          the very same lead stands in the log a second time (a producer's retry can do that): its first record counts
 * trap     the same record read again from the log finds its own claim, and passes */
#include "filter-worker/core/filter.h"

enum { WINDOW, IDEMPOTENCY_WINDOW };

static void need(const struct filter_rule *rule, const struct claim_subject *s,
		 struct claim_plan *plan)
{
	claim_plan_want(plan, FACT_PAYLOAD_CLAIM, "rs", s->aff_id, s->payload, rule->params[WINDOW],
			true);
	claim_plan_want(plan, FACT_IDEMPOTENCY_CLAIM, "ik", (struct slice){0}, s->idempotency,
			rule->params[IDEMPOTENCY_WINDOW], true);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	const struct claim *payload = facts_claim(facts, FACT_PAYLOAD_CLAIM);
	const struct claim *key = facts_claim(facts, FACT_IDEMPOTENCY_CLAIM);
	const struct claim *first = NULL;
	struct lead_record self;
	int64_t now_ms;

	if (!facts_self(facts, &self) || !facts_number(facts, FACT_RECEIVED_AT, &now_ms))
		return ANSWER_UNKNOWN;

	/* The key is the client's own word that it repeats itself; it names the first lead even when both are held. */
	if (key && claim_stands_against(key, &self, now_ms, rule->params[IDEMPOTENCY_WINDOW]))
		first = key;
	else if (payload && claim_stands_against(payload, &self, now_ms, rule->params[WINDOW]))
		first = payload;
	if (!first)
		return payload ? ANSWER_PASS : ANSWER_UNKNOWN;

	if (lead_id_equal(&first->owner.lead_id, &self.lead_id)) {
		ret->reason = REASON_RECORD_REPEATED;
		ret->rejects = true; /* whatever the rule does about people who click twice */
		return ANSWER_HIT;
	}
	ret->reason = REASON_RESUBMISSION;
	finding_seconds(ret, "seconds", MAX_OF(now_ms - first->claimed_at_ms, 0));
	finding_about(ret, &first->owner.lead_id);
	return ANSWER_HIT;
}

const struct filter filter_resubmission = {
    .name = "resubmission",
    .help = "The same webmaster sent this very payload a moment ago, or used this idempotency key "
	    "within the day.",
    .action = ACTION_REJECT,
    .weight = 100,
    .reasons = {REASON_RESUBMISSION, REASON_RECORD_REPEATED},
    FILTER_FACTS(FACT_LEAD_ID, FACT_RAW_OFFSET, FACT_RECEIVED_AT, FACT_PAYLOAD_CLAIM,
		 FACT_IDEMPOTENCY_CLAIM),
    .params =
	{
	    [WINDOW] = {.name = "window",
			.type = PARAM_DURATION,
			.standard = 60 * MS_PER_S,
			.least = MS_PER_S,
			.most = MS_PER_HOUR,
			.help = "How long the same payload counts as sent again."},
	    [IDEMPOTENCY_WINDOW] = {.name = "idempotency_window",
				    .type = PARAM_DURATION,
				    .standard = 24 * MS_PER_HOUR,
				    .least = MS_PER_MIN,
				    .most = 7 * MS_PER_DAY,
				    .help = "How long an idempotency key names its first lead."},
	},
    .need = need,
    .judge = judge,
};
