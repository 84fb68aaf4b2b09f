/* sender_internal: what the two files of the sender share: requests (sender.c), and libcurl's descriptors and timer on
 * the loop (sender_loop.c). */
#ifndef PUNNET_DELIVERY_SENDER_INTERNAL_H
#define PUNNET_DELIVERY_SENDER_INTERNAL_H

#include <curl/curl.h>

#include "sender.h"

#define SENDER_MAGIC   0x53454e44u
#define TRANSFER_MAGIC 0x54524e53u

struct place;

struct sender {
	uint32_t magic;
	struct sender_options options;
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct transfer *transfers;
	struct transfer *spare; /* to be used again; linked by next */
	size_t in_flight, spare_count;
	struct place *places; /* by descriptor: the sockets that libcurl had from us */
	size_t place_count;
	size_t handles; /* libuv handles that still hold this memory */
	bool closing;
};

struct transfer {
	uint32_t magic;
	struct sender *sender;
	struct transfer *prev, *next;
	void *owner;
	CURL *easy;
	struct curl_slist headers[MESSAGE_HEADERS_MAX + 1]; /* their text is the message's */
	struct message message;
	struct buf answer;
	struct curl_slist *recipients;
	size_t read; /* of the message's body, by libcurl: mail only */
	bool mails;
	bool posts;     /* its handle may serve another request */
	bool sent;      /* a connection stood and the request was about to go out */
	bool sent_told; /* the fault point has seen it */
	bool too_long;
	bool address_refused;
};

/* --- requests (sender.c) --- */
/* Tells the owners of all transfers that have ended. */
void sender_serve_ends(struct sender *s);

/* --- the loop (sender_loop.c) --- */
void sender_loop_open(struct sender *s);
/* After curl_multi_cleanup(). The sender's memory goes when the loop has turned. */
void sender_loop_close(struct sender *s);
/* libcurl got a socket from us; it is about to be closed. */
void sender_place_open(struct sender *s, curl_socket_t fd);
void sender_place_close(struct sender *s, curl_socket_t fd);

#endif
