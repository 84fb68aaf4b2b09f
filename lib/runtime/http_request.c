/* http_request: a request as the application sees it, and how its answer is spelled.
 *
 * Slices point into the request and live until it is answered. */
#include "http_internal.h"

#include <stdlib.h>

#define SPELL_FIXED_MAX 160 /* of a head: the status line and what is always the same */

/* With the reason phrases of what this project answers; others go out without one, which RFC 9112 allows. */
static struct slice status_line(int status)
{
#define LINE(code, phrase)                                                                         \
	case code:                                                                                 \
		return SLICE("HTTP/1.1 " #code " " phrase "\r\n")
	switch (status) {
		LINE(200, "OK");
		LINE(202, "Accepted");
		LINE(204, "No Content");
		LINE(400, "Bad Request");
		LINE(401, "Unauthorized");
		LINE(403, "Forbidden");
		LINE(404, "Not Found");
		LINE(405, "Method Not Allowed");
		LINE(408, "Request Timeout");
		LINE(409, "Conflict");
		LINE(410, "Gone");
		LINE(413, "Content Too Large");
		LINE(415, "Unsupported Media Type");
		LINE(422, "Unprocessable Content");
		LINE(429, "Too Many Requests");
		LINE(431, "Request Header Fields Too Large");
		LINE(500, "Internal Server Error");
		LINE(503, "Service Unavailable");
	default:
		return SLICE("");
	}
#undef LINE
}

static void trim_buffer(struct buf *b)
{
	if (b->cap > HTTP_KEPT_BUFFER_BYTES)
		buf_free(b);
	buf_reset(b);
	b->max = 0;
	b->failed = false;
}

void http_request_reset(struct http_request *r)
{
	trim_buffer(&r->data);
	trim_buffer(&r->out);
	memset(&r->charged, 0,
	       offsetof(struct http_request, peer) - offsetof(struct http_request, charged));
	r->peer[0] = '\0';
	r->conn = NULL;
	r->next = NULL;
}

void http_request_free(struct http_request *r)
{
	if (!r)
		return;
	buf_free(&r->data);
	buf_free(&r->out);
	free(r);
}

/* "\r\n" inside a value would let it write headers of its own. */
static bool value_is_plain(struct slice v)
{
	return !memchr(v.data ? v.data : "", '\r', v.len) &&
	       !memchr(v.data ? v.data : "", '\n', v.len);
}

static char *put(char *to, struct slice text)
{
	if (text.len)
		memcpy(to, text.data, text.len);
	return to + text.len;
}

static char *put_int(char *to, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return put(to, slice_of(digits + at, sizeof(digits) - at));
}

static char *put_header(char *to, struct slice name, struct slice value)
{
	assert(value_is_plain(value));
	to = put(to, name);
	to = put(to, SLICE(": "));
	to = put(to, value);
	return put(to, SLICE("\r\n"));
}

static char *put_status(char *to, int status)
{
	struct slice line = status_line(status);

	if (line.len > 0)
		return put(to, line);
	to = put_int(put(to, SLICE("HTTP/1.1 ")), (uint64_t)status);
	return put(to, SLICE(" \r\n"));
}

void http_request_spell(struct http_request *r, int status, const char *content_type,
			const struct http_header_out *headers, size_t header_count,
			struct slice body, bool close)
{
	struct buf *out = &r->out;
	struct slice type = slice_cstr(content_type);
	size_t room = SPELL_FIXED_MAX + type.len + body.len;
	bool no_body = status == 204;
	char *to;

	for (size_t i = 0; i < header_count; i++)
		room += strlen(headers[i].name) + headers[i].value.len + 4;
	buf_reset(out);
	if (!buf_reserve(out, room))
		return;

	to = put_status(out->data, status);
	if (content_type && !no_body)
		to = put_header(to, SLICE("Content-Type"), type);
	for (size_t i = 0; i < header_count; i++)
		to = put_header(to, slice_cstr(headers[i].name), headers[i].value);
	if (close)
		to = put(to, SLICE("Connection: close\r\n"));
	else if (r->old_version)
		to = put(to, SLICE("Connection: keep-alive\r\n"));
	if (!no_body) {
		to = put_int(put(to, SLICE("Content-Length: ")), body.len);
		to = put(to, SLICE("\r\n"));
	}
	to = put(to, SLICE("\r\n"));
	if (!no_body && r->method != HTTP_HEAD)
		to = put(to, body);
	out->len = (size_t)(to - out->data);
	assert(out->len <= room);
}

struct slice http_method(const struct http_request *r)
{
	return slice_cstr(llhttp_method_name((llhttp_method_t)r->method));
}

/* The target without scheme and authority, where a client sent them (absolute form, RFC 9112, 3.2.2). */
static struct slice target(const struct http_request *r)
{
	struct slice t = slice_of(r->data.data, r->target_len);
	size_t skip;

	if (t.len > 0 && t.data[0] == '/')
		return t;
	if (!slice_starts_with(t, "http://") && !slice_starts_with(t, "https://"))
		return t;
	skip = slice_starts_with(t, "http://") ? 7 : 8;
	while (skip < t.len && t.data[skip] != '/' && t.data[skip] != '?')
		skip++;
	if (skip == t.len)
		return SLICE("/");
	return slice_of(t.data + skip, t.len - skip);
}

struct slice http_path(const struct http_request *r)
{
	struct slice t = target(r);
	const char *mark = t.len ? memchr(t.data, '?', t.len) : NULL;

	return mark ? slice_of(t.data, (size_t)(mark - t.data)) : t;
}

struct slice http_query(const struct http_request *r)
{
	struct slice t = target(r);
	const char *mark = t.len ? memchr(t.data, '?', t.len) : NULL;

	return mark ? slice_of(mark + 1, t.len - (size_t)(mark + 1 - t.data)) : SLICE("");
}

struct slice http_body(const struct http_request *r)
{
	return slice_of(r->data.data + r->body_at, r->data.len - r->body_at);
}

struct slice http_header(const struct http_request *r, const char *lower_case_name)
{
	size_t len = strlen(lower_case_name);

	for (size_t i = r->header_count; i > 0; i--) {
		const struct http_header *h = &r->headers[i - 1];

		if (h->name_len == len &&
		    slice_same_bytes(r->data.data + h->name_at, lower_case_name, len))
			return slice_trim(slice_of(r->data.data + h->value_at, h->value_len));
	}
	return SLICE("");
}

struct slice http_peer(const struct http_request *r)
{
	/* The text is made when it is asked for first: most requests never need it. */
	struct http_request *writable = (struct http_request *)(uintptr_t)r;
	struct sockaddr_storage address;
	int len = sizeof(address);

	if (r->peer[0] == '\0' && r->conn &&
	    uv_tcp_getpeername(&r->conn->tcp, (struct sockaddr *)&address, &len) == 0)
		uv_ip_name((struct sockaddr *)&address, writable->peer, sizeof(writable->peer));
	return slice_cstr(r->peer);
}
