/* relay: see relay.h. One client at a time, as a store is. */
#include "relay.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

static struct shared {
	volatile int armed, cut;
} * shared;
static pid_t child;

static struct sockaddr_un address_of(const char *folder)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.5432", folder);
	return a;
}

static int call_server(const char *folder)
{
	struct sockaddr_un a = address_of(folder);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* false: the connection is over. */
static bool pass_on(int from, int to, bool answers)
{
	static char bytes[CHUNK_BYTES];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n <= 0)
		return false;
	if (answers && shared->armed && memmem(bytes, (size_t)n, "COMMIT", sizeof("COMMIT"))) {
		shared->armed = 0;
		shared->cut = 1;
		return false;
	}
	for (ssize_t at = 0; at < n;) {
		ssize_t m = write(to, bytes + at, (size_t)(n - at));

		if (m <= 0)
			return false;
		at += m;
	}
	return true;
}

static void serve(int client, int server)
{
	struct pollfd fds[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};

	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents && !pass_on(client, server, false))
			return;
		if (fds[1].revents && !pass_on(server, client, true))
			return;
	}
}

static void run(int listener, const char *server_folder)
{
	for (;;) {
		int client = accept(listener, NULL, NULL), server = call_server(server_folder);

		if (client >= 0 && server >= 0)
			serve(client, server);
		close(client);
		close(server);
	}
}

void relay_start(const char *server, const char *folder)
{
	struct sockaddr_un a = address_of(folder);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int ok = bind(listener, (const struct sockaddr *)&a, sizeof(a));

	assert(ok == 0);
	ok = listen(listener, 8);
	assert(ok == 0);
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(shared != MAP_FAILED);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		run(listener, server);
	}
	assert(child > 0);
	close(listener);
}

void relay_arm(void)
{
	shared->armed = 1;
	shared->cut = 0;
}

bool relay_has_cut(void)
{
	return shared->cut;
}

void relay_stop(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(shared, sizeof(*shared));
}
