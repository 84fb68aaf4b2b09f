/* dead_letters: private to dead_letters*.c. */
#ifndef PUNNET_DEAD_LETTERS_H
#define PUNNET_DEAD_LETTERS_H

#include "letters_read.h"
#include "proto/dead_letters.pb-c.h"
#include "tool.h"

struct dead_letters {
	struct tool *tool;
	struct letters letters;
	struct letters_position position;
	struct arena arena;
	const char *who, *why;
	bool mend_type; /* the header named another type, and the bytes are what the topic holds */
	struct error error;
};

/* The record of dead.letters, whole; NULL: it can't be read. Lives in the arena. */
const Punnet__V1__DeadLetter *dead_letter_record(struct dead_letters *d, const struct letter *t);
/* Why a letter can't be retried; NULL: it can. */
const char *dead_letter_fixed(struct dead_letters *d, const Punnet__V1__DeadLetter *m);
_must_use_ enum result dead_letter_retry(struct dead_letters *d, const struct letter *t,
					 const Punnet__V1__DeadLetter *m);
_must_use_ enum result dead_letter_discard(struct dead_letters *d, const struct letter *t);

#endif
