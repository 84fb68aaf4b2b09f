/* kv_redis: the filters' memory in Redis, one server or a cluster. A batch is one script a shard, all of them sent together.
 *
 * Fails as RESULT_AWAY whenever an answer is not certain: no connection, no answer in time, any error reply (Redis that is
 * loading, out of memory, read-only; slots that are moving). Asking again is safe: a record finds its own claims and
 * visits, and watermarks keep it from being counted twice. RESULT_AGAIN: the state is another one than this process joined,
 * or stands before what it has seen there; it must be joined and restored before anything is judged. */
#include "kv_redis.h"

#include <sodium.h>
#include <stdlib.h>

#include "clock.h"
#include "kv_scripts.h"

#define TRIES_MAX                                                                                  \
	4 /* watermarks to be learned, a script to be loaded, a slot that moved, one of them once more */

void kv_encode_u64(uint64_t n, uint8_t ret[8])
{
	for (int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(n >> (56 - 8 * i));
}

/* --- watermarks --- */

struct kv_belief *kv_belief(struct kv_redis *r, unsigned shard, uint32_t partition)
{
	size_t had = r->partitions;

	if (partition >= had) {
		size_t want = MAX_OF((size_t)partition + 1, had * 2);
		struct kv_belief *all = calloc(want * r->layout.shards, sizeof(*all));

		assert(all);
		for (unsigned s = 0; s < r->layout.shards && had > 0; s++)
			memcpy(all + s * want, r->beliefs + s * had, had * sizeof(*all));
		free(r->beliefs);
		r->beliefs = all;
		r->partitions = want;
	}
	return &r->beliefs[shard * r->partitions + partition];
}

/* --- a round --- */

static void round_begin(struct kv_redis *r)
{
	arena_reset(&r->arena);
	for (unsigned s = 0; s < r->layout.shards; s++) {
		struct kv_call *c = &r->calls[s];

		kv_call_reset(c);
		kv_words_slice(&c->keys, kv_state_key(&r->layout, s, 'g', &r->arena));
		kv_words_slice(&c->keys, kv_state_key(&r->layout, s, 'w', &r->arena));
	}
}

void kv_round_mark(struct kv_redis *r, unsigned shard, uint32_t partition, uint64_t raw_offset)
{
	struct kv_call *c = &r->calls[shard];

	for (size_t i = 0; i < c->mark_count; i++) {
		if (c->marks[i].partition != partition)
			continue;
		c->marks[i].next = MAX_OF(c->marks[i].next, raw_offset + 1);
		return;
	}
	c->marks = room_for_one(c->marks, c->mark_count, &c->mark_cap, sizeof(*c->marks));
	c->marks[c->mark_count++] =
	    (struct kv_mark){.partition = partition, .next = raw_offset + 1};
}

static void write_number(struct kv_redis *r, struct kv_words *w, uint64_t n)
{
	kv_words_slice(w, slice_cstr(arena_printf(&r->arena, "%llu", (unsigned long long)n)));
}

static void write_expected(struct kv_redis *r, struct kv_words *w, const struct kv_belief *b,
			   uint64_t n)
{
	if (b->known)
		write_number(r, w, n);
	else
		kv_words_slice(w, SLICE("?"));
}

static void write_head(struct kv_redis *r, unsigned shard, struct kv_words *ret)
{
	struct kv_call *c = &r->calls[shard];

	ret->count = 0;
	kv_words_slice(ret, slice_cstr(r->layout.ids[shard]));
	write_number(r, ret, c->mark_count);
	for (size_t i = 0; i < c->mark_count; i++) {
		const struct kv_belief *b = kv_belief(r, shard, c->marks[i].partition);

		write_number(r, ret, c->marks[i].partition);
		write_expected(r, ret, b, b->counted);
		write_expected(r, ret, b, b->judged);
		write_number(r, ret, MAX_OF(b->counted, c->marks[i].next));
		write_number(r, ret, MAX_OF(b->judged, c->marks[i].next));
	}
}

static bool mark_value(const redisReply *e, uint64_t *ret)
{
	int64_t value;

	if (e->type != REDIS_REPLY_STRING || !slice_to_int64(slice_of(e->str, e->len), &value))
		return false;
	*ret = (uint64_t)value;
	return true;
}

/* all: the watermarks of the call's partitions, those of counting first. false: one stands before what was seen. */
static bool believe(struct kv_redis *r, unsigned shard, const redisReply *const *all)
{
	struct kv_call *c = &r->calls[shard];

	for (size_t i = 0; i < c->mark_count; i++) {
		struct kv_belief *b = kv_belief(r, shard, c->marks[i].partition);
		uint64_t counted, judged;

		if (!mark_value(all[i], &counted) || !mark_value(all[c->mark_count + i], &judged))
			return false;
		if (b->known && (counted < b->counted || judged < b->judged))
			return false;
		*b = (struct kv_belief){true, counted, judged};
	}
	return true;
}

static char kind_of(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_STRING || reply->element[0]->len != 1)
		return '?';
	return reply->element[0]->str[0];
}

static void free_reply(struct kv_call *c)
{
	if (c->reply)
		freeReplyObject(c->reply);
	c->reply = NULL;
	c->good = false;
}

static void free_replies(struct kv_redis *r)
{
	for (unsigned s = 0; s < r->layout.shards; s++)
		free_reply(&r->calls[s]);
}

/* What was answered well in this round is not asked again. */
static bool is_due(const struct kv_call *c)
{
	return c->used && !c->good;
}

/* Sends every call that is due, to all nodes before one is heard. false: a node is away, and nothing was sent. */
static bool send_and_hear(struct kv_redis *r, int script)
{
	struct kv_words head = {0};

	for (unsigned s = 0; s < r->layout.shards; s++) {
		struct kv_call *c = &r->calls[s];

		c->node = is_due(c) ? kv_net_node(&r->net, kv_slot_of(s)) : NULL;
		if (is_due(c) && !c->node)
			return false;
	}
	for (unsigned s = 0; s < r->layout.shards; s++) {
		if (!r->calls[s].node)
			continue;
		write_head(r, s, &head);
		kv_call_send(&r->calls[s], &r->scripts[script], &head, &r->arena);
	}
	free(head.data);
	free(head.len);
	kv_net_flush(&r->net);
	kv_use_time(&r->kv);
	for (unsigned s = 0; s < r->layout.shards; s++) {
		if (r->calls[s].node)
			r->calls[s].reply = kv_net_hear(&r->net, r->calls[s].node);
	}
	return true;
}

enum verdict_of_reply { REPLY_GOOD, REPLY_ASK_AGAIN, REPLY_AWAY, REPLY_LOST };

/* What a reply means. */
static enum verdict_of_reply weigh_reply(struct kv_redis *r, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	enum verdict_of_reply v = REPLY_AWAY;
	char kind;

	if (!c->reply)
		return REPLY_AWAY;
	kind = kind_of(c->reply);
	if (kind == 'O') {
		c->node->retry_ms = 0;
		c->good = true;
		return REPLY_GOOD;
	}
	if (c->reply->type == REDIS_REPLY_ERROR) {
		enum kv_trouble t = kv_net_trouble(&r->net, c->node, c->reply->str);

		if (t == KV_TROUBLE_SCRIPT || t == KV_TROUBLE_MOVED)
			v = REPLY_ASK_AGAIN;
	} else if (kind == 'W' && c->reply->elements == 1 + 2 * c->mark_count) {
		v = believe(r, shard, (const redisReply *const *)c->reply->element + 1)
			? REPLY_ASK_AGAIN
			: REPLY_LOST;
		r->went_back[shard] |= v == REPLY_LOST;
	} else if (kind == 'L') {
		v = REPLY_LOST;
	} else {
		kv_net_drop(&r->net, c->node, "odd answer");
	}
	return v;
}

static void take_over_marks(struct kv_redis *r, int script)
{
	for (unsigned s = 0; s < r->layout.shards; s++) {
		struct kv_call *c = &r->calls[s];

		for (size_t i = 0; i < c->mark_count; i++) {
			struct kv_belief *b = kv_belief(r, s, c->marks[i].partition);

			if (script != KV_SCRIPT_SETTLE)
				b->counted = MAX_OF(b->counted, c->marks[i].next);
			if (script != KV_SCRIPT_GATHER)
				b->judged = MAX_OF(b->judged, c->marks[i].next);
		}
	}
}

/* The worst of all replies. */
static enum verdict_of_reply weigh_replies(struct kv_redis *r)
{
	enum verdict_of_reply worst = REPLY_GOOD;

	for (unsigned s = 0; s < r->layout.shards; s++) {
		if (r->calls[s].node)
			worst = MAX_OF(worst, weigh_reply(r, s));
	}
	return worst;
}

/* Watermarks that were not what was believed are believed now, and all is built anew from them. What was answered well is
 * built as it was, for its watermarks are taken over last; its answer stands. */
enum result kv_round(struct kv_redis *r, int script, kv_build_fn build, void *ctx,
		     struct error *ret_error)
{
	enum verdict_of_reply v = REPLY_ASK_AGAIN;

	for (int tries = 0; tries < TRIES_MAX && v == REPLY_ASK_AGAIN; tries++) {
		for (unsigned s = 0; s < r->layout.shards; s++) {
			if (!r->calls[s].good)
				free_reply(&r->calls[s]);
		}
		round_begin(r);
		build(r, ctx);
		v = send_and_hear(r, script) ? weigh_replies(r) : REPLY_AWAY;
	}
	if (v == REPLY_GOOD) {
		take_over_marks(r, script);
		return RESULT_OK;
	}
	free_replies(r);
	if (v != REPLY_LOST)
		return error_set(ret_error, RESULT_AWAY, "%s", r->net.last.text);
	r->lost = true;
	return error_set(
	    ret_error, RESULT_AGAIN,
	    "redis: what stands under \"%s\" is not what it was; it has to be restored",
	    r->layout.prefix);
}

void kv_round_end(struct kv_redis *r)
{
	free_replies(r);
}

/* --- open and close --- */

static void close_redis(struct kv *k)
{
	struct kv_redis *r = kv_redis_of(k);

	kv_net_close(&r->net);
	for (size_t i = 0; i < KV_SHARDS_MAX; i++)
		kv_call_free(&r->calls[i]);
	free(r->beliefs);
	arena_free(&r->arena);
	arena_free(&r->answers);
	free(r);
}

static const char *prefix_of(const struct kv *k)
{
	return ((const struct kv_redis *)k)->layout.prefix;
}

struct kv *kv_redis_open(const struct kv_url *url, const char *prefix, int timeout_ms)
{
	static const struct kv_backend backend = {.gather = kv_redis_gather,
						  .settle = kv_redis_settle,
						  .put_back = kv_redis_put_back,
						  .join = kv_redis_join,
						  .restored = kv_redis_restored,
						  .notes_get = kv_redis_notes_get,
						  .notes_put = kv_redis_notes_put,
						  .prefix = prefix_of,
						  .forget = kv_redis_forget,
						  .close = close_redis};
	static const char *const texts[KV_SCRIPTS] = {
	    [KV_SCRIPT_GATHER] = kv_gather_script,     [KV_SCRIPT_SETTLE] = kv_settle_script,
	    [KV_SCRIPT_PUT_BACK] = kv_put_back_script, [KV_SCRIPT_JOIN] = kv_join_script,
	    [KV_SCRIPT_RESTORED] = kv_restored_script,
	};
	struct kv_redis *r = calloc(1, sizeof(*r));

	assert(r && strlen(prefix) < sizeof(r->layout.prefix));
	r->kv.backend = &backend;
	r->kv.needs_one_group = url->cluster;
	memcpy(r->layout.prefix, prefix, strlen(prefix));
	r->layout.shards = url->cluster ? KV_CLUSTER_SHARDS : 1;
	r->layout.bucket_bits = KV_BUCKET_BITS;
	r->next_end =
	    randombytes_random(); /* a process that never comes around leaves none behind */
	for (int i = 0; i < KV_SCRIPTS; i++)
		r->scripts[i].text = texts[i];
	kv_net_init(&r->net, url, timeout_ms, r->scripts, KV_SCRIPTS);
	return &r->kv;
}
