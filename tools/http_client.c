/* http_client: see http_client.h. */
#include "http_client_internal.h"

#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"

static void call_free(struct call *call)
{
	buf_free(&call->given.body);
	free(call);
}

/* --- the end of a call, or its next try --- */

void http_client_finish(struct http_client *c, struct call *call, const struct http_reply *reply)
{
	c->calls--;
	c->o.on_reply(c->o.ctx, &call->given, reply);
	call_free(call);
}

void http_client_try_later(struct http_client *c, struct call *call, int64_t pause_ms)
{
	int64_t now = clock_monotonic_ms();

	call->tries++;
	if (now + pause_ms - call->began_ms > c->o.patience_ms) {
		http_client_finish(c, call, &(struct http_reply){.tries = call->tries});
		return;
	}
	c->repeats++;
	call->due_ms = now + pause_ms;
	queue_add(&c->later, call);
}

int64_t http_client_pause_of(const struct call *call)
{
	return MIN_OF(HTTP_PAUSE_LEAST_MS << MIN_OF(call->tries, 6u), HTTP_PAUSE_MOST_MS);
}

static void conn_down(struct conn *conn);
static void conn_pump(struct conn *conn);

static void on_written(uv_write_t *request, int status)
{
	struct conn *conn = request->data;

	assert(conn->magic == CONN_MAGIC);
	conn->writing = false;
	buf_reset(&conn->sending);
	if (status < 0)
		conn_down(conn);
	else
		conn_pump(conn);
}

static void conn_flush(struct conn *conn)
{
	uv_buf_t chunk;
	struct buf swap;
	int n;

	if (conn->writing || conn->out.len == 0)
		return;
	chunk = uv_buf_init(conn->out.data, (unsigned)conn->out.len);
	n = uv_try_write((uv_stream_t *)&conn->tcp, &chunk, 1);
	if (n < 0 && n != UV_EAGAIN) {
		conn_down(conn);
		return;
	}
	if (n == (int)conn->out.len) {
		buf_reset(&conn->out);
		return;
	}
	swap = conn->sending;
	conn->sending = conn->out;
	conn->out = swap;
	buf_reset(&conn->out);
	n = MAX_OF(n, 0);
	chunk = uv_buf_init(conn->sending.data + n, (unsigned)(conn->sending.len - (size_t)n));
	conn->write.data = conn;
	conn->writing = true;
	if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &chunk, 1, on_written) < 0) {
		conn->writing = false;
		conn_down(conn);
	}
}

/* --- a connection's life --- */

static void on_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;

	assert(conn->magic == CONN_MAGIC);
	conn->has_handle = false;
	conn->state = CONN_DOWN;
	conn->writing = false;
	buf_reset(&conn->out);
	buf_reset(&conn->sending);
	if (!conn->client->ending && conn->waiting.first)
		conn_pump(conn);
}

/* Everything of it is tried again later, in its order. */
static void conn_down(struct conn *conn)
{
	struct queue sent = conn->sent, waiting = conn->waiting;
	struct call *call;

	if (conn->state == CONN_CLOSING || conn->state == CONN_DOWN)
		return;
	conn->state = CONN_CLOSING;
	conn->sent = conn->waiting = (struct queue){0};
	uv_close((uv_handle_t *)&conn->tcp, on_closed);
	while (!conn->client->ending && (call = queue_take(&sent)))
		http_client_try_later(conn->client, call, http_client_pause_of(call));
	while (!conn->client->ending && (call = queue_take(&waiting)))
		http_client_try_later(conn->client, call, http_client_pause_of(call));
}

static void on_room(uv_handle_t *handle, _unused_ size_t suggested, uv_buf_t *ret)
{
	struct conn *conn = handle->data;

	*ret = uv_buf_init(conn->client->input, READ_BYTES);
}

static void on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
	struct conn *conn = stream->data;

	assert(conn->magic == CONN_MAGIC);
	if (conn->state != CONN_UP || len == 0)
		return;
	if (len < 0) {
		conn_down(conn);
		return;
	}
	conn->reading = true;
	if (llhttp_execute(&conn->parser, bytes->base, (size_t)len) != HPE_OK)
		conn_down(conn);
	conn->reading = false;
	conn_pump(conn);
}

static void on_connected(uv_connect_t *request, int status)
{
	struct conn *conn = request->data;

	assert(conn->magic == CONN_MAGIC);
	if (conn->state != CONN_CONNECTING)
		return;
	if (status < 0 || uv_read_start((uv_stream_t *)&conn->tcp, on_room, on_bytes) < 0) {
		conn_down(conn);
		return;
	}
	uv_tcp_nodelay(&conn->tcp, 1);
	conn->state = CONN_UP;
	conn_pump(conn);
}

static void conn_up(struct conn *conn)
{
	struct http_client *c = conn->client;

	conn->state = CONN_CONNECTING;
	conn->has_handle = true;
	uv_tcp_init(&c->loop, &conn->tcp);
	conn->tcp.data = conn;
	conn->connect.data = conn;
	llhttp_init(&conn->parser, HTTP_RESPONSE, &c->settings);
	conn->parser.data = conn;
	if (uv_tcp_connect(&conn->connect, &conn->tcp, (struct sockaddr *)&c->address,
			   on_connected) < 0)
		conn_down(conn);
}

/* Sends what waits, as far as the depth allows. While bytes are being read it only collects. */
static void conn_pump(struct conn *conn)
{
	struct call *call;

	if (conn->client->ending || conn->reading)
		return;
	if (conn->state == CONN_DOWN && conn->waiting.first)
		conn_up(conn);
	if (conn->state != CONN_UP)
		return;
	while (conn->sent.count < conn->client->o.depth && (call = queue_take(&conn->waiting))) {
		call->sent_ms = clock_monotonic_ms();
		http_client_write_call(&conn->out, conn->client, &call->given);
		queue_add(&conn->sent, call);
	}
	conn_flush(conn);
}

/* --- time --- */

static void look_at_time_outs(struct http_client *c, int64_t now)
{
	for (unsigned i = 0; i < c->o.connections; i++) {
		const struct call *oldest = c->conns[i].sent.first;

		if (oldest && now - oldest->sent_ms > HTTP_ANSWER_TIMEOUT_MS)
			conn_down(&c->conns[i]);
	}
}

static void send_what_is_due(struct http_client *c, int64_t now)
{
	struct queue later = c->later;
	struct call *call;

	c->later = (struct queue){0};
	while ((call = queue_take(&later))) {
		if (call->due_ms > now)
			queue_add(&c->later, call);
		else
			queue_add(&c->conns[call->given.lane % c->o.connections].waiting, call);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct http_client *c = timer->data;
	int64_t now = clock_monotonic_ms();

	assert(c->magic == CLIENT_MAGIC);
	look_at_time_outs(c, now);
	send_what_is_due(c, now);
	if (!c->o.on_tick(c->o.ctx))
		uv_stop(&c->loop);
	for (unsigned i = 0; i < c->o.connections; i++)
		conn_pump(&c->conns[i]);
}

/* --- opening, closing --- */

static enum result find_address(struct http_client *c, const char *url, struct error *ret_error)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char host[HOST_MAX + 1], port[8] = "80", end = '\0';
	int parts = sscanf(url, "http://%255[^:/]:%7[0-9]%c", host, port, &end);

	if (parts < 1 || (parts == 3 && end != '/'))
		return error_set(ret_error, RESULT_BAD, "\"%s\": expected http://host:port", url);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return error_set(ret_error, RESULT_AWAY, "%s: no such host", host);
	memcpy(&c->address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	snprintf(c->host, sizeof(c->host), "%s:%s", host, port);
	return RESULT_OK;
}

struct http_client *http_client_open(const struct http_client_options *o, struct error *ret_error)
{
	struct http_client *c = calloc(1, sizeof(*c));

	assert(c && o->connections > 0 && o->connections <= HTTP_CONNECTIONS_MAX);
	assert(o->depth > 0 && o->depth <= HTTP_DEPTH_MAX);
	c->o = *o;
	c->magic = CLIENT_MAGIC;
	if (sodium_init() < 0 || find_address(c, o->url, ret_error) != RESULT_OK) {
		free(c);
		return NULL;
	}
	c->conns = calloc(o->connections, sizeof(*c->conns));
	assert(c->conns);
	for (unsigned i = 0; i < o->connections; i++) {
		c->conns[i].magic = CONN_MAGIC;
		c->conns[i].client = c;
	}
	http_client_read_settings(&c->settings);
	uv_loop_init(&c->loop);
	uv_timer_init(&c->loop, &c->tick);
	c->tick.data = c;
	return c;
}

size_t http_client_room(const struct http_client *c)
{
	return c->calls < c->o.max_calls ? c->o.max_calls - c->calls : 0;
}

void http_client_send(struct http_client *c, struct http_call *given)
{
	struct call *call = calloc(1, sizeof(*call));

	assert(call && http_client_room(c) > 0);
	call->given = *given;
	given->body = (struct buf){0};
	call->began_ms = clock_monotonic_ms();
	c->calls++;
	queue_add(&c->conns[call->given.lane % c->o.connections].waiting, call);
}

void http_client_run(struct http_client *c)
{
	uv_timer_start(&c->tick, on_tick, 0, HTTP_TICK_MS);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&c->tick);
}

size_t http_client_open_calls(const struct http_client *c)
{
	return c->calls;
}

uint64_t http_client_repeats(const struct http_client *c)
{
	return c->repeats;
}

bool http_client_ever_answered(const struct http_client *c)
{
	return c->ever_answered;
}

static void drop_all(struct queue *q)
{
	struct call *call;

	while ((call = queue_take(q)))
		call_free(call);
}

void http_client_close(struct http_client *c)
{
	if (!c)
		return;
	c->ending = true;
	for (unsigned i = 0; i < c->o.connections; i++) {
		drop_all(&c->conns[i].waiting);
		drop_all(&c->conns[i].sent);
		if (c->conns[i].has_handle && !uv_is_closing((uv_handle_t *)&c->conns[i].tcp))
			uv_close((uv_handle_t *)&c->conns[i].tcp, on_closed);
	}
	uv_close((uv_handle_t *)&c->tick, NULL);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	for (unsigned i = 0; i < c->o.connections; i++) {
		buf_free(&c->conns[i].out);
		buf_free(&c->conns[i].sending);
		buf_free(&c->conns[i].body);
	}
	drop_all(&c->later);
	free(c->conns);
	free(c);
}
