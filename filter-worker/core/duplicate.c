/* duplicate: see duplicate.h. */
#include "duplicate.h"

static enum scope_choice scope_of(const struct filter_rule *rule)
{
	return (enum scope_choice)rule->params[DUPLICATE_SCOPE];
}

void duplicate_need(const struct filter_rule *rule, const struct claim_subject *s,
		    struct claim_plan *plan)
{
	const struct duplicate *d = rule->filter->duplicate;
	const struct slice *value = (const void *)((const char *)s + d->value_at);

	claim_plan_want(plan, d->claim, d->purpose, scope_name(scope_of(rule), s), *value,
			rule->params[DUPLICATE_WINDOW], false);
}

enum answer duplicate_judge(const struct filter_rule *rule, const struct facts *facts,
			    struct finding *ret)
{
	const struct duplicate *d = rule->filter->duplicate;
	const struct claim *claim = facts_claim(facts, d->claim);
	struct lead_record self;
	int64_t now_ms;

	if (!claim || !facts_self(facts, &self) || !facts_number(facts, FACT_RECEIVED_AT, &now_ms))
		return ANSWER_UNKNOWN;
	if (!claim_stands_against(claim, &self, now_ms, rule->params[DUPLICATE_WINDOW]))
		return ANSWER_PASS;

	ret->reason = d->reason;
	finding_scope(ret, scope_of(rule), facts);
	finding_date(ret, "date", claim->claimed_at_ms);
	finding_about(ret, &claim->owner.lead_id);
	return ANSWER_HIT;
}
