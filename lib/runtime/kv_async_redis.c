/* kv_async_redis: idempotency records in Redis, asked without waiting.
 *
 * A request is one `SET key value NX GET PX ttl`: atomic, and it answers what was there before. See kv_async_link.h for how
 * a server that is away is noticed: its requests are told KV_IDEM_AWAY.
 *
 * In a cluster there is a connection to each node, and a key's slot says which one is asked. The map of the slots is asked for
 * again whenever a node comes or goes, and when a slot turns out to have moved; the request itself is sent after it. A request
 * is kept as it goes over the wire for that, which one server does without. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "kv_async_link.h"
#include "kv_slots.h"
#include "log.h"

#define PREFIX_MAX    64
#define KV_MAGIC      0x4b564153u
#define FOLLOWS_MAX   2  /* moves of one request: a slot on its way, and where it arrived */
#define MAP_PAUSE_MS  50 /* between two questions for the map */
#define COMMAND_WORDS 8

struct kv_async_redis {
	struct kv_async kv;
	uint32_t magic;
	struct uv_loop_s *loop;
	struct kv_url url;
	char prefix[PREFIX_MAX];
	int timeout_ms;
	struct kv_later *later;
	struct kv_link *links[KV_NODES_MAX]; /* the seeds first */
	size_t link_count;
	size_t outstanding;
	struct buf key, value, ttl; /* of the command being made */
	/* of a cluster */
	bool map_known, map_asked;
	int64_t map_at_ms;       /* when it was asked for */
	size_t teacher;          /* who is asked next: another one each time */
	uint8_t slots[KV_SLOTS]; /* link by slot */
};

/* fn is NULL where nobody waits for the answer. */
struct op {
	struct kv_request q; /* first */
	struct kv_async_redis *r;
	uint8_t body_hash[16];
	kv_idem_fn fn;
	void *ctx;
	char *command; /* in a cluster */
	size_t command_len;
	int follows;
};

static struct kv_async_redis *redis_of(struct kv_async *k)
{
	struct kv_async_redis *r = (struct kv_async_redis *)k;

	assert(r->magic == KV_MAGIC);
	return r;
}

/* --- nodes, and who has which slot --- */

static void ask_for_map(struct kv_async_redis *r);

static void on_change(void *ctx, _unused_ bool up)
{
	ask_for_map(ctx);
}

static bool has_slots(const struct kv_async_redis *r, size_t link)
{
	return memchr(r->slots, (int)link, sizeof(r->slots)) != NULL;
}

/* A place for one more: of a node that is gone and has nothing, when all are taken. NULL: none. */
static struct kv_link **place_for_link(struct kv_async_redis *r)
{
	if (r->link_count < KV_NODES_MAX)
		return &r->links[r->link_count++];
	for (size_t i = r->url.seed_count; i < KV_NODES_MAX; i++) {
		if (!kv_link_is_idle(r->links[i]) || has_slots(r, i))
			continue;
		kv_link_close(r->links[i]);
		return &r->links[i];
	}
	return NULL;
}

/* Its number; -1: no room. */
static int link_at(void *ctx, const char *host, int port)
{
	struct kv_async_redis *r = ctx;
	struct kv_link_options o = {.loop = r->loop,
				    .url = &r->url,
				    .at.port = port,
				    .timeout_ms = r->timeout_ms,
				    .on_change = on_change,
				    .ctx = r};
	struct kv_link **place;

	for (size_t i = 0; i < r->link_count; i++) {
		const struct kv_seed *at = kv_link_at(r->links[i]);

		if (at->port == port && strcmp(at->host, host) == 0)
			return (int)i;
	}
	place = place_for_link(r);
	if (!place)
		return -1;
	snprintf(o.at.host, sizeof(o.at.host), "%s", host);
	*place = kv_link_open(&o);
	return (int)(place - r->links);
}

static void on_map(struct kv_request *q, const redisReply *reply)
{
	struct op *op = (struct op *)q;
	struct kv_async_redis *r = op->r;

	r->map_asked = false;
	if (reply && kv_slots_read(reply, kv_link_at(q->link)->host, link_at, r, r->slots)) {
		r->map_known = true;
		for (size_t i = 0; i < r->link_count; i++)
			kv_link_keep(r->links[i], i < r->url.seed_count || has_slots(r, i));
	}
	free(op);
	if (!reply)
		ask_for_map(r);
}

static struct kv_link *next_teacher(struct kv_async_redis *r)
{
	for (size_t i = 0; i < r->link_count; i++) {
		struct kv_link *l = r->links[r->teacher++ % r->link_count];

		if (kv_link_is_up(l))
			return l;
	}
	return NULL;
}

/* Another node each time: one that was cut off from the others believes in an old map for long. */
static void ask_for_map(struct kv_async_redis *r)
{
	static const struct slice words[] = {{"CLUSTER", 7}, {"SLOTS", 5}};
	int64_t now = clock_monotonic_ms();
	struct kv_link *teacher;
	struct op *op;

	if (!r->url.cluster || r->map_asked || (r->map_known && now - r->map_at_ms < MAP_PAUSE_MS))
		return;
	teacher = next_teacher(r);
	if (!teacher)
		return;
	op = calloc(1, sizeof(*op));
	assert(op);
	op->r = r;
	op->q.on_reply = on_map;
	r->map_asked = kv_link_send(teacher, &op->q, words, ARRAY_LEN(words));
	r->map_at_ms = now;
	if (!r->map_asked)
		free(op);
}

/* Where the key in r->key stands. NULL: not known. */
static struct kv_link *link_for_key(struct kv_async_redis *r)
{
	if (!r->url.cluster)
		return r->links[0];
	if (!r->map_known)
		return NULL;
	return r->links[r->slots[kv_slot_of_key(buf_slice(&r->key))]];
}

/* --- commands --- */

static void op_free(struct op *op)
{
	op->r->outstanding--;
	free(op->command);
	free(op);
}

/* The slot is elsewhere, or on its way there: is the request sent after it? */
static bool follow(struct op *op, const char *text)
{
	struct kv_async_redis *r = op->r;
	struct kv_redirect to;
	int link;

	if (!r->url.cluster)
		return false;
	ask_for_map(r);
	if (op->follows++ == FOLLOWS_MAX || !kv_redirect_read(text, &to))
		return false;
	link = link_at(r, to.host[0] ? to.host : kv_link_at(op->q.link)->host, to.port);
	if (link < 0)
		return false;
	if (!to.ask)
		r->slots[to.slot] = (uint8_t)link;
	return kv_link_send_raw(r->links[link], &op->q, slice_of(op->command, op->command_len),
				to.ask);
}

static void on_reply(struct kv_request *q, const redisReply *reply)
{
	struct op *op = (struct op *)q;
	kv_idem_fn fn = op->fn;
	void *ctx = op->ctx;
	enum kv_idem outcome = KV_IDEM_AWAY;
	struct slice answer = {0};

	if (reply && reply->type == REDIS_REPLY_ERROR && follow(op, reply->str))
		return;
	if (reply && reply->type == REDIS_REPLY_NIL)
		outcome = KV_IDEM_FIRST;
	else if (reply && reply->type == REDIS_REPLY_STRING)
		outcome = kv_idem_read(slice_of(reply->str, reply->len), op->body_hash, &answer);
	op_free(op);
	if (fn)
		fn(ctx, outcome, answer);
}

static bool send(struct op *op, struct kv_link *l, const struct slice *words, size_t count)
{
	const char *argv[COMMAND_WORDS];
	size_t lengths[COMMAND_WORDS];
	int len;

	if (!op->r->url.cluster)
		return kv_link_send(l, &op->q, words, count);
	for (size_t i = 0; i < count; i++) {
		argv[i] = words[i].data;
		lengths[i] = words[i].len;
	}
	len = redisFormatCommandArgv(&op->command, (int)count, argv, lengths);
	assert(len > 0);
	op->command_len = (size_t)len;
	return kv_link_send_raw(l, &op->q, slice_of(op->command, op->command_len), false);
}

/* Sends a command whose key is in r->key. false: it could not be, and fn will not be called. */
static bool command(struct kv_async_redis *r, const struct slice *words, size_t count,
		    const uint8_t body_hash[16], kv_idem_fn fn, void *ctx)
{
	struct kv_link *l = link_for_key(r);
	struct op *op;

	if (!l || !kv_link_is_up(l) || r->outstanding >= KV_ASYNC_IN_FLIGHT_MAX) {
		if (!l)
			ask_for_map(r);
		return false;
	}
	op = calloc(1, sizeof(*op));
	assert(op);
	*op = (struct op){.q.on_reply = on_reply, .r = r, .fn = fn, .ctx = ctx};
	memcpy(op->body_hash, body_hash, sizeof(op->body_hash));
	r->outstanding++;
	if (send(op, l, words, count))
		return true;
	op_free(op);
	return false;
}

static struct slice prefixed(struct kv_async_redis *r, struct slice key)
{
	buf_reset(&r->key);
	buf_append_cstr(&r->key, r->prefix);
	buf_append_slice(&r->key, key);
	return buf_slice(&r->key);
}

static struct slice ttl_text(struct kv_async_redis *r, int64_t ttl_ms)
{
	buf_reset(&r->ttl);
	buf_append_int(&r->ttl, ttl_ms);
	return buf_slice(&r->ttl);
}

static void begin(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		  int64_t pending_ttl_ms, kv_idem_fn fn, void *ctx)
{
	struct kv_async_redis *r = redis_of(k);

	buf_reset(&r->value);
	kv_idem_encode(KV_IDEM_OPEN, body_hash, (struct slice){0}, &r->value);

	const struct slice words[] = {
	    SLICE("SET"), prefixed(r, key), buf_slice(&r->value),       SLICE("NX"),
	    SLICE("GET"), SLICE("PX"),      ttl_text(r, pending_ttl_ms)};

	if (!command(r, words, ARRAY_LEN(words), body_hash, fn, ctx))
		kv_later_say(r->later, fn, ctx, KV_IDEM_AWAY, (struct slice){0});
}

/* What can't be sent leaves the key open until its ttl ends: repeats are then told to wait, never served twice. */
static void done(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		 struct slice answer, int64_t ttl_ms)
{
	struct kv_async_redis *r = redis_of(k);

	if (answer.len == 0) {
		const struct slice words[] = {SLICE("DEL"), prefixed(r, key)};

		(void)command(r, words, ARRAY_LEN(words), body_hash, NULL, NULL);
		return;
	}
	buf_reset(&r->value);
	kv_idem_encode(KV_IDEM_DONE, body_hash, answer, &r->value);

	const struct slice words[] = {SLICE("SET"), prefixed(r, key), buf_slice(&r->value),
				      SLICE("PX"), ttl_text(r, ttl_ms)};

	(void)command(r, words, ARRAY_LEN(words), body_hash, NULL, NULL);
}

/* A cluster: every node that has slots. */
static bool connected(const struct kv_async *k)
{
	const struct kv_async_redis *r = (const struct kv_async_redis *)k;

	if (!r->url.cluster)
		return kv_link_is_up(r->links[0]);
	for (size_t s = 0; s < KV_SLOTS && r->map_known; s++) {
		if (!kv_link_is_up(r->links[r->slots[s]]))
			return false;
	}
	return r->map_known;
}

static void close_redis(struct kv_async *k)
{
	struct kv_async_redis *r = redis_of(k);

	for (size_t i = 0; i < r->link_count; i++)
		kv_link_close(r->links[i]);
	kv_later_close(r->later);
	buf_free(&r->key);
	buf_free(&r->value);
	buf_free(&r->ttl);
	r->magic = 0;
	free(r);
}

struct kv_async *kv_async_redis_open(struct uv_loop_s *loop, const struct kv_url *url,
				     const char *prefix, int timeout_ms)
{
	static const struct kv_async_backend backend = {
	    .begin = begin, .done = done, .connected = connected, .close = close_redis};
	struct kv_async_redis *r = calloc(1, sizeof(*r));

	assert(r && strlen(prefix) < sizeof(r->prefix));
	r->kv.backend = &backend;
	r->magic = KV_MAGIC;
	r->loop = loop;
	r->url = *url;
	snprintf(r->prefix, sizeof(r->prefix), "%s", prefix);
	r->timeout_ms = timeout_ms;
	r->later = kv_later_new(loop);
	for (size_t i = 0; i < url->seed_count; i++)
		(void)link_at(r, url->seeds[i].host, url->seeds[i].port);
	return &r->kv;
}
