/* postgres: initdb, pg_ctl, dropdb, by the programs that Debian installs. Root runs them as the
 * user postgres. */
#include "postgres.h"

#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], bin[256], as_user[128];
static int databases;
static bool durable;

static bool run(const char *fmt, ...) _printf_(1, 2);
static bool run(const char *fmt, ...)
{
	char command[1500], whole[2000];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "cd / && %s %s >>%s.log 2>&1", as_user, command, dir);
	return system(whole) == 0;
}

static bool find_programs(void)
{
	glob_t found = {0};
	bool ok = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0 && found.gl_pathc > 0;

	if (ok)
		snprintf(bin, sizeof(bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return ok;
}

const char *postgres_folder(void)
{
	return dir;
}

void postgres_durable(void)
{
	durable = true;
}

/* Nobody is left to stop the server when a test fails hard or is killed: then its end of this pipe is closed, and the watcher,
 * which nobody waits for, does it. */
static void start_watcher(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	pid = fork();
	if (pid == 0) {
		char byte;

		setsid();
		close(ends[1]);
		close(STDOUT_FILENO); /* whoever reads the test's output must not wait for us */
		close(STDERR_FILENO);
		while (read(ends[0], &byte, 1) > 0)
			;
		if (access(dir, F_OK) == 0)
			postgres_stop();
		_exit(0);
	}
	close(ends[0]); /* the other end goes with this process */
}

static bool start_server(void)
{
	return run("%s/pg_ctl -D %s/data -w -t 30 -l %s/log -o \"-k %s -c listen_addresses='' -c "
		   "fsync=%s\" start",
		   bin, dir, dir, dir, durable ? "on" : "off");
}

bool postgres_start(void)
{
	snprintf(dir, sizeof(dir), "/tmp/punnet-pg-XXXXXX");
	if (!find_programs()) {
		printf("skipped: PostgreSQL's server is not installed\n");
		return false;
	}
	if (!mkdtemp(dir))
		return false;
	if (geteuid() == 0) {
		char command[200];

		snprintf(command, sizeof(command), "chown postgres %s", dir);
		if (system(command) != 0) {
			printf("skipped: PostgreSQL does not run as root, and there is no user "
			       "postgres\n");
			return false;
		}
		snprintf(as_user, sizeof(as_user),
			 "setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp");
	}
	start_watcher();
	if (!run("%s/initdb -D %s/data -A trust -U punnet --no-sync -E UTF8 --locale=C", bin,
		 dir) ||
	    !start_server()) {
		printf("skipped: PostgreSQL does not start here, see %s.log\n", dir);
		return false;
	}
	return true;
}

const char *postgres_fresh_url(void)
{
	static char url[200];
	bool made = run("%s/createdb -h %s -U punnet t%d", bin, dir, ++databases);

	assert(made);
	snprintf(url, sizeof(url), "postgres://punnet@/t%d?host=%s", databases, dir);
	return url;
}

void postgres_restart(void)
{
	bool ok = run("%s/pg_ctl -D %s/data -m immediate -w stop", bin, dir);

	ok = start_server() && ok;
	assert(ok);
}

void postgres_stop(void)
{
	char command[200];

	if (!run("%s/pg_ctl -D %s/data -m immediate -w stop", bin, dir))
		return;
	snprintf(command, sizeof(command), "rm -rf %s %s.log", dir, dir);
	if (system(command) != 0)
		printf("%s was not removed\n", dir);
}
