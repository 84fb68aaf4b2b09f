/* http_client_internal: what the client's files share. Private to http_client*.c.
 *
 *   http_client.c        calls, connections, time
 *   http_client_write.c  a call as bytes
 *   http_client_read.c   answers */
#ifndef PUNNET_HTTP_CLIENT_INTERNAL_H
#define PUNNET_HTTP_CLIENT_INTERNAL_H

#include <llhttp.h>
#include <uv.h>

#include "http_client.h"
#include "runtime/clock.h"

#define HOST_MAX     255
#define READ_BYTES   (64u << 10)
#define HEAD_MAX     64 /* of a header's name or value that we look at */
#define CLIENT_MAGIC 0x48434c49u
#define CONN_MAGIC   0x48434f4eu

struct call {
	struct http_call given;
	int64_t began_ms, sent_ms, due_ms;
	unsigned tries;
	struct call *next;
};

struct queue {
	struct call *first, **last;
	size_t count;
};

enum conn_state { CONN_DOWN, CONN_CONNECTING, CONN_UP, CONN_CLOSING };

struct conn {
	uint32_t magic;
	struct http_client *client;
	enum conn_state state;
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	bool writing, has_handle, reading;
	struct queue waiting, sent;
	struct buf out, sending;
	llhttp_t parser;
	struct buf body;
	char name[HEAD_MAX], value[HEAD_MAX];
	size_t name_len, value_len;
	bool in_value, replayed;
	int64_t retry_after_s;
};

struct http_client {
	uint32_t magic;
	struct http_client_options o;
	uv_loop_t loop;
	uv_timer_t tick;
	struct sockaddr_storage address;
	char host[HOST_MAX + 10]; /* as in the Host header */
	struct queue later;
	size_t calls;
	uint64_t repeats;
	bool ever_answered, ending;
	llhttp_settings_t settings;
	struct conn *conns;
	char input[READ_BYTES];
};

/* --- queues of calls --- */

static inline void queue_add(struct queue *q, struct call *call)
{
	if (!q->first)
		q->last = &q->first;
	call->next = NULL;
	*q->last = call;
	q->last = &call->next;
	q->count++;
}

static inline struct call *queue_take(struct queue *q)
{
	struct call *call = q->first;

	if (!call)
		return NULL;
	q->first = call->next;
	q->count--;
	return call;
}

/* --- http_client.c --- */
void http_client_finish(struct http_client *c, struct call *call, const struct http_reply *reply);
void http_client_try_later(struct http_client *c, struct call *call, int64_t pause_ms);
int64_t http_client_pause_of(const struct call *call);

/* --- http_client_write.c --- */
void http_client_write_call(struct buf *out, const struct http_client *c,
			    const struct http_call *call);

/* --- http_client_read.c --- */
void http_client_read_settings(llhttp_settings_t *ret);

#endif
