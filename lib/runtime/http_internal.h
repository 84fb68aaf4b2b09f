/* http_internal: what the files of the HTTP server share; nobody else includes it.
 *
 *   http.c          the server: listening, accepting, timers, stopping
 *   http_conn.c     one connection: reading, ordering its answers, writing, closing
 *   http_parse.c    bytes to requests (llhttp); knows no sockets, so that it can be fuzzed
 *   http_request.c  a request as the application sees it, and how its answer is spelled */
#ifndef PUNNET_HTTP_INTERNAL_H
#define PUNNET_HTTP_INTERNAL_H

#include <llhttp.h>

#include "runtime/http.h"

#define HTTP_HEADERS_MAX         64          /* of one request; past it 431 */
#define HTTP_READ_BYTES          (64u << 10) /* the one read buffer that all connections share */
#define HTTP_KEPT_BUFFER_BYTES   (8u << 10) /* buffers up to this size stay with a pooled request */
#define HTTP_POOLED_REQUESTS_MAX 1024
#define HTTP_POOLED_CONNS_MAX    4096
#define HTTP_WRITE_PIECES_MAX    64   /* answers that leave in one write */
#define HTTP_SWEEP_MS            250  /* how exact the time-outs are */
#define HTTP_LINGER_MS           2000 /* how long a refused client's bytes are still swallowed */
#define HTTP_BACKLOG             4096
#define HTTP_PEER_TEXT_MAX       64

#define HTTP_REQUEST_MAGIC 0x48525131u
#define HTTP_CONN_MAGIC    0x48434f31u
#define HTTP_SERVER_MAGIC  0x48535631u

struct http_conn;

struct http_header {
	uint32_t name_at, name_len, value_at, value_len; /* in data */
};

struct http_request {
	uint32_t magic;
	struct http_server *server; /* NULL in the fuzzer */
	struct http_conn *conn;     /* NULL: the client has left */
	struct http_request *next;  /* in the connection's queue, or in the pool */
	struct buf data;            /* target, header names and values, then the body */
	struct buf out;             /* the answer, spelled */
	size_t charged;             /* of data.cap, against body_memory_bytes */
	size_t body_at, body_limit;
	uint32_t target_len, head_bytes;
	uint16_t header_count, host_count;
	uint8_t method;
	bool name_done; /* the next piece of a name begins another header */
	bool head_done; /* the headers are in */
	bool complete;  /* handed to the application */
	bool answered;
	bool keep_alive, old_version; /* HTTP/1.0 */
	bool wants_continue;
	char peer[HTTP_PEER_TEXT_MAX];
	struct http_header headers[HTTP_HEADERS_MAX];
};

/* --- parsing --- */

enum http_parsed {
	HTTP_PARSED_ALL,    /* took everything */
	HTTP_PARSED_PAUSED, /* on_complete asked for it: the rest is for later */
	HTTP_PARSED_FAULT,  /* ret_status says which; the parser is of no further use */
};

struct http_parse_hooks {
	struct http_request *(*begin)(void *ctx);
	size_t (*body_limit)(void *ctx, const struct http_request *r);
	bool (*charge)(void *ctx,
		       struct http_request *r); /* data.cap grew; false: too much memory, 503 */
	bool (*complete)(void *ctx, struct http_request *r); /* false pauses */
};

struct http_parse {
	llhttp_t parser;
	const struct http_parse_hooks *hooks;
	void *ctx;
	size_t header_bytes_max;
	struct http_request *current; /* under way; NULL between requests */
	int status;                   /* of the fault that a callback found; 0 = none */
	const char *gap_at;           /* behind the last piece of a header, in what is being fed */
	bool gap_line_end; /* the gap began in what was fed before, with the end of a line */
	bool gap_open;     /* among the headers, or the trailers */
};

void http_parse_init(struct http_parse *p, const struct http_parse_hooks *hooks, void *ctx,
		     size_t header_bytes_max);
enum http_parsed http_parse_feed(struct http_parse *p, struct slice bytes, size_t *ret_used,
				 int *ret_status);

/* --- requests --- */

void http_request_reset(struct http_request *r); /* keeps small buffers */
void http_request_free(struct http_request *r);
void http_request_spell(struct http_request *r, int status, const char *content_type,
			const struct http_header_out *headers, size_t header_count,
			struct slice body, bool close);

/* --- timers: lists in order of their deadlines, swept every HTTP_SWEEP_MS --- */

enum http_timer_kind {
	HTTP_TIMER_IDLE,
	HTTP_TIMER_REQUEST,
	HTTP_TIMER_WRITE,
	HTTP_TIMER_LINGER,
	HTTP_TIMER_KINDS
};

struct http_timer {
	struct http_timer *prev, *next; /* NULL: not running */
	struct http_conn *conn;
	int64_t due_ms;
};

struct http_timers {
	struct http_timer ring; /* the list's anchor */
	int64_t after_ms;
};

/* --- connections and the server --- */

struct http_conn {
	uint32_t magic;
	uv_tcp_t tcp; /* tcp.data = this */
	struct http_server *server;
	struct http_conn *prev, *next;    /* all connections; next also chains the pool */
	struct http_conn *dirty_next;     /* answers to flush */
	struct http_request *head, *tail; /* requests in their order, the one under way included */
	struct http_parse parse;
	struct buf rest;                    /* read, not parsed: reading is paused */
	struct http_timer reading, writing; /* reading: idle, request or linger */
	uint32_t queued;
	bool dirty, reads, write_pending, closing;
	bool paused;   /* the parser stopped at its limit of pipelined requests */
	bool finished; /* no further request will be read */
	bool linger;   /* refused: swallow what still comes before closing */
};

struct http_server {
	uint32_t magic;
	uv_loop_t *loop;
	struct http_options o;
	uv_tcp_t listener;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t wake; /* runs while something is dirty, so that the loop does not sleep over it */
	uv_timer_t sweep;
	size_t handles; /* open; the server goes when there are none, and no requests */
	struct http_conn *conns, *dirty, *conn_pool;
	struct http_request *request_pool;
	struct http_timers timers[HTTP_TIMER_KINDS];
	size_t conn_count, conn_pooled, request_pooled;
	size_t requests;    /* begun and not yet given back, those of clients that left included */
	size_t writes;      /* pending */
	size_t body_memory; /* of all requests */
	bool listening, closing, stopping;
	int port;
	char read_buffer[HTTP_READ_BYTES];
};

struct http_request *http_server_request(struct http_server *s);
void http_server_give_back(struct http_server *s, struct http_request *r);
bool http_server_charge(struct http_server *s, struct http_request *r);
void http_server_dirty(struct http_server *s, struct http_conn *c);
void http_server_forget(struct http_server *s,
			struct http_conn *c);    /* after its handle is closed */
void http_server_release(struct http_server *s); /* frees it when nothing is left */
void http_timer_start(struct http_server *s, struct http_timer *t, enum http_timer_kind kind);
void http_timer_stop(struct http_timer *t);

void http_conn_start(struct http_conn *c);
void http_conn_flush(struct http_conn *c);
void http_conn_timeout(struct http_conn *c, enum http_timer_kind kind);
void http_conn_finish(
    struct http_conn *c); /* reads no further request; closes when all is answered */
void http_conn_close(struct http_conn *c); /* at once */

#endif
