/* kv_memory: claims in a table of this process. The clock is the leads' own time, which never runs backwards here.
 *
 * Open addressing, linear probing. What was given up or has run out keeps its slot until the table grows; growing
 * copies only what is alive. Out of memory is fatal. */
#include <stdlib.h>

#include "base/hash.h"
#include "kv_memory_counts.h"

#define TABLE_LEAST 1024 /* slots; a power of two */

struct slot {
	const char *key; /* in the arena; NULL = never used */
	uint32_t key_len;
	struct lead_record owner;
	uint64_t hash;
	int64_t claimed_at_ms, ends_ms;
};

struct kv_memory {
	struct kv kv;
	struct slot *slots;
	size_t cap, used; /* used counts the dead, too */
	struct arena keys;
	int64_t now_ms;
	struct kv_memory_counts counts;
};

static struct kv_memory *memory_of(struct kv *k)
{
	return (struct kv_memory *)k;
}

static struct slot *probe(struct slot *slots, size_t cap, struct slice key, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i].key && !(slots[i].hash == hash &&
				 slice_equal(slice_of(slots[i].key, slots[i].key_len), key)))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static bool alive(const struct kv_memory *m, const struct slot *s)
{
	return s->key && s->ends_ms > m->now_ms;
}

static void grow(struct kv_memory *m)
{
	struct arena old_keys = m->keys;
	struct slot *old = m->slots;
	size_t old_cap = m->cap, living = 0;

	for (size_t i = 0; i < old_cap; i++)
		living += alive(m, &old[i]);
	m->cap = TABLE_LEAST;
	while (m->cap < living * 3)
		m->cap *= 2;
	m->slots = calloc(m->cap, sizeof(*m->slots));
	assert(m->slots);
	m->keys = (struct arena){0};
	m->used = living;
	for (size_t i = 0; i < old_cap; i++) {
		if (!alive(m, &old[i]))
			continue;
		struct slice key = arena_dup(&m->keys, slice_of(old[i].key, old[i].key_len));
		struct slot *s = probe(m->slots, m->cap, key, old[i].hash);

		*s = old[i];
		s->key = key.data;
	}
	arena_free(&old_keys);
	free(old);
}

/* NULL when nobody holds it. */
static struct slot *holder(struct kv_memory *m, struct slice key)
{
	struct slot *s = probe(m->slots, m->cap, key, hash_fnv1a(0, key));

	return alive(m, s) ? s : NULL;
}

static void take(struct kv_memory *m, struct slice key, const struct lead_record *owner,
		 int64_t at_ms, int64_t ttl_ms)
{
	uint64_t hash = hash_fnv1a(0, key);
	struct slot *s;

	if ((m->used + 1) * 3 > m->cap * 2)
		grow(m);
	s = probe(m->slots, m->cap, key, hash);
	if (!s->key) {
		s->key = arena_dup(&m->keys, key).data;
		s->key_len = (uint32_t)key.len;
		s->hash = hash;
		m->used++;
	}
	s->owner = *owner;
	s->claimed_at_ms = at_ms;
	s->ends_ms = ttl_ms > INT64_MAX - m->now_ms ? INT64_MAX : m->now_ms + ttl_ms;
}

static void answer(struct kv_claim *claim, const struct slot *s)
{
	claim->held = s != NULL;
	if (!s)
		return;
	claim->owner = s->owner;
	claim->claimed_at_ms = s->claimed_at_ms;
}

static void gather_lead(struct kv_memory *m, struct kv_lead *lead)
{
	bool all_free = lead->candidate;

	m->now_ms = MAX_OF(m->now_ms, lead->now_ms);
	for (size_t c = 0; c < lead->claim_count; c++) {
		answer(&lead->claims[c], holder(m, lead->claims[c].key));
		if (lead->claims[c].held && !lead_record_equal(&lead->claims[c].owner, &lead->self))
			all_free = false;
	}
	for (size_t c = 0; c < lead->claim_count; c++) {
		const struct kv_claim *claim = &lead->claims[c];

		/* A key may stand twice among a lead's claims: look again. */
		if (!claim->held && (all_free || claim->always) && !holder(m, claim->key))
			take(m, claim->key, &lead->self, lead->now_ms, claim->ttl_ms);
	}
	for (size_t c = 0; c < lead->claim_count; c++) {
		if (!lead->claims[c].held)
			answer(&lead->claims[c], holder(m, lead->claims[c].key));
	}
}

static enum result gather(struct kv *k, struct kv_lead *leads, size_t count,
			  _unused_ struct error *ret_error)
{
	for (size_t i = 0; i < count; i++)
		gather_lead(memory_of(k), &leads[i]);
	kv_memory_count(&memory_of(k)->counts, leads, count);
	return RESULT_OK;
}

static enum result settle(struct kv *k, const struct kv_settle *ops, size_t count,
			  const struct kv_verdict *verdicts, size_t verdict_count,
			  _unused_ struct error *ret_error)
{
	struct kv_memory *m = memory_of(k);

	for (size_t i = 0; i < count; i++) {
		struct slot *s;

		m->now_ms = MAX_OF(m->now_ms, ops[i].now_ms);
		s = holder(m, ops[i].key);
		if (ops[i].take && !s)
			take(m, ops[i].key, &ops[i].self, ops[i].now_ms, ops[i].ttl_ms);
		else if (!ops[i].take && s && lead_record_equal(&s->owner, &ops[i].self))
			s->ends_ms = INT64_MIN;
	}
	kv_memory_reject(&m->counts, verdicts, verdict_count);
	return RESULT_OK;
}

static void close_memory(struct kv *k)
{
	struct kv_memory *m = memory_of(k);

	free(m->slots);
	arena_free(&m->keys);
	kv_memory_counts_free(&m->counts);
	free(m);
}

struct kv *kv_memory_open(void)
{
	static const struct kv_backend backend = {.gather = gather,
						  .settle = settle,
						  .put_back = kv_gather_and_close,
						  .close = close_memory};
	struct kv_memory *m = calloc(1, sizeof(*m));

	assert(m);
	m->kv.backend = &backend;
	grow(m);
	return &m->kv;
}
