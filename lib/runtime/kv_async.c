/* kv_async: chooses the backend by the URL; what an idempotency record means; answers that come at the next turn. */
#include <stdlib.h>
#include <uv.h>

#include "kv_internal.h"

/* --- records --- */

void kv_idem_encode(char state, const uint8_t body_hash[16], struct slice answer, struct buf *out)
{
	buf_append_char(out, state);
	buf_append(out, body_hash, 16);
	buf_append_slice(out, answer);
}

enum kv_idem kv_idem_read(struct slice record, const uint8_t body_hash[16],
			  struct slice *ret_answer)
{
	*ret_answer = (struct slice){0};
	/* What is no record of ours tells nothing: go on without. */
	if (record.len < KV_IDEM_HEAD ||
	    (record.data[0] != KV_IDEM_OPEN && record.data[0] != KV_IDEM_DONE))
		return KV_IDEM_AWAY;
	if (memcmp(record.data + 1, body_hash, 16) != 0)
		return KV_IDEM_CONFLICT;
	if (record.data[0] == KV_IDEM_OPEN)
		return KV_IDEM_PENDING;
	*ret_answer = slice_of(record.data + KV_IDEM_HEAD, record.len - KV_IDEM_HEAD);
	return KV_IDEM_REPLAY;
}

/* --- later --- */

struct due {
	struct due *next;
	kv_idem_fn fn;
	void *ctx;
	enum kv_idem outcome;
	struct buf answer;
};

struct kv_later {
	uv_idle_t idle;
	struct due *first, **last;
};

/* Says what was due when it began; what is added meanwhile waits for the next turn. */
static void say_all(struct kv_later *l)
{
	struct due *d = l->first;

	l->first = NULL;
	l->last = &l->first;
	while (d) {
		struct due *next = d->next;

		d->fn(d->ctx, d->outcome, buf_slice(&d->answer));
		buf_free(&d->answer);
		free(d);
		d = next;
	}
}

static void on_idle(uv_idle_t *idle)
{
	struct kv_later *l = idle->data;

	say_all(l);
	if (!l->first)
		uv_idle_stop(idle);
}

struct kv_later *kv_later_new(struct uv_loop_s *loop)
{
	struct kv_later *l = calloc(1, sizeof(*l));

	assert(l);
	uv_idle_init(loop, &l->idle);
	l->idle.data = l;
	l->last = &l->first;
	return l;
}

void kv_later_say(struct kv_later *l, kv_idem_fn fn, void *ctx, enum kv_idem outcome,
		  struct slice answer)
{
	struct due *d = calloc(1, sizeof(*d));

	assert(d);
	d->fn = fn;
	d->ctx = ctx;
	d->outcome = outcome;
	buf_append_slice(&d->answer, answer);
	*l->last = d;
	l->last = &d->next;
	uv_idle_start(&l->idle, on_idle); /* the loop does not sleep while something is due */
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void kv_later_close(struct kv_later *l)
{
	while (l->first)
		say_all(l);
	uv_idle_stop(&l->idle);
	uv_close((uv_handle_t *)&l->idle, on_closed);
}

/* --- the front --- */

struct kv_async *kv_async_open(struct uv_loop_s *loop, const char *url, const char *prefix,
			       int timeout_ms, struct error *ret_error)
{
	struct kv_url where;

	assert(timeout_ms > 0);
	if (kv_url_is_memory(url))
		return kv_async_memory_open(loop);
	if (kv_url_parse(url, &where, ret_error) != RESULT_OK)
		return NULL;
	return kv_async_redis_open(loop, &where, prefix, timeout_ms);
}

void kv_idem_begin(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		   int64_t pending_ttl_ms, kv_idem_fn fn, void *ctx)
{
	assert(key.len > 0 && pending_ttl_ms > 0 && fn);
	k->backend->begin(k, key, body_hash, pending_ttl_ms, fn, ctx);
}

void kv_idem_done(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		  struct slice answer, int64_t ttl_ms)
{
	assert(key.len > 0 && (answer.len == 0 || ttl_ms > 0));
	k->backend->done(k, key, body_hash, answer, ttl_ms);
}

bool kv_async_connected(const struct kv_async *k)
{
	return k->backend->connected(k);
}

void kv_async_close(struct kv_async *k)
{
	if (k)
		k->backend->close(k);
}
