/* email_domain: the domain of the e-mail address takes no mail.
 *
 * needs    what the DNS says of the domain; the shell asks for a whole batch at once and remembers
 * hit      the domain does not exist, has neither an MX nor an address record, or says itself that it takes no mail (a null
 *          MX, RFC 7505)
 * unknown  no address, not well formed, the DNS is not asked, or did not answer in time or at all
 * trap     a domain without an MX takes mail at its address record (RFC 5321, 5.1): it passes. Somebody who mistypes the
 *          own domain is honest, and can still be called: alone it rejects nobody */
#include "filter-worker/core/filter.h"

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice mail;

	if (!facts_text(facts, FACT_EMAIL_DOMAIN_MAIL, &mail))
		return ANSWER_UNKNOWN;
	if (!slice_is(mail, "none") && !slice_is(mail, "null_mx"))
		return ANSWER_PASS;

	ret->reason = REASON_EMAIL_NO_MAIL;
	finding_text(ret, "detail", mail);
	return ANSWER_HIT;
}

const struct filter filter_email_domain = {
    .name = "email_domain",
    .help = "The domain of the e-mail address takes no mail.",
    .action = ACTION_SCORE,
    .weight = 50,
    .local = true,
    .reasons = {REASON_EMAIL_NO_MAIL},
    FILTER_FACTS(FACT_EMAIL_DOMAIN_MAIL),
    .judge = judge,
};
