/* A service as its supervisor sees it: a process with an exit status, a standard error and an admin port. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/service.h"

#define GIVE_UP_MS 20000

/* What the child tells, and is told, while it runs. */
static struct shared {
	volatile enum turn turn;
	volatile enum result start;
	volatile bool ready, drained, die;
	volatile int turns, drains, stops, woken;
	int wake[2];
} * shared;

static struct child {
	pid_t pid;
	int err, admin_port;
	char said[16384];
	size_t len;
} child;

/* --- the service under test --- */

static enum result start(struct service *s, struct error *ret_error)
{
	if (shared->start != RESULT_OK)
		return error_set(ret_error, shared->start, "the berries are out");
	s->state = shared;
	service_watch(s, shared->wake[0]);
	return RESULT_OK;
}

static enum turn turn(struct service *s)
{
	struct pollfd p = {.fd = shared->wake[0], .events = POLLIN};
	char c;

	shared->turns++;
	if (shared->die)
		service_die(s, "leads.judged/%d: not acknowledged for 30 s", 3);
	if (shared->turn == TURN_IDLE && poll(&p, 1, 0) > 0 && read(p.fd, &c, 1) == 1)
		shared->woken++;
	return shared->turn;
}

static bool ready(_unused_ struct service *s, char *ret_why, size_t len)
{
	if (!shared->ready)
		snprintf(ret_why, len, "no \"partitions\" yet");
	return shared->ready;
}

static void drain(_unused_ struct service *s)
{
	shared->drains++;
}

static bool drained(_unused_ struct service *s)
{
	return shared->drained;
}

static void stop(_unused_ struct service *s)
{
	shared->stops++;
}

static const struct service_def collector = {
    .name = "collector",
    .what = "takes leads in",
    .start = start,
    .turn = turn,
    .ready = ready,
    .drain = drain,
    .drained = drained,
    .stop = stop,
};

/* --- the supervisor's side --- */

static int set_up(_unused_ void **state)
{
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*shared =
	    (struct shared){.turn = TURN_IDLE, .start = RESULT_OK, .ready = true, .drained = true};
	child = (struct child){0};
	return pipe(shared->wake);
}

static int tear_down(_unused_ void **state)
{
	if (child.pid) {
		kill(child.pid, SIGKILL);
		waitpid(child.pid, NULL, 0);
		close(child.err);
	}
	close(shared->wake[0]);
	close(shared->wake[1]);
	munmap(shared, sizeof(*shared));
	return 0;
}

static void run(int argc, char **argv)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	child.pid = fork();
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDERR_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		exit(service_main(&collector, argc, argv));
	}
	close(ends[1]);
	child.err = ends[0];
}

#define RUN(...)                                                                                   \
	run(ARRAY_LEN(((char *[]){"punnet-collector", __VA_ARGS__})),                              \
	    (char *[]){"punnet-collector", __VA_ARGS__, NULL})

/* Reads on until it was said; false at the end of what the child says. */
static bool hear(const char *what)
{
	int64_t give_up = clock_monotonic_ms() + GIVE_UP_MS;

	while (!strstr(child.said, what) && clock_monotonic_ms() < give_up) {
		struct pollfd p = {.fd = child.err, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 100) <= 0)
			continue;
		n = read(child.err, child.said + child.len, sizeof(child.said) - 1 - child.len);
		if (n <= 0)
			break;
		child.len += (size_t)n;
	}
	return strstr(child.said, what) != NULL;
}

static void expect_said(const char *what)
{
	if (!hear(what))
		fail_msg("it never said \"%s\", but:\n%s", what, child.said);
}

static int status(void)
{
	int s;

	(void)hear("\x01never said"); /* to the end */
	waitpid(child.pid, &s, 0);
	child.pid = 0;
	close(child.err);
	return WIFEXITED(s) ? WEXITSTATUS(s) : -WTERMSIG(s);
}

static void run_until_started(void)
{
	RUN("--admin", "127.0.0.1:0", "--instance", "collector@7");
	expect_said("\"event\":\"started\"");
	expect_said("\"admin_port\":");
	child.admin_port = atoi(strstr(child.said, "\"admin_port\":") + 13);
	expect_said("\"instance\":\"collector@7\"");
}

static const char *ask_admin(const char *request)
{
	static char answer[65536];
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons((uint16_t)child.admin_port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t len = 0;
	ssize_t n;

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
	return answer;
}

static const char *get(const char *path)
{
	static char request[256];

	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
	return ask_admin(request);
}

static void expect_answer(const char *answer, const char *begins, const char *holds)
{
	if (strncmp(answer, begins, strlen(begins)) != 0 || !strstr(answer, holds))
		fail_msg("expected %s … %s, got:\n%s", begins, holds, answer);
}

static void wait_for_more(volatile int *count, int more)
{
	int64_t give_up = clock_monotonic_ms() + GIVE_UP_MS;
	int wanted = *count + more;

	while (*count < wanted && clock_monotonic_ms() < give_up)
		poll(NULL, 0, 1);
	assert_true(*count >= wanted);
}

/* --- the cases --- */

static void it_starts_answers_and_drains(_unused_ void **state)
{
	run_until_started();
	expect_answer(get("/healthz"), "HTTP/1.1 200", "{\"status\":\"ok\"}");
	expect_answer(get("/readyz"), "HTTP/1.1 200", "{\"ready\":true}");
	expect_answer(get("/metrics"), "HTTP/1.1 200", "\npunnet_process_start_time_seconds 1");
	expect_answer(get("/metrics"), "HTTP/1.1 200", "text/plain; version=0.0.4");
	kill(child.pid, SIGTERM);
	assert_int_equal(status(), 0);
	assert_int_equal(shared->drains, 1);
	assert_int_equal(shared->stops, 1);
}

static void readyz_says_why_not(_unused_ void **state)
{
	shared->ready = false;
	run_until_started();
	expect_answer(get("/readyz"), "HTTP/1.1 503",
		      "{\"ready\":false,\"reason\":\"no \\\"partitions\\\" yet\"}");
	expect_answer(get("/healthz"), "HTTP/1.1 200", "ok");
}

static void the_admin_port_knows_three_paths_and_one_method(_unused_ void **state)
{
	run_until_started();
	expect_answer(get("/"), "HTTP/1.1 404", "/healthz");
	expect_answer(ask_admin("DELETE /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		      "HTTP/1.1 405", "only GET");
}

static void it_drains_once_and_goes_when_drained(_unused_ void **state)
{
	shared->drained = false;
	run_until_started();
	kill(child.pid, SIGINT);
	expect_said("\"event\":\"draining\"");
	kill(child.pid, SIGTERM);
	expect_answer(get("/readyz"), "HTTP/1.1 503", "draining");
	wait_for_more(&shared->turns, 3);
	shared->drained = true;
	assert_int_equal(status(), 0);
	assert_int_equal(shared->drains, 1);
}

static void what_does_not_drain_in_ten_seconds_ends_with_70(_unused_ void **state)
{
	int64_t begun;

	shared->drained = false;
	run_until_started();
	begun = clock_monotonic_ms();
	kill(child.pid, SIGTERM);
	expect_said("collector: not drained within 10 s of the signal; ending, to start again from "
		    "the log\n");
	assert_in_range(clock_monotonic_ms() - begun, 9900, 15000);
	assert_int_equal(status(), 70);
}

static void a_service_that_cant_go_on_says_why_and_ends_with_70(_unused_ void **state)
{
	shared->die = true;
	RUN("--admin", "127.0.0.1:0");
	expect_said(
	    "\"event\":\"ending\",\"reason\":\"leads.judged/3: not acknowledged for 30 s\"");
	expect_said("\ncollector: leads.judged/3: not acknowledged for 30 s; ending, to start "
		    "again from the log\n");
	assert_int_equal(status(), 70);
	assert_int_equal(shared->stops, 0);
}

static void a_start_that_fails_says_how_by_its_status(_unused_ void **state)
{
	static const struct {
		enum result start;
		int status;
	} rows[] = {{RESULT_AWAY, 69}, {RESULT_BAD, 78}, {RESULT_FATAL, 70}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		child = (struct child){0};
		shared->start = rows[i].start;
		RUN("--admin", "127.0.0.1:0");
		expect_said("\ncollector: the berries are out\n");
		assert_int_equal(status(), rows[i].status);
	}
}

static void wrong_arguments_end_with_64(_unused_ void **state)
{
	RUN("--nonsense");
	assert_int_equal(status(), 64);
	RUN("leads");
	assert_int_equal(status(), 64);
	RUN("--instance", "a b");
	assert_int_equal(status(), 64);
}

static void help_and_version_are_answers(_unused_ void **state)
{
	RUN("--help");
	expect_said("punnet-collector: takes leads in");
	assert_int_equal(status(), 0);
	child = (struct child){0};
	RUN("--version");
	expect_said("punnet-collector ");
	assert_int_equal(status(), 0);
}

static void a_wrong_configuration_ends_with_78_and_all_its_faults(_unused_ void **state)
{
	setenv("PUNNET_COMMON_ACK_WATCHDOG", "5", 1);
	setenv("PUNNET_COLLECTOR_ADMIN", "", 1);
	RUN("--config", "/nonexistent/punnet.yaml");
	expect_said("/nonexistent/punnet.yaml: can't be read");
	expect_said(
	    "\nPUNNET_COMMON_ACK_WATCHDOG: common.ack_watchdog: \"5\": expected a duration");
	expect_said(
	    "\nPUNNET_COLLECTOR_ADMIN: collector.admin: \"\": expected text of 3 to 255 bytes\n");
	assert_int_equal(status(), 78);
	unsetenv("PUNNET_COMMON_ACK_WATCHDOG");
	unsetenv("PUNNET_COLLECTOR_ADMIN");

	child = (struct child){0};
	RUN("--admin", "nowhere");
	expect_said("admin address \"nowhere\": expected host:port");
	assert_int_equal(status(), 78);
}

/* Fifty round trips in half the time that fifty ticks would take: it is the descriptor that wakes it. */
static void a_watched_descriptor_wakes_the_turn_at_once(_unused_ void **state)
{
	int64_t begun;

	run_until_started();
	begun = clock_monotonic_ms();
	for (int i = 0; i < 50; i++) {
		int before = shared->woken;

		assert_int_equal(write(shared->wake[1], "x", 1), 1);
		while (shared->woken == before && clock_monotonic_ms() - begun < GIVE_UP_MS)
			poll(NULL, 0, 1);
	}
	assert_true(clock_monotonic_ms() - begun < 2500);
}

static int turns_in_half_a_second(void)
{
	int before = shared->turns;

	poll(NULL, 0, 500);
	return shared->turns - before;
}

static void an_idle_service_sleeps_but_turns_for_its_watchdogs(_unused_ void **state)
{
	run_until_started();
	assert_in_range(turns_in_half_a_second(), 1, 20);
}

static void a_busy_service_turns_without_pause_and_is_still_served(_unused_ void **state)
{
	shared->turn = TURN_BUSY;
	run_until_started();
	assert_true(turns_in_half_a_second() > 100);
	expect_answer(get("/healthz"), "HTTP/1.1 200", "ok");
	kill(child.pid, SIGTERM);
	assert_int_equal(status(), 0);
}

/* The descriptor stays readable all the time: a pause is a pause nevertheless. */
static void a_waiting_service_pauses_and_is_still_served(_unused_ void **state)
{
	shared->turn = TURN_WAIT;
	run_until_started();
	assert_int_equal(write(shared->wake[1], "x", 1), 1);
	assert_in_range(turns_in_half_a_second(), 1, 8);
	expect_answer(get("/healthz"), "HTTP/1.1 200", "ok");
	shared->turn = TURN_IDLE;
	wait_for_more(&shared->woken, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(it_starts_answers_and_drains),
	    CASE(readyz_says_why_not),
	    CASE(the_admin_port_knows_three_paths_and_one_method),
	    CASE(it_drains_once_and_goes_when_drained),
	    CASE(what_does_not_drain_in_ten_seconds_ends_with_70),
	    CASE(a_service_that_cant_go_on_says_why_and_ends_with_70),
	    CASE(a_start_that_fails_says_how_by_its_status),
	    CASE(wrong_arguments_end_with_64),
	    CASE(help_and_version_are_answers),
	    CASE(a_wrong_configuration_ends_with_78_and_all_its_faults),
	    CASE(a_watched_descriptor_wakes_the_turn_at_once),
	    CASE(an_idle_service_sleeps_but_turns_for_its_watchdogs),
	    CASE(a_busy_service_turns_without_pause_and_is_still_served),
	    CASE(a_waiting_service_pauses_and_is_still_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
