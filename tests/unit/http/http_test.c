/* The HTTP server through real sockets: client and server take turns on one thread, so nothing here waits for luck. */
#include "http_world.h"

#define IDLE_COUNT 500

/* --- tests --- */

static void answers_go_out_in_the_order_of_the_requests(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd,
	    "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nA"
	    "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nB"
	    "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nC");
	expect_held(w, 2);
	echo(w->held[1]);
	turn(w);
	assert_int_equal(recv(fd, &(char){0}, 1, 0), -1); /* B and C wait for A */
	assert_int_equal(errno, EAGAIN);
	echo(w->held[0]);
	w->held_count = 0;
	hear(w, fd, &heard, "C");
	assert_non_null(strstr(buf_cstr(&heard), "\r\n\r\nAHTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(buf_cstr(&heard), "\r\n\r\nBHTTP/1.1 200 OK\r\n"));
	buf_free(&heard);
	close(fd);
}

static void answers_of_one_turn_leave_in_one_write(void **state)
{
	struct world *w = *state;
	char bytes[4096];
	ssize_t n = -1;
	int fd = dial(w);

	say(w, fd,
	    "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /hold "
	    "HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_held(w, 3);
	for (int i = 0; i < 3; i++)
		echo(w->held[i]);
	w->held_count = 0;
	for (int i = 0; i < 100 && n < 0; i++) {
		turn(w);
		n = recv(fd, bytes, sizeof(bytes) - 1, 0);
	}
	assert_true(n > 0);
	bytes[n] = '\0';
	/* One recv() finds all three: they were there together. */
	assert_non_null(
	    strstr(strstr(strstr(bytes, "HTTP/1.1 200") + 1, "HTTP/1.1 200") + 1, "HTTP/1.1 200"));
	close(fd);
}

static void more_pipelined_than_the_limit_are_all_answered(void **state)
{
	struct world *w = *state;
	struct buf said = {0}, heard = {0};
	int fd = dial(w);

	for (int i = 0; i < 100; i++)
		buf_printf(&said,
			   "POST /now?%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d", i,
			   i);
	say(w, fd, buf_cstr(&said));
	hear(w, fd, &heard, "099");
	assert_int_equal(w->served, 100);
	for (int i = 0, at = 0; i < 100; i++) {
		char expected[64];
		const char *found;

		snprintf(expected, sizeof(expected), "X-Query: %d\r\nContent-Length: 3\r\n\r\n%03d",
			 i, i);
		found = strstr(buf_cstr(&heard) + at, expected);
		assert_non_null(found);
		at = (int)(found - buf_cstr(&heard));
	}
	buf_free(&said);
	buf_free(&heard);
	close(fd);
}

static void reading_pauses_at_the_limit_of_unanswered_requests(void **state)
{
	struct world *w = *state;
	struct buf said = {0};
	int fd = dial(w);

	for (int i = 0; i < 20; i++)
		buf_append_cstr(&said, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	say(w, fd, buf_cstr(&said));
	expect_held(w, 8);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->held_count, 8);
	for (size_t i = 0; i < w->held_count && i < 20; i++) {
		echo(w->held[i]);
		w->held[i] = NULL;
		turn(w);
	}
	assert_int_equal(w->served, 20);
	w->held_count = 0;
	buf_free(&said);
	close(fd);
}

static void what_is_not_http_gets_400_and_a_closed_connection(void **state)
{
	struct world *w = *state;

	expect_refusal(w, "hello\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
	expect_refusal(w, "\x16\x03\x01\x02", "HTTP/1.1 400 ");
	expect_refusal(w, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 ");
	expect_refusal(w, "GET / HTTP/3.7\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ");
	expect_refusal(w, "GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400 ");
}

static void two_readings_of_the_framing_are_refused(void **state)
{
	struct world *w = *state;

	expect_refusal(
	    w,
	    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "HTTP/1.1 400 ");
	expect_refusal(
	    w,
	    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
	    "HTTP/1.1 400 ");
	expect_refusal(
	    w, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
	    "HTTP/1.1 400 ");
	expect_refusal(w, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n",
		       "HTTP/1.1 400 ");
	expect_refusal(w, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
		       "HTTP/1.1 400 ");
	expect_refusal(w, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		       "HTTP/1.1 400 ");
	expect_refusal(w, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400 ");
	expect_refusal(w, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
	assert_int_equal(w->served, 0);
}

/* Whole, and in pieces of every size, so that the line ends on both sides of a read. */
static void expect_refusal_however_torn(struct world *w, const char *text)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct buf heard = {0};
		int fd = dial(w);

		for (size_t at = 0; at < strlen(text); at += piece) {
			char part[256];
			size_t len = MIN_OF(piece, strlen(text) - at);

			assert_true(len < sizeof(part));
			memcpy(part, text + at, len);
			part[len] = '\0';
			say(w, fd, part);
			turn(w);
		}
		hear(w, fd, &heard, NULL);
		assert_true(slice_starts_with(buf_slice(&heard), "HTTP/1.1 400 "));
		buf_free(&heard);
		close(fd);
	}
	assert_int_equal(w->served, 0);
}

static void a_value_that_goes_on_in_the_next_line_is_refused(void **state)
{
	expect_refusal_however_torn(*state, "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n");
	expect_refusal_however_torn(
	    *state, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n");
}

static void a_header_without_a_name_is_refused(void **state)
{
	expect_refusal_however_torn(*state, "GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n");
}

static void empty_values_are_none_of_that(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd, "POST /now HTTP/1.1\r\nX:\r\nHost: x\r\nY: \r\nContent-Length: 1\r\n\r\nA");
	hear(w, fd, &heard, "A");
	assert_non_null(strstr(buf_cstr(&heard), "HTTP/1.1 200 "));
	buf_free(&heard);
	close(fd);
}

static void a_body_past_its_limit_is_refused_before_it_arrives(void **state)
{
	struct world *w = *state;

	expect_refusal(w, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n",
		       "HTTP/1.1 413 Content Too Large\r\n");
	expect_refusal(
	    w,
	    "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\nExpect: 100-continue\r\n\r\n",
	    "HTTP/1.1 413 ");
	expect_refusal(
	    w,
	    "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\nx\r\n",
	    "HTTP/1.1 413 ");
	assert_int_equal(w->served, 0);
}

static void headers_past_their_limit_get_431(void **state)
{
	struct world *w = *state;
	struct buf said = {0};

	buf_append_cstr(&said, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
	for (int i = 0; i < 5000; i++)
		buf_append_char(&said, 'a');
	expect_refusal(w, buf_cstr(&said), "HTTP/1.1 431 ");
	buf_reset(&said);
	buf_append_cstr(&said, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 64; i++)
		buf_append_cstr(&said, "A:b\r\n");
	expect_refusal(w, buf_cstr(&said), "HTTP/1.1 431 ");
	buf_free(&said);
}

static void who_sends_too_slowly_gets_408(void **state)
{
	struct world *w = *state;

	expect_refusal(w, "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1",
		       "HTTP/1.1 408 Request Timeout\r\n");
	expect_refusal(w, "POST /now HT", "HTTP/1.1 408 ");
	assert_int_equal(w->served, 0);
}

static void who_does_not_read_answers_is_closed(void **state)
{
	struct world *w = *state;
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	struct buf said = {0};
	int small = 4096, fd = dial(w);
	size_t at = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	buf_append_cstr(&said, "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		buf_append_char(&said, 'x');
	while (http_connections(w->server) == 0)
		turn(w);
	/* Whole requests only, so that nothing but the unread answers can end the connection. */
	while (http_connections(w->server) > 0 && clock_monotonic_ms() < deadline) {
		ssize_t n = send(fd, said.data + at, said.len - at, MSG_NOSIGNAL);

		at = n > 0 ? (at + (size_t)n) % said.len : at;
		turn(w);
	}
	assert_true(w->served > 0);
	assert_int_equal(http_connections(w->server), 0);
	assert_true(http_quiet(w->server));
	buf_free(&said);
	close(fd);
}

static void an_answer_to_a_client_that_has_left_is_safe(void **state)
{
	struct world *w = *state;
	struct linger at_once = {.l_onoff = 1};
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	int fd = dial(w);

	say(w, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_held(w, 2);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd); /* a reset */
	while (http_connections(w->server) > 0 && clock_monotonic_ms() < deadline)
		turn(w);
	assert_int_equal(http_connections(w->server), 0);
	assert_false(http_quiet(w->server));
	echo(w->held[1]);
	echo(w->held[0]);
	w->held_count = 0;
	assert_true(http_quiet(w->server));
}

static void a_client_that_closed_its_half_still_gets_its_answer(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /ha");
	expect_held(w, 1);
	shutdown(fd, SHUT_WR);
	turn(w);
	echo(w->held[0]);
	w->held_count = 0;
	hear(w, fd, &heard, NULL);
	assert_true(slice_starts_with(buf_slice(&heard), "HTTP/1.1 200 OK\r\n"));
	buf_free(&heard);
	close(fd);
}

static void expect_100_continue_is_answered_in_its_turn(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd,
	    "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nA"
	    "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
	expect_held(w, 1);
	turn(w);
	assert_int_equal(recv(fd, &(char){0}, 1, 0), -1);
	echo(w->held[0]);
	w->held_count = 0;
	hear(w, fd, &heard, "\r\n\r\nAHTTP/1.1 100 Continue\r\n\r\n");
	say(w, fd, "B");
	hear(w, fd, &heard, "\r\n\r\nB");
	buf_free(&heard);
	close(fd);
}

static void a_closing_request_is_the_last_one(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd,
	    "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: "
	    "x\r\n\r\n");
	hear(w, fd, &heard, NULL);
	assert_int_equal(w->served, 1);
	assert_non_null(strstr(buf_cstr(&heard), "Connection: close\r\n"));
	buf_free(&heard);
	close(fd);
}

static void http_1_0_closes_unless_it_asks_otherwise(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd, "GET /a HTTP/1.0\r\n\r\n");
	hear(w, fd, &heard, NULL);
	assert_true(slice_starts_with(buf_slice(&heard), "HTTP/1.1 200 OK\r\n"));
	close(fd);
	fd = dial(w);
	buf_reset(&heard);
	say(w, fd, "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nA");
	hear(w, fd, &heard, "\r\n\r\nA");
	assert_non_null(strstr(buf_cstr(&heard), "Connection: keep-alive\r\n"));
	say(w, fd, "POST /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nB");
	hear(w, fd, &heard, NULL);
	buf_free(&heard);
	close(fd);
}

static void chunked_bodies_arrive_whole_and_trailers_are_dropped(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w);

	say(w, fd, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	say(w, fd, "2;x=y\r\nde\r\n0\r\nContent-Length: 7\r\n\r\n");
	hear(w, fd, &heard, "\r\n\r\nabcde");
	buf_free(&heard);
	close(fd);
}

static void a_folded_trailer_is_refused_however_it_is_cut(void **state)
{
	static const char *const cuts[][3] = {
	    {"0\r\nFolded: a\r\n b\r\n\r\n"},
	    {"0\r\nFolded: a\r\n ", "b\r\n\r\n"},
	    {"0\r\nFolded: a\r\n", " ", "b\r\n\r\n"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct buf heard = {0};
		int fd = dial(w);

		say(w, fd, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (size_t n = 0; n < ARRAY_LEN(cuts[i]) && cuts[i][n]; n++) {
			say(w, fd, cuts[i][n]);
			turn(w);
		}
		hear(w, fd, &heard, NULL);
		assert_true(slice_starts_with(buf_slice(&heard), "HTTP/1.1 400 "));
		buf_free(&heard);
		close(fd);
	}
}

static void idle_connections_do_not_starve_others(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int idle[IDLE_COUNT], fd;

	for (int i = 0; i < IDLE_COUNT; i++) {
		idle[i] = dial(w);
		turn(w);
	}
	fd = dial(w);
	say(w, fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nA");
	hear(w, fd, &heard, "\r\n\r\nA");
	assert_int_equal(http_connections(w->server), IDLE_COUNT + 1);
	for (int i = 0; i < IDLE_COUNT; i++)
		close(idle[i]);
	buf_free(&heard);
	close(fd);
}

static void stopping_answers_what_is_under_way_and_closes_the_idle(void **state)
{
	struct world *w = *state;
	struct buf heard = {0};
	int fd = dial(w), idle = dial(w);

	say(w, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_held(w, 1);
	http_stop_listening(w->server);
	hear(w, idle, &heard, NULL);
	assert_int_equal(heard.len, 0);
	assert_false(http_quiet(w->server));
	echo(w->held[0]);
	w->held_count = 0;
	hear(w, fd, &heard, NULL);
	assert_non_null(strstr(buf_cstr(&heard), "Connection: close\r\n"));
	assert_true(http_quiet(w->server));
	buf_free(&heard);
	close(fd);
	close(idle);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(answers_go_out_in_the_order_of_the_requests),
	    WORLD_TEST(answers_of_one_turn_leave_in_one_write),
	    WORLD_TEST(more_pipelined_than_the_limit_are_all_answered),
	    WORLD_TEST(reading_pauses_at_the_limit_of_unanswered_requests),
	    WORLD_TEST(what_is_not_http_gets_400_and_a_closed_connection),
	    WORLD_TEST(two_readings_of_the_framing_are_refused),
	    WORLD_TEST(a_value_that_goes_on_in_the_next_line_is_refused),
	    WORLD_TEST(a_header_without_a_name_is_refused),
	    WORLD_TEST(empty_values_are_none_of_that),
	    WORLD_TEST(a_body_past_its_limit_is_refused_before_it_arrives),
	    WORLD_TEST(headers_past_their_limit_get_431),
	    WORLD_TEST(who_sends_too_slowly_gets_408),
	    WORLD_TEST(who_does_not_read_answers_is_closed),
	    WORLD_TEST(an_answer_to_a_client_that_has_left_is_safe),
	    WORLD_TEST(a_client_that_closed_its_half_still_gets_its_answer),
	    WORLD_TEST(expect_100_continue_is_answered_in_its_turn),
	    WORLD_TEST(a_closing_request_is_the_last_one),
	    WORLD_TEST(http_1_0_closes_unless_it_asks_otherwise),
	    WORLD_TEST(chunked_bodies_arrive_whole_and_trailers_are_dropped),
	    WORLD_TEST(a_folded_trailer_is_refused_however_it_is_cut),
	    WORLD_TEST(idle_connections_do_not_starve_others),
	    WORLD_TEST(stopping_answers_what_is_under_way_and_closes_the_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
