/* map: entries stand densely in order of insertion; `slots` is a table of entry numbers (plus one), probed linearly.
 *
 * Removal closes the gap in the table (no tombstones) and moves the last entry into the freed place. */
#include "map.h"

#include <stdlib.h>

#include "hash.h"

#define MAP_FIRST_SLOTS 16

struct map_entry {
	char *key;
	size_t key_len;
	uint64_t hash;
	void *value;
};

static uint64_t key_hash(struct slice key)
{
	uint64_t wide[2];

	hash_wide(key, wide);
	return wide[0];
}

/* The slot where the key stands, or the empty one where it would go. */
static size_t find_slot(const struct map *m, struct slice key, uint64_t hash)
{
	size_t mask = m->slots_cap - 1;
	size_t at = hash & mask;

	for (; m->slots[at]; at = (at + 1) & mask) {
		const struct map_entry *e = &m->entries[m->slots[at] - 1];

		if (e->hash == hash && slice_equal(slice_of(e->key, e->key_len), key))
			break;
	}
	return at;
}

static size_t slot_of_entry(const struct map *m, size_t entry)
{
	size_t mask = m->slots_cap - 1;
	size_t at = m->entries[entry].hash & mask;

	while (m->slots[at] != entry + 1)
		at = (at + 1) & mask;
	return at;
}

static void grow(struct map *m)
{
	size_t cap = m->slots_cap ? m->slots_cap * 2 : MAP_FIRST_SLOTS;
	uint32_t *slots = calloc(cap, sizeof(*slots));
	struct map_entry *entries = realloc(m->entries, cap / 2 * sizeof(*entries));

	assert(cap <= UINT32_MAX);
	if (!slots || !entries)
		abort();
	free(m->slots);
	m->slots = slots;
	m->slots_cap = cap;
	m->entries = entries;
	m->entries_cap = cap / 2;
	for (size_t i = 0; i < m->count; i++) {
		size_t at = entries[i].hash & (cap - 1);

		while (slots[at])
			at = (at + 1) & (cap - 1);
		slots[at] = (uint32_t)i + 1;
	}
}

void *map_get(const struct map *m, struct slice key)
{
	size_t at;

	if (m->count == 0)
		return NULL;
	at = find_slot(m, key, key_hash(key));
	return m->slots[at] ? m->entries[m->slots[at] - 1].value : NULL;
}

void *map_put(struct map *m, struct slice key, void *value)
{
	uint64_t hash = key_hash(key);
	struct map_entry *e;
	size_t at;

	assert(value);
	if (m->slots_cap) {
		at = find_slot(m, key, hash);
		if (m->slots[at]) {
			void *old = m->entries[m->slots[at] - 1].value;

			m->entries[m->slots[at] - 1].value = value;
			return old;
		}
	}
	if (m->count == m->entries_cap)
		grow(m);
	at = find_slot(m, key, hash);
	e = &m->entries[m->count++];
	*e = (struct map_entry){malloc(key.len + 1), key.len, hash, value};
	if (!e->key)
		abort();
	if (key.len)
		memcpy(e->key, key.data, key.len);
	m->slots[at] = (uint32_t)m->count;
	return NULL;
}

/* Empties a slot, then moves up whatever would no longer be found behind the hole. */
static void clear_slot(struct map *m, size_t hole)
{
	size_t mask = m->slots_cap - 1;
	size_t at = hole;

	m->slots[hole] = 0;
	for (;;) {
		size_t home;

		at = (at + 1) & mask;
		if (!m->slots[at])
			return;
		home = m->entries[m->slots[at] - 1].hash & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		m->slots[hole] = m->slots[at];
		m->slots[at] = 0;
		hole = at;
	}
}

void *map_remove(struct map *m, struct slice key)
{
	size_t at, entry;
	void *value;

	if (m->count == 0)
		return NULL;
	at = find_slot(m, key, key_hash(key));
	if (!m->slots[at])
		return NULL;

	entry = m->slots[at] - 1;
	value = m->entries[entry].value;
	clear_slot(m, at);
	free(m->entries[entry].key);
	if (entry != m->count - 1) {
		m->slots[slot_of_entry(m, m->count - 1)] = (uint32_t)entry + 1;
		m->entries[entry] = m->entries[m->count - 1];
	}
	m->count--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

bool map_at(const struct map *m, size_t i, struct slice *ret_key, void **ret_value)
{
	if (i >= m->count)
		return false;
	*ret_key = slice_of(m->entries[i].key, m->entries[i].key_len);
	*ret_value = m->entries[i].value;
	return true;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->slots);
	*m = (struct map){0};
}
