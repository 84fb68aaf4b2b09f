/* email_canonical_duplicate: an accepted lead has an address that leads to the same mailbox and is spelt otherwise: with
 * other dots, or another plus-tag.
 *
 * needs    one claim on the fingerprint of the mailbox, which the front door makes for providers that are known to ignore
 *          such things; and email_duplicate's claim, so that what is spelt the same is said once, there
 * hit      the mailbox's claim belongs to another lead; within `reject_within` the lead is rejected whatever the rule's
 *          action, later it adds to the score
 * unknown  no address, or a provider that is not known to ignore anything
 * trap     people give every site a tag of its own, and spouses share a mailbox by tags. One tag alone never hits; a second
 *          address in the same vertical weeks later only scores. Nobody honest needs two spellings within a day */
#include "filter-worker/core/filter.h"

enum { SCOPE, WINDOW, REJECT_WITHIN };

static void need(const struct filter_rule *rule, const struct claim_subject *s,
		 struct claim_plan *plan)
{
	claim_plan_want(plan, FACT_MAILBOX_CLAIM, "ec",
			scope_name((enum scope_choice)rule->params[SCOPE], s), s->mailbox,
			rule->params[WINDOW], false);
}

static bool is_spelt_the_same(const struct facts *facts, const struct claim *mailbox)
{
	const struct claim *email = facts_claim(facts, FACT_EMAIL_CLAIM);

	return email && email->held &&
	       lead_id_equal(&email->owner.lead_id, &mailbox->owner.lead_id);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	const struct claim *mailbox = facts_claim(facts, FACT_MAILBOX_CLAIM);
	struct lead_record self;
	int64_t now_ms;

	if (!mailbox || !facts_self(facts, &self) ||
	    !facts_number(facts, FACT_RECEIVED_AT, &now_ms))
		return ANSWER_UNKNOWN;
	if (!claim_stands_against(mailbox, &self, now_ms, rule->params[WINDOW]) ||
	    is_spelt_the_same(facts, mailbox))
		return ANSWER_PASS;

	ret->reason = REASON_MAILBOX_DUPLICATE;
	ret->rejects = claim_is_near(mailbox, now_ms, rule->params[REJECT_WITHIN]);
	finding_scope(ret, (enum scope_choice)rule->params[SCOPE], facts);
	finding_date(ret, "date", mailbox->claimed_at_ms);
	finding_about(ret, &mailbox->owner.lead_id);
	return ANSWER_HIT;
}

const struct filter filter_email_canonical_duplicate = {
    .name = "email_canonical_duplicate",
    .help = "An accepted lead has the same mailbox under another spelling.",
    .action = ACTION_SCORE,
    .weight = 30,
    .reasons = {REASON_MAILBOX_DUPLICATE},
    FILTER_FACTS(FACT_LEAD_ID, FACT_RAW_OFFSET, FACT_RECEIVED_AT, FACT_VERTICAL, FACT_EMAIL_CLAIM,
		 FACT_MAILBOX_CLAIM),
    .params =
	{
	    [SCOPE] = {.name = "scope",
		       .type = PARAM_CHOICE,
		       .standard = SCOPE_VERTICAL,
		       .choices = {[SCOPE_VERTICAL] = "vertical", [SCOPE_NETWORK] = "network"},
		       .help = "Where two leads count as the same: within a vertical, or "
			       "everywhere."},
	    [WINDOW] = {.name = "window",
			.type = PARAM_DURATION,
			.standard = 90 * MS_PER_DAY,
			.least = MS_PER_MIN,
			.most = 400 * MS_PER_DAY,
			.help = "How long an accepted lead holds its mailbox."},
	    [REJECT_WITHIN] = {.name = "reject_within",
			       .type = PARAM_DURATION,
			       .standard = MS_PER_DAY,
			       .least = 0,
			       .most = 400 * MS_PER_DAY,
			       .help = "Nearer than this to the first lead is rejected; 0s never "
				       "rejects."},
	},
    .need = need,
    .judge = judge,
};
