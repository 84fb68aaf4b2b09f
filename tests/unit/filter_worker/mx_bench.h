/* mx_bench: an mx with a DNS server of its own and a clock that the test turns, for the tests of mx. */
#ifndef PUNNET_TEST_MX_BENCH_H
#define PUNNET_TEST_MX_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "dns_server.h"
#include "filter-worker/shell/mx.h"

#define LONG_MS 5000 /* more than any answer takes, on a machine that is busy too */

static const uint8_t key[FINGERPRINT_KEY_LEN] = "a key for this test only, 32 byt";

static int64_t test_now_ms;
static inline int64_t test_clock(void)
{
	return test_now_ms;
}

struct bench {
	struct dns_server *server;
	struct mx *mx;
};

static inline struct mx *open_at(const char *servers, int64_t wait_ms, const struct mx_notes *notes)
{
	struct mx *m = mx_open(&(struct mx_options){.servers = servers,
						    .wait_ms = wait_ms,
						    .key = notes ? key : NULL,
						    .notes = notes ? *notes : (struct mx_notes){0},
						    .now_ms = test_clock},
			       NULL);

	assert_non_null(m);
	return m;
}

static inline struct bench bench_open(int64_t wait_ms)
{
	struct bench b = {.server = dns_server_start()};

	test_now_ms = 1000;
	b.mx = open_at(dns_server_text(b.server), wait_ms, NULL);
	return b;
}

static inline void bench_close(struct bench *b)
{
	mx_close(b->mx);
	dns_server_stop(b->server);
}

/* Learns one domain, as a batch of one lead does; what is known then. */
static inline enum mx_mail learn(struct mx *m, const char *domain)
{
	struct slice d = slice_cstr(domain);

	mx_learn(m, &d, 1);
	return mx_answer(m, d);
}

static inline unsigned asked(struct bench *b, const char *domain)
{
	usleep(20000); /* the server's thread writes its log */
	return dns_server_asked(b->server, domain);
}

#endif
