/* letters: records that were put aside, and what operators did about them. Pure: takes the records of dead.letters and of
 * dead.letters.acts, keeps which letters are open.
 *
 * A letter is named by the record that was put aside. A stage that repeats itself after a crash may put it aside twice: that is
 * one letter. Read the letters up to an end that was measured after that of the acts: then no act comes before its letter. */
#ifndef PUNNET_LETTERS_H
#define PUNNET_LETTERS_H

#include "base/ids.h"
#include "base/map.h"
#include "base/room.h"

#define LETTERS_MAX     1000000 /* kept; further ones are counted only */
#define LETTER_TEXT_MAX 128
#define LETTER_LEASE_MS 60000 /* a retry that was begun so long ago was left behind */

struct letter_place {
	char topic[40];
	uint32_t partition;
	int64_t offset;
};

enum letter_state { LETTER_OPEN, LETTER_RETRYING, LETTER_RETRIED, LETTER_DISCARDED };

struct letter {
	struct letter_place source;
	int64_t stands_at; /* in dead.letters */
	uint32_t stands_in;
	int64_t at_ms;
	bool has_lead;
	struct lead_id lead_id;
	char service[24], reason_code[40], reason[LETTER_TEXT_MAX];
	uint64_t bytes; /* of its original */
	enum letter_state state;
	/* of the last act */
	char who[LETTER_TEXT_MAX];
	int64_t acted_at_ms, act_offset;
	struct letter_place sent;
};

struct letters {
	struct letter **all; /* in the order in which they came */
	size_t count, cap, open, beyond;
	struct map index; /* of places */
	bool lease_over;  /* whatever was begun was left behind: tests only */
};

/* What of the letter is to be kept; the rest is filled in here. */
void letters_take(struct letters *l, const struct letter *letter);

enum letter_act { LETTER_ACT_BEGUN = 1, LETTER_ACT_RETRIED, LETTER_ACT_DISCARDED };
struct letter_acted {
	struct letter_place source, sent;
	enum letter_act act;
	const char *who;
	int64_t at_ms, offset; /* of the act */
};
/* A closed letter stays closed; of two who begin, the first one in the log has it for LETTER_LEASE_MS. */
void letters_acted(struct letters *l, const struct letter_acted *act);

struct letter *letters_find(const struct letters *l, const struct letter_place *source); /* NULL */
static inline bool letter_is_open(const struct letter *l)
{
	return l->state == LETTER_OPEN || l->state == LETTER_RETRYING;
}
const struct letter *letters_oldest(const struct letters *l); /* of the open ones; NULL */
/* When the oldest open one was put aside; 0 = none is open. */
int64_t letters_oldest_ms(const struct letters *l);
/* "topic/partition@offset" to a place; false: it is none. */
_must_use_ bool letter_place_parse(const char *text, struct letter_place *ret);
void letters_free(struct letters *l);

#endif
