/* sender: see sender.h. */
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "delivery/core/retry.h"
#include "runtime/fault.h"
#include "sender_internal.h"

#define UPLOAD_BUFFER_BYTES 16384L /* the least that libcurl takes */
#define ANSWER_BUFFER_BYTES 4096L
#define SPARE_BODY_BYTES    (64 * 1024) /* more room than this is not kept for the next message */

/* --- what libcurl asks of us --- */

static curl_socket_t on_open_socket(void *clientp, _unused_ curlsocktype purpose,
				    struct curl_sockaddr *address)
{
	struct transfer *t = clientp;
	curl_socket_t fd;

	assert(t->magic == TRANSFER_MAGIC);
	if (!t->mails && !t->sender->options.allow_private_addresses &&
	    !address_is_public(&address->addr)) {
		t->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0)
		sender_place_open(t->sender, fd);
	return fd;
}

/* A connection outlives the request that opened it, so this hears of the sender. */
static int on_close_socket(void *clientp, curl_socket_t fd)
{
	sender_place_close(clientp, fd);
	return close(fd);
}

static int on_before_request(void *clientp, _unused_ char *ip, _unused_ char *local_ip,
			     _unused_ int port, _unused_ int local_port)
{
	struct transfer *t = clientp;

	assert(t->magic == TRANSFER_MAGIC);
	/* mail is sent when its last byte is: before that the relay takes nothing */
	t->sent |= !t->mails;
	return CURL_PREREQFUNC_OK;
}

static size_t on_read(char *to, size_t size, size_t count, void *clientp)
{
	struct transfer *t = clientp;
	size_t len = MIN_OF(size * count, t->message.body.len - t->read);

	assert(t->magic == TRANSFER_MAGIC);
	memcpy(to, t->message.body.data + t->read, len);
	t->read += len;
	t->sent |= len == 0;
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *clientp)
{
	struct transfer *t = clientp;
	size_t len = size * count;

	assert(t->magic == TRANSFER_MAGIC);
	if (len > t->sender->options.answer_max_bytes - t->answer.len) {
		t->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_append(&t->answer, data, len);
	return len;
}

/* --- ends --- */

static void transfer_free(struct transfer *t)
{
	curl_slist_free_all(t->recipients);
	curl_easy_cleanup(t->easy);
	message_wipe(&t->message);
	free(t);
}

/* again: its handle may serve another request. */
static void forget(struct transfer *t, bool again)
{
	struct sender *s = t->sender;

	if (t->prev)
		t->prev->next = t->next;
	else
		s->transfers = t->next;
	if (t->next)
		t->next->prev = t->prev;
	s->in_flight--;
	curl_multi_remove_handle(s->multi, t->easy);
	message_clear(&t->message);
	buf_free(&t->answer);
	t->magic = 0;
	if (!again || s->spare_count >= s->options.connections_max) {
		transfer_free(t);
		return;
	}
	if (t->message.body.cap > SPARE_BODY_BYTES)
		message_wipe(&t->message);
	t->prev = NULL;
	t->next = s->spare;
	s->spare = t;
	s->spare_count++;
}

static enum transport_end end_of(const struct transfer *t, CURLcode code)
{
	if (code == CURLE_OK)
		return TRANSPORT_ANSWERED;
	if (t->mails && code == CURLE_WEIRD_SERVER_REPLY)
		return TRANSPORT_ANSWERED; /* a code that is no yes */
	if (t->sent)
		return t->too_long ? TRANSPORT_TOO_LONG : TRANSPORT_BROKEN;
	if (t->address_refused)
		return TRANSPORT_ADDRESS_REFUSED;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return TRANSPORT_URL_UNUSABLE;

	return TRANSPORT_NOT_SENT;
}

/* Only after a plain success: libcurl keeps a few things of an answer in the handle beyond the next request's start, such
 * as Retry-After and the old version of a server's HTTP. */
static bool serves_again(const struct transfer *t, CURLcode code, long status,
			 curl_off_t retry_after_s)
{
	long version = CURL_HTTP_VERSION_NONE;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	return t->posts && code == CURLE_OK && status >= 200 && status <= 299 &&
	       retry_after_s == 0 &&
	       (version == CURL_HTTP_VERSION_1_1 || version == CURL_HTTP_VERSION_2_0);
}

static void finish(struct transfer *t, CURLcode code)
{
	struct sender *s = t->sender;
	struct transport_answer answer = {.end = end_of(t, code)};
	struct buf body = t->answer;
	void *owner = t->owner;
	curl_off_t retry_after_s = 0;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	/* An interim answer (100, 103) is not one. */
	answer.http_status = status >= 200 ? (uint32_t)status : 0;
	answer.retry_after_ms =
	    MIN_OF((int64_t)retry_after_s, RETRY_WAIT_MAX_MS / MS_PER_S) * MS_PER_S;
	answer.text.body = buf_slice(&body);
	t->answer = (struct buf){0};
	/* The place is free before the owner hears of it: the owner may want it for the next one. */
	forget(t, serves_again(t, code, status, retry_after_s));
	s->options.on_done(s->options.ctx, owner, &answer);
	buf_free(&body);
}

static void tell_sent(struct sender *s)
{
	for (struct transfer *t = s->transfers; t; t = t->next) {
		if (!t->sent || t->sent_told)
			continue;
		t->sent_told = true;
		fault_point("delivery_sent");
	}
}

void sender_serve_ends(struct sender *s)
{
	struct CURLMsg *message;
	int left;

#ifdef PUNNET_FAULTS
	tell_sent(s);
#else
	(void)tell_sent;
#endif
	while ((message = curl_multi_info_read(s->multi, &left))) {
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		assert(t && t->magic == TRANSFER_MAGIC);
		finish(t, message->data.result);
	}
}

/* --- the outside --- */

struct sender *sender_open(uv_loop_t *loop, const struct sender_options *o, struct error *ret_error)
{
	struct sender *s;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		error_set(ret_error, RESULT_FATAL, "libcurl does not start");
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s || !(s->multi = curl_multi_init()))
		abort();
	s->magic = SENDER_MAGIC;
	s->options = *o;
	s->loop = loop;
	sender_loop_open(s);
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)o->connections_max);
	return s;
}

static void set_guards(struct transfer *t)
{
	const struct sender_options *o = &t->sender->options;

	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	/* A look-up that hangs is left to its own thread; waiting for it would hold up everybody. */
	curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (o->ca_file && *o->ca_file)
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, o->ca_file);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, t->sender);
	curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_before_request);
	curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
}

static void set_mail(struct transfer *t, const struct sender_request *r)
{
	for (size_t i = 0; i < r->mail_to_count; i++)
		t->recipients = curl_slist_append(t->recipients, r->mail_to[i]);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(t->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(t->easy, CURLOPT_POST, 0L);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->easy, CURLOPT_USE_SSL,
			 (long)(r->mail_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
	curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, r->mail_from);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, t->recipients);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->message.body.len);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	if (r->mail_login && *r->mail_login)
		curl_easy_setopt(t->easy, CURLOPT_USERPWD, r->mail_login);
}

/* All that changes from one request to the next. */
static void set_message(struct transfer *t, const struct sender_request *r)
{
	static char no_expect[] = "Expect:"; /* no round trip before the body */
	size_t count = t->message.header_count;

	for (size_t i = 0; i <= count; i++)
		t->headers[i] = (struct curl_slist){
		    .data = i < count ? (char *)message_header_text(&t->message, i) : no_expect,
		    .next = i < count ? &t->headers[i + 1] : NULL,
		};
	curl_easy_setopt(t->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	t->posts = r->kind == REQUEST_POST;
	if (t->posts) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->message.body.data);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)t->message.body.len);
	} else {
		curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(t->easy, CURLOPT_SSLCERT,
			 r->certificate && *r->certificate ? r->certificate : NULL);
}

static struct transfer *transfer_new(struct sender *s)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t || !(t->easy = curl_easy_init()))
		abort();
	t->sender = s;
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "punnet-delivery");
	curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
	/* Both are made anew for each request: as large as is needed, and no larger. */
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, ANSWER_BUFFER_BYTES);
	set_guards(t);
	return t;
}

/* One that is used again keeps what holds for all requests; what it knew of the last one goes. */
static struct transfer *transfer_take(struct sender *s)
{
	struct transfer *t = s->spare;

	if (!t)
		return transfer_new(s);
	s->spare = t->next;
	s->spare_count--;
	t->next = NULL;
	t->sent = t->sent_told = t->too_long = t->address_refused = false;
	return t;
}

void sender_room(struct sender *s, struct message *ret)
{
	*ret = (struct message){0};
	if (!s->spare)
		return;
	*ret = s->spare->message;
	s->spare->message = (struct message){0};
}

struct transfer *sender_send(struct sender *s, const struct sender_request *r, struct message *m,
			     void *owner)
{
	struct transfer *t;
	CURLMcode code;

	assert(s->magic == SENDER_MAGIC && !s->closing);
	t = transfer_take(s);
	t->magic = TRANSFER_MAGIC;
	t->owner = owner;
	t->mails = r->kind == REQUEST_MAIL;
	t->posts = false;
	message_wipe(&t->message);
	t->message = *m;
	*m = (struct message){0};
	t->next = s->transfers;
	if (t->next)
		t->next->prev = t;
	s->transfers = t;
	s->in_flight++;
	if (t->mails)
		set_mail(t, r);
	else
		set_message(t, r);
	code = curl_multi_add_handle(s->multi, t->easy);
	assert(code == CURLM_OK);
	return t;
}

void sender_cancel(struct sender *s, struct transfer *t)
{
	assert(t->magic == TRANSFER_MAGIC && t->sender == s);
	forget(t, false);
}

size_t sender_in_flight(const struct sender *s)
{
	return s->in_flight;
}

void sender_close(struct sender *s)
{
	if (!s)
		return;
	s->closing = true;
	while (s->transfers)
		forget(s->transfers, false);
	while (s->spare) {
		struct transfer *t = s->spare;

		s->spare = t->next;
		transfer_free(t);
	}
	curl_multi_cleanup(s->multi);
	s->multi = NULL;
	sender_loop_close(s);
}
