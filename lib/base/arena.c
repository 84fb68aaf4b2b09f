/* arena: a chain of blocks; allocation moves a mark forward, reset moves it back to the first block.
 *
 * Under AddressSanitizer what is not handed out is poisoned, so that reading past an allocation, or into an arena that
 * was reset, is reported as it would be with malloc. */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
/* gcc takes the const pointer for a promise that the bytes are read. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_ALIGN       16
#define ARENA_BLOCK_BYTES (16u << 10)
#define ARENA_SHORT_TEXT  256 /* most texts are, and are formatted once */
#define ARENA_ALLOC_MAX   (SIZE_MAX / 4)

struct arena_block {
	struct arena_block *next;
	size_t cap, used;
	_Alignas(ARENA_ALIGN) char data[];
};

static struct arena_block *block_new(size_t size)
{
	size_t cap = MAX_OF(size, ARENA_BLOCK_BYTES - sizeof(struct arena_block));
	struct arena_block *b = malloc(sizeof(*b) + cap);

	if (!b)
		abort();
	b->next = NULL;
	b->cap = cap;
	b->used = 0;
	POISON(b->data, cap);
	return b;
}

/* Makes a block with room the current one: the next kept one if it is large enough, else a new one before it. */
static struct arena_block *block_advance(struct arena *a, size_t size)
{
	struct arena_block *b;

	if (!a->current) {
		a->first = a->current = block_new(size);
		return a->current;
	}
	b = a->current->next;
	if (!b || b->cap < size) {
		b = block_new(size);
		b->next = a->current->next;
		a->current->next = b;
	}
	b->used = 0;
	POISON(b->data, b->cap);
	a->current = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->current;
	size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	void *p;

	assert(size < ARENA_ALLOC_MAX);
	if (!b || b->cap - b->used < rounded)
		b = block_advance(a, rounded);
	p = b->data + b->used;
	b->used += rounded;
	UNPOISON(p, size);
	return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	p = arena_alloc(a, bytes);
	memset(p, 0, bytes);
	return p;
}

char *arena_cstr(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.len + 1);

	if (s.len)
		memcpy(p, s.data, s.len);
	p[s.len] = '\0';
	return p;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
	return (struct slice){arena_cstr(a, s), s.len};
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[ARENA_SHORT_TEXT];
	va_list args;
	int len;
	char *p;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len < sizeof(text))
		return arena_cstr(a, slice_of(text, (size_t)len));

	p = arena_alloc(a, (size_t)len + 1);
	va_start(args, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, args);
	va_end(args);
	return p;
}

/* Later blocks are emptied when their turn comes. */
void arena_reset(struct arena *a)
{
	a->current = a->first;
	if (!a->first)
		return;
	a->first->used = 0;
#ifdef ARENA_ASAN
	for (struct arena_block *b = a->first; b; b = b->next)
		POISON(b->data, b->cap);
#endif
}

void arena_free(struct arena *a)
{
	struct arena_block *b, *next;

	if (!a)
		return;
	for (b = a->first; b; b = next) {
		next = b->next;
		UNPOISON(b->data, b->cap);
		free(b);
	}
	*a = (struct arena){0};
}
