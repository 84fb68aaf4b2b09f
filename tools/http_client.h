/* http_client: posts to the front door over a few kept connections, pipelined, and repeated until they have a final answer.
 *
 * Every call that http_client_send() takes leads to exactly one on_reply(): with the answer's status, or with status 0 when
 * no final answer came within the patience. 408, 429, 5xx and broken connections are not final: the same call, with the
 * same Idempotency-Key, goes out again after a pause (the server's Retry-After, or one that doubles).
 *
 * Calls of one lane use one connection, so they arrive in their order as long as none is repeated. */
#ifndef PUNNET_HTTP_CLIENT_H
#define PUNNET_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/result.h"

#define HTTP_CALL_ID_MAX       79
#define HTTP_CONNECTIONS_MAX   256
#define HTTP_DEPTH_MAX         128         /* unanswered calls of one connection */
#define HTTP_REPLY_MAX         (16u << 20) /* of an answer's body; past it the connection is closed */
#define HTTP_ANSWER_TIMEOUT_MS 30000       /* of the oldest call of a connection */
#define HTTP_TICK_MS           5
#define HTTP_PAUSE_LEAST_MS    100
#define HTTP_PAUSE_MOST_MS     5000

struct http_call {
	const char *path, *type, *bearer; /* not copied: must outlive the call */
	struct slice signing_key;         /* not copied; empty: not signed */
	char id[HTTP_CALL_ID_MAX +
		1]; /* unique; the webhook-id, and the Idempotency-Key when keyed */
	bool keyed;
	uint32_t lane;
	void *tag;       /* the caller's */
	uint64_t number; /* the caller's */
	struct buf body; /* handed over; freed after on_reply() */
};

struct http_reply {
	int status; /* 0: no final answer */
	bool replayed;
	unsigned tries;
	struct slice body; /* valid during on_reply() */
};

struct http_client_options {
	const char *url; /* http://host:port */
	unsigned connections, depth;
	size_t max_calls; /* taken and not yet replied to */
	int64_t patience_ms;
	void (*on_reply)(void *ctx, const struct http_call *call, const struct http_reply *reply);
	bool (*on_tick)(void *ctx); /* every HTTP_TICK_MS; false: http_client_run() returns */
	void *ctx;
};

struct http_client; /* opaque */

struct http_client *http_client_open(const struct http_client_options *o,
				     struct error *ret_error); /* NULL with an error */
size_t http_client_room(const struct http_client *c); /* how many more calls it takes now */
/* Takes the call's body over. Only while there is room. */
void http_client_send(struct http_client *c, struct http_call *call);
void http_client_run(struct http_client *c); /* until on_tick() says so */
size_t http_client_open_calls(const struct http_client *c);
uint64_t http_client_repeats(const struct http_client *c);
bool http_client_ever_answered(const struct http_client *c);
void http_client_close(struct http_client *c); /* accepts NULL; calls under way get no reply */

#endif
