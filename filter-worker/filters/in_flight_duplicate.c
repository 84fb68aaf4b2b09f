/* in_flight_duplicate: a lead of this person was accepted in the vertical a moment ago, and is still on its way to a buyer.
 *
 * needs    one claim on the person (the phone if there is one, else the e-mail) within the vertical, for a short while. Where
 *          phone_duplicate or email_duplicate rejects, its claim says the same, and no other is taken
 * hit      the claim belongs to another lead; the reason names it, and the day
 * unknown  neither a phone nor an e-mail was given
 * trap     a redelivered lead finds its own claim, and passes; so does the next one when the first was rejected, for a rejected
 *          lead is on its way to nobody. Where phone_duplicate only scores, because families share a phone, this filter still
 *          keeps one person from being sold twice in the same minutes */
#include "filter-worker/core/duplicate.h"

static const struct duplicate person = {
    .claim = FACT_PERSON_CLAIM,
    .reason = REASON_IN_FLIGHT_DUPLICATE,
    .purpose = "if",
    .value_at = offsetof(struct claim_subject, person),
    .shares = {&duplicate_phone, &duplicate_email},
};

const struct filter filter_in_flight_duplicate = {
    .name = "in_flight_duplicate",
    .help = "A lead of this person was accepted a moment ago, and is on its way to a buyer.",
    .reasons = {REASON_IN_FLIGHT_DUPLICATE},
    DUPLICATE_FILTER(&person, FACT_PERSON_CLAIM, 15 * MS_PER_MIN,
		     "How long an accepted lead counts as being on its way."),
};
