/* suppression: the person asked not to be contacted, had the data erased, or barred themselves from loans.
 *
 * needs    the list that the phone's or the e-mail's fingerprint stands on; the lists are in the directory
 * hit      the person stands on one
 * unknown  there is no fingerprint to look up, or no list was loaded
 * trap     "none" is an answer and passes; a list that could not be read is not an empty list */
#include "filter-worker/core/filter.h"

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice list;

	if (!facts_text(facts, FACT_SUPPRESSION, &list))
		return ANSWER_UNKNOWN;
	if (slice_is(list, "none"))
		return ANSWER_PASS;

	ret->reason = REASON_SUPPRESSED;
	finding_text(ret, "list", list);
	return ANSWER_HIT;
}

const struct filter filter_suppression = {
    .name = "suppression",
    .help = "The person must not be contacted: do-not-call, erased, or self-banned.",
    .action = ACTION_REJECT,
    .weight = 100,
    .local = true,
    .reasons = {REASON_SUPPRESSED},
    FILTER_FACTS(FACT_SUPPRESSION),
    .judge = judge,
};
