/* kv_async_redis: idempotency records in Redis, asked without waiting.
 *
 * A request is one `SET key value NX GET PX ttl`: atomic, and it answers what was there before. Requests are answered in
 * their order, so one deadline is kept: the oldest one's. When it passes, the connection is dropped and everything
 * outstanding is told KV_IDEM_AWAY; so it is when the connection breaks. Connects again by itself, with a growing pause.
 * The host's name is resolved when connecting, which may block: give an address, or a name from the hosts file. */
#include <async.h>
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "clock.h"
#include "kv_internal.h"
#include "log.h"

#define KV_RETRY_LEAST_MS 50
#define KV_RETRY_MOST_MS  1000
#define KV_PREFIX_MAX     64
#define KV_MAGIC          0x4b564153u

struct kv_async_redis {
	struct kv_async kv;
	uint32_t magic;
	uv_loop_t *loop;
	struct kv_url url;
	char prefix[KV_PREFIX_MAX];
	int timeout_ms;
	struct kv_later *later;
	redisAsyncContext *connection;
	bool connected, closing;
	uv_timer_t
	    timer; /* the oldest request's deadline while there is a connection, else the next try to connect */
	int64_t retry_ms;
	struct request *first, **last; /* outstanding, oldest first */
	size_t outstanding;
	struct buf key, value, ttl; /* of the command being made */
};

/* One command under way. fn is NULL where nobody waits for the answer. */
struct request {
	struct kv_async_redis *r;
	struct request *next;
	int64_t deadline_ms;
	uint8_t body_hash[16];
	kv_idem_fn fn;
	void *ctx;
};

static struct kv_async_redis *redis_of(struct kv_async *k)
{
	struct kv_async_redis *r = (struct kv_async_redis *)k;

	assert(r->magic == KV_MAGIC);
	return r;
}

static void on_timer(uv_timer_t *t);
static void connect_now(struct kv_async_redis *r);

/* --- hiredis on libuv --- */

struct watch {
	redisAsyncContext *connection; /* NULL when it is gone */
	uv_poll_t poll;
	int events;
};

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;

	/* A refused connection comes as an error: reading and writing tell hiredis which one. */
	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if (w->connection && (events & UV_READABLE))
		redisAsyncHandleRead(w->connection);
	if (w->connection && (events & UV_WRITABLE))
		redisAsyncHandleWrite(w->connection);
}

static void watch_for(struct watch *w, int events)
{
	w->events = events;
	if (events)
		uv_poll_start(&w->poll, events, on_poll);
	else
		uv_poll_stop(&w->poll);
}

static void add_read(void *data)
{
	watch_for(data, ((struct watch *)data)->events | UV_READABLE);
}

static void del_read(void *data)
{
	watch_for(data, ((struct watch *)data)->events & ~UV_READABLE);
}

static void add_write(void *data)
{
	watch_for(data, ((struct watch *)data)->events | UV_WRITABLE);
}

static void del_write(void *data)
{
	watch_for(data, ((struct watch *)data)->events & ~UV_WRITABLE);
}

static void on_watch_closed(uv_handle_t *h)
{
	free(h->data);
}

static void clean_up(void *data)
{
	struct watch *w = data;

	w->connection = NULL;
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static void attach(redisAsyncContext *c, uv_loop_t *loop)
{
	struct watch *w = calloc(1, sizeof(*w));
	int e;

	assert(w);
	w->connection = c;
	e = uv_poll_init(loop, &w->poll, c->c.fd);
	assert(e == 0);
	w->poll.data = w;
	c->ev.data = w;
	c->ev.addRead = add_read;
	c->ev.delRead = del_read;
	c->ev.addWrite = add_write;
	c->ev.delWrite = del_write;
	c->ev.cleanup = clean_up;
}

/* --- requests --- */

static void watch_oldest(struct kv_async_redis *r)
{
	int64_t now = clock_monotonic_ms();

	if (!r->connection)
		return; /* the timer is the next try's */
	if (!r->first) {
		uv_timer_stop(&r->timer);
		return;
	}
	uv_update_time(r->loop);
	uv_timer_start(&r->timer, on_timer, (uint64_t)MAX_OF(r->first->deadline_ms - now, 0), 0);
}

static struct request *request_new(struct kv_async_redis *r, kv_idem_fn fn, void *ctx)
{
	struct request *q = calloc(1, sizeof(*q));

	assert(q);
	*q = (struct request){
	    .r = r, .deadline_ms = clock_monotonic_ms() + r->timeout_ms, .fn = fn, .ctx = ctx};
	*r->last = q;
	r->last = &q->next;
	r->outstanding++;
	if (r->first == q)
		watch_oldest(r);
	return q;
}

/* Takes it from the list; almost always it is the first one. */
static void request_unlink(struct request *q)
{
	struct kv_async_redis *r = q->r;
	struct request **at = &r->first;
	bool oldest = r->first == q;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (r->last == &q->next)
		r->last = at;
	r->outstanding--;
	if (oldest)
		watch_oldest(r);
}

static void request_end(struct request *q, enum kv_idem outcome, struct slice answer)
{
	kv_idem_fn fn = q->fn;
	void *ctx = q->ctx;

	request_unlink(q);
	free(q);
	if (fn)
		fn(ctx, outcome, answer);
}

static void on_reply(_unused_ redisAsyncContext *c, void *data, void *privdata)
{
	const redisReply *reply = data;
	struct request *q = privdata;
	struct slice answer = {0};
	enum kv_idem outcome = KV_IDEM_AWAY;

	if (reply && reply->type == REDIS_REPLY_NIL)
		outcome = KV_IDEM_FIRST;
	else if (reply && reply->type == REDIS_REPLY_STRING)
		outcome = kv_idem_read(slice_of(reply->str, reply->len), q->body_hash, &answer);
	request_end(q, outcome, answer);
}

/* --- the connection --- */

static void try_later(struct kv_async_redis *r)
{
	r->connected = false;
	r->connection = NULL;
	if (r->closing)
		return;
	r->retry_ms = r->retry_ms ? MIN_OF(r->retry_ms * 2, KV_RETRY_MOST_MS) : KV_RETRY_LEAST_MS;
	uv_update_time(r->loop);
	uv_timer_start(&r->timer, on_timer, (uint64_t)r->retry_ms, 0);
}

/* hiredis calls this before it frees the connection; the outstanding requests were told before. */
static void on_gone(const redisAsyncContext *c, _unused_ int status)
{
	struct kv_async_redis *r = c->data;

	if (r->connection != c)
		return;
	if (r->connected)
		log_warn("redis_lost", LOG_STR("host", r->url.seeds[0].host),
			 LOG_STR("reason", c->errstr ? c->errstr : "closed"));
	try_later(r);
}

/* Drops the connection: every outstanding request is told KV_IDEM_AWAY. Never from inside one of hiredis' callbacks. */
static void drop(struct kv_async_redis *r)
{
	redisAsyncContext *c = r->connection;

	if (!c)
		return;
	try_later(r);
	redisAsyncFree(c);
}

static void on_connect(const redisAsyncContext *c, int status)
{
	struct kv_async_redis *r = c->data;

	/* After a failure hiredis frees the connection without calling on_gone. */
	if (status != REDIS_OK && r->connection == c)
		try_later(r);
}

static void on_hello(redisAsyncContext *c, void *data, void *privdata)
{
	const redisReply *reply = data;
	struct request *q = privdata;
	struct kv_async_redis *r = q->r;

	if (reply && reply->type != REDIS_REPLY_ERROR && r->connection == c) {
		r->connected = true;
		r->retry_ms = 0;
		log_info("redis_connected", LOG_STR("host", r->url.seeds[0].host),
			 LOG_INT("port", r->url.seeds[0].port));
	} else if (reply && reply->type == REDIS_REPLY_ERROR) {
		log_warn("redis_refused", LOG_STR("host", r->url.seeds[0].host),
			 LOG_STR("reason", reply->str));
	}
	request_end(q, KV_IDEM_AWAY, (struct slice){0});
	/* A refusal: hang up after this callback; on_gone tries again later. */
	if (reply && reply->type == REDIS_REPLY_ERROR && r->connection == c)
		redisAsyncDisconnect(c);
}

static void connect_now(struct kv_async_redis *r)
{
	redisAsyncContext *c = redisAsyncConnect(r->url.seeds[0].host, r->url.seeds[0].port);

	assert(c);
	if (c->err) {
		redisAsyncFree(c);
		try_later(r);
		return;
	}
	r->connection = c;
	c->data = r;
	attach(c, r->loop);
	redisAsyncSetConnectCallback(c, on_connect);
	redisAsyncSetDisconnectCallback(c, on_gone);
	if (r->url.password[0])
		redisAsyncCommand(c, NULL, NULL, "AUTH %s", r->url.password);
	redisAsyncCommand(c, on_hello, request_new(r, NULL, NULL), "SELECT %d", r->url.db);
}

static void on_timer(uv_timer_t *t)
{
	struct kv_async_redis *r = t->data;

	if (!r->connection) {
		connect_now(r);
		return;
	}
	if (!r->first || r->first->deadline_ms > clock_monotonic_ms()) {
		watch_oldest(r);
		return;
	}
	log_warn("redis_too_slow", LOG_STR("host", r->url.seeds[0].host),
		 LOG_INT("timeout_ms", r->timeout_ms), LOG_INT("outstanding", r->outstanding));
	drop(r);
}

/* --- commands --- */

static struct slice prefixed(struct kv_async_redis *r, struct slice key)
{
	buf_reset(&r->key);
	buf_append_cstr(&r->key, r->prefix);
	buf_append_slice(&r->key, key);
	return buf_slice(&r->key);
}

/* false when the command could not even be queued: its callback will not come. */
static bool command(struct kv_async_redis *r, struct request *q, const struct slice *words,
		    int count)
{
	const char *argv[8];
	size_t lengths[8];

	assert((size_t)count <= ARRAY_LEN(argv));
	for (int i = 0; i < count; i++) {
		argv[i] = words[i].data;
		lengths[i] = words[i].len;
	}
	return redisAsyncCommandArgv(r->connection, on_reply, q, count, argv, lengths) == REDIS_OK;
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
	struct request *q;

	if (!r->connected || r->outstanding >= KV_ASYNC_IN_FLIGHT_MAX) {
		kv_later_say(r->later, fn, ctx, KV_IDEM_AWAY, (struct slice){0});
		return;
	}
	buf_reset(&r->value);
	kv_idem_encode(KV_IDEM_OPEN, body_hash, (struct slice){0}, &r->value);

	const struct slice words[] = {
	    SLICE("SET"), prefixed(r, key), buf_slice(&r->value),       SLICE("NX"),
	    SLICE("GET"), SLICE("PX"),      ttl_text(r, pending_ttl_ms)};

	q = request_new(r, fn, ctx);
	memcpy(q->body_hash, body_hash, sizeof(q->body_hash));
	if (!command(r, q, words, ARRAY_LEN(words))) {
		request_unlink(q);
		free(q);
		kv_later_say(r->later, fn, ctx, KV_IDEM_AWAY, (struct slice){0});
	}
}

static void done(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		 struct slice answer, int64_t ttl_ms)
{
	struct kv_async_redis *r = redis_of(k);
	struct request *q;
	bool queued;

	if (!r->connected || r->outstanding >= KV_ASYNC_IN_FLIGHT_MAX)
		return; /* the key stays open until its ttl ends: repeats are then told to wait, never served twice */
	q = request_new(r, NULL, NULL);
	if (answer.len == 0) {
		const struct slice words[] = {SLICE("DEL"), prefixed(r, key)};

		queued = command(r, q, words, ARRAY_LEN(words));
	} else {
		buf_reset(&r->value);
		kv_idem_encode(KV_IDEM_DONE, body_hash, answer, &r->value);
		const struct slice words[] = {SLICE("SET"), prefixed(r, key), buf_slice(&r->value),
					      SLICE("PX"), ttl_text(r, ttl_ms)};

		queued = command(r, q, words, ARRAY_LEN(words));
	}
	if (!queued) {
		request_unlink(q);
		free(q);
	}
}

static bool connected(const struct kv_async *k)
{
	return ((const struct kv_async_redis *)k)->connected;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void close_redis(struct kv_async *k)
{
	struct kv_async_redis *r = redis_of(k);

	r->closing = true;
	drop(r);
	kv_later_close(r->later);
	buf_free(&r->key);
	buf_free(&r->value);
	buf_free(&r->ttl);
	uv_timer_stop(&r->timer);
	uv_close((uv_handle_t *)&r->timer, on_closed);
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
	r->last = &r->first;
	r->later = kv_later_new(loop);
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	connect_now(r);
	return &r->kv;
}
