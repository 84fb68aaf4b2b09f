/* gibberish_name: the name is made of letters that do not follow one another in names.
 *
 * needs    how unlikely the name's letters are, on the average, each after the two before it: learned from the names of 23
 *          languages in Latin and Cyrillic, and from Russian ones in Latin letters
 * hit      as unlikely as the rule says; from reject_from on, where no name of any language stands, it is rejected
 * unknown  no name, under five letters, or in another script
 * trap     rare and foreign names. The mean is over all words of the name, so that an ordinary first name speaks for a rare
 *          surname; and near the limit a hit only adds to the score */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/name_model.h"
#include "filter-worker/core/names.h"

#define LETTERS_LEAST 5

enum { LEAST, REJECT_FROM };

static void look(const struct sight *sight, struct facts *ret)
{
	struct slice names[NAME_FIELDS], word;
	struct name_cost cost = {0};
	uint32_t words = 0;
	unsigned scripts;

	if (!sight->contact)
		return;
	names_of(sight->contact, names);
	for (size_t i = 0; i < NAME_FIELDS; i++) {
		while (letters_word(&names[i], &word, &scripts)) {
			uint32_t before = cost.letters;

			name_cost_add(word, scripts, &cost);
			words += cost.letters > before;
		}
	}
	if (cost.letters - words >= LETTERS_LEAST)
		facts_set_number(ret, FACT_NAME_COST, cost.cost / cost.letters);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t cost;

	if (!facts_number(facts, FACT_NAME_COST, &cost))
		return ANSWER_UNKNOWN;
	if (cost < rule->params[LEAST])
		return ANSWER_PASS;

	ret->rejects = cost >= rule->params[REJECT_FROM];
	ret->reason = REASON_NAME_GIBBERISH;
	return ANSWER_HIT;
}

const struct filter filter_gibberish_name = {
    .name = "gibberish_name",
    .help = "The name's letters do not follow one another in names.",
    .action = ACTION_SCORE,
    .weight = 46,
    .local = true,
    .reasons = {REASON_NAME_GIBBERISH},
    FILTER_FACTS(FACT_NAME_COST),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 112,
			  .least = 64,
			  .most = NAME_COST_MAX + 1,
			  .help = "From so many sixteenths of a bit a letter on it is a hit; "
				  "256: never."},
	       [REJECT_FROM] = {.name = "reject_from",
				.type = PARAM_NUMBER,
				.standard = 128,
				.least = 64,
				.most = NAME_COST_MAX + 1,
				.help = "From so many on it rejects; 256: never."}},
    .look = look,
    .judge = judge,
};
