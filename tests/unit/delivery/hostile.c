/* hostile: see hostile.h. */
#include "hostile.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct hostile hostile_start(void)
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
		execlp("python3", "python3", "tests/unit/delivery/hostile.py", (char *)NULL);
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
