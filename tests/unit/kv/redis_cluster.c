#include "redis_cluster.h"

#include <hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

#define SLOTS       16384
#define WAIT_TRIES  1500
#define TRY_NS      20000000 /* 20 ms */
#define KEYS_A_MOVE 10
#define ID_LEN      40

_printf_(2, 3) static long long tell(const struct redis_server *s, const char *fmt, ...)
{
	char command[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return redis_server_tell(s, command);
}

/* Is a line of the reply this? */
static bool says(const struct redis_server *s, const char *command, const char *line)
{
	char text[8192];

	redis_server_ask(s, command, text, sizeof(text));
	return strstr(text, line) != NULL;
}

static void wait_for(const struct redis_server *s, const char *command, const char *line)
{
	for (int i = 0; i < WAIT_TRIES; i++) {
		if (says(s, command, line))
			return;
		nanosleep(&(struct timespec){0, TRY_NS}, NULL);
	}
	fprintf(stderr, "redis at %d: %s: never says %s\n", s->port, command, line);
	abort();
}

void redis_cluster_wait(struct redis_cluster *c)
{
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		wait_for(&c->nodes[i], "CLUSTER INFO", "cluster_state:ok");
}

static void meet(const struct redis_server *one, const struct redis_server *other)
{
	tell(one, "CLUSTER MEET 127.0.0.1 %d %d", other->port, other->bus_port);
}

void redis_cluster_start(struct redis_cluster *c)
{
	size_t len = (size_t)snprintf(c->url, sizeof(c->url), "redis://");

	for (unsigned i = 0; i < CLUSTER_MASTERS; i++) {
		struct redis_server *s = &c->nodes[i];

		redis_server_start_node(s);
		len += (size_t)snprintf(c->url + len, sizeof(c->url) - len, "%s127.0.0.1:%d",
					i ? "," : "", s->port);
		tell(s, "CLUSTER ADDSLOTSRANGE %u %u", SLOTS * i / CLUSTER_MASTERS,
		     SLOTS * (i + 1) / CLUSTER_MASTERS - 1);
		tell(s, "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
	}
	for (size_t i = 1; i < CLUSTER_MASTERS; i++)
		meet(&c->nodes[i], &c->nodes[0]);
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		wait_for(&c->nodes[i], "CLUSTER INFO", "cluster_slots_ok:16384");
	redis_cluster_wait(c);
}

void redis_cluster_end(struct redis_cluster *c)
{
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		redis_server_end(&c->nodes[i]);
	if (c->replica.port)
		redis_server_end(&c->replica);
}

/* --- slots --- */

/* CLUSTER NODES: the line of `myself` ends with its ranges, "0-5460 7000 [slot->-node]". */
static bool owns(const struct redis_server *s, unsigned slot)
{
	char text[8192], *line, *word;

	redis_server_ask(s, "CLUSTER NODES", text, sizeof(text));
	line = strstr(text, "myself");
	assert(line);
	line[strcspn(line, "\n")] = '\0';
	word = strstr(line, " connected");
	for (word = word ? strtok(word, " ") : NULL; word; word = strtok(NULL, " ")) {
		unsigned first, last;
		int read = sscanf(word, "%u-%u", &first, &last);

		if (read > 0 && slot >= first && slot <= (read == 2 ? last : first))
			return true;
	}
	return false;
}

struct redis_server *redis_cluster_owner(struct redis_cluster *c, unsigned slot)
{
	for (size_t i = 0; i < CLUSTER_MASTERS; i++) {
		if (owns(&c->nodes[i], slot))
			return &c->nodes[i];
	}
	fprintf(stderr, "slot %u is nobody's\n", slot);
	abort();
}

struct redis_server *redis_cluster_other(struct redis_cluster *c, const struct redis_server *than)
{
	return than == &c->nodes[0] ? &c->nodes[1] : &c->nodes[0];
}

static void id_of(const struct redis_server *s, char ret[ID_LEN + 1])
{
	redis_server_ask(s, "CLUSTER MYID", ret, ID_LEN + 1);
	assert(strlen(ret) == ID_LEN);
}

void redis_cluster_move_begin(struct redis_server *from, struct redis_server *to, unsigned slot)
{
	char id[ID_LEN + 1];

	id_of(from, id);
	tell(to, "CLUSTER SETSLOT %u IMPORTING %s", slot, id);
	id_of(to, id);
	tell(from, "CLUSTER SETSLOT %u MIGRATING %s", slot, id);
}

/* Keys are binary, so they go from reply to request. */
bool redis_cluster_move_keys(struct redis_server *from, struct redis_server *to, unsigned slot)
{
	redisContext *c = redisConnect("127.0.0.1", from->port);
	const char *argv[7 + KEYS_A_MOVE] = {"MIGRATE", "127.0.0.1", "", "", "0", "5000", "KEYS"};
	size_t lengths[7 + KEYS_A_MOVE], count;
	redisReply *keys, *moved;
	char port[16];

	keys = redisCommand(c, "CLUSTER GETKEYSINSLOT %u %d", slot, KEYS_A_MOVE);
	assert(keys && keys->type == REDIS_REPLY_ARRAY);
	count = keys->elements;
	snprintf(port, sizeof(port), "%d", to->port);
	argv[2] = port;
	for (size_t i = 0; i < 7; i++)
		lengths[i] = strlen(argv[i]);
	for (size_t i = 0; i < count; i++) {
		argv[7 + i] = keys->element[i]->str;
		lengths[7 + i] = (size_t)keys->element[i]->len;
	}
	if (count > 0) {
		moved = redisCommandArgv(c, (int)(7 + count), argv, lengths);
		assert(moved && moved->type == REDIS_REPLY_STATUS);
		freeReplyObject(moved);
	}
	freeReplyObject(keys);
	redisFree(c);
	return count > 0;
}

void redis_cluster_move_end(struct redis_cluster *c, struct redis_server *to, unsigned slot)
{
	char id[ID_LEN + 1];

	id_of(to, id);
	tell(to, "CLUSTER SETSLOT %u NODE %s", slot, id); /* first: it may not be nobody's */
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		tell(&c->nodes[i], "CLUSTER SETSLOT %u NODE %s", slot, id);
}

void redis_cluster_move(struct redis_cluster *c, struct redis_server *from, struct redis_server *to,
			unsigned slot)
{
	redis_cluster_move_begin(from, to, slot);
	while (redis_cluster_move_keys(from, to, slot))
		;
	redis_cluster_move_end(c, to, slot);
}

/* --- a replica --- */

void redis_cluster_add_replica(struct redis_cluster *c)
{
	char id[ID_LEN + 1];

	redis_server_start_node(&c->replica);
	meet(&c->replica, &c->nodes[0]);
	id_of(&c->nodes[0], id);
	wait_for(&c->replica, "CLUSTER NODES", id);
	tell(&c->replica, "CLUSTER REPLICATE %s", id);
	wait_for(&c->replica, "INFO replication", "master_link_status:up");
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		wait_for(&c->nodes[i], "CLUSTER NODES", "slave");
	wait_for(&c->replica, "CLUSTER INFO", "cluster_slots_ok:16384");
	wait_for(&c->replica, "CLUSTER INFO", "cluster_state:ok");
}

static long long offset_of(const struct redis_server *s)
{
	static const char name[] = "master_repl_offset:";
	char text[8192], *at;

	redis_server_ask(s, "INFO replication", text, sizeof(text));
	at = strstr(text, name);
	assert(at);
	return atoll(at + strlen(name));
}

void redis_cluster_wait_replicated(const struct redis_server *master,
				   const struct redis_server *replica)
{
	long long wanted = offset_of(master);

	for (int i = 0; i < WAIT_TRIES; i++) {
		if (offset_of(replica) >= wanted)
			return;
		nanosleep(&(struct timespec){0, TRY_NS}, NULL);
	}
	fprintf(stderr, "the replica does not follow\n");
	abort();
}

/* Without a vote, which may take its time when a node has just come back. */
void redis_cluster_fail_over(struct redis_cluster *c)
{
	redis_cluster_wait_replicated(&c->nodes[0], &c->replica);
	tell(&c->replica, "CLUSTER FAILOVER TAKEOVER");
	wait_for(&c->nodes[0], "INFO replication", "role:slave");
	wait_for(&c->nodes[0], "INFO replication", "master_link_status:up");
}
