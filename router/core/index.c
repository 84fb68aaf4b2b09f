/* index: see index.h. */
#include "index.h"

#include <stdlib.h>

#include "base/room.h"

#define WORDS_LEAST 16
#define MERGE_BELOW 16 /* orders; a leaf with no more gives them to its neighbour */

/* --- memory --- */

void *index_grown(void *p, size_t from, size_t to, size_t size)
{
	char *bytes = reallocarray(p, to, size);

	if (!bytes)
		abort();
	memset(bytes + from * size, 0, (to - from) * size);
	return bytes;
}

static void grow_words(struct match_index *ix)
{
	size_t from = ix->words_cap, to = from ? 2 * from : WORDS_LEAST;

	ix->slots = index_grown(ix->slots, from * INDEX_LEAF, to * INDEX_LEAF, sizeof(*ix->slots));
	ix->live = index_grown(ix->live, from, to, sizeof(*ix->live));
	ix->near = index_grown(ix->near, from, to, sizeof(*ix->near));
	ix->far = index_grown(ix->far, from, to, sizeof(*ix->far));
	for (size_t i = 0; i < ix->attribute_count; i++) {
		struct index_attribute *a = &ix->attributes[i];

		a->restricted = index_grown(a->restricted, from, to, sizeof(uint64_t));
		for (size_t b = 0; b < INDEX_BUCKETS; b++) {
			if (a->takes[b])
				a->takes[b] = index_grown(a->takes[b], from, to, sizeof(uint64_t));
			if (a->doubts[b])
				a->doubts[b] =
				    index_grown(a->doubts[b], from, to, sizeof(uint64_t));
		}
	}
	ix->words_cap = to;
}

static uint32_t word_new(struct match_index *ix)
{
	if (ix->free_count > 0)
		return ix->free_words[--ix->free_count];
	if (ix->words == ix->words_cap)
		grow_words(ix);
	return (uint32_t)ix->words++;
}

static void word_free(struct match_index *ix, uint32_t word)
{
	ix->free_words =
	    room_for_one(ix->free_words, ix->free_count, &ix->free_cap, sizeof(*ix->free_words));
	ix->free_words[ix->free_count++] = word;
}

static void attribute_free(struct index_attribute *a)
{
	free(a->restricted);
	for (size_t b = 0; b < INDEX_BUCKETS; b++) {
		free(a->takes[b]);
		free(a->doubts[b]);
	}
	for (size_t i = 0; i < INDEX_TEXTS; i++)
		free(a->texts[i].text);
}

void index_free(struct match_index *ix)
{
	for (size_t i = 0; i < ix->attribute_count; i++)
		attribute_free(&ix->attributes[i]);
	free(ix->attributes);
	free(ix->slots);
	free(ix->live);
	free(ix->near);
	free(ix->far);
	free(ix->free_words);
	free(ix->leaves);
	free(ix->closed);
	*ix = (struct match_index){0};
}

/* --- leaves --- */

static void take_slot(struct match_index *ix, struct order *o, uint32_t word)
{
	uint32_t bit = (uint32_t)__builtin_ctzll(~ix->live[word]);

	o->slot = word * INDEX_LEAF + bit;
	ix->slots[o->slot] = o;
	ix->live[word] |= 1ull << bit;
	index_mark(ix, o, true);
}

static void leave_slot(struct match_index *ix, struct order *o)
{
	uint32_t word = o->slot / INDEX_LEAF;
	uint64_t bit = 1ull << o->slot % INDEX_LEAF;

	index_mark(ix, o, false);
	ix->live[word] &= ~bit;
	ix->near[word] &= ~bit;
	ix->far[word] &= ~bit;
	ix->slots[o->slot] = NULL;
}

static void leaf_insert(struct match_index *ix, size_t at, struct index_leaf leaf)
{
	if (ix->leaf_count == ix->leaf_cap) {
		size_t to = ix->leaf_cap ? 2 * ix->leaf_cap : WORDS_LEAST;

		ix->leaves = index_grown(ix->leaves, ix->leaf_cap, to, sizeof(*ix->leaves));
		ix->leaf_cap = to;
	}
	memmove(&ix->leaves[at + 1], &ix->leaves[at], (ix->leaf_count - at) * sizeof(leaf));
	ix->leaves[at] = leaf;
	ix->leaf_count++;
}

static void leaf_drop(struct match_index *ix, size_t at)
{
	word_free(ix, ix->leaves[at].word);
	ix->leaf_count--;
	memmove(&ix->leaves[at], &ix->leaves[at + 1], (ix->leaf_count - at) * sizeof(*ix->leaves));
}

/* The last leaf whose bound is not below the key; the first one when the key is above all. */
static size_t leaf_for(const struct match_index *ix, struct rank_key key)
{
	size_t low = 0, high = ix->leaf_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rank_key_compare(ix->leaves[middle].bound, key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

static void move_bits(uint64_t *row, uint32_t from, uint32_t to, uint64_t mask)
{
	row[to] |= row[from] & mask;
	row[from] &= ~mask;
}

static void move_leaf_half(struct match_index *ix, uint32_t from, uint32_t to, uint64_t mask)
{
	move_bits(ix->live, from, to, mask);
	move_bits(ix->near, from, to, mask);
	move_bits(ix->far, from, to, mask);
	for (size_t i = 0; i < ix->attribute_count; i++) {
		struct index_attribute *a = &ix->attributes[i];

		move_bits(a->restricted, from, to, mask);
		for (size_t b = 0; b < INDEX_BUCKETS; b++) {
			if (a->takes[b])
				move_bits(a->takes[b], from, to, mask);
			if (a->doubts[b])
				move_bits(a->doubts[b], from, to, mask);
		}
	}
	for (uint64_t rest = mask; rest; rest &= rest - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(rest);
		struct order *o = ix->slots[from * INDEX_LEAF + bit];

		ix->slots[from * INDEX_LEAF + bit] = NULL;
		o->slot = to * INDEX_LEAF + bit;
		ix->slots[o->slot] = o;
	}
}

static int compare_orders(const void *a, const void *b)
{
	const struct order *x = *(struct order *const *)a, *y = *(struct order *const *)b;
	int order = rank_key_compare(rank_bound(x), rank_bound(y));

	return order != 0 ? order : (x->slot > y->slot) - (x->slot < y->slot);
}

/* The lower half of a full leaf goes to a new one behind it. */
static void leaf_split(struct match_index *ix, size_t at)
{
	struct order *sorted[INDEX_LEAF];
	uint32_t from = ix->leaves[at].word, to = word_new(ix);
	uint64_t mask = 0;

	memcpy(sorted, &ix->slots[from * INDEX_LEAF], sizeof(sorted));
	qsort(sorted, INDEX_LEAF, sizeof(*sorted), compare_orders);
	for (size_t i = INDEX_LEAF / 2; i < INDEX_LEAF; i++)
		mask |= 1ull << sorted[i]->slot % INDEX_LEAF;
	leaf_insert(ix, at + 1, (struct index_leaf){rank_bound(sorted[INDEX_LEAF / 2]), to});
	move_leaf_half(ix, from, to, mask);
}

void index_add(struct match_index *ix, struct order *o)
{
	struct rank_key key = rank_bound(o);
	size_t at;

	assert(!o->indexed);
	if (ix->leaf_count == 0)
		leaf_insert(ix, 0, (struct index_leaf){key, word_new(ix)});
	at = leaf_for(ix, key);
	if (ix->live[ix->leaves[at].word] == UINT64_MAX) {
		leaf_split(ix, at);
		at = leaf_for(ix, key);
	}
	if (rank_key_compare(key, ix->leaves[at].bound) < 0)
		ix->leaves[at].bound = key;
	take_slot(ix, o, ix->leaves[at].word);
	o->indexed = true;
}

/* Which leaf a word is: its orders' bounds lead near it, and even bounds may fill several. */
static size_t leaf_of(const struct match_index *ix, struct rank_key key, uint32_t word)
{
	size_t at = leaf_for(ix, key);

	while (at > 0 && ix->leaves[at].word != word)
		at--;
	assert(ix->leaves[at].word == word);
	return at;
}

/* A leaf that got small gives its orders to the one before it. */
static void leaf_merge(struct match_index *ix, size_t at)
{
	uint32_t from = ix->leaves[at].word;
	uint64_t rest = ix->live[from];
	size_t count = (size_t)__builtin_popcountll(rest);

	if (count > 0 && (at == 0 || count > MERGE_BELOW ||
			  __builtin_popcountll(ix->live[ix->leaves[at - 1].word]) > INDEX_LEAF / 2))
		return;
	for (; rest; rest &= rest - 1) {
		struct order *o = ix->slots[from * INDEX_LEAF + (uint32_t)__builtin_ctzll(rest)];

		leave_slot(ix, o);
		take_slot(ix, o, ix->leaves[at - 1].word);
	}
	leaf_drop(ix, at);
}

void index_remove(struct match_index *ix, struct order *o)
{
	size_t at;

	assert(o->indexed);
	at = leaf_of(ix, rank_bound(o), o->slot / INDEX_LEAF);
	leave_slot(ix, o);
	o->indexed = false;
	leaf_merge(ix, at);
}

/* --- what is closed --- */

void index_close(struct match_index *ix, struct order *o, bool near, int64_t until_ms)
{
	uint32_t word = o->slot / INDEX_LEAF;
	uint64_t bit = 1ull << o->slot % INDEX_LEAF;

	if (!o->indexed)
		return;
	*(near ? &ix->near[word] : &ix->far[word]) |= bit;
	*(near ? &ix->far[word] : &ix->near[word]) &= ~bit;
	o->closed_until_ms = until_ms;
	if (until_ms == 0)
		return;
	if (ix->closed_count == 0 || until_ms < ix->next_wake_ms)
		ix->next_wake_ms = until_ms;
	if (o->listed)
		return;
	o->listed = true;
	if (ix->closed_count == ix->closed_cap) {
		size_t to = ix->closed_cap ? 2 * ix->closed_cap : WORDS_LEAST;

		ix->closed = index_grown(ix->closed, ix->closed_cap, to, sizeof(*ix->closed));
		ix->closed_cap = to;
	}
	ix->closed[ix->closed_count++] = o;
}

void index_reopen(struct match_index *ix, struct order *o)
{
	uint64_t bit = 1ull << o->slot % INDEX_LEAF;

	if (!o->indexed)
		return;
	ix->near[o->slot / INDEX_LEAF] &= ~bit;
	ix->far[o->slot / INDEX_LEAF] &= ~bit;
}

void index_wake(struct match_index *ix, int64_t now_ms)
{
	size_t kept = 0;

	if (ix->closed_count == 0 || now_ms < ix->next_wake_ms)
		return;
	ix->next_wake_ms = INT64_MAX;
	for (size_t i = 0; i < ix->closed_count; i++) {
		struct order *o = ix->closed[i];

		/* What it said last may be older: asking once too often does no harm. */
		if (!o->indexed || o->closed_until_ms <= now_ms) {
			o->listed = false;
			index_reopen(ix, o);
			continue;
		}
		ix->next_wake_ms = MIN_OF(ix->next_wake_ms, o->closed_until_ms);
		ix->closed[kept++] = o;
	}
	ix->closed_count = kept;
}
