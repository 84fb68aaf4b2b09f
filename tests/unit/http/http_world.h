/* http_world: a server, a client, and one thread on which they take turns. For http_test.c alone. */
#ifndef PUNNET_TESTS_HTTP_WORLD_H
#define PUNNET_TESTS_HTTP_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "runtime/http.h"

#define PATIENCE_MS 10000
#define HELD_MAX    64

struct world {
	uv_loop_t loop;
	struct http_server *server;
	struct http_request *held[HELD_MAX]; /* requests to /hold, in order of arrival */
	size_t held_count, served;
};

static size_t body_limit(_unused_ void *ctx, _unused_ struct slice method, struct slice path)
{
	return slice_is(path, "/large") ? 1u << 20 : 64;
}

static void echo(struct http_request *r)
{
	struct http_header_out header = {"X-Query", http_query(r)};

	http_answer(r, 200, "text/plain", &header, 1, http_body(r));
}

static void on_request(void *ctx, struct http_request *r)
{
	struct world *w = ctx;

	w->served++;
	if (slice_is(http_path(r), "/hold") && w->held_count < HELD_MAX)
		w->held[w->held_count++] = r;
	else
		echo(r);
}

static void on_fault(_unused_ void *ctx, int status, struct buf *ret_body, const char **ret_type)
{
	*ret_type = "text/plain";
	buf_printf(ret_body, "fault %d", status);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct http_options options = {
	    .limits = {.header_bytes = 4096,
		       .connections = 1000,
		       .pipelined = 8,
		       .body_memory_bytes = 4 << 20,
		       .idle_ms = 60000,
		       .request_ms = 300,
		       .write_ms = 300},
	    .body_limit = body_limit,
	    .on_request = on_request,
	    .on_fault = on_fault,
	    .ctx = w,
	};
	struct error error;

	assert_non_null(w);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->server = http_listen(&w->loop, "127.0.0.1", 0, &options, &error);
	assert_non_null(w->server);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->held_count; i++)
		if (w->held[i])
			echo(w->held[i]);
	http_close(w->server);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0); /* every handle was closed */
	free(w);
	return 0;
}

/* --- a client --- */

static int dial(struct world *w)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)http_port(w->server))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void turn(struct world *w)
{
	uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void say(struct world *w, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn(w);
}

/* Reads until `end` stands at the end of what came, or (end NULL) until the server closes. */
static void hear(struct world *w, int fd, struct buf *heard, const char *end)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	char bytes[4096];

	while (clock_monotonic_ms() < deadline) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n == 0) {
			assert_null(end);
			return;
		}
		if (n > 0)
			buf_append(heard, bytes, (size_t)n);
		else
			turn(w);
		if (end && heard->len >= strlen(end) &&
		    memcmp(heard->data + heard->len - strlen(end), end, strlen(end)) == 0)
			return;
	}
	fail_msg("heard only: %s", buf_cstr(heard));
}

/* Says it all at once, and expects the answer to begin and the connection to end. */
static void expect_refusal(struct world *w, const char *said, const char *status_line)
{
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd, said);
	hear(w, fd, &heard, NULL);
	assert_true(slice_starts_with(buf_slice(&heard), status_line));
	assert_non_null(strstr(buf_cstr(&heard), "Connection: close\r\n"));
	buf_free(&heard);
	close(fd);
}

static void expect_held(struct world *w, size_t count)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;

	while (w->held_count < count && clock_monotonic_ms() < deadline)
		turn(w);
	assert_int_equal(w->held_count, count);
}

#endif
