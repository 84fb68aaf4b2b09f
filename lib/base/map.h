/* map: byte-string keys to pointers, open addressing; the map copies its keys, never owns its values.
 *
 * Zero-initialised is empty and valid. Iteration order is the order of insertion as long as nothing is removed;
 * after removals it is still deterministic: the same operations give the same order. */
#ifndef PUNNET_MAP_H
#define PUNNET_MAP_H

#include "slice.h"

struct map_entry;
struct map {
	struct map_entry *entries; /* dense, in order */
	uint32_t *slots;           /* open-addressed index into entries */
	size_t count, entries_cap, slots_cap;
};

void *map_get(const struct map *m, struct slice key); /* NULL when absent */
void *map_put(struct map *m, struct slice key,
	      void *value); /* value not NULL; returns what it replaced, or NULL */
void *
map_remove(struct map *m,
	   struct slice key); /* returns the removed value, or NULL; swaps the last entry in */
size_t map_count(const struct map *m);
/* i from 0 to map_count()-1; false past the end. */
bool map_at(const struct map *m, size_t i, struct slice *ret_key, void **ret_value);
void map_free(struct map *m);

#endif
