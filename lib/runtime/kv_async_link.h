/* kv_async_link: one connection to one Redis server on the loop, and the requests under way on it.
 *
 * Requests are answered in their order, so one deadline is kept: the oldest one's. When it passes, the connection is dropped
 * and everything outstanding hears NULL; so it does when the connection breaks. Connects again by itself, with a growing
 * pause. The host's name is resolved when connecting, which may block: give an address, or a name from the hosts file. */
#ifndef PUNNET_KV_ASYNC_LINK_H
#define PUNNET_KV_ASYNC_LINK_H

#include <async.h>
#include <hiredis.h>

#include "kv_internal.h"

struct kv_link;

/* One command under way, part of something larger that its owner frees. */
struct kv_request {
	struct kv_request *next;
	struct kv_link *link;
	int64_t deadline_ms;
	/* reply: NULL when none will come. It may be sent again from here, on another link. */
	void (*on_reply)(struct kv_request *q, const redisReply *reply);
};

struct kv_link_options {
	struct uv_loop_s *loop;
	const struct kv_url *url; /* password and db; outlives the link */
	struct kv_seed at;
	int timeout_ms;
	/* It came up, or went down, or could not come up. Not from inside kv_link_send(). */
	void (*on_change)(void *ctx, bool up);
	void *ctx;
};

struct kv_link *kv_link_open(const struct kv_link_options *o);
/* Everything outstanding hears NULL. Not from inside a callback of a link. */
void kv_link_close(struct kv_link *l);
bool kv_link_is_up(const struct kv_link *l);
bool kv_link_is_idle(
    const struct kv_link *l); /* has no connection, and waits to try again, or not */
const struct kv_seed *kv_link_at(const struct kv_link *l);
/* false: when it goes down, it stays so. */
void kv_link_keep(struct kv_link *l, bool keep);
/* false: not queued, and on_reply will not be called. */
_must_use_ bool kv_link_send(struct kv_link *l, struct kv_request *q, const struct slice *words,
			     size_t count);
/* The same with a command as it goes over the wire; asking: as a guest, while its slot is on its way here. */
_must_use_ bool kv_link_send_raw(struct kv_link *l, struct kv_request *q, struct slice command,
				 bool asking);

#endif
