/* table: items that hold their own key, found by it. What a map does, at a third of its memory; for what there is a million of.
 *
 * The table owns neither items nor keys; a key doesn't change while its item is in. Zero-initialised is empty and valid. Items
 * stand densely, in order of arrival as long as none is removed; a removal moves the last one into the freed place. */
#ifndef PUNNET_TABLE_H
#define PUNNET_TABLE_H

#include "slice.h"

struct table_slot;
struct table {
	void **items;
	struct table_slot *slots; /* open-addressed places in items */
	size_t count, items_cap, slots_cap;
};

/* The same function for all calls on one table. */
typedef struct slice (*table_key_fn)(const void *item);

void *table_get(const struct table *t, table_key_fn key_of, struct slice key); /* NULL: absent */
/* Tells the processor that the key will be looked for soon. */
void table_fetch(const struct table *t, struct slice key);
void table_add(struct table *t, table_key_fn key_of, void *item); /* its key is not in there */
/* In the place of the item of the same key, which is returned. */
void *table_replace(struct table *t, table_key_fn key_of, void *item);
void *table_remove(struct table *t, table_key_fn key_of, struct slice key); /* NULL: absent */
void table_free(struct table *t);

static inline size_t table_count(const struct table *t)
{
	return t->count;
}

static inline void *table_at(const struct table *t, size_t i) /* NULL past the end */
{
	return i < t->count ? t->items[i] : NULL;
}

#endif
