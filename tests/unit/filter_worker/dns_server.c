/* dns_server: see dns_server.h. Just enough of RFC 1035, written out by hand. */
#include "dns_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/clock.h"

#define PACKET_MAX    1500
#define HEAD_LEN      12
#define LATE_MAX      64
#define LOG_MAX       20000
#define NAME_MAX      256
#define POLL_MS       5
#define CNAME_NAME_AT 12 /* within the record: the name that it leads on to */

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_MX = 15, TYPE_AAAA = 28 };
enum { RCODE_OK, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

struct packet {
	uint8_t data[PACKET_MAX];
	size_t len;
};

struct late {
	struct packet packet;
	struct sockaddr_in to;
	int64_t due_ms;
};

struct dns_server {
	pthread_t thread;
	pthread_mutex_t lock; /* of the log */
	atomic_bool stopping, deaf;
	int udp, tcp;
	char text[32];
	char (*log)[NAME_MAX];
	size_t log_count;
	struct late late[LATE_MAX];
	size_t late_count;
};

struct question {
	char name[NAME_MAX];
	char kind[NAME_MAX]; /* its first label, digits at the end apart */
	unsigned type;
	size_t end; /* where the question ends in the packet */
};

/* --- reading and writing --- */

static void put(struct packet *p, const void *data, size_t len)
{
	assert(p->len + len <= PACKET_MAX);
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

static void put_u16(struct packet *p, unsigned value)
{
	put(p, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_record_at(struct packet *p, size_t owner_at, unsigned type, const void *data,
			  size_t len)
{
	put_u16(p, 0xC000 | (unsigned)owner_at);
	put_u16(p, type);
	put_u16(p, 1);
	put(p, (uint8_t[]){0, 0, 0, 60}, 4);
	put_u16(p, (unsigned)len);
	put(p, data, len);
	p->data[7]++;
}

/* Of the name that was asked about, or of the name that it leads on to. */
static void put_record(const struct question *q, struct packet *p, unsigned type, const void *data,
		       size_t len)
{
	bool aliased = strncmp(q->kind, "alias", 5) == 0;

	if (aliased && p->data[7] == 0)
		put_record_at(p, HEAD_LEN, TYPE_CNAME, "\004real\xC0\014", 7);
	if (type != TYPE_CNAME)
		put_record_at(p, aliased ? q->end + CNAME_NAME_AT : HEAD_LEN, type, data, len);
}

static bool read_question(const uint8_t *data, size_t len, struct question *ret)
{
	size_t at = HEAD_LEN, out = 0;

	*ret = (struct question){0};
	while (at < len && data[at] != 0) {
		size_t label = data[at++];

		if (at + label >= len || out + label + 2 > NAME_MAX)
			return false;
		if (out > 0)
			ret->name[out++] = '.';
		memcpy(ret->name + out, data + at, label);
		out += label;
		at += label;
	}
	if (at + 5 > len)
		return false;
	ret->type = (unsigned)(data[at + 1] << 8 | data[at + 2]);
	ret->end = at + 5;
	for (size_t i = 0; ret->name[i] && ret->name[i] != '.'; i++)
		ret->kind[i] = ret->name[i];
	for (size_t i = strlen(ret->kind); i > 1 && isdigit((unsigned char)ret->kind[i - 1]); i--) {
		if (strcmp(ret->kind, "address6") != 0)
			ret->kind[i - 1] = '\0';
	}
	return true;
}

/* --- answers --- */

static bool is(const struct question *q, const char *kind)
{
	return strcmp(q->kind, kind) == 0;
}

static void answer_mx(const struct question *q, struct packet *p)
{
	if (is(q, "mx") || is(q, "big") || is(q, "slow") || is(q, "aliasmx"))
		put_record(q, p, TYPE_MX, "\0\012\002mx\xC0\014", 7);
	else if (is(q, "null"))
		put_record(q, p, TYPE_MX, "\0\0\0", 3);
	else if (is(q, "garbage"))
		put_record(q, p, TYPE_MX, "\0\012\077much longer than it is", 20);
}

static void answer_address(const struct question *q, struct packet *p)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

	if ((is(q, "address") || is(q, "alias")) && q->type == TYPE_A)
		put_record(q, p, TYPE_A, "\xC0\0\002\001", 4);
	else if (is(q, "address6") && q->type == TYPE_AAAA)
		put_record(q, p, TYPE_AAAA, v6, sizeof(v6));
}

static unsigned rcode_of(const struct question *q)
{
	if (is(q, "missing"))
		return RCODE_NXDOMAIN;
	if (is(q, "servfail") || (is(q, "doubtful") && q->type == TYPE_AAAA))
		return RCODE_SERVFAIL;
	return is(q, "refused") ? RCODE_REFUSED : RCODE_OK;
}

static void answer(const uint8_t *asked, const struct question *q, bool over_udp,
		   struct packet *ret)
{
	ret->len = 0;
	if (is(q, "noise")) {
		put(ret, "this is not DNS", 15);
		return;
	}
	put(ret, asked, 2);
	put_u16(ret, 0x8180 | rcode_of(q));
	put_u16(ret, 1);
	put(ret, (uint8_t[6]){0}, 6);
	put(ret, asked + HEAD_LEN, q->end - HEAD_LEN);
	if (is(q, "other")) {
		ret->data[HEAD_LEN + 1] ^= 1;
		put_record(q, ret, TYPE_MX, "\0\0\0", 3);
	} else if (is(q, "big") && over_udp) {
		ret->data[2] |= 2; /* TC */
	} else {
		if (is(q, "alias"))
			put_record(q, ret, TYPE_CNAME, NULL, 0);
		if (q->type == TYPE_MX)
			answer_mx(q, ret);
		else
			answer_address(q, ret);
	}
}

static void note(struct dns_server *s, const struct question *q)
{
	if (q->type != TYPE_MX)
		return;
	pthread_mutex_lock(&s->lock);
	assert(s->log_count < LOG_MAX);
	memcpy(s->log[s->log_count++], q->name, NAME_MAX);
	pthread_mutex_unlock(&s->lock);
}

/* --- the thread --- */

static void serve_udp(struct dns_server *s)
{
	uint8_t asked[PACKET_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(s->udp, asked, sizeof(asked), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &from_len);
	struct question q;
	struct packet p;

	if (len < HEAD_LEN || !read_question(asked, (size_t)len, &q))
		return;
	note(s, &q);
	if (s->deaf || is(&q, "silent"))
		return;
	answer(asked, &q, true, &p);
	if (is(&q, "slow") && s->late_count < LATE_MAX) {
		s->late[s->late_count++] = (struct late){
		    .packet = p, .to = from, .due_ms = clock_monotonic_ms() + DNS_SLOW_MS};
		return;
	}
	(void)sendto(s->udp, p.data, p.len, 0, (struct sockaddr *)&from, from_len);
}

/* One question a connection; it comes in one piece on loopback. */
static void serve_tcp(struct dns_server *s)
{
	uint8_t asked[PACKET_MAX];
	int fd = accept(s->tcp, NULL, NULL);
	ssize_t len = fd >= 0 ? recv(fd, asked, sizeof(asked), 0) : -1;
	struct packet p, framed = {0};
	struct question q;

	if (len > HEAD_LEN + 2 && read_question(asked + 2, (size_t)len - 2, &q)) {
		answer(asked + 2, &q, false, &p);
		put_u16(&framed, (unsigned)p.len);
		put(&framed, p.data, p.len);
		(void)send(fd, framed.data, framed.len, MSG_NOSIGNAL);
	}
	if (fd >= 0)
		close(fd);
}

static void send_late(struct dns_server *s)
{
	size_t left = 0;

	for (size_t i = 0; i < s->late_count; i++) {
		struct late *l = &s->late[i];

		if (l->due_ms > clock_monotonic_ms())
			s->late[left++] = *l;
		else
			(void)sendto(s->udp, l->packet.data, l->packet.len, 0,
				     (struct sockaddr *)&l->to, sizeof(l->to));
	}
	s->late_count = left;
}

static void *run(void *arg)
{
	struct dns_server *s = arg;

	while (!s->stopping) {
		struct pollfd fds[] = {{.fd = s->udp, .events = POLLIN},
				       {.fd = s->tcp, .events = POLLIN}};

		(void)poll(fds, ARRAY_LEN(fds), POLL_MS);
		if (fds[0].revents & POLLIN)
			serve_udp(s);
		if (fds[1].revents & POLLIN)
			serve_tcp(s);
		send_late(s);
	}
	return NULL;
}

/* UDP takes any port, TCP has to get the same. */
static bool bind_both(struct dns_server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->udp, (struct sockaddr *)&at, len) == 0 &&
	    getsockname(s->udp, (struct sockaddr *)&at, &len) == 0 &&
	    bind(s->tcp, (struct sockaddr *)&at, len) == 0 && listen(s->tcp, 16) == 0) {
		snprintf(s->text, sizeof(s->text), "127.0.0.1:%u", ntohs(at.sin_port));
		return true;
	}
	close(s->udp);
	close(s->tcp);
	return false;
}

struct dns_server *dns_server_start(void)
{
	struct dns_server *s = calloc(1, sizeof(*s));
	bool bound = false;

	assert(s);
	s->log = calloc(LOG_MAX, sizeof(*s->log));
	assert(s->log);
	for (int i = 0; i < 20 && !bound; i++)
		bound = bind_both(s);
	assert(bound);
	pthread_mutex_init(&s->lock, NULL);
	if (pthread_create(&s->thread, NULL, run, s) != 0)
		abort();
	return s;
}

void dns_server_stop(struct dns_server *s)
{
	s->stopping = true;
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	close(s->udp);
	close(s->tcp);
	free(s->log);
	free(s);
}

const char *dns_server_text(const struct dns_server *s)
{
	return s->text;
}

unsigned dns_server_asked(struct dns_server *s, const char *domain)
{
	unsigned count = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->log_count; i++)
		count += !domain || strcmp(s->log[i], domain) == 0;
	pthread_mutex_unlock(&s->lock);
	return count;
}

void dns_server_deafen(struct dns_server *s, bool deaf)
{
	s->deaf = deaf;
}
