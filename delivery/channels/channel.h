/* channel: one way to hand a lead over. A channel is one file and one line in channels.c; docs/adding-a-channel.md says how.
 *
 * Pure: a channel reads its settings, writes the message, and reads the answer. Sending is the shell's. */
#ifndef PUNNET_DELIVERY_CHANNEL_H
#define PUNNET_DELIVERY_CHANNEL_H

#include "base/ids.h"
#include "delivery/core/classify.h"
#include "delivery/core/endpoint.h"
#include "proto/leads_routed.pb-c.h"

#define DELIVERY_KEY_TEXT_MAX (LEAD_ID_TEXT_LEN + 12)
#define SOURCE_TEXT_LEN       12
#define MESSAGE_HEADERS_MAX   24
#define MESSAGE_HEAD_MAX      (16 * 1024) /* bytes of all headers */
#define MESSAGE_BODY_MAX      (512 * 1024)
#define SECRET_MAX_BYTES      4096

struct signer;

/* All that a channel may need of one lead. Borrowed. */
struct handover {
	struct lead_id lead_id;
	const Punnet__V1__RoutedLead *routed;
	const Punnet__V1__Contact *contact;
	char source[SOURCE_TEXT_LEN + 1]; /* the webmaster's pseudonym for this advertiser */
	const struct signer *signer;      /* the advertiser's */
	int64_t now_ms;
	const char *mail_from; /* the network's own address; "" = it sends no mail */
	/* A secret of the advertiser's by its name; empty: there is none. Valid until the next call. */
	struct slice (*secret)(void *ctx, struct slice name);
	void *secret_ctx;
};

/* What goes out. Holds the contact in the open: message_wipe() as soon as it is sent. */
struct message {
	struct buf head; /* "name: value", each with a NUL behind it */
	size_t header_at[MESSAGE_HEADERS_MAX];
	size_t header_count;
	struct buf body;
};

enum compose {
	COMPOSE_DONE,
	COMPOSE_TOO_LARGE,
	COMPOSE_NO_SECRET, /* the settings name a secret that is not there, or can't be sent */
};

void message_wipe(struct message *m);
/* Wiped, with its room kept for the next message. */
void message_clear(struct message *m);
/* Room for all of it at once: a buffer that grows would leave the contact behind in freed memory. */
_must_use_ bool message_begin(struct message *m, const struct handover *h);
void message_header(struct message *m, const char *name, struct slice value);
/* The same in pieces: what is appended to m->head in between is the value. Too much of it, and m->head.failed is set. */
void message_header_open(struct message *m, struct slice name);
void message_header_close(struct message *m);
const char *message_header_text(const struct message *m, size_t i);

/* Bytes that a message about this lead may come to. */
size_t handover_room(const struct handover *h);
/* Empty when nobody keeps secrets. */
struct slice handover_secret(const struct handover *h, struct slice name);

struct channel {
	const char *name; /* the member of the order's delivery settings */
	enum result (*read)(const struct json *settings, int64_t default_timeout_ms,
			    struct endpoint *ret, struct error *ret_error);
	/* When it is not done, m is wiped by the caller. */
	enum compose (*compose)(const struct handover *h, const struct endpoint *e,
				struct message *m);
	/* The question whether the lead arrived: its headers, and where to; NULL: nobody can be asked. */
	enum compose (*ask)(const struct handover *h, const struct endpoint *e,
			    const struct status_query *query, struct message *m,
			    char ret_url[ENDPOINT_URL_MAX]);
	struct attempt_said (*judge)(const struct answer_rules *rules,
				     const struct transport_answer *answer);
};

/* Reads an order's delivery settings. *ret_channel is the one that they name. */
_must_use_ enum result channel_read(struct slice delivery_json, int64_t default_timeout_ms,
				    struct arena *scratch, const struct channel **ret_channel,
				    struct endpoint *ret, struct error *ret_error);

/* "<lead id>.<round>": the same at every repeat of one assignment. */
void delivery_key_text(const struct lead_id *lead_id, uint32_t round,
		       char ret[DELIVERY_KEY_TEXT_MAX]);
/* Twelve hex digits that stand for a webmaster towards one advertiser: stable, and of no use to another one. */
void source_pseudonym(const uint8_t key[32], struct slice aff_id, struct slice advertiser_id,
		      char ret[SOURCE_TEXT_LEN + 1]);

extern const struct channel channel_webhook, channel_email;

#endif
