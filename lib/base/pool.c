/* pool: a list of free blocks for each size, and a chunk that new ones are cut from. */
#include "pool.h"

#include <stdlib.h>

#include "room.h"

struct pool_block {
	struct pool_block *next;
};

static void *memory_take(const struct pool *p, size_t bytes)
{
	void *memory = p->memory ? p->memory->take(bytes) : aligned_alloc(POOL_STEP, bytes);

	if (!memory)
		abort();
	return memory;
}

static void memory_give(const struct pool *p, struct pool_chunk c)
{
	if (p->memory)
		p->memory->give(c.p, c.bytes);
	else
		free(c.p);
}

static void *chunk_add(struct pool *p, size_t bytes)
{
	void *memory = memory_take(p, bytes);

	p->chunks = room_for_one(p->chunks, p->chunk_count, &p->chunk_cap, sizeof(*p->chunks));
	p->chunks[p->chunk_count++] = (struct pool_chunk){memory, bytes};
	return memory;
}

static size_t rounded(size_t size)
{
	return (MAX_OF(size, 1u) + POOL_STEP - 1) / POOL_STEP * POOL_STEP;
}

void *pool_take(struct pool *p, size_t size)
{
	size_t bytes = rounded(size);
	struct pool_block *block;

	if (bytes > POOL_BLOCK_MAX)
		return chunk_add(p, bytes);
	block = p->free[bytes / POOL_STEP];
	if (block) {
		p->free[bytes / POOL_STEP] = block->next;
		return block;
	}
	if (p->left < bytes) {
		p->at = chunk_add(p, POOL_CHUNK_BYTES);
		p->left = POOL_CHUNK_BYTES;
	}
	block = (struct pool_block *)(void *)p->at;
	p->at += bytes;
	p->left -= bytes;
	return block;
}

/* Of a block with memory of its own. There are few of them. */
static void chunk_drop(struct pool *p, const void *memory)
{
	for (size_t i = p->chunk_count; i > 0; i--) {
		if (p->chunks[i - 1].p != memory)
			continue;
		memory_give(p, p->chunks[i - 1]);
		p->chunks[i - 1] = p->chunks[--p->chunk_count];
		return;
	}
	assert(!"a block that is not the pool's");
}

static void give_now(struct pool *p, void *memory, size_t bytes)
{
	struct pool_block *block = memory;

	if (bytes > POOL_BLOCK_MAX) {
		chunk_drop(p, memory);
		return;
	}
	block->next = p->free[bytes / POOL_STEP];
	p->free[bytes / POOL_STEP] = block;
}

void pool_give(struct pool *p, void *block, size_t size)
{
	if (!block)
		return;
	if (!p->held) {
		give_now(p, block, rounded(size));
		return;
	}
	p->late = room_for_one(p->late, p->late_count, &p->late_cap, sizeof(*p->late));
	p->late[p->late_count++] = (struct pool_chunk){block, rounded(size)};
}

void pool_hold(struct pool *p)
{
	p->held = true;
}

void pool_release(struct pool *p)
{
	p->held = false;
	for (size_t i = 0; i < p->late_count; i++)
		give_now(p, p->late[i].p, p->late[i].bytes);
	free(p->late);
	p->late = NULL;
	p->late_count = p->late_cap = 0;
}

void pool_free(struct pool *p)
{
	for (size_t i = 0; i < p->chunk_count; i++)
		memory_give(p, p->chunks[i]);
	free(p->chunks);
	free(p->late);
	*p = (struct pool){.memory = p->memory};
}
