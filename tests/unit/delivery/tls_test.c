/* TLS: who is believed, who is not, and who we say we are. Nothing may have gone out where the other side is not the right one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/shell/sender.h"
#include "hostile.h"
#include "runtime/clock.h"

#define TIMEOUT_MS 1500

static char dir[] = "/tmp/punnet-delivery-tls-XXXXXX";
static char cert[64], both[64], other[64];
static struct hostile plain, tls, mutual, resets, resets_first;

struct heard {
	bool done;
	struct transport_answer answer;
};

static void on_done(_unused_ void *ctx, void *owner, struct transport_answer *answer)
{
	struct heard *h = owner;

	h->done = true;
	h->answer = *answer;
}

static struct heard ask(const char *host, int port, const char *ca, const char *certificate)
{
	struct sender_options o = {.allow_private_addresses = true,
				   .connect_timeout_ms = TIMEOUT_MS,
				   .answer_max_bytes = 65536,
				   .connections_max = 8,
				   .ca_file = ca,
				   .on_done = on_done};
	struct sender_request r = {.timeout_ms = TIMEOUT_MS, .certificate = certificate};
	struct heard h = {0};
	struct message m = {0};
	struct error e = {0};
	struct sender *s;
	uv_loop_t loop;
	char url[128];

	uv_loop_init(&loop);
	s = sender_open(&loop, &o, &e);
	assert_non_null(s);
	snprintf(url, sizeof(url), "https://%s:%d/status/200", host, port);
	r.url = url;
	buf_append_cstr(&m.body, "{\"phone\":\"+79161234567\"}");
	assert_non_null(sender_send(s, &r, &m, &h));
	while (!h.done)
		uv_run(&loop, UV_RUN_ONCE);
	sender_close(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return h;
}

static void each_way_to_fail_at_tls_leaves_nothing_sent(_unused_ void **state)
{
	const struct {
		const char *what, *host;
		int port;
		const char *ca, *certificate;
		enum transport_end end;
	} rows[] = {
	    {"the right one", "localhost", tls.port, cert, NULL, TRANSPORT_ANSWERED},
	    {"the right address", "127.0.0.1", tls.port, cert, NULL, TRANSPORT_ANSWERED},
	    {"another name", "127.0.0.2", tls.port, cert, NULL, TRANSPORT_NOT_SENT},
	    {"signed by nobody whom we know", "localhost", tls.port, "", NULL, TRANSPORT_NOT_SENT},
	    {"signed by somebody else", "localhost", tls.port, other, NULL, TRANSPORT_NOT_SENT},
	    {"no TLS at all", "localhost", plain.port, cert, NULL, TRANSPORT_NOT_SENT},
	    {"reset when accepted", "localhost", resets.port, cert, NULL, TRANSPORT_NOT_SENT},
	    {"reset in the handshake", "localhost", resets_first.port, cert, NULL,
	     TRANSPORT_NOT_SENT},
	    {"with our certificate", "localhost", mutual.port, cert, both, TRANSPORT_ANSWERED},
	    {"a certificate that is none", "localhost", mutual.port, cert, "/dev/null",
	     TRANSPORT_NOT_SENT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct heard h = ask(rows[i].host, rows[i].port, rows[i].ca, rows[i].certificate);

		if (h.answer.end != rows[i].end)
			fail_msg("%s: end %d, status %u", rows[i].what, (int)h.answer.end,
				 h.answer.http_status);
	}
}

/* TLS 1.3 asks for the client's certificate after the handshake: the request may be out before the server says no. */
static void without_our_certificate_no_answer_comes(_unused_ void **state)
{
	struct heard h = ask("localhost", mutual.port, cert, NULL);

	assert_int_not_equal(h.answer.end, TRANSPORT_ANSWERED);
	assert_int_equal(h.answer.http_status, 0);
}

static struct hostile start(const char *mode, const char *a, const char *b)
{
	char *argv[] = {(char *)"python3", (char *)"tests/unit/delivery/hostile.py",
			(char *)mode,      (char *)a,
			(char *)b,         NULL};

	return hostile_start_other(argv);
}

static int start_servers(_unused_ void **state)
{
	char second[96], command[256];

	assert_non_null(mkdtemp(dir));
	hostile_certificate(dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(both, sizeof(both), "%s/both.pem", dir);
	snprintf(second, sizeof(second), "%s/second", dir);
	snprintf(command, sizeof(command), "mkdir %s", second);
	assert_int_equal(system(command), 0);
	hostile_certificate(second);
	snprintf(other, sizeof(other), "%s/second/cert.pem", dir);
	plain = hostile_start();
	tls = start("--tls", both, NULL);
	mutual = start("--tls", both, cert);
	resets = start("--reset-accepted", NULL, NULL);
	resets_first = start("--reset-first-byte", NULL, NULL);
	return 0;
}

static int stop_servers(_unused_ void **state)
{
	struct hostile *all[] = {&plain, &tls, &mutual, &resets, &resets_first};
	char command[64];

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		hostile_stop(all[i]);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_way_to_fail_at_tls_leaves_nothing_sent),
	    cmocka_unit_test(without_our_certificate_no_answer_comes),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
