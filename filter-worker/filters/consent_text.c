/* consent_text: the person agreed to a text that the network has not approved.
 *
 * needs    whether the hash of the consent's text is on the list of approved ones
 * hit      it is not
 * unknown  the lead has no such hash, or no list is loaded
 * trap     a webmaster mends a comma and the hash is another: until the new text is listed it only adds to the score */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/named_lists.h"

#define SHA256_LEN 32

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (!s || s->consent_text_sha256.len != SHA256_LEN ||
	    named_lists_count(sight->lists, LIST_CONSENT_TEXTS) == 0)
		return;
	facts_set_number(
	    ret, FACT_CONSENT_APPROVED,
	    named_lists_owner(sight->lists, LIST_CONSENT_TEXTS, s->consent_text_sha256.data).len >
		0);
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t approved;

	if (!facts_number(facts, FACT_CONSENT_APPROVED, &approved))
		return ANSWER_UNKNOWN;
	if (approved != 0)
		return ANSWER_PASS;

	ret->reason = REASON_CONSENT_TEXT_UNKNOWN;
	return ANSWER_HIT;
}

const struct filter filter_consent_text = {
    .name = "consent_text",
    .help = "The consent's text is not one that the network approved.",
    .action = ACTION_SCORE,
    .weight = 30,
    .local = true,
    .reasons = {REASON_CONSENT_TEXT_UNKNOWN},
    FILTER_FACTS(FACT_CONSENT_APPROVED),
    .look = look,
    .judge = judge,
};
