/* hostile: see hostile.h. */
#include "hostile.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct hostile hostile_start(void)
{
	char *argv[] = {(char *)"python3", (char *)"tests/unit/delivery/hostile.py", NULL};

	return hostile_start_other(argv);
}

void hostile_certificate(const char *dir)
{
	char command[1024];

	snprintf(
	    command, sizeof(command),
	    "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
	    "-keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext "
	    "subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null && cat cert.pem key.pem "
	    ">both.pem",
	    dir);
	assert_int_equal(system(command), 0);
}

struct hostile hostile_start_other(char *const argv[])
{
	struct hostile h = {0};
	int fds[2];
	FILE *out;

	assert_int_equal(pipe(fds), 0);
	h.pid = fork();
	if (h.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	assert_int_equal(fscanf(out, "%d", &h.port), 1);
	fclose(out);
	return h;
}

void hostile_stop(struct hostile *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
}
