/* phone_pattern: the phone's digits repeat or count, as invented numbers do.
 *
 * needs    the longest stretches of the number behind its calling code: of one digit, of two digits in turn, of counting
 *          up or down (0 follows 9)
 * hit      one of them is as long as the rule says
 * unknown  no phone, or not in E.164
 * trap     people pay for such numbers, so a hit only adds to the score. Of the ten million numbers of one Russian mobile
 *          code, one in eight thousand has a pattern of the standard lengths */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/phone_ranges.h"

enum { SAME, TURNS, COUNTING };

/* The longest stretch in which each digit is its predecessor's (`back` before it) plus `step`. */
static int64_t longest(struct slice digits, size_t back, unsigned step)
{
	size_t run = back, best = 0;

	for (size_t i = back; i < digits.len; i++) {
		unsigned before = (unsigned)(digits.data[i - back] - '0');
		unsigned here = (unsigned)(digits.data[i] - '0');

		run = here == (before + step) % 10 ? run + 1 : back;
		best = MAX_OF(best, run);
	}
	return (int64_t)best;
}

static void look(const struct sight *sight, struct facts *ret)
{
	struct slice national;

	if (!sight->contact || !phone_ranges_national(slice_cstr(sight->contact->phone), &national))
		return;
	facts_set_number(ret, FACT_PHONE_SAME_DIGITS, longest(national, 1, 0));
	facts_set_number(ret, FACT_PHONE_TURNS, longest(national, 2, 0));
	facts_set_number(ret, FACT_PHONE_COUNTING,
			 MAX_OF(longest(national, 1, 1), longest(national, 1, 9)));
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t same, turns, counting;

	if (!facts_number(facts, FACT_PHONE_SAME_DIGITS, &same) ||
	    !facts_number(facts, FACT_PHONE_TURNS, &turns) ||
	    !facts_number(facts, FACT_PHONE_COUNTING, &counting))
		return ANSWER_UNKNOWN;
	if (same < rule->params[SAME] && turns < rule->params[TURNS] &&
	    counting < rule->params[COUNTING])
		return ANSWER_PASS;

	ret->reason = REASON_PHONE_PATTERN;
	return ANSWER_HIT;
}

#define LENGTH(text, usual, what)                                                                  \
	{                                                                                          \
		.name = (text), .type = PARAM_NUMBER, .standard = (usual), .least = 3,             \
		.most = PHONE_DIGITS_MOST + 1, .help = (what)                                      \
	}

const struct filter filter_phone_pattern = {
    .name = "phone_pattern",
    .help = "The phone's digits repeat or count.",
    .action = ACTION_SCORE,
    .weight = 25,
    .local = true,
    .reasons = {REASON_PHONE_PATTERN},
    FILTER_FACTS(FACT_PHONE_SAME_DIGITS, FACT_PHONE_TURNS, FACT_PHONE_COUNTING),
    .params =
	{
	    [SAME] = LENGTH("same", 6, "So many times the same digit is a hit; 16: never."),
	    [TURNS] = LENGTH("turns", 7, "So many digits of two in turn are a hit; 16: never."),
	    [COUNTING] = LENGTH("counting", 6, "So many digits that count are a hit; 16: never."),
	},
    .look = look,
    .judge = judge,
};
