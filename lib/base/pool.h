/* pool: blocks of many sizes that are written once, when they are taken, and only read until they are given back.
 *
 * Nothing is written into a block that was given back while the pool is held: whoever reads on in a copy of the process that
 * shares this memory finds all blocks as they were. Where the memory comes from is the owner's choice. Out of memory is fatal
 * (abort). Zero-initialised is empty and valid, and takes its memory from the heap. */
#ifndef PUNNET_POOL_H
#define PUNNET_POOL_H

#include "base.h"

#define POOL_CHUNK_BYTES (1u << 20)
#define POOL_STEP        8    /* sizes are rounded up to it */
#define POOL_BLOCK_MAX   4096 /* larger ones get memory of their own */
#define POOL_SIZES       (POOL_BLOCK_MAX / POOL_STEP)

/* Whole pages, never NULL. */
struct pool_memory {
	void *(*take)(size_t bytes);
	void (*give)(void *p, size_t bytes);
};

struct pool_chunk {
	void *p;
	size_t bytes;
};

struct pool {
	const struct pool_memory *memory; /* NULL: the heap; set before the first block is taken */
	struct pool_chunk *chunks;
	size_t chunk_count, chunk_cap;
	char *at; /* what is left of the last chunk */
	size_t left;
	struct pool_block *free[POOL_SIZES + 1]; /* by size in steps */
	bool held;
	struct pool_chunk *late; /* given back while it was held */
	size_t late_count, late_cap;
};

void *pool_take(struct pool *p, size_t size);             /* 8-byte aligned, not cleared */
void pool_give(struct pool *p, void *block, size_t size); /* the same size; NULL is accepted */
void pool_hold(struct pool *p);
void pool_release(struct pool *p); /* held no longer */
void pool_free(struct pool *p);    /* with all its blocks */

#endif
