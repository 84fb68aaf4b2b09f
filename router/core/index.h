/* index: the orders of a vertical, so that a lead need not ask them all. A cache: no part of the state, and no decision
 * depends on it; what it leaves over is asked by the constraints themselves.
 *
 * Orders stand in leaves of 64, one bit each of a machine word. Leaves are in the order of what their orders can rank at
 * most, so that a search ends where nobody left could stand before who was found. For each attribute that orders name there
 * is a word a leaf of those who restrict it, and one for each bucket of values of those who take it: the orders whose
 * restrictions a lead may meet are the AND over the attributes. A value's bucket is shared with others (a text's hash, a
 * number's size), so who is left may still miss, but nobody who fits is left out.
 *
 * What has said that it takes no lead until a moment, or until it changes, is not asked again before: near the ones that
 * miss but for that, far the ones that are no candidates at all. Orders come and go one by one; nothing is rebuilt. */
#ifndef PUNNET_ROUTER_INDEX_H
#define PUNNET_ROUTER_INDEX_H

#include "rank.h"

#define INDEX_LEAF           64
#define INDEX_ATTRIBUTES_MAX 24 /* the first ones met; criteria on others are only asked */
#define INDEX_NUMBERS        128
#define INDEX_TEXTS          64
#define INDEX_UNKNOWN        (INDEX_NUMBERS + INDEX_TEXTS)
#define INDEX_BUCKETS        (INDEX_UNKNOWN + 1)

struct index_leaf {
	struct rank_key bound;
	uint32_t word;
};

struct index_attribute {
	uint32_t attribute;
	uint64_t *restricted;
	uint64_t *takes[INDEX_BUCKETS]; /* NULL = nobody */
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
struct index_rows {
	const uint64_t *restricted[INDEX_ATTRIBUTES_MAX];
	const uint64_t *takes[INDEX_ATTRIBUTES_MAX];
	size_t count;
};

void index_free(struct match_index *ix);
void index_add(struct match_index *ix, struct order *o);
void index_remove(struct match_index *ix,
		  struct order *o); /* while its terms are the ones it was added with */

/* It takes no lead until then (0: until it changes). */
void index_close(struct match_index *ix, struct order *o, bool near, int64_t until_ms);
void index_reopen(struct match_index *ix, struct order *o); /* it, or what it took, changed */
void index_wake(struct match_index *ix, int64_t now_ms);    /* whose time has come */

void index_rows_of(const struct match_index *ix, const struct value *values,
		   struct index_rows *ret);

/* The orders of a leaf whose restrictions the lead may meet. */
static inline uint64_t index_meet(const struct match_index *ix, const struct index_rows *rows,
				  uint32_t word)
{
	uint64_t met = ix->live[word];

	for (size_t i = 0; i < rows->count; i++)
		met &= ~rows->restricted[i][word] | (rows->takes[i] ? rows->takes[i][word] : 0);
	return met;
}

#endif
