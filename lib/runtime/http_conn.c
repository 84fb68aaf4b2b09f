/* http_conn: one connection: reading, keeping its answers in the order of its requests, writing, closing.
 *
 * Contract: answers leave in the order of the requests, and all that are ready when the loop turns leave in one write.
 * While the client does not read, nothing more is read from it, so what it can make us hold is bounded by its pipelined
 * requests. How it fails: a fault of the client is answered once, in its turn, and the connection closes after it,
 * swallowing for a moment what still arrives (a reset would take the answer away from the client). */
#include "http_internal.h"

#include <stdlib.h>
#include <sys/socket.h>

struct http_write {
	uv_write_t req; /* req.data = the connection */
	char bytes[];
};

static void conn_update_reading(struct http_conn *c);

/* --- the queue of requests --- */

static void queue_add(struct http_conn *c, struct http_request *r)
{
	r->conn = c;
	if (c->tail)
		c->tail->next = r;
	else
		c->head = r;
	c->tail = r;
	c->queued++;
}

static void queue_pop(struct http_conn *c)
{
	struct http_request *r = c->head;

	c->head = r->next;
	if (!c->head)
		c->tail = NULL;
	c->queued--;
	http_server_give_back(c->server, r);
}

/* Takes the request that is still arriving, always the last one, out of the queue. */
static void queue_drop_partial(struct http_conn *c)
{
	struct http_request *partial = c->parse.current, **at = &c->head, *last = NULL;

	if (!partial)
		return;
	while (*at != partial) {
		last = *at;
		at = &last->next;
	}
	*at = NULL;
	c->tail = last;
	c->queued--;
	c->parse.current = NULL;
	http_server_give_back(c->server, partial);
}

/* --- parsing --- */

static struct http_request *on_begin(void *ctx)
{
	struct http_conn *c = ctx;
	struct http_request *r = http_server_request(c->server);

	queue_add(c, r);
	http_timer_start(c->server, &c->reading, HTTP_TIMER_REQUEST);
	return r;
}

static size_t on_body_limit(void *ctx, const struct http_request *r)
{
	struct http_conn *c = ctx;
	struct http_options *o = &c->server->o;

	if (r->wants_continue)
		http_server_dirty(c->server, c); /* "100 Continue" leaves when its turn comes */
	return o->body_limit ? o->body_limit(o->ctx, http_method(r), http_path(r)) : 0;
}

static bool on_charge(void *ctx, struct http_request *r)
{
	struct http_conn *c = ctx;

	return http_server_charge(c->server, r);
}

static bool on_complete(void *ctx, struct http_request *r)
{
	struct http_conn *c = ctx;
	struct http_server *s = c->server;

	http_timer_stop(&c->reading);
	if (!r->keep_alive || s->stopping)
		c->finished = true;
	s->o.on_request(s->o.ctx, r);
	return !c->finished && !c->closing && c->queued < s->o.limits.pipelined;
}

static const struct http_parse_hooks parse_hooks = {
    .begin = on_begin,
    .body_limit = on_body_limit,
    .charge = on_charge,
    .complete = on_complete,
};

static void conn_fault(struct http_conn *c, int status)
{
	static const struct http_header_out retry = {"Retry-After", {"1", 1}};
	struct http_options *o = &c->server->o;
	struct http_request *r = c->parse.current;
	struct buf body = {0};
	const char *type = NULL;

	if (!r) {
		r = http_server_request(c->server);
		queue_add(c, r);
	}
	c->parse.current = NULL;
	http_timer_stop(&c->reading);
	c->finished = c->linger = true;
	r->complete = r->answered = true;
	r->wants_continue = false;
	if (o->on_fault)
		o->on_fault(o->ctx, status, &body, &type);
	http_request_spell(r, status, type, &retry, status == 503 ? 1 : 0, buf_slice(&body), true);
	buf_free(&body);
	http_server_dirty(c->server, c);
}

static void conn_feed(struct http_conn *c, struct slice bytes)
{
	size_t used = 0;
	int status = 0;

	switch (http_parse_feed(&c->parse, bytes, &used, &status)) {
	case HTTP_PARSED_ALL:
		break;
	case HTTP_PARSED_PAUSED:
		if (c->finished || c->closing)
			break; /* what follows the last request is nobody's */
		c->paused = true;
		buf_append(&c->rest, bytes.data + used, bytes.len - used);
		break;
	case HTTP_PARSED_FAULT:
		if (!c->closing)
			conn_fault(c, status);
		break;
	}
	conn_update_reading(c);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *h, _unused_ size_t suggested, uv_buf_t *ret)
{
	struct http_conn *c = h->data;

	*ret = uv_buf_init(c->server->read_buffer, sizeof(c->server->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct http_conn *c = stream->data;

	assert(c->magic == HTTP_CONN_MAGIC);
	if (n == 0 || c->closing)
		return;
	if (n == UV_EOF && !c->linger) {
		/* The client may have closed its half only, and wait for its answers. */
		queue_drop_partial(c);
		http_conn_finish(c);
		return;
	}
	if (n < 0) {
		http_conn_close(c);
		return;
	}
	if (!c->linger)
		conn_feed(c, slice_of(bytes->base, (size_t)n));
}

static void conn_update_reading(struct http_conn *c)
{
	bool wanted = !c->closing && !c->finished && !c->paused && !c->write_pending;

	if (wanted == c->reads || c->closing)
		return;
	c->reads = wanted;
	if (!wanted) {
		uv_read_stop((uv_stream_t *)&c->tcp);
		http_timer_stop(&c->reading); /* the client can't be late while we do not read */
		return;
	}
	if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
		http_conn_close(c);
		return;
	}
	if (c->parse.current)
		http_timer_start(c->server, &c->reading, HTTP_TIMER_REQUEST);
}

static void conn_linger(struct http_conn *c)
{
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0 ||
	    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
		http_conn_close(c);
		return;
	}
	http_timer_start(c->server, &c->reading, HTTP_TIMER_LINGER);
}

/* What follows once nothing more can be written at the moment. */
static void conn_settle(struct http_conn *c)
{
	if (c->closing)
		return;
	if (!c->head && !c->write_pending && (c->finished || c->server->stopping)) {
		if (c->linger)
			conn_linger(c);
		else
			http_conn_close(c);
		return;
	}
	if (c->paused && !c->finished && !c->write_pending &&
	    c->queued < c->server->o.limits.pipelined) {
		struct buf rest = c->rest;

		c->rest = (struct buf){0};
		c->paused = false;
		conn_feed(c, buf_slice(&rest));
		buf_free(&rest);
	}
	conn_update_reading(c);
	if (!c->closing && c->reads && !c->head && !c->reading.next)
		http_timer_start(c->server, &c->reading, HTTP_TIMER_IDLE);
}

/* --- writing --- */

static void on_written(uv_write_t *req, int status)
{
	struct http_conn *c = req->data;

	assert(c->magic == HTTP_CONN_MAGIC);
	c->server->writes--;
	c->write_pending = false;
	http_timer_stop(&c->writing);
	free(req);
	if (c->closing)
		return;
	if (status < 0)
		http_conn_close(c);
	else
		http_conn_flush(c);
}

/* Hands what the socket did not take at once to the loop. */
static void write_later(struct http_conn *c, const uv_buf_t *pieces, size_t count, size_t skip)
{
	struct http_write *w;
	uv_buf_t all;
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	w = malloc(sizeof(*w) + len - skip);
	if (!w)
		abort();
	all = uv_buf_init(w->bytes, 0);
	for (size_t i = 0; i < count; i++) {
		size_t off = MIN_OF(skip, pieces[i].len);

		memcpy(w->bytes + all.len, pieces[i].base + off, pieces[i].len - off);
		all.len += pieces[i].len - off;
		skip -= off;
	}
	w->req.data = c;
	if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &all, 1, on_written) != 0) {
		free(w);
		http_conn_close(c);
		return;
	}
	c->server->writes++;
	c->write_pending = true;
	http_timer_start(c->server, &c->writing, HTTP_TIMER_WRITE);
}

/* One write of what is ready at the head of the queue; false when there is nothing, or it did not all go out. */
static bool write_ready(struct http_conn *c)
{
	static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t pieces[HTTP_WRITE_PIECES_MAX];
	size_t count = 0, answers = 0, len = 0;
	struct http_request *r = c->head;
	int written;

	for (; r && r->answered && count < HTTP_WRITE_PIECES_MAX; r = r->next) {
		if (r->out.failed) { /* larger than any answer of ours: do not send half of it */
			http_conn_close(c);
			return false;
		}
		pieces[count++] = uv_buf_init(r->out.data, (unsigned)r->out.len);
		len += r->out.len;
		answers++;
	}
	if (r && r->wants_continue && count < HTTP_WRITE_PIECES_MAX) {
		r->wants_continue = false;
		pieces[count++] = uv_buf_init(go_on, sizeof(go_on) - 1);
		len += sizeof(go_on) - 1;
	}
	if (count == 0)
		return false;

	written = uv_try_write((uv_stream_t *)&c->tcp, pieces, (unsigned)count);
	if (written < 0 && written != UV_EAGAIN) {
		http_conn_close(c);
		return false;
	}
	if (written < 0)
		written = 0;
	if ((size_t)written < len)
		write_later(c, pieces, count, (size_t)written);
	if (c->closing)
		return false;
	for (; answers > 0; answers--)
		queue_pop(c);
	return !c->write_pending;
}

void http_conn_flush(struct http_conn *c)
{
	while (!c->closing && !c->write_pending && write_ready(c))
		;
	conn_settle(c);
}

/* --- life --- */

void http_conn_start(struct http_conn *c)
{
	struct http_server *s = c->server;

	http_parse_init(&c->parse, &parse_hooks, c, s->o.limits.header_bytes);
	uv_tcp_nodelay(&c->tcp, 1);
	conn_update_reading(c);
	if (!c->closing)
		http_timer_start(s, &c->reading, HTTP_TIMER_IDLE);
}

void http_conn_timeout(struct http_conn *c, enum http_timer_kind kind)
{
	if (kind != HTTP_TIMER_REQUEST) {
		http_conn_close(c);
		return;
	}
	conn_fault(c, 408);
	conn_update_reading(c);
}

void http_conn_finish(struct http_conn *c)
{
	c->finished = true;
	conn_update_reading(c);
	if (!c->closing && !c->head && !c->write_pending)
		http_conn_close(c);
}

static void on_closed(uv_handle_t *h)
{
	struct http_conn *c = h->data;

	assert(c->magic == HTTP_CONN_MAGIC);
	http_server_forget(c->server, c);
}

void http_conn_close(struct http_conn *c)
{
	struct http_request *r = c->head;

	if (c->closing)
		return;
	c->closing = true;
	http_timer_stop(&c->reading);
	http_timer_stop(&c->writing);
	buf_free(&c->rest);
	c->parse.current = NULL;
	while (r) {
		struct http_request *next = r->next;

		r->conn = NULL;
		r->next = NULL;
		if (r->answered || !r->complete)
			http_server_give_back(c->server, r);
		r = next; /* the others wait for http_answer() */
	}
	c->head = c->tail = NULL;
	c->queued = 0;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void http_answer(struct http_request *r, int status, const char *content_type,
		 const struct http_header_out *headers, size_t header_count, struct slice body)
{
	struct http_conn *c = r->conn;

	assert(r->magic == HTTP_REQUEST_MAGIC && r->complete && !r->answered);
	if (!c) {
		http_server_give_back(r->server, r);
		return;
	}
	http_request_spell(r, status, content_type, headers, header_count, body,
			   c->finished && c->tail == r);
	r->answered = true;
	http_server_dirty(c->server, c);
}
