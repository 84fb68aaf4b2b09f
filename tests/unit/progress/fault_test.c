/* fault: the named ways to break things are there in a build with PUNNET_FAULTS, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/fault.h"
#include "runtime/progress.h"

/* PUNNET_FAULT is read once, so each case is a process of its own. Returns its wait status. */
static int in_child(const char *faults, void (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)setenv("PUNNET_FAULT", faults, 1);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void passes_twice(void)
{
	fault_point("after_redis");
	fault_point("elsewhere");
	fault_point("after_redis");
}

static void names_are_known(void)
{
	_exit(fault_on("watermark_off") && !fault_on("watermark") && !fault_on("after_redis") ? 0
											      : 1);
}

static void a_file_orders_one_death(_unused_ void **state)
{
	char folder[] = "/tmp/fault-test-XXXXXX", path[64];
	int status;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/after_redis", folder);
	(void)setenv("PUNNET_FAULT_ONCE", folder, 1);

	FILE *file = fopen(path, "w");

	assert_non_null(file);
	(void)fputs("2\n", file);
	(void)fclose(file);
	status = in_child("", passes_twice);
#ifdef PUNNET_FAULTS
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_not_equal(access(path, F_OK), 0);
#else
	assert_int_equal(status, 0);
	(void)unlink(path);
#endif
	assert_int_equal(in_child("", passes_twice), 0);
	(void)unsetenv("PUNNET_FAULT_ONCE");
	(void)rmdir(folder);
}

static void commits_too_early(void)
{
	struct progress *p = progress_new(4, 0);
	uint64_t token = progress_open(p, 7);

	progress_hold(p, token);
	_exit(progress_committable(p) == 8 ? 3 : 4);
}

static void a_crash_comes_at_the_named_passage(_unused_ void **state)
{
	int status = in_child("watermark_off,crash_at:after_redis:2", passes_twice);

#ifdef PUNNET_FAULTS
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
#else
	assert_true(WIFEXITED(status));
#endif
	assert_int_equal(in_child("crash_at:after_redis:3", passes_twice), 0);
	assert_int_equal(in_child("", passes_twice), 0);
}

static void a_fault_is_on_by_its_whole_name(_unused_ void **state)
{
	int status = in_child("watermark_off,crash_at:after_redis:2", names_are_known);

#ifdef PUNNET_FAULTS
	assert_int_equal(WEXITSTATUS(status), 0);
#else
	assert_int_equal(WEXITSTATUS(status), 1);
#endif
}

static void commit_before_ack_breaks_progress(_unused_ void **state)
{
	int status = in_child("commit_before_ack", commits_too_early);

#ifdef PUNNET_FAULTS
	assert_int_equal(WEXITSTATUS(status), 3);
#else
	assert_int_equal(WEXITSTATUS(status), 4);
#endif
	assert_int_equal(WEXITSTATUS(in_child("", commits_too_early)), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_crash_comes_at_the_named_passage),
	    cmocka_unit_test(a_file_orders_one_death),
	    cmocka_unit_test(a_fault_is_on_by_its_whole_name),
	    cmocka_unit_test(commit_before_ack_breaks_progress),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
