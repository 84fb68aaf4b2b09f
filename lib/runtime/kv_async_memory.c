/* kv_async_memory: idempotency records in a table of this process; they live by the monotonic clock. */
#include <stdlib.h>

#include "base/map.h"
#include "clock.h"
#include "kv_internal.h"

#define SWEEP_LEAST 1024

struct record {
	int64_t ends_ms;
	struct buf value;
};

struct kv_async_memory {
	struct kv_async kv;
	struct kv_later *later;
	struct map records;
	size_t sweep_at; /* so many records make a sweep worth it */
};

static struct kv_async_memory *memory_of(struct kv_async *k)
{
	return (struct kv_async_memory *)k;
}

static void record_free(struct record *r)
{
	if (!r)
		return;
	buf_free(&r->value);
	free(r);
}

/* Removal swaps the last entry in: going backwards, what is swapped in was looked at already. */
static void sweep(struct kv_async_memory *m)
{
	int64_t now = clock_monotonic_ms();

	for (size_t i = map_count(&m->records); i-- > 0;) {
		struct slice key;
		void *value;

		if (map_at(&m->records, i, &key, &value) &&
		    ((struct record *)value)->ends_ms <= now) {
			map_remove(&m->records, key);
			record_free(value);
		}
	}
	m->sweep_at = MAX_OF(map_count(&m->records) * 2, (size_t)SWEEP_LEAST);
}

static void store(struct kv_async_memory *m, struct slice key, char state,
		  const uint8_t body_hash[16], struct slice answer, int64_t ttl_ms)
{
	struct record *r = calloc(1, sizeof(*r));

	assert(r);
	if (map_count(&m->records) >= m->sweep_at)
		sweep(m);
	r->ends_ms = clock_monotonic_ms() + ttl_ms;
	kv_idem_encode(state, body_hash, answer, &r->value);
	record_free(map_put(&m->records, key, r));
}

static void begin(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		  int64_t pending_ttl_ms, kv_idem_fn fn, void *ctx)
{
	struct kv_async_memory *m = memory_of(k);
	const struct record *r = map_get(&m->records, key);
	struct slice answer = {0};

	if (r && r->ends_ms > clock_monotonic_ms()) {
		enum kv_idem outcome = kv_idem_read(buf_slice(&r->value), body_hash, &answer);

		kv_later_say(m->later, fn, ctx, outcome, answer);
		return;
	}
	store(m, key, KV_IDEM_OPEN, body_hash, answer, pending_ttl_ms);
	kv_later_say(m->later, fn, ctx, KV_IDEM_FIRST, answer);
}

static void done(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		 struct slice answer, int64_t ttl_ms)
{
	struct kv_async_memory *m = memory_of(k);

	if (answer.len == 0)
		record_free(map_remove(&m->records, key));
	else
		store(m, key, KV_IDEM_DONE, body_hash, answer, ttl_ms);
}

static bool connected(_unused_ const struct kv_async *k)
{
	return true;
}

static void close_memory(struct kv_async *k)
{
	struct kv_async_memory *m = memory_of(k);
	struct slice key;
	void *value;

	kv_later_close(m->later);
	for (size_t i = 0; map_at(&m->records, i, &key, &value); i++)
		record_free(value);
	map_free(&m->records);
	free(m);
}

struct kv_async *kv_async_memory_open(struct uv_loop_s *loop)
{
	static const struct kv_async_backend backend = {
	    .begin = begin, .done = done, .connected = connected, .close = close_memory};
	struct kv_async_memory *m = calloc(1, sizeof(*m));

	assert(m);
	m->kv.backend = &backend;
	m->later = kv_later_new(loop);
	m->sweep_at = SWEEP_LEAST;
	return &m->kv;
}
