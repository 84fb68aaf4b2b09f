/* index: the orders of a vertical, so that a lead need not ask them all. A cache: no part of the state, and no decision
 * depends on it; what it leaves over is asked by the constraints themselves.
 *
 * Orders stand in leaves of 64, one bit each of a machine word. Leaves are in the order of what their orders can rank at
 * most, so that a search ends where nobody left could stand before who was found. For each attribute that orders name there
 * is a word a leaf of those who restrict it, and one for each bucket of values of those who take it: the orders whose
 * restrictions a lead may meet are the AND over the attributes. A value's bucket may be shared with others (texts beyond those
 * that have one of their own, numbers of about the same size), so who is left may still miss, but nobody who fits is left out.
 * Where all values of a bucket are the same to an order, being left is proof enough: its criteria are not asked once more. Whom
 * a bucket proves nothing about stands in its doubts.
 *
 * What has said that it takes no lead until a moment, or until it changes, is not asked again before: near the ones that
 * miss but for that, far the ones that are no candidates at all. Orders come and go one by one; nothing is rebuilt. */
#ifndef PUNNET_ROUTER_INDEX_H
#define PUNNET_ROUTER_INDEX_H

#include "rank.h"

#define INDEX_LEAF           64
#define INDEX_ATTRIBUTES_MAX 24 /* the first ones met; criteria on others are only asked */
#define INDEX_NUMBERS        192
#define INDEX_TEXTS          128
#define INDEX_UNKNOWN        (INDEX_NUMBERS + INDEX_TEXTS)
#define INDEX_BUCKETS        (INDEX_UNKNOWN + 1)

struct index_leaf {
	struct rank_key bound;
	uint32_t word;
};

/* Whose a text's bucket is: the first one's that came to it, for ever. */
struct index_text {
	char *text; /* owned; NULL = nobody's yet */
	size_t len;
	uint32_t key;
	bool shared; /* others came, and found no bucket that was free */
};

struct index_attribute {
	uint32_t attribute;
	enum criterion_group group;
	uint64_t *restricted;
	uint64_t *takes[INDEX_BUCKETS]; /* NULL = nobody */
	uint64_t *doubts
	    [INDEX_BUCKETS]; /* whom a value of the bucket may miss all the same; NULL = nobody */
	struct index_text texts[INDEX_TEXTS];
};

struct match_index {
	struct order **slots;
	uint64_t *live, *near, *far;
	size_t words, words_cap;
	uint32_t *free_words;
	size_t free_count, free_cap;
	struct index_leaf *leaves; /* best bound first */
	size_t leaf_count, leaf_cap;
	struct index_attribute *attributes;
	size_t attribute_count;
	struct order **closed;
	size_t closed_count, closed_cap;
	int64_t next_wake_ms; /* no closed order opens by itself before */
};

/* A lead's rows. */
struct index_row {
	const uint64_t *restricted;
	const uint64_t *takes, *doubts;
	enum criterion_group group;
	bool
	    shared; /* the value's bucket is not its own: it proves nothing about whoever is restricted */
};

struct index_rows {
	struct index_row items[INDEX_ATTRIBUTES_MAX];
	size_t count;
};

/* Of a leaf, for each group of criteria: whom it must still be asked of. */
struct index_doubts {
	uint64_t groups[CRITERION_GROUPS];
};

void index_free(struct match_index *ix);
void index_add(struct match_index *ix, struct order *o);
void index_remove(struct match_index *ix,
		  struct order *o); /* while its terms are the ones it was added with */

/* It takes no lead until then (0: until it changes). */
void index_close(struct match_index *ix, struct order *o, bool near, int64_t until_ms);
void index_reopen(struct match_index *ix, struct order *o); /* it, or what it took, changed */
void index_wake(struct match_index *ix, int64_t now_ms);    /* whose time has come */

/* The order's bits in the rows of the leaf where it stands. */
void index_mark(struct match_index *ix, struct order *o, bool on);
/* An array of `to` items, what is new is zero. */
void *index_grown(void *p, size_t from, size_t to, size_t size);
void index_rows_of(const struct match_index *ix, const struct value *values,
		   struct index_rows *ret);

/* The orders of a leaf whose restrictions the lead may meet. */
static inline uint64_t index_meet(const struct match_index *ix, const struct index_rows *rows,
				  uint32_t word)
{
	uint64_t met = ix->live[word];

	for (size_t i = 0; i < rows->count; i++)
		met &= ~rows->items[i].restricted[word] |
		       (rows->items[i].takes ? rows->items[i].takes[word] : 0);
	return met;
}

/* Of those who were met. */
static inline struct index_doubts index_doubts_of(const struct index_rows *rows, uint32_t word)
{
	struct index_doubts d = {{0}};

	for (size_t i = 0; i < rows->count; i++) {
		const struct index_row *r = &rows->items[i];

		if (r->doubts)
			d.groups[r->group] |= r->doubts[word];
		if (r->shared)
			d.groups[r->group] |= r->restricted[word];
	}
	return d;
}

/* The constraints that an order which was met need not be asked: the lead fits them. */
static inline uint32_t index_proved(const struct index_doubts *d, const struct order *o)
{
	uint32_t doubted = 0;

	for (uint32_t g = 0; g < CRITERION_GROUPS; g++) {
		if (d->groups[g] >> o->slot % INDEX_LEAF & 1)
			doubted |= constraint_of_group(g);
	}
	return o->indexed_constraints & ~doubted;
}

#endif
