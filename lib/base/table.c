/* table: slots are probed linearly; each holds a part of its key's hash, so that an item is only looked at where it is likely
 * to be the one. Removal closes the gap in the slots (no tombstones). */
#include "table.h"

#include <stdlib.h>

#include "hash.h"
#include "room.h"

#define SLOTS_FIRST 16

struct table_slot {
	uint32_t place; /* in items, plus one; 0 = empty */
	uint32_t hash;
};

static uint32_t key_hash(struct slice key)
{
	uint64_t h[2];

	hash_wide(key, h);
	return (uint32_t)h[0];
}

/* The slot where the key stands, or the empty one where it would go. */
static size_t find_slot(const struct table *t, table_key_fn key_of, struct slice key, uint32_t hash)
{
	size_t mask = t->slots_cap - 1, at = hash & mask;

	for (; t->slots[at].place; at = (at + 1) & mask) {
		if (t->slots[at].hash == hash &&
		    slice_equal(key_of(t->items[t->slots[at].place - 1]), key))
			break;
	}
	return at;
}

static void grow(struct table *t)
{
	size_t cap = t->slots_cap ? 2 * t->slots_cap : SLOTS_FIRST;
	struct table_slot *slots = calloc(cap, sizeof(*slots));

	assert(cap <= UINT32_MAX);
	if (!slots)
		abort();
	for (size_t i = 0; i < t->slots_cap; i++) {
		size_t at = t->slots[i].hash & (cap - 1);

		if (!t->slots[i].place)
			continue;
		while (slots[at].place)
			at = (at + 1) & (cap - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->slots_cap = cap;
}

void *table_get(const struct table *t, table_key_fn key_of, struct slice key)
{
	size_t at;

	if (t->count == 0)
		return NULL;
	at = find_slot(t, key_of, key, key_hash(key));
	return t->slots[at].place ? t->items[t->slots[at].place - 1] : NULL;
}

void table_fetch(const struct table *t, struct slice key)
{
	if (t->slots_cap > 0)
		__builtin_prefetch(&t->slots[key_hash(key) & (t->slots_cap - 1)]);
}

void table_add(struct table *t, table_key_fn key_of, void *item)
{
	struct slice key = key_of(item);
	uint32_t hash = key_hash(key);
	size_t at;

	assert(item);
	/* Three quarters full at most. */
	if (4 * (t->count + 1) > 3 * t->slots_cap)
		grow(t);
	at = find_slot(t, key_of, key, hash);
	assert(!t->slots[at].place);
	t->items = room_for_one(t->items, t->count, &t->items_cap, sizeof(*t->items));
	t->items[t->count++] = item;
	t->slots[at] = (struct table_slot){(uint32_t)t->count, hash};
}

void *table_replace(struct table *t, table_key_fn key_of, void *item)
{
	struct slice key = key_of(item);
	size_t at = find_slot(t, key_of, key, key_hash(key));
	void *was;

	assert(t->slots[at].place);
	was = t->items[t->slots[at].place - 1];
	t->items[t->slots[at].place - 1] = item;
	return was;
}

/* Empties a slot, then moves up whatever would no longer be found behind the hole. */
static void clear_slot(struct table *t, size_t hole)
{
	size_t mask = t->slots_cap - 1, at = hole;

	for (;;) {
		t->slots[hole] = (struct table_slot){0};
		do {
			at = (at + 1) & mask;
			if (!t->slots[at].place)
				return;
		} while (((at - t->slots[at].hash) & mask) < ((at - hole) & mask));
		t->slots[hole] = t->slots[at];
		hole = at;
	}
}

void *table_remove(struct table *t, table_key_fn key_of, struct slice key)
{
	size_t at, place;
	void *item, *last;

	if (t->count == 0)
		return NULL;
	at = find_slot(t, key_of, key, key_hash(key));
	if (!t->slots[at].place)
		return NULL;

	place = t->slots[at].place - 1;
	item = t->items[place];
	last = t->items[t->count - 1];
	if (last != item) {
		struct slice of_last = key_of(last);

		t->slots[find_slot(t, key_of, of_last, key_hash(of_last))].place =
		    (uint32_t)place + 1;
		t->items[place] = last;
	}
	clear_slot(t, at);
	t->count--;
	return item;
}

void table_free(struct table *t)
{
	free(t->items);
	free(t->slots);
	*t = (struct table){0};
}
