/* redis_server: a Redis of a test's own, on a free loopback port with a folder of its own; dies with the test. */
#ifndef PUNNET_TESTS_REDIS_SERVER_H
#define PUNNET_TESTS_REDIS_SERVER_H

#include <sys/types.h>

struct redis_server {
	pid_t pid; /* 0 = not running */
	int port;
	int bus_port; /* of a cluster's node, which keeps its data over a restart; 0: no cluster */
	char dir[64], url[64];
};

void redis_server_start(struct redis_server *s); /* picks port and folder; aborts when it can't */
void redis_server_start_node(struct redis_server *s); /* of a cluster, which knows no other yet */
void redis_server_restart(struct redis_server *s);    /* on the same port; empty, but for a node */
void redis_server_kill(struct redis_server *s);       /* at once */
void redis_server_freeze(struct redis_server *s);     /* takes connections, answers nothing */
void redis_server_thaw(struct redis_server *s);
void redis_server_end(struct redis_server *s);
/* One command, words separated by spaces; aborts on an error reply. Returns the integer of an integer reply, else 0. */
long long redis_server_tell(const struct redis_server *s, const char *command);
/* The text of its reply, or of the first item of it; "" when it has none. An error reply is a text, too. */
void redis_server_ask(const struct redis_server *s, const char *command, char *ret, size_t len);

#endif
