/* email_syntax: the e-mail address is well formed.
 *
 * needs    the form of the address, after the RFC 5321 subset that mailboxes use
 * hit      it is not; the reason's detail says what is wrong
 * unknown  no address was given, or the contact can't be opened any more
 * trap     an address in another script (иван@почта.рф) is well formed */
#include "filter-worker/core/filter.h"
#include "lead/contact.h"

static void look(const struct sight *sight, struct facts *ret)
{
	char normalised[EMAIL_TEXT_MAX + 1];
	enum email_form form;

	if (!sight->contact || !sight->contact->email[0])
		return;
	form = email_normalise(slice_cstr(sight->contact->email), normalised);
	facts_set_text(ret, FACT_EMAIL_FORM,
		       form == EMAIL_OK ? SLICE("ok") : slice_cstr(email_form_code(form)));
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice form;

	if (!facts_text(facts, FACT_EMAIL_FORM, &form))
		return ANSWER_UNKNOWN;
	if (slice_is(form, "ok"))
		return ANSWER_PASS;

	ret->reason = REASON_EMAIL_SYNTAX;
	finding_text(ret, "detail", form);
	return ANSWER_HIT;
}

const struct filter filter_email_syntax = {
    .name = "email_syntax",
    .help = "The e-mail address is not well formed.",
    .action = ACTION_REJECT,
    .weight = 100,
    .local = true,
    .reasons = {REASON_EMAIL_SYNTAX},
    FILTER_FACTS(FACT_EMAIL_FORM),
    .look = look,
    .judge = judge,
};
