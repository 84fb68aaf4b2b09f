/* http: the collector's door without a socket: requests come from client.c as events of the process. Linked into the collector's part in
 * the place of lib/runtime's server. */
#include "runtime/http.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

struct http_server {
	struct http_options o;
	struct proc *proc;
	struct resource resource;
	size_t under_way;
};

struct http_request {
	struct http_server *server;
	struct ask *ask;
	char bearer[WORLD_KEY_MAX + 8];
	char body[WORLD_TEXT_MAX];
};

static void take(void *ctx, struct ask *ask)
{
	struct http_server *s = ctx;
	struct http_request *r = calloc(1, sizeof(*r));

	assert(r);
	r->server = s;
	r->ask = ask;
	memcpy(r->bearer, "Bearer ", 7);
	memcpy(r->bearer + 7, ask->post->bearer, sizeof(ask->post->bearer));
	memcpy(r->body, ask->post->body, sizeof(r->body));
	s->under_way++;
	s->o.on_request(s->o.ctx, r);
}

static void door_dies(void *ctx)
{
	door_unset(ctx);
}

struct http_server *http_listen(uv_loop_t *loop, _unused_ const char *host, _unused_ int port,
				const struct http_options *o, _unused_ struct error *ret_error)
{
	struct http_server *s = calloc(1, sizeof(*s));

	assert(s);
	s->o = *o;
	s->proc = loop->data;
	s->resource = (struct resource){.on_death = door_dies, .ctx = s};
	proc_own(&s->resource);
	door_set(s->proc, take, s);
	return s;
}

int http_port(_unused_ const struct http_server *s)
{
	return 80;
}

size_t http_connections(_unused_ const struct http_server *s)
{
	return 1;
}

void http_stop_listening(struct http_server *s)
{
	door_unset(s);
}

bool http_quiet(const struct http_server *s)
{
	return s->under_way == 0;
}

void http_close(struct http_server *s)
{
	door_unset(s);
	proc_disown(&s->resource);
}

struct slice http_method(_unused_ const struct http_request *r)
{
	return SLICE("POST");
}

struct slice http_path(const struct http_request *r)
{
	return slice_cstr(r->ask->post->path);
}

struct slice http_query(_unused_ const struct http_request *r)
{
	return SLICE("");
}

struct slice http_body(const struct http_request *r)
{
	return slice_cstr(r->body);
}

struct slice http_header(const struct http_request *r, const char *lower_case_name)
{
	if (strcmp(lower_case_name, "authorization") == 0)
		return slice_cstr(r->bearer);
	if (strcmp(lower_case_name, "content-type") == 0)
		return SLICE("application/json");
	if (strcmp(lower_case_name, "idempotency-key") == 0)
		return slice_cstr(r->ask->post->key);
	return SLICE("");
}

struct slice http_peer(_unused_ const struct http_request *r)
{
	return SLICE("192.0.2.1");
}

void http_answer(struct http_request *r, int status, _unused_ const char *content_type,
		 _unused_ const struct http_header_out *headers, _unused_ size_t header_count,
		 struct slice body)
{
	r->server->under_way--;
	post_answered(r->ask, status, body);
	free(r);
}

/* --- the loop's time --- */

uint64_t uv_now(_unused_ const uv_loop_t *loop)
{
	return (uint64_t)(sim.now_us / US_PER_MS);
}
