/* bench-sink: an advertiser that takes every lead at once: keep-alive, 200 {"outcome":"accepted"}; on the path /after in 20 ms, as one
 * does that looks into its own books first. On the paths /never, /half, /endless and /reset it does what they say.
 *
 *   bench-sink --port P [--log FILE]
 *
 * --log writes "lead id, ns" as each answer is sent. SIGTERM ends it; it then prints how many leads it took. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ids.h"
#include "bench.h"

#define REQUEST_MAX 65536
#define EVENTS_MAX  512
#define LATER_MAX   4096 /* answers that are not due yet */
#define AFTER_NS    20000000

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			     "Content-Length: 22\r\n\r\n{\"outcome\":\"accepted\"}";

struct peer {
	int fd;
	size_t len;
	char in[REQUEST_MAX + 1];
};

/* The delay is one for all: who asked first is answered first. */
struct later {
	struct peer *peer; /* NULL: it is gone */
	int64_t due_ns;
};

struct sink {
	int epoll, listener;
	struct later later[LATER_MAX];
	size_t later_first, later_count;
	uint64_t taken;
	FILE *log;
};

static volatile sig_atomic_t ending;

static void on_signal(_unused_ int number)
{
	ending = 1;
}

static void peer_close(struct sink *s, struct peer *p)
{
	for (size_t i = 0; i < s->later_count; i++) {
		struct later *l = &s->later[(s->later_first + i) % LATER_MAX];

		if (l->peer == p)
			l->peer = NULL;
	}
	close(p->fd);
	free(p);
}

/* Length of the first whole request in the buffer; 0 while there is none. */
static size_t request_length(const struct peer *p, size_t from, const char **ret_body)
{
	const char *start = p->in + from, *end, *field;
	size_t length = 0;

	end = memmem(start, p->len - from, "\r\n\r\n", 4);
	if (!end)
		return 0;
	field = strcasestr(start, "\r\ncontent-length:");
	if (field && field < end)
		length = strtoul(field + 17, NULL, 10);
	*ret_body = end + 4;
	length += (size_t)(end + 4 - start);
	return p->len - from >= length ? length : 0;
}

static void note(struct sink *s, const char *body, const char *end)
{
	static const char mark[] = "\"lead_id\":\"";
	const char *at = memmem(body, (size_t)(end - body), mark, sizeof(mark) - 1);

	if (at)
		fprintf(s->log, "%.*s %" PRId64 "\n", LEAD_ID_TEXT_LEN, at + sizeof(mark) - 1,
			bench_now_ns());
}

static bool begins(const char *at, const char *path)
{
	return strncmp(at, path, strlen(path)) == 0;
}

/* false: the connection is done for. *ret_answered: this path gets no other answer. */
static bool misbehave(const struct peer *p, const char *request, bool *ret_answered)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";
	static const char endless[] = "HTTP/1.1 200 OK\r\n\r\n";
	static const char filling[65536];
	struct linger hard = {.l_onoff = 1};

	*ret_answered = true;
	if (begins(request, "POST /never"))
		return true;
	if (begins(request, "POST /half"))
		return send(p->fd, half, sizeof(half) - 1, MSG_NOSIGNAL) > 0;
	if (begins(request, "POST /endless")) {
		ssize_t n = send(p->fd, endless, sizeof(endless) - 1, MSG_NOSIGNAL);

		while (n > 0)
			n = send(p->fd, filling, sizeof(filling), MSG_NOSIGNAL);
		return errno == EAGAIN;
	}
	if (begins(request, "POST /reset")) {
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		return false;
	}
	*ret_answered = false;
	return true;
}

static bool send_answer(const struct peer *p)
{
	return send(p->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) == sizeof(answer) - 1;
}

static void answer_later(struct sink *s, struct peer *p)
{
	if (s->later_count == LATER_MAX)
		bench_die("more answers are asked for than %d", LATER_MAX);
	s->later[(s->later_first + s->later_count++) % LATER_MAX] =
	    (struct later){p, bench_now_ns() + AFTER_NS};
}

/* Milliseconds until the next one is due; -1: none is. */
static int answer_due(struct sink *s)
{
	int64_t now_ns = bench_now_ns();

	for (; s->later_count > 0; s->later_count--) {
		const struct later *l = &s->later[s->later_first];

		if (l->due_ns > now_ns)
			return (int)((l->due_ns - now_ns + 999999) / 1000000);
		s->later_first = (s->later_first + 1) % LATER_MAX;
		if (l->peer && !send_answer(l->peer))
			bench_die("an answer can't be sent");
	}
	return -1;
}

static bool serve(struct sink *s, struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->len, REQUEST_MAX - p->len, 0);
	size_t at = 0, length;
	const char *body;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	p->len += (size_t)n;
	p->in[p->len] = '\0';
	while ((length = request_length(p, at, &body)) != 0) {
		bool answered;

		if (!misbehave(p, p->in + at, &answered))
			return false;
		if (begins(p->in + at, "POST /after"))
			answer_later(s, p);
		else if (!answered && !send_answer(p))
			return false;
		s->taken++;
		if (s->log)
			note(s, body, p->in + at + length);
		at += length;
	}
	memmove(p->in, p->in + at, p->len - at);
	p->len -= at;
	return p->len < REQUEST_MAX;
}

static void accept_all(struct sink *s)
{
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *p = malloc(sizeof(*p));
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};

		if (!p || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
			bench_die("a connection can't be taken");
		p->fd = fd;
		p->len = 0;
	}
}

int main(int argc, char **argv)
{
	const char *log = bench_option(argc, argv, "log", NULL);
	struct sink s = {.listener = bench_listen((int)bench_option_int(argc, argv, "port", 7080))};
	struct epoll_event events[EVENTS_MAX], listening = {.events = EPOLLIN};
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	s.log = log ? fopen(log, "w") : NULL;
	if (log && !s.log)
		bench_die("%s: %s", log, strerror(errno));
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(s.epoll, EPOLL_CTL_ADD, s.listener, &listening);
	while (!ending) {
		int n = epoll_wait(s.epoll, events, EVENTS_MAX, answer_due(&s));

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if (!p)
				accept_all(&s);
			else if (!serve(&s, p))
				peer_close(&s, p);
		}
	}
	if (s.log)
		fclose(s.log);
	printf("{\"taken\":%" PRIu64 ",\"cpu_us\":%" PRId64 "}\n", s.taken, bench_own_cpu_us());
	return 0;
}
