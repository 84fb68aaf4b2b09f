/* kv_slots: what a cluster says about its slots, read from replies. */
#ifndef PUNNET_KV_SLOTS_H
#define PUNNET_KV_SLOTS_H

#include <hiredis.h>

#include "kv_layout.h"

#define KV_NODES_MAX 128

/* The number of the node at this address, under KV_NODES_MAX; -1: no room. */
typedef int (*kv_node_fn)(void *ctx, const char *host, int port);
/* CLUSTER SLOTS: the masters into ret_slots. An empty host is the one that was asked. false: it is no such answer. */
_must_use_ bool kv_slots_read(const redisReply *reply, const char *asked_host, kv_node_fn node_at,
			      void *ctx, uint8_t ret_slots[KV_SLOTS]);

/* "MOVED 3999 10.0.0.7:6381", "ASK …". */
struct kv_redirect {
	bool ask; /* only this once */
	unsigned slot;
	char host[256]; /* empty: the one that was asked */
	int port;
};
_must_use_ bool kv_redirect_read(const char *text, struct kv_redirect *ret);

#endif
