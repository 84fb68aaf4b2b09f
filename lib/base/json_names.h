/* json_names: whether a name stands twice among the members of one object, for the JSON reader only.
 *
 * A name is compared with its elders only when a small filter has seen its like; in an object of many members all are
 * sorted once, at the end, so that nobody can make the reader compare all pairs. */
#ifndef PUNNET_JSON_NAMES_H
#define PUNNET_JSON_NAMES_H

#include <stdlib.h>

#include "arena.h"

#define NAMES_PAIRWISE_MAX 32 /* larger objects are checked by sorting */
#define NAMES_BITS         1024

struct json_names {
	uint64_t bits[NAMES_BITS / 64]; /* which of 1024 classes the names so far fall into */
	struct slice *list;
	uint32_t count, cap;
	struct slice few[NAMES_PAIRWISE_MAX]; /* the list, as long as it has room */
};

/* `few` is left as it is. */
static inline void json_names_start(struct json_names *n)
{
	memset(n->bits, 0, sizeof(n->bits));
	n->list = n->few;
	n->count = 0;
	n->cap = NAMES_PAIRWISE_MAX;
}

/* Both ends of the name, mixed; not the middle of a long one. */
static inline unsigned json_names_class(struct slice name)
{
	uint64_t head = 0, tail = 0;

	if (name.len >= 8) {
		memcpy(&head, name.data, 8);
		memcpy(&tail, name.data + name.len - 8, 8);
	} else if (name.len >= 4) {
		memcpy(&head, name.data, 4);
		memcpy(&tail, name.data + name.len - 4, 4);
	} else if (name.len > 0) {
		head = (unsigned char)name.data[0];
		tail = (unsigned char)name.data[name.len - 1];
	}
	return (unsigned)((head * 31 + tail + name.len) * 0x9e3779b97f4a7c15u >> 54);
}

/* Notes the name's class; whether one of its class was there. */
static inline bool json_names_filter(struct json_names *n, struct slice name)
{
	unsigned class = json_names_class(name);
	uint64_t *word = &n->bits[class / 64], bit = (uint64_t)1 << (class % 64);
	bool seen = (*word & bit) != 0;

	*word |= bit;
	return seen;
}

static _rare_ bool json_names_holds(const struct json_names *n, struct slice name)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (slice_equal(n->list[i], name))
			return true;
	return false;
}

static _rare_ void json_names_grow(struct json_names *n, struct arena *a)
{
	struct slice *list = arena_alloc(a, 2 * (size_t)n->cap * sizeof(*list));

	memcpy(list, n->list, n->count * sizeof(*list));
	n->list = list;
	n->cap *= 2;
}

/* false: it stands there already. Of a large object json_names_differ() says so. */
static inline bool json_names_add(struct json_names *n, struct arena *a, struct slice name)
{
	if (n->count <= NAMES_PAIRWISE_MAX && json_names_filter(n, name) &&
	    json_names_holds(n, name))
		return false;
	if (n->count == n->cap)
		json_names_grow(n, a);
	n->list[n->count++] = name;
	return true;
}

static inline int json_names_compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->len ? memcmp(x->data, y->data, x->len) : 0;
}

/* Of a large object, once all of its names are there; of others it is known already. */
static _rare_ bool json_names_differ(struct json_names *n)
{
	if (n->count <= NAMES_PAIRWISE_MAX)
		return true;
	qsort(n->list, n->count, sizeof(*n->list), json_names_compare);
	for (uint32_t i = 1; i < n->count; i++)
		if (slice_equal(n->list[i - 1], n->list[i]))
			return false;
	return true;
}

#endif
