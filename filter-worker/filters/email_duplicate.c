/* email_duplicate: this e-mail address was already accepted in the scope within the window.
 *
 * needs    one claim on the email's fingerprint; its owner is the lead that made it
 * hit      the claim belongs to another lead; the reason names it, and the day
 * unknown  no email was given: two missing ones are not the same
 * trap     a redelivered lead finds its own claim, and passes; a rejected lead leaves no claim behind */
#include "filter-worker/core/filter.h"

enum { SCOPE, WINDOW };

static void need(const struct filter_rule *rule, const struct claim_subject *s,
		 struct claim_plan *plan)
{
	struct slice scope = scope_name((enum scope_choice)rule->params[SCOPE], s);

	claim_plan_want(plan, FACT_EMAIL_CLAIM, "ed", scope, s->email, rule->params[WINDOW], false);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	return judge_duplicate(facts, FACT_EMAIL_CLAIM, REASON_EMAIL_DUPLICATE,
			       (enum scope_choice)rule->params[SCOPE], rule->params[WINDOW], ret);
}

const struct filter filter_email_duplicate = {
    .name = "email_duplicate",
    .help = "This e-mail address was already accepted in the scope within the window.",
    .action = ACTION_REJECT,
    .weight = 100,
    .reasons = {REASON_EMAIL_DUPLICATE},
    FILTER_FACTS(FACT_LEAD_ID, FACT_RECEIVED_AT, FACT_VERTICAL, FACT_EMAIL_CLAIM),
    .params =
	{
	    [SCOPE] = {.name = "scope",
		       .type = PARAM_CHOICE,
		       .standard = SCOPE_VERTICAL,
		       .choices = {[SCOPE_VERTICAL] = "vertical", [SCOPE_NETWORK] = "network"},
		       .help =
			   "Where two leads count as the same: within a vertical, or everywhere."},
	    [WINDOW] = {.name = "window",
			.type = PARAM_DURATION,
			.standard = 90 * MS_PER_DAY,
			.least = MS_PER_MIN,
			.most = 400 * MS_PER_DAY,
			.help = "How long an accepted lead holds its email."},
	},
    .need = need,
    .judge = judge,
};
