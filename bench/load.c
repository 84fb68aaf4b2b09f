/* bench-load: a webmaster's client that costs little: raw sockets, one epoll, requests that are ready-made.
 *
 *   bench-load --port P --key K --leads N [--first F] [--connections C] [--batch B] [--rate R] [--idle S]
 *              [--pid COLLECTOR] [--warm W] [--log FILE] [--told 1] [--more M]
 *
 * Without --rate the loop is closed: each connection has one request under way, the next follows the answer. With --rate
 * request i is due at start + i/R, whatever the answers do, and its latency counts from when it was due: a stall shows in
 * every request that it held up. --batch B sends B leads a request, as NDJSON. --warm W: the first W leads are not
 * measured. --log writes "lead id, ns" of every acknowledged lead. --idle S keeps the connections open without a
 * request at the end, until S seconds passed or standard input ends, and tells the collector's memory. --more M: each lead has
 * M bytes more that can't be guessed, at most 4,000.
 *
 * --told 1: 429 and 503 are answers too; they are counted, not sent again, and their latencies stand apart.
 *
 * Prints one line of JSON. Ends with status 1 when an answer is not 202 (200 for a batch), or names a refused lead. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/ids.h"
#include "bench.h"
#include "load_body.h"

#define CONNECTIONS_MAX 20000
#define BATCH_MAX       1000
#define HEAD_MAX        512
#define ANSWER_MAX      (BATCH_MAX * 160 + 4096)
#define EVENTS_MAX      1024
#define STALL_MS        20000

struct connection {
	int fd;
	uint32_t leads; /* under way */
	char *out, *in;
	size_t out_len, out_at, in_len;
	int64_t due_ns, sent_ns;
};

struct load {
	int epoll;
	const char *host, *key;
	int port, pid;
	uint64_t first, leads, warm, next, acked, told; /* counted in leads */
	bool told_counts;
	uint32_t batch;
	size_t more;
	double rate; /* requests a second; 0 = closed loop */
	struct connection *connections;
	size_t count;
	uint32_t *free; /* connections without a request, as a stack */
	size_t free_count;
	double *latency_ms, *told_ms;
	size_t latencies;
	int64_t start_ns, measured_from_ns, first_answer_ns, end_ns, cpu_from_us, cpu_end_us;
	uint64_t measured_from;
	FILE *log;
};

static void write_out(struct load *l, struct connection *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};

			epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e);
			return;
		}
		if (n < 0)
			bench_die("sending: %s", strerror(errno));
		c->out_at += (size_t)n;
	}
}

static void send_request(struct load *l, struct connection *c, int64_t due_ns)
{
	uint32_t leads = (uint32_t)MIN_OF((uint64_t)l->batch, l->leads - l->next);
	char *body = c->out + HEAD_MAX;
	size_t len = 0;
	char head[HEAD_MAX];
	int head_len;

	for (uint32_t i = 0; i < leads; i++) {
		len += load_lead_json_more(body + len, l->first + l->next + i, l->more);
		if (l->batch > 1)
			body[len++] = '\n';
	}
	head_len =
	    snprintf(head, sizeof(head),
		     "POST %s HTTP/1.1\r\nHost: leads.example.org\r\nAuthorization: Bearer %s\r\n"
		     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
		     l->batch > 1 ? "/v1/leads/batch" : "/v1/leads", l->key,
		     l->batch > 1 ? "application/x-ndjson" : "application/json", len);
	assert(head_len > 0 && head_len < HEAD_MAX);
	c->out_at = HEAD_MAX - (size_t)head_len;
	memcpy(c->out + c->out_at, head, (size_t)head_len);
	c->out_len = HEAD_MAX + len;
	c->in_len = 0;
	c->leads = leads;
	c->sent_ns = bench_now_ns();
	c->due_ns = due_ns ? due_ns : c->sent_ns;
	l->next += leads;
	write_out(l, c);
}

/* The whole answer's length; 0 while it is not complete. */
static size_t answer_length(const struct connection *c, const char **ret_body)
{
	const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4), *field;
	size_t length, head;

	if (!end)
		return 0;
	head = (size_t)(end - c->in) + 4;
	field = strcasestr(c->in, "\r\ncontent-length:"); /* `in` ends with a NUL */
	if (!field || field > end)
		bench_die("an answer without a length: %.*s", (int)head, c->in);
	length = strtoul(field + 17, NULL, 10);
	*ret_body = end + 4;
	return c->in_len >= head + length ? head + length : 0;
}

static void note_ids(struct load *l, const char *body, const char *end, int64_t now_ns)
{
	static const char mark[] = "\"lead_id\":\"";
	const char *at = body;

	while ((at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1)) != NULL) {
		at += sizeof(mark) - 1;
		fprintf(l->log, "%.*s %" PRId64 "\n", LEAD_ID_TEXT_LEN, at, now_ns);
	}
}

static size_t count_taken(const char *body, const char *end)
{
	static const char mark[] = "\"received\"";
	const char *at = body;
	size_t count = 0;

	while ((at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1)) != NULL) {
		at += sizeof(mark) - 1;
		count++;
	}
	return count;
}

static bool is_told(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 429", 12) == 0 || strncmp(answer, "HTTP/1.1 503", 12) == 0;
}

static void finish(struct load *l, struct connection *c, int64_t now)
{
	if (l->acked + l->told == l->leads) {
		l->end_ns = now;
		l->cpu_end_us = l->pid ? bench_cpu_us(l->pid) : 0;
	}
	c->leads = 0;
	if (l->rate == 0 && l->next < l->leads)
		send_request(l, c, 0);
	else
		l->free[l->free_count++] = (uint32_t)(c - l->connections);
}

static void answered(struct load *l, struct connection *c, const char *body, size_t length)
{
	const char *expected = l->batch > 1 ? "HTTP/1.1 200" : "HTTP/1.1 202";
	const char *end = c->in + length;
	int64_t now = bench_now_ns();

	if (l->told_counts && is_told(c->in)) {
		l->told_ms[l->told++] = (double)(now - c->due_ns) / 1e6;
		finish(l, c, now);
		return;
	}
	if (strncmp(c->in, expected, 12) != 0 || count_taken(body, end) != c->leads)
		bench_die("not taken: %.*s", (int)MIN_OF(length, (size_t)800), c->in);
	if (!l->first_answer_ns)
		l->first_answer_ns = now;
	l->acked += c->leads;
	if (l->log)
		note_ids(l, body, end, now);
	if (l->acked > l->warm && l->measured_from_ns)
		l->latency_ms[l->latencies++] = (double)(now - c->due_ns) / 1e6;
	if (l->acked >= l->warm && !l->measured_from_ns) {
		l->measured_from_ns = now;
		l->measured_from = l->acked;
		l->cpu_from_us = l->pid ? bench_cpu_us(l->pid) : 0;
	}
	finish(l, c, now);
}

static void read_in(struct load *l, struct connection *c)
{
	const char *body;
	size_t length;
	ssize_t n = recv(c->fd, c->in + c->in_len, ANSWER_MAX - 1 - c->in_len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		bench_die("the server closed a connection%s%s", n < 0 ? ": " : "",
			  n < 0 ? strerror(errno) : "");
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	if (!c->leads)
		bench_die("an answer that nobody asked for: %.300s", c->in);
	length = answer_length(c, &body);
	if (length)
		answered(l, c, body, length);
}

static void on_event(struct load *l, const struct epoll_event *e)
{
	struct connection *c = e->data.ptr;

	if (e->events & EPOLLOUT) {
		struct epoll_event in_only = {.events = EPOLLIN, .data.ptr = c};

		epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &in_only);
		write_out(l, c);
	}
	if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_in(l, c);
}

/* Sends what is due; returns when the next one is, or -1. A request that finds no connection waits, and its wait counts. */
static int64_t send_due(struct load *l, uint64_t *requests)
{
	int64_t now = bench_now_ns();

	while (l->next < l->leads) {
		int64_t due = l->start_ns + (int64_t)((double)*requests * 1e9 / l->rate);

		if (due > now)
			return due;
		if (l->free_count == 0)
			return -1;
		send_request(l, &l->connections[l->free[--l->free_count]], due);
		(*requests)++;
	}
	return -1;
}

static void run(struct load *l)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t requests = 0;

	l->start_ns = bench_now_ns();
	while (l->rate == 0 && l->free_count > 0 && l->next < l->leads)
		send_request(l, &l->connections[l->free[--l->free_count]], 0);
	while (l->acked + l->told < l->leads) {
		int64_t due = l->rate > 0 ? send_due(l, &requests) : -1;
		int64_t left = due - bench_now_ns();
		int64_t wait = due < 0 ? STALL_MS * 1000000LL : MAX_OF(left, 0);
		struct timespec t = {wait / 1000000000, wait % 1000000000};
		int n = epoll_pwait2(l->epoll, events, EVENTS_MAX, &t, NULL);

		if (n < 0 && errno != EINTR)
			bench_die("waiting: %s", strerror(errno));
		if (n == 0 && due < 0)
			bench_die("no answer for %d s; %" PRIu64 " of %" PRIu64
				  " leads acknowledged",
				  STALL_MS / 1000, l->acked, l->leads);
		for (int i = 0; i < n; i++)
			on_event(l, &events[i]);
	}
}

static void connect_all(struct load *l)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < l->count; i++) {
		struct connection *c = &l->connections[i];
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		/* Memory is touched only as far as it is used. */
		size_t out = HEAD_MAX + (size_t)l->batch * (LOAD_LEAD_MAX + l->more);

		c->fd = bench_connect(l->host, l->port);
		c->out = malloc(out);
		c->in = malloc(l->batch > 1 ? ANSWER_MAX : 4096);
		if (!c->out || !c->in || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) < 0)
			bench_die("connection %zu can't be set up", i);
		l->free[l->free_count++] = (uint32_t)i;
	}
}

static void stay_idle(const struct load *l, int64_t seconds)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	fprintf(stderr, "%zu connections are idle\n", l->count);
	poll(&input, 1, (int)(seconds * 1000));
	for (size_t i = 0; i < l->count; i++) {
		char byte;

		if (recv(l->connections[i].fd, &byte, 1, MSG_PEEK) != -1 || errno != EAGAIN)
			bench_die("connection %zu did not stay open", i);
	}
}

static void report(struct load *l)
{
	double seconds = (double)(l->end_ns - l->measured_from_ns) / 1e9;
	double leads = (double)(l->acked - l->measured_from);

	printf("{\"leads\":%.0f,\"seconds\":%.4f,\"per_s\":%.1f", leads, seconds, leads / seconds);
	if (l->pid)
		printf(",\"cpu_us\":%.4f,\"rss_mib\":%.2f",
		       (double)(l->cpu_end_us - l->cpu_from_us) / leads,
		       (double)bench_resident_kib(l->pid) / 1024);
	if (l->latencies)
		printf(",\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"p999_ms\":%.4f",
		       bench_quantile(l->latency_ms, l->latencies, 0.5),
		       bench_quantile(l->latency_ms, l->latencies, 0.99),
		       bench_quantile(l->latency_ms, l->latencies, 0.999));
	if (l->told_counts)
		printf(",\"told\":%" PRIu64 ",\"told_p99_ms\":%.4f", l->told,
		       l->told ? bench_quantile(l->told_ms, l->told, 0.99) : 0.0);
	printf(",\"first_answer_ns\":%" PRId64 ",\"end_ns\":%" PRId64 "}\n", l->first_answer_ns,
	       l->end_ns);
}

static void raise_limits(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_TIMERSLACK, 1);
}

int main(int argc, char **argv)
{
	struct load l = {.host = bench_option(argc, argv, "host", "127.0.0.1"),
			 .key = bench_option(argc, argv, "key", ""),
			 .port = (int)bench_option_int(argc, argv, "port", 7000),
			 .pid = (int)bench_option_int(argc, argv, "pid", 0),
			 .first = (uint64_t)bench_option_int(argc, argv, "first", 0),
			 .leads = (uint64_t)bench_option_int(argc, argv, "leads", 1000),
			 .warm = (uint64_t)bench_option_int(argc, argv, "warm", 0),
			 .batch = (uint32_t)bench_option_int(argc, argv, "batch", 1),
			 .rate = (double)bench_option_int(argc, argv, "rate", 0),
			 .count = (size_t)bench_option_int(argc, argv, "connections", 256),
			 .more = (size_t)bench_option_int(argc, argv, "more", 0)};
	const char *log = bench_option(argc, argv, "log", NULL);
	int64_t idle_s = bench_option_int(argc, argv, "idle", 0);
	bool told = bench_option_int(argc, argv, "told", 0) != 0;

	if (l.batch < 1 || l.batch > BATCH_MAX || l.more > LOAD_MORE_MAX || l.count < 1 ||
	    l.count > CONNECTIONS_MAX || l.leads < 1 || l.warm >= l.leads ||
	    l.first + l.leads > LOAD_LEADS_END)
		bench_die("an option is out of its limits");
	l.log = log ? fopen(log, "w") : NULL;
	if (log && !l.log)
		bench_die("%s: %s", log, strerror(errno));
	raise_limits();
	l.connections = calloc(l.count, sizeof(*l.connections));
	l.free = calloc(l.count, sizeof(*l.free));
	l.latency_ms = calloc(l.leads, sizeof(*l.latency_ms));
	l.told_counts = told;
	l.told_ms = told ? calloc(l.leads, sizeof(*l.told_ms)) : NULL;
	if (!l.connections || !l.free || !l.latency_ms || (told && !l.told_ms))
		bench_die("out of memory");
	connect_all(&l);
	run(&l);
	if (idle_s)
		stay_idle(&l, idle_s);
	report(&l);
	if (l.log)
		fclose(l.log);
	return 0;
}
