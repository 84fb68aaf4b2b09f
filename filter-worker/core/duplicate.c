/* duplicate: see duplicate.h. */
#include "duplicate.h"

static enum scope_choice scope_of(const struct filter_rule *rule)
{
	return (enum scope_choice)rule->params[DUPLICATE_SCOPE];
}

static struct slice value_of(const struct duplicate *d, const struct claim_subject *s)
{
	return *(const struct slice *)(const void *)((const char *)s + d->value_at);
}

/* The first that the lead has a value for: a person is his phone, if he gave one. */
bool duplicate_shares(const struct filter_rule *rule, const struct claim_subject *s,
		      struct claim_plan *plan)
{
	const struct duplicate *own = rule->filter->duplicate;

	for (size_t i = 0; i < ARRAY_LEN(own->shares) && own->shares[i]; i++) {
		const struct duplicate *d = own->shares[i];
		struct slice value = value_of(d, s);

		if (value.len > 0)
			return claim_plan_share(plan, own->claim, d->purpose,
						scope_name(scope_of(rule), s), value,
						rule->params[DUPLICATE_WINDOW]);
	}
	return false;
}

void duplicate_need(const struct filter_rule *rule, const struct claim_subject *s,
		    struct claim_plan *plan)
{
	const struct duplicate *d = rule->filter->duplicate;

	claim_plan_want(plan, d->claim, d->purpose, scope_name(scope_of(rule), s), value_of(d, s),
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
