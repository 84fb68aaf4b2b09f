/* name_form: a name in one spelling, so that two ways of writing it can be compared: no case, no accents, one alphabet for
 * Latin and Cyrillic, the usual ways of writing Russian names in Latin letters made the same (Юлия, Yuliya, Julia). Pure, no
 * tables; an approximation on purpose: who is called alike is a matter of degree. */
#ifndef PUNNET_NAME_FORM_H
#define PUNNET_NAME_FORM_H

#include "letters.h"
#include "proto/leads_raw.pb-c.h"

#define NAME_WORDS_MAX  4  /* more are left out */
#define NAME_LETTERS    26 /* 1 to 26: a to z */
#define NAME_LETTER_MAX 30 /* of a word; longer ones are cut */

struct name_word {
	uint8_t letters[NAME_LETTER_MAX];
	size_t len;
};

struct name_form {
	struct name_word words[NAME_WORDS_MAX];
	size_t count;
};

/* One word; len 0: it has no letter of the two scripts. */
void name_word_read(struct slice word, struct name_word *ret);
/* First and last name, or the whole name without its patronymic: most forms ask for none. Every word once. */
void name_form_read(const Punnet__V1__Contact *contact, struct name_form *ret);

#endif
