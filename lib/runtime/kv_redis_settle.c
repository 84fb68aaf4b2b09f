/* kv_redis_settle: changes of claims after a verdict, and rejects in their sources. */
#include <stdlib.h>

#include "base/hash.h"
#include "kv_redis.h"

#define FLAG_TAKE   1
#define FLAG_BUCKET 2
#define FLAG_BEFORE 4
#define OP_BYTES    (KV_CLAIM_BYTES + 9 + KV_PAGE_FIELD_BYTES)

struct closing {
	const struct kv_settle *ops;
	size_t count;
	const struct kv_verdict *verdicts;
	size_t verdict_count;
	int64_t now_ms;
};

/* What a source's rejects of this batch add. */
struct rejects {
	const struct kv_source *source;
	uint16_t minutes[60];
	uint32_t count;
};

static void add_op(struct kv_redis *r, const struct closing *b, const struct kv_settle *op,
		   unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	uint8_t *arg = arena_alloc(&r->arena, OP_BYTES), *at = arg + KV_CLAIM_BYTES;
	struct kv_place p;

	c->used = true;
	kv_place_claim(&r->layout, shard, op->key, op->ttl_ms, b->now_ms, &r->arena, &p);
	if (!p.bucket)
		kv_place_page(&r->layout, shard, &p, b->now_ms, &r->arena);
	kv_claim_encode(&op->self, op->now_ms, arg);
	*at++ = (uint8_t)((op->take ? FLAG_TAKE : 0) | (p.bucket ? FLAG_BUCKET : 0) |
			  (p.before.len > 0 ? FLAG_BEFORE : 0));
	kv_encode_u64((uint64_t)(p.ends_ms + (p.bucket ? kv_redis_behind_ms(r) : 0)), at);
	at += 8;
	kv_words_slice(&c->keys, p.now);
	if (p.before.len > 0)
		kv_words_slice(&c->keys, p.before);
	memcpy(at, p.bucket ? p.field : p.cell.field,
	       p.bucket ? sizeof(p.field) : sizeof(p.cell.field));
	at += p.bucket ? sizeof(p.field) : sizeof(p.cell.field);
	kv_words_add(&c->args, arg, (size_t)(at - arg));
}

static void add_ops(struct kv_redis *r, const struct closing *b, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	size_t at;

	kv_words_slice(&c->args, slice_cstr(arena_printf(&r->arena, "%lld", (long long)b->now_ms)));
	at = kv_words_begin(&c->args);
	for (size_t i = 0; i < b->count; i++) {
		const struct kv_settle *op = &b->ops[i];

		if (kv_shard_of_claim(&r->layout, op->key, op->group, op->always) == shard)
			add_op(r, b, op, shard);
	}
	kv_words_end(&c->args, at, &r->arena);
}

/* --- rejects --- */

static struct rejects *rejects_of(struct rejects *all, size_t *count, struct kv_source *s)
{
	if (s->place == KV_NO_PLACE) {
		s->place = (uint32_t)*count;
		all[(*count)++] = (struct rejects){.source = s};
	}
	return &all[s->place];
}

static void add_rejects(struct kv_redis *r, unsigned shard, const struct rejects *x)
{
	struct kv_call *c = &r->calls[shard];
	size_t at;

	kv_words_slice(&c->keys, kv_count_key(&r->layout, shard, 'h', x->source->key,
					      x->source->hour, &r->arena));
	kv_words_slice(&c->keys, kv_count_key(&r->layout, shard, 'd', x->source->key,
					      x->source->hour / 24, &r->arena));
	at = kv_words_begin(&c->args);
	for (size_t m = 0; m < 60; m++) {
		if (x->minutes[m] > 0)
			kv_words_increment(&c->args, &r->arena, "u16", 60 + m, x->minutes[m]);
	}
	kv_words_end(&c->args, at, &r->arena);
	kv_words_slice(&c->args, SLICE("4"));
	kv_words_increment(&c->args, &r->arena, "u32", 24 + (size_t)(x->source->hour % 24),
			   x->count);
}

static void add_verdicts(struct kv_redis *r, const struct closing *b)
{
	struct rejects *all = arena_alloc(&r->arena, (b->verdict_count + 1) * sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; i < b->verdict_count; i++) {
		if (b->verdicts[i].source)
			b->verdicts[i].source->place = KV_NO_PLACE;
	}
	for (size_t i = 0; i < b->verdict_count; i++) {
		const struct kv_verdict *v = &b->verdicts[i];
		unsigned shard;
		struct rejects *x;

		if (!v->source)
			continue;
		shard = kv_shard_of_key(&r->layout, v->source->key);
		r->calls[shard].used = true;
		kv_round_mark(r, shard, v->partition, v->raw_offset);
		if (!v->rejected || kv_is_judged(r, shard, v->partition, v->raw_offset))
			continue;
		x = rejects_of(all, &count, v->source);
		x->minutes[kv_minute_of(v->now_ms)]++;
		x->count++;
	}
	for (size_t i = 0; i < count; i++)
		add_rejects(r, kv_shard_of_key(&r->layout, all[i].source->key), &all[i]);
}

static void build(struct kv_redis *r, void *ctx)
{
	const struct closing *b = ctx;

	for (unsigned s = 0; s < r->layout.shards; s++)
		add_ops(r, b, s);
	add_verdicts(r, b);
}

enum result kv_redis_settle(struct kv *k, const struct kv_settle *ops, size_t count,
			    const struct kv_verdict *verdicts, size_t verdict_count,
			    struct error *ret_error)
{
	struct kv_redis *r = kv_redis_of(k);
	struct closing b = {ops, count, verdicts, verdict_count, kv_redis_now_ms(r, 0)};
	enum result result;

	if (r->lost)
		return error_set(ret_error, RESULT_AGAIN, "redis: the state has to be restored");
	result = kv_round(r, KV_SCRIPT_SETTLE, build, &b, ret_error);
	if (result == RESULT_OK)
		kv_round_end(r);
	return result;
}
