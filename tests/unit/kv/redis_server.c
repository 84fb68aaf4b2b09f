#include "redis_server.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

#define START_TRIES 500
#define TRY_NS      20000000 /* 20 ms */
#define ARGS_MAX    16
/* Long enough for a busy machine: no node is given up by the others while it only waits for its turn. */
#define NODE_TIMEOUT_MS "5000"

static int free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int e = bind(fd, (struct sockaddr *)&a, sizeof(a));

	assert(e == 0);
	e = getsockname(fd, (struct sockaddr *)&a, &len);
	assert(e == 0);
	close(fd);
	return ntohs(a.sin_port);
}

static bool answers(const struct redis_server *s)
{
	redisContext *c = redisConnectWithTimeout("127.0.0.1", s->port, (struct timeval){1, 0});
	redisReply *reply = NULL;
	bool ok;

	if (c && !c->err)
		reply = redisCommand(c, "PING");
	ok = reply && reply->type == REDIS_REPLY_STATUS;
	if (reply)
		freeReplyObject(reply);
	redisFree(c);
	return ok;
}

static void become(const struct redis_server *s)
{
	char port[16], bus_port[16];
	const char *argv[24] = {"redis-server", "--port", port,     "--bind", "127.0.0.1",
				"--dir",        s->dir,   "--save", ""};
	const char *alone[] = {"--appendonly", "no"};
	const char *node[] = {"--appendonly",
			      "yes",
			      "--cluster-enabled",
			      "yes",
			      "--cluster-port",
			      bus_port,
			      "--cluster-node-timeout",
			      NODE_TIMEOUT_MS,
			      "--repl-diskless-sync-delay",
			      "0"};

	snprintf(port, sizeof(port), "%d", s->port);
	snprintf(bus_port, sizeof(bus_port), "%d", s->bus_port);
	if (s->bus_port)
		memcpy(argv + 9, node, sizeof(node));
	else
		memcpy(argv + 9, alone, sizeof(alone));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (freopen("/dev/null", "w", stdout))
		execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static void run(struct redis_server *s)
{
	s->pid = fork();
	assert(s->pid >= 0);
	if (s->pid == 0)
		become(s);
	for (int i = 0; i < START_TRIES; i++) {
		if (answers(s))
			return;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			break;
		nanosleep(&(struct timespec){0, TRY_NS}, NULL);
	}
	fprintf(stderr, "redis-server does not start on port %d\n", s->port);
	abort();
}

static void start(struct redis_server *s, int bus_port)
{
	*s = (struct redis_server){
	    .port = free_port(), .bus_port = bus_port, .dir = "/tmp/punnet-redis-XXXXXX"};
	char *dir = mkdtemp(s->dir);

	assert(dir);
	snprintf(s->url, sizeof(s->url), "redis://127.0.0.1:%d/0", s->port);
	run(s);
}

void redis_server_start(struct redis_server *s)
{
	start(s, 0);
}

void redis_server_start_node(struct redis_server *s)
{
	start(s, free_port());
}

void redis_server_restart(struct redis_server *s)
{
	redis_server_kill(s);
	run(s);
}

void redis_server_kill(struct redis_server *s)
{
	if (!s->pid)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

void redis_server_freeze(struct redis_server *s)
{
	kill(s->pid, SIGSTOP);
}

void redis_server_thaw(struct redis_server *s)
{
	kill(s->pid, SIGCONT);
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
		      _unused_ struct FTW *at)
{
	return remove(path);
}

void redis_server_end(struct redis_server *s)
{
	redis_server_kill(s);
	(void)nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The caller frees the reply. */
static redisReply *ask(const struct redis_server *s, const char *command)
{
	redisContext *c = redisConnectWithTimeout("127.0.0.1", s->port, (struct timeval){5, 0});
	char words[256];
	const char *argv[ARGS_MAX];
	int argc = 0;
	redisReply *reply;

	assert(c && !c->err && strlen(command) < sizeof(words));
	strcpy(words, command);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	reply = redisCommandArgv(c, argc, argv, NULL);
	if (!reply) {
		fprintf(stderr, "%s: %s\n", command, c->errstr);
		abort();
	}
	redisFree(c);
	return reply;
}

void redis_server_ask(const struct redis_server *s, const char *command, char *ret, size_t len)
{
	redisReply *reply = ask(s, command);

	while (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
		redisReply *first = reply->element[0];

		reply->element[0] = NULL;
		freeReplyObject(reply);
		reply = first;
	}
	snprintf(ret, len, "%s", reply->str ? reply->str : "");
	freeReplyObject(reply);
}

long long redis_server_tell(const struct redis_server *s, const char *command)
{
	redisReply *reply = ask(s, command);
	long long integer;

	if (reply->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "%s: %s\n", command, reply->str);
		abort();
	}
	integer = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
	freeReplyObject(reply);
	return integer;
}
