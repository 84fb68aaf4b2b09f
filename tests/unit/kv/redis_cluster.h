/* redis_cluster: a Redis Cluster of a test's own: three masters on loopback, and a replica when it is asked for. They keep
 * their data over a restart. */
#ifndef PUNNET_TESTS_REDIS_CLUSTER_H
#define PUNNET_TESTS_REDIS_CLUSTER_H

#include <stdbool.h>

#include "redis_server.h"

#define CLUSTER_MASTERS 3

struct redis_cluster {
	struct redis_server nodes[CLUSTER_MASTERS]; /* each with a third of the slots, at first */
	struct redis_server replica;                /* of the first node; not running at first */
	char url[256];
};

void redis_cluster_start(struct redis_cluster *c); /* returns when it serves all slots */
void redis_cluster_wait(struct redis_cluster *c);  /* until every node says so again */
void redis_cluster_end(struct redis_cluster *c);
/* Which of the nodes has the slot; any other of the nodes. */
struct redis_server *redis_cluster_owner(struct redis_cluster *c, unsigned slot);
struct redis_server *redis_cluster_other(struct redis_cluster *c, const struct redis_server *than);
/* Moving a slot: begin; a few keys at a time, false: there were none left; end. */
void redis_cluster_move_begin(struct redis_server *from, struct redis_server *to, unsigned slot);
bool redis_cluster_move_keys(struct redis_server *from, struct redis_server *to, unsigned slot);
void redis_cluster_move_end(struct redis_cluster *c, struct redis_server *to, unsigned slot);
void redis_cluster_move(struct redis_cluster *c, struct redis_server *from, struct redis_server *to,
			unsigned slot); /* all of it */
/* Starts the replica of the first node, and waits until it has its data. */
void redis_cluster_add_replica(struct redis_cluster *c);
/* It takes over, with nothing lost; the first node becomes its replica. */
void redis_cluster_fail_over(struct redis_cluster *c);
/* Until it has all that was written to its master. */
void redis_cluster_wait_replicated(const struct redis_server *master,
				   const struct redis_server *replica);

#endif
