/* http: an HTTP/1.1 server on libuv with llhttp. Pipelining: requests of one connection may be answered in any order,
 * and go out in theirs; all answers that are ready in one turn leave in one write. Strict limits on everything. */
#ifndef PUNNET_HTTP_H
#define PUNNET_HTTP_H

#include <uv.h>

#include "base/buf.h"
#include "base/result.h"

struct http_server;
struct http_request; /* opaque; valid until it is answered */

struct http_limits {
	size_t header_bytes; /* request line and headers; past it 431 */
	size_t connections;  /* past it accept() and close at once */
	size_t pipelined;    /* unanswered requests of one connection; past it reading pauses */
	size_t body_memory_bytes; /* of all requests together; past it 503 */
	int64_t idle_ms;          /* no request under way */
	int64_t
	    request_ms;   /* from the first byte of a request to its last; past it 408 and close */
	int64_t write_ms; /* an answer that the client does not read; past it close */
};

/* Asked when the headers of a request are in: the largest body that this path takes (0 = no body allowed), so that a
 * large batch is allowed only where batches go. */
typedef size_t (*http_body_limit_fn)(void *ctx, struct slice method, struct slice path);
/* Called when a request is complete; must lead to exactly one http_answer(), now or later. */
typedef void (*http_request_fn)(void *ctx, struct http_request *r);
/* Errors that the server itself finds: malformed (400, closes), 408, 413, 431, 503 (memory). The callback writes the
 * body and content type; extra headers may be added. NULL = empty bodies. */
typedef void (*http_fault_fn)(void *ctx, int status, struct buf *ret_body,
			      const char **ret_content_type);

struct http_options {
	struct http_limits limits;
	http_body_limit_fn body_limit;
	http_request_fn on_request;
	http_fault_fn on_fault;
	void *ctx;
};

struct http_server *http_listen(uv_loop_t *loop, const char *host, int port,
				const struct http_options *o, struct error *ret_error);
int http_port(const struct http_server *s); /* the real one, when 0 was asked for */
size_t http_connections(const struct http_server *s);
void http_stop_listening(
    struct http_server *s); /* answers what is under way, closes idle connections */
bool http_quiet(const struct http_server *s); /* nothing under way */
void http_close(struct http_server *s);

struct slice http_method(const struct http_request *r);
struct slice http_path(const struct http_request *r); /* without the query */
struct slice http_query(const struct http_request *r);
struct slice http_body(const struct http_request *r);
struct slice http_header(const struct http_request *r,
			 const char *lower_case_name); /* empty when absent; last wins */
struct slice http_peer(const struct http_request *r);  /* the peer's address as text */

struct http_header_out {
	const char *name;
	struct slice value;
};
/* Copies all. The request is gone after this call. Safe when the client has left. */
void http_answer(struct http_request *r, int status, const char *content_type,
		 const struct http_header_out *headers, size_t header_count, struct slice body);

#endif
