/* kv_async_link: see kv_async_link.h. */
#include "kv_async_link.h"

#include <stdlib.h>
#include <uv.h>

#include "clock.h"
#include "log.h"

#define KV_RETRY_LEAST_MS 50
#define KV_RETRY_MOST_MS  1000
#define KV_WORDS_MAX      8

struct kv_link {
	struct kv_link_options o;
	redisAsyncContext *connection;
	bool up, keep, closing;
	uv_timer_t
	    timer; /* the oldest request's deadline while there is a connection, else the next try to connect */
	int64_t retry_ms;
	struct kv_request *first, **last; /* outstanding, oldest first */
	size_t outstanding;
};

static void on_timer(uv_timer_t *t);

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

static void watch_oldest(struct kv_link *l)
{
	int64_t now = clock_monotonic_ms();

	if (!l->connection)
		return; /* the timer is the next try's */
	if (!l->first) {
		uv_timer_stop(&l->timer);
		return;
	}
	uv_update_time(l->o.loop);
	uv_timer_start(&l->timer, on_timer, (uint64_t)MAX_OF(l->first->deadline_ms - now, 0), 0);
}

static void request_link(struct kv_link *l, struct kv_request *q)
{
	q->next = NULL;
	q->link = l;
	q->deadline_ms = clock_monotonic_ms() + l->o.timeout_ms;
	*l->last = q;
	l->last = &q->next;
	l->outstanding++;
	if (l->first == q)
		watch_oldest(l);
}

/* Takes it from the list; almost always it is the first one. */
static void request_unlink(struct kv_request *q)
{
	struct kv_link *l = q->link;
	struct kv_request **at = &l->first;
	bool oldest = l->first == q;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (l->last == &q->next)
		l->last = at;
	l->outstanding--;
	if (oldest)
		watch_oldest(l);
}

static void on_reply(_unused_ redisAsyncContext *c, void *reply, void *privdata)
{
	struct kv_request *q = privdata;

	request_unlink(q);
	q->on_reply(q, reply);
}

bool kv_link_send(struct kv_link *l, struct kv_request *q, const struct slice *words, size_t count)
{
	const char *argv[KV_WORDS_MAX];
	size_t lengths[KV_WORDS_MAX];

	assert(count <= KV_WORDS_MAX);
	for (size_t i = 0; i < count; i++) {
		argv[i] = words[i].data;
		lengths[i] = words[i].len;
	}
	if (!l->up || redisAsyncCommandArgv(l->connection, on_reply, q, (int)count, argv,
					    lengths) != REDIS_OK)
		return false;
	request_link(l, q);
	return true;
}

bool kv_link_send_raw(struct kv_link *l, struct kv_request *q, struct slice command, bool asking)
{
	if (!l->up)
		return false;
	if (asking && redisAsyncCommand(l->connection, NULL, NULL, "ASKING") != REDIS_OK)
		return false;
	if (redisAsyncFormattedCommand(l->connection, on_reply, q, command.data, command.len) !=
	    REDIS_OK)
		return false;
	request_link(l, q);
	return true;
}

/* --- the connection --- */

static void try_later(struct kv_link *l)
{
	l->up = false;
	l->connection = NULL;
	uv_timer_stop(&l->timer);
	if (l->closing)
		return;
	l->retry_ms = l->retry_ms ? MIN_OF(l->retry_ms * 2, KV_RETRY_MOST_MS) : KV_RETRY_LEAST_MS;
	if (l->keep) {
		uv_update_time(l->o.loop);
		uv_timer_start(&l->timer, on_timer, (uint64_t)l->retry_ms, 0);
	}
	l->o.on_change(l->o.ctx, false);
}

/* hiredis calls this before it frees the connection; the outstanding requests were told before. */
static void on_gone(const redisAsyncContext *c, _unused_ int status)
{
	struct kv_link *l = c->data;

	if (l->connection != c)
		return;
	if (l->up)
		log_warn("redis_lost", LOG_STR("host", l->o.at.host),
			 LOG_STR("reason", c->errstr ? c->errstr : "closed"));
	try_later(l);
}

/* Drops the connection: every outstanding request hears NULL. Never from inside one of hiredis' callbacks. */
static void drop(struct kv_link *l)
{
	redisAsyncContext *c = l->connection;

	if (!c)
		return;
	try_later(l);
	redisAsyncFree(c);
}

static void on_connect(const redisAsyncContext *c, int status)
{
	struct kv_link *l = c->data;

	/* After a failure hiredis frees the connection without calling on_gone. */
	if (status != REDIS_OK && l->connection == c)
		try_later(l);
}

/* The request that a connection begins with, to hold it to its deadline. */
static void on_hello(struct kv_request *q, const redisReply *reply)
{
	struct kv_link *l = q->link;
	redisAsyncContext *c = l->connection;

	free(q);
	if (!reply || !c)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		log_warn("redis_refused", LOG_STR("host", l->o.at.host),
			 LOG_STR("reason", reply->str));
		/* Hang up after this callback; on_gone tries again later. */
		redisAsyncDisconnect(c);
		return;
	}
	l->up = true;
	l->retry_ms = 0;
	log_info("redis_connected", LOG_STR("host", l->o.at.host), LOG_INT("port", l->o.at.port));
	l->o.on_change(l->o.ctx, true);
}

static void connect_now(struct kv_link *l)
{
	redisAsyncContext *c = redisAsyncConnect(l->o.at.host, l->o.at.port);
	struct kv_request *hello;

	assert(c);
	if (c->err) {
		redisAsyncFree(c);
		try_later(l);
		return;
	}
	l->connection = c;
	c->data = l;
	attach(c, l->o.loop);
	redisAsyncSetConnectCallback(c, on_connect);
	redisAsyncSetDisconnectCallback(c, on_gone);
	hello = calloc(1, sizeof(*hello));
	assert(hello);
	hello->on_reply = on_hello;
	request_link(l, hello);
	if (l->o.url->password[0])
		redisAsyncCommand(c, NULL, NULL, "AUTH %s", l->o.url->password);
	redisAsyncCommand(c, on_reply, hello, "SELECT %d", l->o.url->db);
}

static void on_timer(uv_timer_t *t)
{
	struct kv_link *l = t->data;

	if (!l->connection) {
		connect_now(l);
		return;
	}
	if (!l->first || l->first->deadline_ms > clock_monotonic_ms()) {
		watch_oldest(l);
		return;
	}
	log_warn("redis_too_slow", LOG_STR("host", l->o.at.host),
		 LOG_INT("timeout_ms", l->o.timeout_ms), LOG_INT("outstanding", l->outstanding));
	drop(l);
}

/* --- from outside --- */

struct kv_link *kv_link_open(const struct kv_link_options *o)
{
	struct kv_link *l = calloc(1, sizeof(*l));

	assert(l && o->on_change);
	l->o = *o;
	l->keep = true;
	l->last = &l->first;
	uv_timer_init(o->loop, &l->timer);
	l->timer.data = l;
	/* At the next turn: nothing is called back from inside this call. */
	uv_timer_start(&l->timer, on_timer, 0, 0);
	return l;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void kv_link_close(struct kv_link *l)
{
	l->closing = true;
	drop(l);
	uv_timer_stop(&l->timer);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

bool kv_link_is_up(const struct kv_link *l)
{
	return l->up;
}

bool kv_link_is_idle(const struct kv_link *l)
{
	return !l->connection;
}

const struct kv_seed *kv_link_at(const struct kv_link *l)
{
	return &l->o.at;
}

void kv_link_keep(struct kv_link *l, bool keep)
{
	bool begins = keep && !l->keep && !l->connection;

	l->keep = keep;
	if (begins)
		uv_timer_start(&l->timer, on_timer, 0, 0);
	else if (!keep && !l->connection)
		uv_timer_stop(&l->timer);
}
