/* A name that leads elsewhere from one look-up to the next. This program has its own idea of what names mean (getaddrinfo) and of which
 * addresses are public: 127.0.0.2 stands for a public one here, everything else for a private network. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/shell/address.h"
#include "delivery/shell/sender.h"
#include "hostile.h"

static struct hostile server;
/* What the name means now; libcurl looks it up in a thread of its own, one at a time here. */
static const char *volatile answers[2];
static volatile int looked_up;

bool address_is_public(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;

	return address->sa_family == AF_INET && ntohl(in->sin_addr.s_addr) == 0x7f000002;
}

static struct addrinfo *entry(const char *text, const char *service)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in in;
	} *e = calloc(1, sizeof(*e));

	e->in.sin_family = AF_INET;
	e->in.sin_port = htons((uint16_t)atoi(service));
	assert_int_equal(inet_pton(AF_INET, text, &e->in.sin_addr), 1);
	e->info.ai_family = AF_INET;
	e->info.ai_socktype = SOCK_STREAM;
	e->info.ai_addr = (struct sockaddr *)&e->in;
	e->info.ai_addrlen = sizeof(e->in);
	return &e->info;
}

int getaddrinfo(_unused_ const char *name, const char *service,
		_unused_ const struct addrinfo *hints, struct addrinfo **ret)
{
	looked_up++;
	*ret = entry(answers[0], service);
	if (answers[1])
		(*ret)->ai_next = entry(answers[1], service);
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;

		free(info);
		info = next;
	}
}

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

static struct sender *open_sender(uv_loop_t *loop)
{
	struct sender_options o = {.connect_timeout_ms = 1000,
				   .answer_max_bytes = 65536,
				   .connections_max = 8,
				   .on_done = on_done};
	struct error e = {0};

	uv_loop_init(loop);
	return sender_open(loop, &o, &e);
}

static enum transport_end ask(struct sender *s, uv_loop_t *loop, const char *host)
{
	struct sender_request r = {.timeout_ms = 1000};
	struct heard h = {0};
	struct message m = {0};
	char url[128];

	snprintf(url, sizeof(url), "http://%s:%d/status/200", host, server.port);
	r.url = url;
	assert_non_null(sender_send(s, &r, &m, &h));
	while (!h.done)
		uv_run(loop, UV_RUN_ONCE);
	return h.answer.end;
}

static void close_sender(struct sender *s, uv_loop_t *loop)
{
	sender_close(s);
	uv_run(loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(loop), 0);
}

static void a_name_that_turns_to_a_private_address_is_not_followed(_unused_ void **state)
{
	struct sender *s;
	uv_loop_t loop;

	answers[0] = "127.0.0.2";
	s = open_sender(&loop);
	assert_int_equal(ask(s, &loop, "rebind.example"), TRANSPORT_ANSWERED);
	close_sender(s, &loop);

	answers[0] = "127.0.0.1";
	s = open_sender(&loop);
	assert_int_equal(ask(s, &loop, "rebind.example"), TRANSPORT_ADDRESS_REFUSED);
	answers[0] = "169.254.169.254";
	assert_int_equal(ask(s, &loop, "metadata.example"), TRANSPORT_ADDRESS_REFUSED);
	close_sender(s, &loop);
	assert_int_equal(looked_up, 3);
}

/* A public and a private address at once: only the public one may be called, whichever stands first. */
static void of_several_addresses_only_the_public_ones_are_called(_unused_ void **state)
{
	struct sender *s;
	uv_loop_t loop;

	s = open_sender(&loop);
	answers[0] = "127.0.0.1";
	answers[1] = "127.0.0.2";
	assert_int_equal(ask(s, &loop, "both.example"), TRANSPORT_ANSWERED);
	answers[0] = "10.0.0.1";
	answers[1] = "127.0.0.1";
	assert_int_equal(ask(s, &loop, "neither.example"), TRANSPORT_ADDRESS_REFUSED);
	close_sender(s, &loop);
	answers[1] = NULL;
}

static int start_server(_unused_ void **state)
{
	char *argv[] = {(char *)"python3", (char *)"tests/unit/delivery/hostile.py",
			(char *)"--any-address", NULL};

	server = hostile_start_other(argv);
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
	    cmocka_unit_test(a_name_that_turns_to_a_private_address_is_not_followed),
	    cmocka_unit_test(of_several_addresses_only_the_public_ones_are_called),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
