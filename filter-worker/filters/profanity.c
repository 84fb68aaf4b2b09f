/* profanity: a word of the name is one that nobody is called, or that people type to try a form out.
 *
 * needs    which of the two lists a word of the name stands on, and whether every word of it does. Whole words, without case and
 *          accents
 * hit      on either; where every word does, and there are two or more, the lead is rejected if the rule says `whole: reject`
 * unknown  no name in Latin or Cyrillic letters, the contact can't be opened, or no lists are loaded
 * trap     surnames: those that contain such a word are other words (Hitchcock, Хуторской), and those that are one (Gay, Null,
 *          Фукс) are taken off the lists in rules/lists/. No list of surnames is whole, so it only adds to the score */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/letters.h"
#include "filter-worker/core/named_lists.h"
#include "filter-worker/core/names.h"

enum { WHOLE };
enum { WHOLE_SCORES, WHOLE_REJECTS };

static void look(const struct sight *sight, struct facts *ret)
{
	struct slice names[NAME_FIELDS], word, found = SLICE("none");
	char folded[LETTERS_FOLDED_MAX];
	size_t words = 0, bad = 0;
	unsigned scripts;

	if (!sight->contact || named_lists_count(sight->lists, LIST_PROFANITY) == 0 ||
	    named_lists_count(sight->lists, LIST_TEST_WORDS) == 0)
		return;
	names_of(sight->contact, names);
	for (size_t i = 0; i < NAME_FIELDS; i++) {
		while (letters_word(&names[i], &word, &scripts)) {
			struct slice text = slice_of(folded, letters_folded(word, scripts, folded));

			bool profane = named_lists_has(sight->lists, LIST_PROFANITY, text);
			bool test = named_lists_has(sight->lists, LIST_TEST_WORDS, text);

			words += text.len > 0;
			bad += profane || test;
			if (profane)
				found = SLICE("profane");
			else if (test && slice_is(found, "none"))
				found = SLICE("test");
		}
	}
	if (words == 0)
		return;
	facts_set_text(ret, FACT_NAME_WORDS, found);
	facts_set_number(ret, FACT_NAME_WORDS_ALL, words > 1 && bad == words);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice words;
	int64_t all;

	if (!facts_text(facts, FACT_NAME_WORDS, &words))
		return ANSWER_UNKNOWN;
	if (!slice_is(words, "profane") && !slice_is(words, "test"))
		return ANSWER_PASS;

	ret->rejects = rule->params[WHOLE] == WHOLE_REJECTS &&
		       facts_number(facts, FACT_NAME_WORDS_ALL, &all) && all != 0;
	ret->reason = slice_is(words, "test") ? REASON_NAME_TEST_WORD : REASON_NAME_PROFANE;
	return ANSWER_HIT;
}

const struct filter filter_profanity = {
    .name = "profanity",
    .help = "The name holds a word that nobody is called, or a tester's.",
    .action = ACTION_SCORE,
    .weight = 40,
    .local = true,
    .reasons = {REASON_NAME_PROFANE, REASON_NAME_TEST_WORD},
    FILTER_FACTS(FACT_NAME_WORDS, FACT_NAME_WORDS_ALL),
    .params = {[WHOLE] = {.name = "whole",
			  .type = PARAM_CHOICE,
			  .standard = WHOLE_REJECTS,
			  .choices = {"score", "reject"},
			  .help = "what a name means of which every word is such a one"}},
    .look = look,
    .judge = judge,
};
