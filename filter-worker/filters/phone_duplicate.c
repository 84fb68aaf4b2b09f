/* phone_duplicate: this phone was already accepted in the scope within the window.
 *
 * needs    one claim on the phone's fingerprint; its owner is the lead that made it
 * hit      the claim belongs to another lead; the reason names it, and the day
 * unknown  no phone was given: two missing ones are not the same
 * trap     a redelivered lead finds its own claim, and passes; a rejected lead leaves no claim behind */
#include "filter-worker/core/duplicate.h"

const struct duplicate duplicate_phone = {
    .claim = FACT_PHONE_CLAIM,
    .reason = REASON_PHONE_DUPLICATE,
    .purpose = "pd",
    .value_at = offsetof(struct claim_subject, phone),
};

const struct filter filter_phone_duplicate = {
    .name = "phone_duplicate",
    .help = "This phone was already accepted in the scope within the window.",
    .reasons = {REASON_PHONE_DUPLICATE},
    DUPLICATE_FILTER(&duplicate_phone, FACT_PHONE_CLAIM, 90 * MS_PER_DAY,
		     "How long an accepted lead holds its phone."),
};
