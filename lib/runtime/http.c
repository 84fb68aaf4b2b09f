/* http: the server: listening, accepting, time-outs, stopping.
 *
 * Contract: see http.h. An idle connection costs its struct (under 1 KiB) and no buffer: one read buffer serves all of
 * them, requests and their buffers come from a pool. Time-outs are lists in order of their deadlines, so a sweep costs
 * what has run out and nothing for the rest. How it fails: out of file descriptors the loop accepts and drops (libuv
 * keeps a spare descriptor for it), and who is connected is served on. */
#include "http_internal.h"

#include <stdlib.h>
#include <sys/resource.h>

static_assert(sizeof(struct http_conn) < 1024, "ten thousand idle connections stay small");

/* --- timers --- */

void http_timer_stop(struct http_timer *t)
{
	if (!t->next)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->prev = t->next = NULL;
}

void http_timer_start(struct http_server *s, struct http_timer *t, enum http_timer_kind kind)
{
	struct http_timer *ring = &s->timers[kind].ring;

	http_timer_stop(t);
	t->due_ms = (int64_t)uv_now(s->loop) + s->timers[kind].after_ms;
	t->next = ring;
	t->prev = ring->prev;
	ring->prev->next = t;
	ring->prev = t;
}

static void on_sweep(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	int64_t now = (int64_t)uv_now(s->loop);

	for (int kind = 0; kind < HTTP_TIMER_KINDS; kind++) {
		struct http_timer *ring = &s->timers[kind].ring;

		while (ring->next != ring && ring->next->due_ms <= now) {
			struct http_timer *t = ring->next;

			http_timer_stop(t);
			http_conn_timeout(t->conn, (enum http_timer_kind)kind);
		}
	}
}

static void timers_init(struct http_server *s)
{
	const struct http_limits *l = &s->o.limits;
	const int64_t after[HTTP_TIMER_KINDS] = {
	    [HTTP_TIMER_IDLE] = l->idle_ms,
	    [HTTP_TIMER_REQUEST] = l->request_ms,
	    [HTTP_TIMER_WRITE] = l->write_ms,
	    [HTTP_TIMER_LINGER] = HTTP_LINGER_MS,
	};

	for (int kind = 0; kind < HTTP_TIMER_KINDS; kind++) {
		struct http_timers *t = &s->timers[kind];

		t->ring.prev = t->ring.next = &t->ring;
		t->after_ms = after[kind];
	}
}

/* --- the pool of requests --- */

struct http_request *http_server_request(struct http_server *s)
{
	struct http_request *r = s->request_pool;

	if (r) {
		s->request_pool = r->next;
		s->request_pooled--;
		r->next = NULL;
	} else {
		r = calloc(1, sizeof(*r));
		if (!r)
			abort();
		r->magic = HTTP_REQUEST_MAGIC;
		r->server = s;
	}
	s->requests++;
	return r;
}

void http_server_give_back(struct http_server *s, struct http_request *r)
{
	s->body_memory -= r->charged;
	s->requests--;
	if (s->request_pooled < HTTP_POOLED_REQUESTS_MAX && !s->closing) {
		http_request_reset(r);
		r->next = s->request_pool;
		s->request_pool = r;
		s->request_pooled++;
	} else {
		http_request_free(r);
	}
	if (s->closing)
		http_server_release(s);
}

bool http_server_charge(struct http_server *s, struct http_request *r)
{
	s->body_memory += r->data.cap - r->charged;
	r->charged = r->data.cap;
	return s->body_memory <= s->o.limits.body_memory_bytes;
}

/* --- flushing: once a turn, for all connections that have something to say --- */

static void on_wake(_unused_ uv_idle_t *idle)
{
}

void http_server_dirty(struct http_server *s, struct http_conn *c)
{
	if (c->dirty || c->closing)
		return;
	if (!s->dirty && !s->closing)
		uv_idle_start(&s->wake, on_wake);
	c->dirty = true;
	c->dirty_next = s->dirty;
	s->dirty = c;
}

static void flush(struct http_server *s)
{
	struct http_conn *c;

	while ((c = s->dirty)) {
		s->dirty = c->dirty_next;
		c->dirty_next = NULL;
		c->dirty = false;
		if (!c->closing)
			http_conn_flush(c);
	}
	uv_idle_stop(&s->wake);
}

static void on_prepare(uv_prepare_t *h)
{
	flush(h->data);
}

static void on_check(uv_check_t *h)
{
	flush(h->data);
}

/* --- connections --- */

static struct http_conn *conn_take(struct http_server *s)
{
	struct http_conn *c = s->conn_pool;

	if (c) {
		s->conn_pool = c->next;
		s->conn_pooled--;
	} else {
		c = malloc(sizeof(*c));
		if (!c)
			abort();
	}
	*c = (struct http_conn){.magic = HTTP_CONN_MAGIC, .server = s};
	c->reading.conn = c->writing.conn = c;
	return c;
}

static void conn_link(struct http_server *s, struct http_conn *c)
{
	c->next = s->conns;
	if (s->conns)
		s->conns->prev = c;
	s->conns = c;
	s->conn_count++;
	s->handles++;
}

void http_server_forget(struct http_server *s, struct http_conn *c)
{
	for (struct http_conn **at = &s->dirty; c->dirty && *at; at = &(*at)->dirty_next)
		if (*at == c) {
			*at = c->dirty_next;
			break;
		}
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->conn_count--;
	s->handles--;
	c->magic = 0;
	if (s->conn_pooled < HTTP_POOLED_CONNS_MAX && !s->closing) {
		c->next = s->conn_pool;
		s->conn_pool = c;
		s->conn_pooled++;
	} else {
		free(c);
	}
	if (s->closing)
		http_server_release(s);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct http_server *s = listener->data;
	struct http_conn *c;

	if (status < 0)
		return;
	c = conn_take(s);
	if (uv_tcp_init(s->loop, &c->tcp) != 0) {
		free(c);
		return;
	}
	c->tcp.data = c;
	conn_link(s, c);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 ||
	    s->conn_count > s->o.limits.connections) {
		http_conn_close(c);
		return;
	}
	http_conn_start(c);
}

/* --- the server --- */

/* Ten thousand connections need as many descriptors; the soft limit is often 1024. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE,
			&limit); /* without it fewer connections fit, which accept() shows */
}

static int resolve(const char *host, int port, struct sockaddr_storage *ret)
{
	if (strchr(host, ':'))
		return uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret);
	return uv_ip4_addr(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port,
			   (struct sockaddr_in *)ret);
}

static int bound_port(const uv_tcp_t *tcp)
{
	struct sockaddr_storage address;
	int len = sizeof(address);

	if (uv_tcp_getsockname(tcp, (struct sockaddr *)&address, &len) != 0)
		return -1;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct http_server *s = h->data;

	assert(s->magic == HTTP_SERVER_MAGIC);
	s->handles--;
	if (s->closing)
		http_server_release(s);
}

static void start_handles(struct http_server *s)
{
	uv_prepare_init(s->loop, &s->prepare);
	uv_check_init(s->loop, &s->check);
	uv_idle_init(s->loop, &s->wake);
	uv_timer_init(s->loop, &s->sweep);
	s->prepare.data = s->check.data = s->wake.data = s->sweep.data = s;
	s->handles += 4;
	uv_prepare_start(&s->prepare, on_prepare);
	uv_check_start(&s->check, on_check);
	uv_timer_start(&s->sweep, on_sweep, HTTP_SWEEP_MS, HTTP_SWEEP_MS);
	/* Only sockets keep a loop alive. */
	uv_unref((uv_handle_t *)&s->prepare);
	uv_unref((uv_handle_t *)&s->check);
	uv_unref((uv_handle_t *)&s->sweep);
}

struct http_server *http_listen(uv_loop_t *loop, const char *host, int port,
				const struct http_options *o, struct error *ret_error)
{
	struct http_server *s = calloc(1, sizeof(*s));
	struct sockaddr_storage address = {0};
	int r;

	if (!s)
		abort();
	s->magic = HTTP_SERVER_MAGIC;
	s->loop = loop;
	s->o = *o;
	assert(o->on_request && o->limits.pipelined > 0 && o->limits.connections > 0);
	raise_descriptor_limit();
	timers_init(s);
	start_handles(s);
	r = uv_tcp_init(loop, &s->listener);
	if (r == 0) {
		s->listener.data = s;
		s->handles++;
		s->listening = true;
		r = resolve(host, port, &address);
	}
	if (r == 0)
		r = uv_tcp_bind(&s->listener, (struct sockaddr *)&address,
				0); /* sets SO_REUSEADDR */
	if (r == 0)
		r = uv_listen((uv_stream_t *)&s->listener, HTTP_BACKLOG, on_connection);
	if (r != 0) {
		error_set(ret_error, RESULT_BAD, "can't listen on %s:%d: %s", host, port,
			  uv_strerror(r));
		http_close(s);
		return NULL;
	}
	s->port = bound_port(&s->listener);
	return s;
}

int http_port(const struct http_server *s)
{
	return s->port;
}

size_t http_connections(const struct http_server *s)
{
	return s->conn_count;
}

void http_stop_listening(struct http_server *s)
{
	struct http_conn *next;

	if (s->listening)
		uv_close((uv_handle_t *)&s->listener, on_handle_closed);
	s->listening = false;
	s->stopping = true;
	for (struct http_conn *c = s->conns; c; c = next) {
		next = c->next;
		if (!c->closing && !c->parse.current)
			http_conn_finish(c);
	}
}

bool http_quiet(const struct http_server *s)
{
	return s->requests == 0 && s->writes == 0;
}

void http_server_release(struct http_server *s)
{
	if (s->handles > 0 || s->requests > 0)
		return;
	for (struct http_conn *c = s->conn_pool, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	for (struct http_request *r = s->request_pool, *next; r; r = next) {
		next = r->next;
		http_request_free(r);
	}
	s->magic = 0;
	free(s);
}

/* The memory goes once the loop has closed the handles and every request that was handed out is answered. */
void http_close(struct http_server *s)
{
	if (!s)
		return;
	assert(s->magic == HTTP_SERVER_MAGIC && !s->closing);
	if (s->listening)
		uv_close((uv_handle_t *)&s->listener, on_handle_closed);
	s->listening = false;
	s->closing = true;
	uv_close((uv_handle_t *)&s->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&s->check, on_handle_closed);
	uv_close((uv_handle_t *)&s->wake, on_handle_closed);
	uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
	for (struct http_conn *c = s->conns; c; c = c->next)
		http_conn_close(c);
}
