/* mixed_script: a word of the name is written in letters of two scripts that look alike, as those do who want to be taken
 * for somebody new.
 *
 * needs    the scripts of each word of the name
 * hit      a word mixes Latin, Cyrillic or Greek, and one of its letters has a twin in the other script (UTS #39);
 *          when as many words do as reject_words says, the lead is rejected
 * unknown  no name, or the contact can't be opened any more
 * trap     a name that is truly Latin, or has its first part in one script and its second in the other, passes: what counts
 *          is a single word. A keyboard left in the wrong layout for a letter does the same, so one word only adds to the
 *          score; it does so to one word and not to the next one, too */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/letters.h"
#include "filter-worker/core/names.h"

enum { REJECT_WORDS };
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
	int64_t disguised = 0;
	unsigned scripts;

	if (!sight->contact)
		return;
	names_of(sight->contact, names);
	for (size_t i = 0; i < NAME_FIELDS; i++) {
		while (letters_word(&names[i], &word, &scripts)) {
			enum how how = look_at_word(word, scripts);

			worst = MAX_OF(worst, how);
			disguised += how == DISGUISED;
		}
	}
	if (worst == NO_WORD)
		return;
	facts_set_text(ret, FACT_NAME_SCRIPTS, slice_cstr(texts[worst]));
	facts_set_number(ret, FACT_NAME_DISGUISED, disguised);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice how;
	int64_t words;

	if (!facts_text(facts, FACT_NAME_SCRIPTS, &how))
		return ANSWER_UNKNOWN;
	if (!slice_is(how, "disguised"))
		return ANSWER_PASS;

	ret->rejects = rule->params[REJECT_WORDS] > 0 &&
		       facts_number(facts, FACT_NAME_DISGUISED, &words) &&
		       words >= rule->params[REJECT_WORDS];
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
    FILTER_FACTS(FACT_NAME_SCRIPTS, FACT_NAME_DISGUISED),
    .params = {[REJECT_WORDS] = {.name = "reject_words",
				 .type = PARAM_NUMBER,
				 .standard = 2,
				 .least = 0,
				 .most = 10,
				 .help = "So many words of that kind are no slip, and rejected; 0: "
					 "never."}},
    .look = look,
    .judge = judge,
};
