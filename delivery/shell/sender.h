/* sender: HTTP requests, and mail through the network's relay, out of the loop: libcurl's multi interface driven by libuv, connections kept and used again.
 *
 * Each transfer ends with exactly one call of on_done, later than sender_send(), unless it is cancelled. A hostile server
 * can cost at most the transfer's time-out and `answer_max_bytes` of memory: redirects are not followed, answers are not
 * decompressed, only http and https are spoken, no proxy of the environment is used, and addresses are checked after the
 * name was looked up and before the connection is made. */
#ifndef PUNNET_DELIVERY_SENDER_H
#define PUNNET_DELIVERY_SENDER_H

#include <uv.h>

#include "base/result.h"
#include "delivery/channels/channel.h"
#include "delivery/core/mail.h"

struct sender;
struct transfer;

/* Of the answer's text only the body is set, valid inside the call only. */
typedef void (*sender_done_fn)(void *ctx, void *owner, struct transport_answer *answer);

struct sender_options {
	bool allow_private_addresses;
	int64_t connect_timeout_ms;
	size_t answer_max_bytes;
	size_t connections_max; /* kept open, in use or idle */
	const char *ca_file;    /* "" = the system's */
	sender_done_fn on_done;
	void *ctx;
};

enum request_kind { REQUEST_POST, REQUEST_GET, REQUEST_MAIL };

/* Where to, and for how long. Strings are copied. */
struct sender_request {
	enum request_kind kind;
	const char *url;
	int64_t timeout_ms;
	/* REQUEST_MAIL: the url is the network's own relay, whose address may be a private one */
	const char *mail_from;
	const char (*mail_to)[MAIL_ADDRESS_MAX];
	size_t mail_to_count;
	const char *mail_login; /* "user:password"; NULL or "" = none */
	bool mail_plain;        /* go on where the relay has no TLS */
	/* a file that holds a client certificate and its key; NULL or "" = none */
	const char *certificate;
};

struct sender *sender_open(uv_loop_t *loop, const struct sender_options *o,
			   struct error *ret_error);
/* An empty message, with the room of one that was sent. */
void sender_room(struct sender *s, struct message *ret);
/* Takes the message over (and wipes it at the end). The result may be NULL only for want of memory: aborts then. */
struct transfer *sender_send(struct sender *s, const struct sender_request *r, struct message *m,
			     void *owner);
/* on_done does not come. The request may have been sent. */
void sender_cancel(struct sender *s, struct transfer *t);
size_t sender_in_flight(const struct sender *s);
/* Cancels all; memory goes when the loop has turned. NULL is fine. */
void sender_close(struct sender *s);

#endif
