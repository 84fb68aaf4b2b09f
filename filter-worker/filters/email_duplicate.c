/* email_duplicate: this e-mail address was already accepted in the scope within the window.
 *
 * needs    one claim on the email's fingerprint; its owner is the lead that made it
 * hit      the claim belongs to another lead; the reason names it, and the day
 * unknown  no email was given: two missing ones are not the same
 * trap     a redelivered lead finds its own claim, and passes; a rejected lead leaves no claim behind */
#include "filter-worker/core/duplicate.h"

const struct duplicate duplicate_email = {
    .claim = FACT_EMAIL_CLAIM,
    .reason = REASON_EMAIL_DUPLICATE,
    .purpose = "ed",
    .value_at = offsetof(struct claim_subject, email),
};

const struct filter filter_email_duplicate = {
    .name = "email_duplicate",
    .help = "This e-mail address was already accepted in the scope within the window.",
    .reasons = {REASON_EMAIL_DUPLICATE},
    DUPLICATE_FILTER(&duplicate_email, FACT_EMAIL_CLAIM, 90 * MS_PER_DAY,
		     "How long an accepted lead holds its email."),
};
