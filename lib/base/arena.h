/* arena: memory that is given back all at once. arena_reset() keeps the blocks for the next round.
 *
 * arena_alloc() never returns NULL: out of memory is fatal (abort), as everywhere in this project for small blocks. */
#ifndef PUNNET_ARENA_H
#define PUNNET_ARENA_H

#include "slice.h"

struct arena_block;
struct arena {
	struct arena_block *first, *current;
};

void *arena_alloc(struct arena *a, size_t size); /* 16-byte aligned, not cleared */
void *arena_calloc(struct arena *a, size_t count, size_t size);
char *arena_cstr(struct arena *a, struct slice s); /* NUL-terminated copy */
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
