/* free_mail: a firm's lead has an address where everybody gets one for nothing.
 *
 * needs    the class of the mail domain, as disposable_email learns it
 * hit      it is free mail, and the rules are for firms' leads (`leads: firms`, in the scope of such a vertical)
 * unknown  no address, the contact can't be opened, or no lists are loaded
 * trap     people write from free mail, so by default it passes; and sole traders do too, so it only adds to the score */
#include "filter-worker/core/filter.h"

enum { LEADS };
enum leads_choice { LEADS_PEOPLE, LEADS_FIRMS };

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice domain;

	if (!facts_text(facts, FACT_EMAIL_DOMAIN, &domain))
		return ANSWER_UNKNOWN;
	if (rule->params[LEADS] != LEADS_FIRMS || !slice_is(domain, "free"))
		return ANSWER_PASS;

	ret->reason = REASON_EMAIL_FREE;
	return ANSWER_HIT;
}

const struct filter filter_free_mail = {
    .name = "free_mail",
    .help = "A firm's lead writes from free mail.",
    .action = ACTION_SCORE,
    .weight = 20,
    .local = true,
    .reasons = {REASON_EMAIL_FREE},
    FILTER_FACTS(FACT_EMAIL_DOMAIN),
    .params = {[LEADS] = {.name = "leads",
			  .type = PARAM_CHOICE,
			  .standard = LEADS_PEOPLE,
			  .choices = {[LEADS_PEOPLE] = "people", [LEADS_FIRMS] = "firms"},
			  .help =
			      "Whose leads the rules are for: people's, who all have free mail, "
			      "or firms'."}},
    .judge = judge,
};
