/* mixed_script: a word of the name is written in letters of two scripts that look alike, as those do who want to be taken
 * for somebody new.
 *
 * needs    the scripts of each word of the name
 * hit      a word mixes Latin, Cyrillic or Greek, and one of its letters has a twin in the other script (UTS #39)
 * unknown  no name, or the contact can't be opened any more
 * trap     a name that is truly Latin, or has its first part in one script and its second in the other, passes: what counts
 *          is a single word. A keyboard left in the wrong layout for a letter does the same, so it only adds to the score */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/letters.h"
#include "filter-worker/core/names.h"

enum how { NO_WORD, ONE_SCRIPT, MIXED, DISGUISED };
#define COMPARED (SCRIPT_LATIN | SCRIPT_CYRILLIC | SCRIPT_GREEK)

static enum how look_at_word(struct slice word, unsigned scripts)
{
	uint32_t code;

	scripts &= COMPARED;
	if ((scripts & (scripts - 1)) == 0)
		return ONE_SCRIPT;
	while (letters_next(&word, &code)) {
		if (letter_twins(code) & scripts)
			return DISGUISED;
	}
	return MIXED;
}

static void look(const struct sight *sight, struct facts *ret)
{
	static const char *const texts[] = {
	    [ONE_SCRIPT] = "one", [MIXED] = "mixed", [DISGUISED] = "disguised"};
	struct slice names[NAME_FIELDS], word;
	enum how worst = NO_WORD;
	unsigned scripts;

	if (!sight->contact)
		return;
	names_of(sight->contact, names);
	for (size_t i = 0; i < NAME_FIELDS; i++) {
		while (letters_word(&names[i], &word, &scripts))
			worst = MAX_OF(worst, look_at_word(word, scripts));
	}
	if (worst != NO_WORD)
		facts_set_text(ret, FACT_NAME_SCRIPTS, slice_cstr(texts[worst]));
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice how;

	if (!facts_text(facts, FACT_NAME_SCRIPTS, &how))
		return ANSWER_UNKNOWN;
	if (!slice_is(how, "disguised"))
		return ANSWER_PASS;

	ret->reason = REASON_NAME_MIXES_SCRIPTS;
	return ANSWER_HIT;
}

const struct filter filter_mixed_script = {
    .name = "mixed_script",
    .help = "A word of the name mixes scripts that look alike.",
    .action = ACTION_SCORE,
    .weight = 35,
    .local = true,
    .reasons = {REASON_NAME_MIXES_SCRIPTS},
    FILTER_FACTS(FACT_NAME_SCRIPTS),
    .look = look,
    .judge = judge,
};
