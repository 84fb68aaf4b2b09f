/* kv_net: connections to one Redis server, or to the nodes of a Redis Cluster. Requests are appended for slots, sent together,
 * and their replies read in the order of appending: one round trip for all nodes.
 *
 * Whatever is not certain drops the node's connection, so that a late answer never meets another question. Tries to connect
 * again at most every KV_RETRY_MOST_MS, and only when asked. */
#ifndef PUNNET_KV_NET_H
#define PUNNET_KV_NET_H

#include "kv_internal.h"
#include "kv_slots.h"

#define KV_RETRY_LEAST_MS 25
#define KV_RETRY_MOST_MS  250
#define KV_SHA_LEN        40

struct kv_script {
	const char *text;
	char sha[KV_SHA_LEN + 1];
};

struct kv_node {
	char host[256];
	int port;
	redisContext *connection; /* NULL when there is none */
	int64_t next_try_ms, retry_ms;
};

struct kv_net {
	struct kv_url url;
	int timeout_ms;
	struct kv_script *scripts; /* loaded on every node at connecting */
	size_t script_count;
	struct kv_node nodes[KV_NODES_MAX]; /* the seeds first */
	size_t node_count;
	bool map_known;
	size_t teacher; /* the node that is asked for the map next: another one each time */
	uint8_t slots[KV_SLOTS]; /* node by slot */
	struct error last;       /* why there is no connection */
};

void kv_net_init(struct kv_net *n, const struct kv_url *url, int timeout_ms,
		 struct kv_script *scripts, size_t script_count);
void kv_net_close(struct kv_net *n);
/* The node for a slot, connected; NULL: not now, n->last says why. One server takes every slot. */
struct kv_node *kv_net_node(struct kv_net *n, unsigned slot);
/* Appends a request; nothing is sent yet. */
void kv_net_ask(struct kv_node *node, size_t argc, const char **argv, const size_t *lengths);
/* Sends what was appended, on all nodes, so that they work at the same time. */
void kv_net_flush(struct kv_net *n);
/* The next reply of the node; NULL after its connection was dropped. An error reply is a reply. */
redisReply *kv_net_hear(struct kv_net *n, struct kv_node *node);
/* Drops the connection, and says why in n->last. */
void kv_net_drop(struct kv_net *n, struct kv_node *node, const char *fmt, ...) _printf_(3, 4);
/* What an error reply asks for. */
enum kv_trouble {
	KV_TROUBLE_SCRIPT, /* the script was forgotten, and is loaded again: ask again */
	KV_TROUBLE_MOVED,  /* the slot is another node's now: ask again */
	KV_TROUBLE_MOVING, /* it is on its way, or nobody's: ask again later */
	KV_TROUBLE_OTHER,  /* the connection was dropped */
};
enum kv_trouble kv_net_trouble(struct kv_net *n, struct kv_node *node, const char *text);

#endif
