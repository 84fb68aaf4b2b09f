/* mx_dns: see mx_dns.h.
 *
 *   MX records                     the domain takes mail; all of them "." (RFC 7505): it says that it takes none
 *   no such domain                 it takes none
 *   the domain is there, no MX     A and AAAA are asked for: either takes mail (RFC 5321, 5.1), neither takes none
 *   anything else                  could not know: SERVFAIL, REFUSED, silence, an answer that can't be read */
#include "mx_dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>

struct mx_dns {
	ares_channel channel;
	mx_dns_heard *heard;
	void *ctx;
	uint64_t replies;
};

struct question {
	struct mx_dns *dns;
	void *token;
	unsigned open; /* A and AAAA that are not answered yet */
	bool failed, told;
	char domain[EMAIL_TEXT_MAX + 1];
};

static void tell(struct question *q, enum mx_mail mail)
{
	if (!q->told)
		q->dns->heard(q->dns->ctx, q->token, mail);
	q->told = true;
}

static void count_reply(struct mx_dns *d, int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EFORMERR:
	case ARES_ESERVFAIL:
	case ARES_ENOTIMP:
	case ARES_EREFUSED:
	case ARES_EBADRESP:
		d->replies++;
		break;
	default: /* silence, nobody there, or we are closing */
		break;
	}
}

/* --- addresses --- */

static bool has_address(int type, const unsigned char *answer, int len)
{
	struct ares_addrttl v4[1];
	struct ares_addr6ttl v6[1];
	int count = 1;
	int status = type == T_A ? ares_parse_a_reply(answer, len, NULL, v4, &count)
				 : ares_parse_aaaa_reply(answer, len, NULL, v6, &count);

	return status == ARES_SUCCESS && count > 0;
}

static void hear_address(struct question *q, int type, int status, const unsigned char *answer,
			 int len)
{
	count_reply(q->dns, status);
	if (status == ARES_SUCCESS && has_address(type, answer, len))
		tell(q, MX_ADDRESS_ONLY);
	/* An answer that only leads on to another name is no address, and no failure. */
	if (status != ARES_SUCCESS && status != ARES_ENODATA && status != ARES_ENOTFOUND)
		q->failed = true;
	if (--q->open > 0)
		return;
	tell(q, q->failed ? MX_UNKNOWN : MX_NONE);
	free(q);
}

static void on_a(void *arg, int status, _unused_ int timeouts, unsigned char *answer, int len)
{
	hear_address(arg, T_A, status, answer, len);
}

static void on_aaaa(void *arg, int status, _unused_ int timeouts, unsigned char *answer, int len)
{
	hear_address(arg, T_AAAA, status, answer, len);
}

static void ask_addresses(struct question *q)
{
	struct mx_dns *d = q->dns;

	q->open = 2; /* the first may be answered from within the call */
	ares_query(d->channel, q->domain, C_IN, T_A, on_a, q);
	ares_query(d->channel, q->domain, C_IN, T_AAAA, on_aaaa, q);
}

/* --- mail exchangers --- */

static void finish(struct question *q, enum mx_mail mail)
{
	tell(q, mail);
	free(q);
}

static enum mx_mail read_mx(const struct ares_mx_reply *list)
{
	for (; list; list = list->next) {
		if (list->host && list->host[0])
			return MX_SERVERS;
	}
	return MX_NULL;
}

static void on_mx(void *arg, int status, _unused_ int timeouts, unsigned char *answer, int len)
{
	struct question *q = arg;
	struct ares_mx_reply *list = NULL;

	count_reply(q->dns, status);
	if (status == ARES_SUCCESS)
		status = ares_parse_mx_reply(answer, len, &list);
	if (status == ARES_SUCCESS && list)
		finish(q, read_mx(list));
	else if (status == ARES_SUCCESS || status == ARES_ENODATA)
		ask_addresses(q);
	else
		finish(q, status == ARES_ENOTFOUND ? MX_NONE : MX_UNKNOWN);
	ares_free_data(list);
}

void mx_dns_ask(struct mx_dns *d, struct slice domain, void *token)
{
	struct question *q = calloc(1, sizeof(*q));

	assert(q && domain.len < sizeof(q->domain));
	q->dns = d;
	q->token = token;
	memcpy(q->domain, domain.data, domain.len);
	ares_query(d->channel, q->domain, C_IN, T_MX, on_mx, q);
}

/* --- the channel --- */

struct mx_dns *mx_dns_open(const char *servers, mx_dns_heard *heard, void *ctx,
			   struct error *ret_error)
{
	struct mx_dns *d = calloc(1, sizeof(*d));
	struct ares_options o = {
	    .flags = ARES_FLAG_EDNS,
	    .timeout = MX_DNS_TIMEOUT_MS,
	    .tries = MX_DNS_TRIES,
	    .ednspsz = MX_DNS_EDNS_SIZE,
	    .socket_receive_buffer_size = MX_DNS_SOCKET_BUF,
	};
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	assert(d && heard && status == ARES_SUCCESS);
	d->heard = heard;
	d->ctx = ctx;
	status = ares_init_options(&d->channel, &o,
				   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				       ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_RCVBUF);
	if (status == ARES_SUCCESS && servers && servers[0])
		status = ares_set_servers_ports_csv(d->channel, servers);
	if (status == ARES_SUCCESS)
		return d;
	error_set(ret_error, RESULT_BAD,
		  "the DNS servers \"%s\": %s; expected addresses as 192.0.2.1:53,[2001:db8::1]:53",
		  servers ? servers : "", ares_strerror(status));
	mx_dns_close(d);
	return NULL;
}

void mx_dns_close(struct mx_dns *d)
{
	if (!d)
		return;
	if (d->channel)
		ares_destroy(d->channel);
	ares_library_cleanup();
	free(d);
}

void mx_dns_hear(struct mx_dns *d, int64_t wait_ms)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	int wanted = ares_getsock(d->channel, sockets, ARES_GETSOCK_MAXNUM);
	struct timeval most = {.tv_sec = wait_ms / MS_PER_S, .tv_usec = wait_ms % MS_PER_S * 1000};
	struct timeval next, *until = ares_timeout(d->channel, &most, &next);
	nfds_t count = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = ARES_GETSOCK_READABLE(wanted, i) ? POLLIN : 0;

		if (ARES_GETSOCK_WRITABLE(wanted, i))
			events |= POLLOUT;
		if (events)
			fds[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	(void)poll(fds, count, (int)(until->tv_sec * MS_PER_S + (until->tv_usec + 999) / 1000));
	for (nfds_t i = 0; i < count; i++) {
		bool readable = fds[i].revents & (POLLIN | POLLERR | POLLHUP);

		ares_process_fd(d->channel, readable ? fds[i].fd : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	}
	if (count == 0) /* time-outs */
		ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

uint64_t mx_dns_replies(const struct mx_dns *d)
{
	return d->replies;
}
