/* words: what may stand behind the vertical in a lead's line; script.h tells what each means. Texts live in the arena. */
#ifndef PUNNET_FILTER_SCRIPT_WORDS_H
#define PUNNET_FILTER_SCRIPT_WORDS_H

#include "base/buf.h"
#include "proto/leads_raw.pb-c.h"

struct arena;

#define SCRIPT_LIST_MAX 16 /* of the names in one pasted= or focused=, and of a lead's own fields */

struct script_words {
	struct arena *arena;
	int64_t at_ms; /* when the lead comes: spans count back from it */
	Punnet__V1__Lead *lead;
	Punnet__V1__Submission *submission;
	Punnet__V1__Contact *contact; /* the phone is left out: it stands in `phone`, as typed */
	struct slice key;
	struct buf phone;
	bool redelivered, stored_twice, destroyed;
};

/* The messages are made empty, with the standard country and webmaster. */
void script_words_begin(struct script_words *w, struct arena *a, int64_t at_ms);
/* false: it is not understood. */
bool script_words_read(struct script_words *w, struct slice word);
void script_words_end(struct script_words *w);

/* "1.9s", "15m", "24h", "-3d". */
bool script_span(struct slice text, int64_t *ret_ms);
/* The next word of a text, words in parentheses and NAME="…" as one; false at its end. */
bool script_word(struct slice *text, struct slice *ret);

#endif
