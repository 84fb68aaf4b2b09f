/* The sender against real servers that misbehave. Each row is one way; the sender must name it, and in time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "delivery/shell/address.h"
#include "delivery/shell/sender.h"
#include "hostile.h"
#include "runtime/clock.h"

#define TIMEOUT_MS       700
#define MEMORY_MOST_KB   (64 * 1024)
#define ANSWER_MAX_BYTES 65536

static struct hostile server;

struct heard {
	bool done;
	struct transport_answer answer;
	size_t body_len;
};

static void on_done(void *ctx, void *owner, struct transport_answer *answer)
{
	struct heard *h = owner;

	assert_false(h->done);
	h->done = true;
	h->answer = *answer;
	h->body_len = answer->text.body.len;
	(*(int *)ctx)++;
}

static struct sender *open_sender(uv_loop_t *loop, bool allow_private, int *count)
{
	struct sender_options o = {
	    .allow_private_addresses = allow_private,
	    .connect_timeout_ms = 500,
	    .answer_max_bytes = ANSWER_MAX_BYTES,
	    .connections_max = 64,
	    .on_done = on_done,
	    .ctx = count,
	};
	struct error e = {0};
	struct sender *s = sender_open(loop, &o, &e);

	assert_non_null(s);
	return s;
}

static void post(struct sender *s, const char *url, struct heard *h)
{
	struct sender_request r = {.url = url, .timeout_ms = TIMEOUT_MS};
	struct message m = {0};

	*h = (struct heard){0};
	m.head.max = MESSAGE_HEAD_MAX;
	assert_true(buf_reserve(&m.head, MESSAGE_HEAD_MAX));
	message_header(&m, "webhook-id", SLICE("0192-1"));
	buf_append_cstr(&m.body, "{\"phone\":\"+79161234567\"}");
	assert_non_null(sender_send(s, &r, &m, h));
}

/* Posts, and turns the loop until the answer is there; gives how long it took. */
static int64_t ask(const char *url, bool allow_private, struct heard *ret)
{
	int64_t from_ms = clock_monotonic_ms();
	struct sender *s;
	uv_loop_t loop;
	int count = 0;

	uv_loop_init(&loop);
	s = open_sender(&loop, allow_private, &count);
	post(s, url, ret);
	while (count == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(sender_in_flight(s), 0);
	sender_close(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return clock_monotonic_ms() - from_ms;
}

static int64_t most_memory_kb(void)
{
	struct rusage used;

	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	return used.ru_maxrss;
}

static void each_way_to_misbehave_has_its_name_and_ends_in_time(_unused_ void **state)
{
	static const struct {
		const char *path;
		enum transport_end end;
		uint32_t status;
	} rows[] = {
	    {"status/200", TRANSPORT_ANSWERED, 200},
	    {"status/204", TRANSPORT_ANSWERED, 204},
	    {"status/503", TRANSPORT_ANSWERED, 503},
	    {"refuse", TRANSPORT_ANSWERED, 200},
	    {"redirect", TRANSPORT_ANSWERED, 302},
	    {"never", TRANSPORT_BROKEN, 0},
	    {"reset", TRANSPORT_BROKEN, 0},
	    {"close", TRANSPORT_BROKEN, 0},
	    {"garbage", TRANSPORT_BROKEN, 0},
	    {"drip", TRANSPORT_BROKEN, 200},
	    {"cut", TRANSPORT_BROKEN, 200},
	    {"cut500", TRANSPORT_BROKEN, 500},
	    {"endless", TRANSPORT_TOO_LONG, 200},
	    {"endless_headers", TRANSPORT_BROKEN, 0},
	    {"reset_in_status", TRANSPORT_BROKEN, 0},
	    {"reset_in_headers", TRANSPORT_BROKEN, 0},
	    {"reset_in_body", TRANSPORT_BROKEN, 0},
	    {"length/-1", TRANSPORT_BROKEN, 0},
	    {"length/99999999999999999999", TRANSPORT_ANSWERED, 200},
	    {"length/10737418240", TRANSPORT_BROKEN, 200},
	    {"length/1", TRANSPORT_ANSWERED, 200},
	    {"two_lengths", TRANSPORT_BROKEN, 0},
	    {"bad_chunk", TRANSPORT_BROKEN, 200},
	    {"endless_chunk", TRANSPORT_TOO_LONG, 200},
	    {"zipped", TRANSPORT_ANSWERED, 200},
	    {"interim", TRANSPORT_BROKEN, 0},
	    {"redirect_loop", TRANSPORT_ANSWERED, 307},
	};

	int64_t before_kb = most_memory_kb();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char url[128];
		struct heard h;
		int64_t took_ms;

		snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", server.port, rows[i].path);
		took_ms = ask(url, true, &h);
		if (h.answer.end != rows[i].end ||
		    (h.answer.http_status != rows[i].status && rows[i].status))
			fail_msg("%s: end %d, status %u", rows[i].path, (int)h.answer.end,
				 h.answer.http_status);
		if (took_ms > 4 * TIMEOUT_MS)
			fail_msg("%s: %lld ms", rows[i].path, (long long)took_ms);
		assert_true(h.body_len <= ANSWER_MAX_BYTES);
	}
	/* gigabytes were offered */
	assert_true(most_memory_kb() - before_kb < MEMORY_MOST_KB);
}

/* A server may say more than it was asked for: what is left over answers nothing. */
static void an_answer_that_nobody_asked_for_is_not_the_next_ones(_unused_ void **state)
{
	struct heard first, second;
	struct sender *s;
	uv_loop_t loop;
	char url[128];
	int count = 0;

	uv_loop_init(&loop);
	s = open_sender(&loop, true, &count);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/next_answer_too", server.port);
	post(s, url, &first);
	while (count < 1)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(first.answer.http_status, 503);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/status/410", server.port);
	post(s, url, &second);
	while (count < 2)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(second.answer.http_status, 410);
	sender_close(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void retry_after_is_heard(_unused_ void **state)
{
	char url[128];
	struct heard h;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/status/503", server.port);
	ask(url, true, &h);
	assert_int_equal(h.answer.retry_after_ms, 7000);
}

static void what_never_left_is_not_unknown(_unused_ void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char url[128];
	struct heard h;

	/* bound but not listening: connections are refused */
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(in.sin_port));
	ask(url, true, &h);
	assert_int_equal(h.answer.end, TRANSPORT_NOT_SENT);
	/* listening, never accepting TLS: the handshake times out */
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server.port);
	ask(url, true, &h);
	assert_int_equal(h.answer.end, TRANSPORT_NOT_SENT);
	ask("http://no-such-host.invalid/", true, &h);
	assert_int_equal(h.answer.end, TRANSPORT_NOT_SENT);
	close(fd);
}

static void private_addresses_are_refused_however_they_are_written(_unused_ void **state)
{
	static const char *const hosts[] = {
	    "127.0.0.1", "localhost",          "[::1]",          "0.0.0.0", "2130706433",
	    "0x7f.1",    "[::ffff:127.0.0.1]", "169.254.169.254"};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		char url[128];
		struct heard h;

		snprintf(url, sizeof(url), "http://%s:%d/status/200", hosts[i], server.port);
		ask(url, false, &h);
		if (h.answer.end != TRANSPORT_ADDRESS_REFUSED)
			fail_msg("%s: end %d, status %u", hosts[i], (int)h.answer.end,
				 h.answer.http_status);
	}
}

static bool is_public(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_is_public((struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return address_is_public((struct sockaddr *)&in6);
}

static void only_addresses_of_the_public_internet_are_public(_unused_ void **state)
{
	static const char *const public[] = {
	    "8.8.8.8",        "1.1.1.1",         "172.15.255.255",   "172.32.0.0",
	    "100.63.255.255", "100.128.0.0",     "192.167.255.255",  "223.255.255.255",
	    "2a00:1450::1",   "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"};
	static const char *const special[] = {
	    "0.0.0.0",
	    "10.0.0.1",
	    "100.64.0.1",
	    "127.8.9.1",
	    "169.254.169.254",
	    "172.16.0.1",
	    "172.31.255.255",
	    "192.0.0.1",
	    "192.0.2.1",
	    "192.168.1.1",
	    "198.18.0.1",
	    "198.51.100.1",
	    "203.0.113.1",
	    "224.0.0.1",
	    "255.255.255.255",
	    "::",
	    "::1",
	    "::ffff:10.0.0.1",
	    "64:ff9b::a00:1",
	    "fc00::1",
	    "fd00:ec2::254",
	    "fe80::1",
	    "ff02::1",
	    "2001:db8::1",
	    "2001::1",
	    "2002:a00:1::1",
	    "3fff::1",
	    "4000::1",
	};

	for (size_t i = 0; i < ARRAY_LEN(public); i++)
		if (!is_public(public[i]))
			fail_msg("%s is public", public[i]);
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (is_public(special[i]))
			fail_msg("%s is not public", special[i]);
}

static void a_slow_one_holds_nobody_up_and_a_cancelled_one_is_not_heard_of(_unused_ void **state)
{
	enum { FAST = 20 };
	struct heard slow, cancelled, fast[FAST];
	struct sender_request r = {.timeout_ms = TIMEOUT_MS};
	struct message m = {0};
	struct transfer *t;
	struct sender *s;
	uv_loop_t loop;
	char url[128];
	int count = 0;

	uv_loop_init(&loop);
	s = open_sender(&loop, true, &count);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/never", server.port);
	post(s, url, &slow);
	cancelled = (struct heard){0};
	r.url = url;
	t = sender_send(s, &r, &m, &cancelled);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/status/200", server.port);
	for (int i = 0; i < FAST; i++)
		post(s, url, &fast[i]);
	while (count < FAST)
		uv_run(&loop, UV_RUN_ONCE);
	assert_false(slow.done);
	sender_cancel(s, t);
	while (count < FAST + 1)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(slow.done);
	assert_false(cancelled.done);
	assert_int_equal(sender_in_flight(s), 0);
	sender_close(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static int start_server(_unused_ void **state)
{
	server = hostile_start();
	return 0;
}

static int stop_server(_unused_ void **state)
{
	hostile_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_way_to_misbehave_has_its_name_and_ends_in_time),
	    cmocka_unit_test(an_answer_that_nobody_asked_for_is_not_the_next_ones),
	    cmocka_unit_test(retry_after_is_heard),
	    cmocka_unit_test(what_never_left_is_not_unknown),
	    cmocka_unit_test(private_addresses_are_refused_however_they_are_written),
	    cmocka_unit_test(only_addresses_of_the_public_internet_are_public),
	    cmocka_unit_test(a_slow_one_holds_nobody_up_and_a_cancelled_one_is_not_heard_of),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
