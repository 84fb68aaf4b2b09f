/* kv_net: see kv_net.h. */
#include "kv_net.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

static void free_reply(redisReply **reply)
{
	freeReplyObject(*reply);
}

/* --- connections --- */

void kv_net_drop(struct kv_net *n, struct kv_node *node, const char *fmt, ...)
{
	char why[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (node->connection)
		redisFree(node->connection);
	node->connection = NULL;
	node->retry_ms =
	    node->retry_ms ? MIN_OF(node->retry_ms * 2, KV_RETRY_MOST_MS) : KV_RETRY_LEAST_MS;
	node->next_try_ms = clock_monotonic_ms() + node->retry_ms;
	/* A node that is gone may have a successor elsewhere. */
	n->map_known = false;
	(void)error_set(&n->last, RESULT_AWAY, "redis %s:%d: %s", node->host, node->port, why);
}

static const char *connection_error(const struct kv_node *node)
{
	if (node->connection->err == REDIS_ERR_IO)
		return "no answer in time, or the connection broke";
	return node->connection->errstr;
}

void kv_net_ask(struct kv_node *node, size_t argc, const char **argv, const size_t *lengths)
{
	/* Fails only out of memory; the next read then says so. */
	(void)redisAppendCommandArgv(node->connection, (int)argc, argv, lengths);
}

void kv_net_flush(struct kv_net *n)
{
	for (size_t i = 0; i < n->node_count; i++) {
		redisContext *c = n->nodes[i].connection;
		int done = 0;

		/* What goes wrong here, hearing says. */
		while (c && !done && redisBufferWrite(c, &done) == REDIS_OK)
			;
	}
}

redisReply *kv_net_hear(struct kv_net *n, struct kv_node *node)
{
	void *reply = NULL;

	if (!node->connection)
		return NULL;
	if (redisGetReply(node->connection, &reply) == REDIS_OK && reply)
		return reply;
	kv_net_drop(n, node, "%s", connection_error(node));
	return NULL;
}

static redisReply *say(struct kv_net *n, struct kv_node *node, size_t argc, const char **argv)
{
	kv_net_ask(node, argc, argv, NULL);
	return kv_net_hear(n, node);
}

static bool say_ok(struct kv_net *n, struct kv_node *node, size_t argc, const char **argv)
{
	_cleanup_(free_reply) redisReply *reply = say(n, node, argc, argv);

	if (!reply)
		return false;
	if (reply->type == REDIS_REPLY_ERROR) {
		kv_net_drop(n, node, "%s", reply->str);
		return false;
	}
	return true;
}

static bool load_script(struct kv_net *n, struct kv_node *node, struct kv_script *s)
{
	const char *argv[] = {"SCRIPT", "LOAD", s->text};
	_cleanup_(free_reply) redisReply *reply = say(n, node, ARRAY_LEN(argv), argv);

	if (!reply)
		return false;
	if (reply->type != REDIS_REPLY_STRING || (size_t)reply->len != KV_SHA_LEN) {
		kv_net_drop(n, node, "SCRIPT LOAD: %s",
			    reply->type == REDIS_REPLY_ERROR ? reply->str : "odd answer");
		return false;
	}
	memcpy(s->sha, reply->str, KV_SHA_LEN);
	return true;
}

static bool load_scripts(struct kv_net *n, struct kv_node *node)
{
	for (size_t i = 0; i < n->script_count; i++) {
		if (!load_script(n, node, &n->scripts[i]))
			return false;
	}
	return true;
}

static bool connect_now(struct kv_net *n, struct kv_node *node)
{
	struct timeval timeout = {n->timeout_ms / 1000, n->timeout_ms % 1000 * 1000};
	const char *auth[] = {"AUTH", n->url.password};
	char db[16];
	const char *choose[] = {"SELECT", db};

	node->connection = redisConnectWithTimeout(node->host, node->port, timeout);
	assert(node->connection);
	if (node->connection->err) {
		kv_net_drop(n, node, "%s", node->connection->errstr);
		return false;
	}
	if (redisSetTimeout(node->connection, timeout) != REDIS_OK) {
		kv_net_drop(n, node, "can't set a time-out");
		return false;
	}
	snprintf(db, sizeof(db), "%d", n->url.db);
	if ((n->url.password[0] && !say_ok(n, node, 2, auth)) ||
	    (!n->url.cluster && !say_ok(n, node, 2, choose)) || !load_scripts(n, node))
		return false;
	log_info("redis_connected", LOG_STR("host", node->host), LOG_INT("port", node->port));
	return true;
}

static bool be_connected(struct kv_net *n, struct kv_node *node)
{
	if (node->connection)
		return true;
	return clock_monotonic_ms() >= node->next_try_ms && connect_now(n, node);
}

/* --- the cluster's map --- */

/* A place for one more node: of one that has no slots any longer, when all are taken. */
static struct kv_node *place_for_node(struct kv_net *n)
{
	bool used[KV_NODES_MAX] = {false};

	if (n->node_count < KV_NODES_MAX)
		return &n->nodes[n->node_count++];
	for (size_t s = 0; s < KV_SLOTS; s++)
		used[n->slots[s]] = true;
	for (size_t i = n->url.seed_count; i < KV_NODES_MAX; i++) {
		if (!used[i] && !n->nodes[i].connection)
			return &n->nodes[i];
	}
	return NULL;
}

static struct kv_node *node_at(struct kv_net *n, const char *host, int port)
{
	struct kv_node *node;

	for (size_t i = 0; i < n->node_count; i++) {
		if (n->nodes[i].port == port && strcmp(n->nodes[i].host, host) == 0)
			return &n->nodes[i];
	}
	node = place_for_node(n);
	if (!node)
		return NULL;
	*node = (struct kv_node){.port = port};
	snprintf(node->host, sizeof(node->host), "%s", host);
	return node;
}

static int number_at(void *ctx, const char *host, int port)
{
	struct kv_net *n = ctx;
	const struct kv_node *node = node_at(n, host, port);

	return node ? (int)(node - n->nodes) : -1;
}

static bool learn_map_from(struct kv_net *n, struct kv_node *node)
{
	const char *argv[] = {"CLUSTER", "SLOTS"};

	if (!be_connected(n, node))
		return false;

	_cleanup_(free_reply) redisReply *reply = say(n, node, ARRAY_LEN(argv), argv);

	if (!reply)
		return false;
	if (!kv_slots_read(reply, node->host, number_at, n, n->slots)) {
		kv_net_drop(n, node, "CLUSTER SLOTS: %s",
			    reply->type == REDIS_REPLY_ERROR ? reply->str : "no slots yet");
		return false;
	}
	return true;
}

/* From another node each time: one that was cut off from the others believes in an old map for long. */
static bool learn_map(struct kv_net *n)
{
	size_t count = n->node_count;

	for (size_t i = 0; i < count && !n->map_known; i++)
		n->map_known = learn_map_from(n, &n->nodes[n->teacher++ % count]);
	return n->map_known;
}

/* --- from outside --- */

void kv_net_init(struct kv_net *n, const struct kv_url *url, int timeout_ms,
		 struct kv_script *scripts, size_t script_count)
{
	*n = (struct kv_net){.url = *url,
			     .timeout_ms = timeout_ms,
			     .scripts = scripts,
			     .script_count = script_count};
	for (size_t i = 0; i < url->seed_count; i++)
		(void)node_at(n, url->seeds[i].host, url->seeds[i].port);
	(void)error_set(&n->last, RESULT_AWAY, "redis %s:%d: not connected yet", n->nodes[0].host,
			n->nodes[0].port);
}

void kv_net_close(struct kv_net *n)
{
	for (size_t i = 0; i < n->node_count; i++) {
		if (n->nodes[i].connection)
			redisFree(n->nodes[i].connection);
	}
}

struct kv_node *kv_net_node(struct kv_net *n, unsigned slot)
{
	struct kv_node *node = &n->nodes[0];

	if (n->url.cluster) {
		if (!n->map_known && !learn_map(n))
			return NULL;
		node = &n->nodes[n->slots[slot]];
	}
	return be_connected(n, node) ? node : NULL;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

enum kv_trouble kv_net_trouble(struct kv_net *n, struct kv_node *node, const char *text)
{
	bool moved = begins(text, "MOVED ");

	if (!node->connection) /* by an earlier reply of the same batch */
		return KV_TROUBLE_OTHER;
	if (begins(text, "NOSCRIPT"))
		return load_scripts(n, node) ? KV_TROUBLE_SCRIPT : KV_TROUBLE_OTHER;
	if (moved || begins(text, "ASK ") || begins(text, "TRYAGAIN") ||
	    begins(text, "CLUSTERDOWN")) {
		n->map_known = false;
		(void)error_set(&n->last, RESULT_AWAY, "redis %s:%d: %s", node->host, node->port,
				text);
		return moved ? KV_TROUBLE_MOVED : KV_TROUBLE_MOVING;
	}
	kv_net_drop(n, node, "%s", text);
	return KV_TROUBLE_OTHER;
}
