/* phone_valid: the phone exists in its country's numbering plan.
 *
 * needs    what the numbering plan says of the phone
 * hit      no such number: too short, too long, or in a range that no operator has
 * unknown  no phone was given, or the contact can't be opened any more
 * trap     a range that was opened after the plan's data were made looks unassigned: `unassigned: pass` lets it through */
#include "filter-worker/core/filter.h"

enum { UNASSIGNED };
enum unassigned_choice { UNASSIGNED_HIT, UNASSIGNED_PASS };

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice number;

	if (!facts_text(facts, FACT_PHONE_NUMBER, &number))
		return ANSWER_UNKNOWN;
	if (slice_is(number, "valid"))
		return ANSWER_PASS;
	if (slice_is(number, "unassigned") && rule->params[UNASSIGNED] == UNASSIGNED_PASS)
		return ANSWER_PASS;

	ret->reason = REASON_PHONE_INVALID;
	finding_text(ret, "detail", number);
	return ANSWER_HIT;
}

const struct filter filter_phone_valid = {
    .name = "phone_valid",
    .help = "The phone number does not exist in its country's numbering plan.",
    .action = ACTION_REJECT,
    .weight = 100,
    .local = true,
    .reasons = {REASON_PHONE_INVALID},
    FILTER_FACTS(FACT_PHONE_NUMBER),
    .params =
	{
	    [UNASSIGNED] = {.name = "unassigned",
			    .type = PARAM_CHOICE,
			    .standard = UNASSIGNED_HIT,
			    .choices = {[UNASSIGNED_HIT] = "hit", [UNASSIGNED_PASS] = "pass"},
			    .help = "A number of the right length in a range that nobody has: "
				    "newly opened ranges look so."},
	},
    .judge = judge,
};
