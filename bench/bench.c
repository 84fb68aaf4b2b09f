/* bench: see bench.h. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096

_Noreturn void bench_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

int64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_own_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_cpu_us(int pid)
{
	char path[64], text[1024];
	unsigned long user, system;
	const char *after_name;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		bench_die("process %d is not there any more", pid);
	fclose(f);
	after_name = strrchr(text, ')'); /* a name may hold blanks */
	if (!after_name ||
	    sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		   &system) != 2)
		bench_die("%s can't be read", path);
	return (int64_t)(user + system) * (1000000 / sysconf(_SC_CLK_TCK));
}

int64_t bench_own_cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

int64_t bench_resident_kib(int pid)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && kib < 0 && fgets(line, sizeof(line), f))
		(void)!sscanf(line, "VmRSS: %ld kB", &kib);
	if (kib < 0)
		bench_die("%s does not tell the memory", path);
	fclose(f);
	return kib;
}

void bench_figure(const char *name, double value, const char *unit)
{
	printf("{\"name\":\"%s\",\"value\":%.4f,\"unit\":\"%s\"}\n", name, value, unit);
	fflush(stdout);
}

void bench_figure_floor(const char *name, double value, double floor, const char *unit)
{
	printf("{\"name\":\"%s\",\"value\":%.4f,\"floor\":%.4f,\"unit\":\"%s\"}\n", name, value,
	       floor, unit);
	fflush(stdout);
}

const char *bench_option(int argc, char **argv, const char *name, const char *otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
			return argv[i + 1];
	return otherwise;
}

int64_t bench_option_int(int argc, char **argv, const char *name, int64_t otherwise)
{
	const char *text = bench_option(argc, argv, name, NULL);
	int64_t value;

	if (!text)
		return otherwise;
	if (!slice_to_int64(slice_cstr(text), &value))
		bench_die("--%s: expected a whole number", name);
	return value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double share)
{
	if (count == 0)
		bench_die("there is nothing to take a quantile of");
	qsort(values, count, sizeof(*values), compare);
	return values[MIN_OF((size_t)((double)count * share), count - 1)];
}

static void make_ready(int fd)
{
	int on = 1;

	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		bench_die("a socket can't be set up: %s", strerror(errno));
}

int bench_listen(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
		bench_die("port %d: %s", port, strerror(errno));
	make_ready(fd);
	return fd;
}

int bench_connect(const char *host, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_die("%s:%d: %s", host, port, strerror(errno));
	make_ready(fd);
	return fd;
}

double bench_run_cpu_ns(const char *const *argv, int status)
{
	struct rusage used;
	pid_t pid = fork();
	int ended;

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &ended, 0, &used) != pid || !WIFEXITED(ended) ||
	    WEXITSTATUS(ended) != status)
		bench_die("%s %s %s did not end with %d", argv[0], argv[1], argv[2], status);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}
