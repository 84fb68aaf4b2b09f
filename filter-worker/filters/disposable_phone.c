/* disposable_phone: messages to the number stand on a public page, for anybody to read a code from.
 *
 * needs    how long before the lead the number was last seen on such a page
 * hit      not longer than `most`
 * unknown  no phone in international form, the contact can't be opened, or no lists are loaded
 * trap     such numbers go back to the operator and on to people: what was seen too long ago passes, and a hit only adds to
 *          the score */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/named_lists.h"

#define DIGITS_MOST 15 /* E.164 */

enum { MOST };

/* 0: not in international form. */
static uint64_t number_of(const char *phone)
{
	uint64_t number = 0;
	size_t digits = 0;

	if (phone[0] != '+')
		return 0;
	for (const char *c = phone + 1; *c; c++) {
		if (*c < '0' || *c > '9' || ++digits > DIGITS_MOST)
			return 0;
		number = number * 10 + (uint64_t)(*c - '0');
	}
	return number;
}

static void look(const struct sight *sight, struct facts *ret)
{
	uint64_t number = sight->contact ? number_of(sight->contact->phone) : 0;
	int64_t seen_ms, age_ms = 0;

	if (number == 0 || named_lists_count(sight->lists, LIST_DISPOSABLE_PHONES) == 0)
		return;
	if (!named_lists_phone(sight->lists, LIST_DISPOSABLE_PHONES, number, &seen_ms)) {
		facts_set_number(ret, FACT_PHONE_PUBLIC_DAYS, -1);
		return;
	}
	if (seen_ms > 0)
		age_ms = MAX_OF(sight->raw->lead->received_at_ms - seen_ms, 0);
	facts_set_number(ret, FACT_PHONE_PUBLIC_DAYS, age_ms / MS_PER_DAY);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t days;

	if (!facts_number(facts, FACT_PHONE_PUBLIC_DAYS, &days))
		return ANSWER_UNKNOWN;
	if (days < 0 || days > rule->params[MOST] / MS_PER_DAY)
		return ANSWER_PASS;

	ret->reason = REASON_PHONE_DISPOSABLE;
	return ANSWER_HIT;
}

const struct filter filter_disposable_phone = {
    .name = "disposable_phone",
    .help = "Anybody can read the messages to the phone on a public page.",
    .action = ACTION_SCORE,
    .weight = 46,
    .local = true,
    .reasons = {REASON_PHONE_DISPOSABLE},
    FILTER_FACTS(FACT_PHONE_PUBLIC_DAYS),
    .params = {[MOST] = {.name = "most",
			 .type = PARAM_DURATION,
			 .standard = 1500 * MS_PER_DAY,
			 .least = MS_PER_DAY,
			 .most = 10000 * MS_PER_DAY,
			 .help = "What was last seen longer ago counts as somebody's again."}},
    .look = look,
    .judge = judge,
};
