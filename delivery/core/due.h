/* due: what waits for a time, the earliest first. A binary heap of entries that stand inside of what waits. */
#ifndef PUNNET_DELIVERY_DUE_H
#define PUNNET_DELIVERY_DUE_H

#include "base/base.h"

struct due {
	int64_t at_ms;
	size_t place; /* 1 and up; 0 = it does not wait */
};

/* Zero-initialised is empty. Owns the array, not the entries. */
struct due_heap {
	struct due **entries; /* 1-based */
	size_t count, cap;
};

/* What an entry stands in. */
#define due_of(entry, type, member) ((type *)((char *)(entry)-offsetof(type, member)))

/* d must not wait yet. Out of memory is fatal. */
void due_add(struct due_heap *h, struct due *d, int64_t at_ms);
/* d must wait; its time stays what it was. */
void due_remove(struct due_heap *h, struct due *d);
struct due *due_first(const struct due_heap *h); /* NULL: nothing waits */
void due_free(struct due_heap *h);

#endif
