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

static struct kv_node *node_at(struct kv_net *n, const char *host, int port)
{
	for (size_t i = 0; i < n->node_count; i++) {
		if (n->nodes[i].port == port && strcmp(n->nodes[i].host, host) == 0)
			return &n->nodes[i];
	}
	if (n->node_count == KV_NODES_MAX)
		return NULL;

	struct kv_node *node = &n->nodes[n->node_count++];

	*node = (struct kv_node){.port = port};
	snprintf(node->host, sizeof(node->host), "%s", host);
	return node;
}

/* One row of CLUSTER SLOTS: first, last, [host, port, …], replicas. */
static bool read_row(struct kv_net *n, const struct kv_node *asked, const redisReply *row)
{
	const redisReply *master;
	struct kv_node *node;

	if (row->type != REDIS_REPLY_ARRAY || row->elements < 3)
		return false;
	master = row->element[2];
	if (row->element[0]->type != REDIS_REPLY_INTEGER ||
	    row->element[1]->type != REDIS_REPLY_INTEGER || master->type != REDIS_REPLY_ARRAY ||
	    master->elements < 2 || master->element[1]->type != REDIS_REPLY_INTEGER)
		return false;
	/* An empty host is the one that was asked. */
	node = node_at(n,
		       master->element[0]->type == REDIS_REPLY_STRING && master->element[0]->len > 0
			   ? master->element[0]->str
			   : asked->host,
		       (int)master->element[1]->integer);
	if (!node)
		return false;
	for (long long s = row->element[0]->integer; s <= row->element[1]->integer; s++) {
		if (s < 0 || s >= KV_SLOTS)
			return false;
		n->slots[s] = (uint8_t)(node - n->nodes);
	}
	return true;
}

static bool learn_map_from(struct kv_net *n, struct kv_node *node)
{
	const char *argv[] = {"CLUSTER", "SLOTS"};

	if (!be_connected(n, node))
		return false;

	_cleanup_(free_reply) redisReply *reply = say(n, node, ARRAY_LEN(argv), argv);

	if (!reply)
		return false;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
		kv_net_drop(n, node, "CLUSTER SLOTS: %s",
			    reply->type == REDIS_REPLY_ERROR ? reply->str : "no slots yet");
		return false;
	}
	for (size_t i = 0; i < reply->elements; i++) {
		if (!read_row(n, node, reply->element[i])) {
			kv_net_drop(n, node, "CLUSTER SLOTS: odd answer");
			return false;
		}
	}
	return true;
}

static bool learn_map(struct kv_net *n)
{
	for (size_t i = 0; i < n->node_count && !n->map_known; i++)
		n->map_known = learn_map_from(n, &n->nodes[i]);
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
	if (begins(text, "NOSCRIPT"))
		return load_scripts(n, node) ? KV_TROUBLE_SCRIPT : KV_TROUBLE_OTHER;
	if (begins(text, "MOVED ") || begins(text, "ASK ") || begins(text, "TRYAGAIN") ||
	    begins(text, "CLUSTERDOWN")) {
		n->map_known = false;
		(void)error_set(&n->last, RESULT_AWAY, "redis %s:%d: %s", node->host, node->port,
				text);
		return KV_TROUBLE_MOVED;
	}
	kv_net_drop(n, node, "%s", text);
	return KV_TROUBLE_OTHER;
}
