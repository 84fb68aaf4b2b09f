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

struct stretches {
	int64_t same, turns, counting;
};

static struct stretches longest(struct slice digits)
{
	struct stretches best = {0};
	int64_t same = 0, turns = 1, up = 0, down = 0;

	for (size_t i = 0; i < digits.len; i++) {
		int step = i > 0 ? digits.data[i] - digits.data[i - 1] : 0;
		bool turn = i > 1 && digits.data[i] == digits.data[i - 2];

		same = step == 0 ? same + 1 : 1;
		up = step == 1 || step == -9 ? up + 1 : 1;
		down = step == -1 || step == 9 ? down + 1 : 1;
		turns = turn ? turns + 1 : 2;
		best.same = MAX_OF(best.same, same);
		best.turns = MAX_OF(best.turns, turns);
		best.counting = MAX_OF(best.counting, MAX_OF(up, down));
	}
	return best;
}

static void look(const struct sight *sight, struct facts *ret)
{
	struct stretches found;
	struct slice national;

	if (!sight->contact || !phone_ranges_national(slice_cstr(sight->contact->phone), &national))
		return;
	found = longest(national);
	facts_set_number(ret, FACT_PHONE_SAME_DIGITS, found.same);
	facts_set_number(ret, FACT_PHONE_TURNS, found.turns);
	facts_set_number(ret, FACT_PHONE_COUNTING, found.counting);
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
    .weight = 45,
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
