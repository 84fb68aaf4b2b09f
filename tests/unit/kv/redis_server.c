#include "redis_server.h"

#include <arpa/inet.h>
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

static void run(struct redis_server *s)
{
	char port[16];

	snprintf(port, sizeof(port), "%d", s->port);
	s->pid = fork();
	assert(s->pid >= 0);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
		       "--dir", s->dir, "--save", "", "--appendonly", "no", (char *)NULL);
		_exit(127);
	}
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

void redis_server_start(struct redis_server *s)
{
	*s = (struct redis_server){.port = free_port(), .dir = "/tmp/punnet-redis-XXXXXX"};
	char *dir = mkdtemp(s->dir);

	assert(dir);
	snprintf(s->url, sizeof(s->url), "redis://127.0.0.1:%d/0", s->port);
	run(s);
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

void redis_server_end(struct redis_server *s)
{
	redis_server_kill(s);
	rmdir(s->dir);
}

long long redis_server_tell(const struct redis_server *s, const char *command)
{
	redisContext *c = redisConnectWithTimeout("127.0.0.1", s->port, (struct timeval){5, 0});
	char words[256];
	const char *argv[16];
	int argc = 0;
	redisReply *reply;
	long long integer;

	assert(c && !c->err && strlen(command) < sizeof(words));
	strcpy(words, command);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	reply = redisCommandArgv(c, argc, argv, NULL);
	if (!reply || reply->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "%s: %s\n", command, reply ? reply->str : c->errstr);
		abort();
	}
	integer = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
	freeReplyObject(reply);
	redisFree(c);
	return integer;
}
