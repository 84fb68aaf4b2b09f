/* http_request: a request as the application sees it, and how its answer is spelled.
 *
 * Slices point into the request and live until it is answered. */
#include "http_internal.h"

#include <stdlib.h>

/* The reason phrases of what this project answers; others go out without one, which RFC 9112 allows. */
static const char *phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "";
	}
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

static void spell_header(struct buf *out, const char *name, struct slice value)
{
	assert(value_is_plain(value));
	buf_append_cstr(out, name);
	buf_append(out, ": ", 2);
	buf_append_slice(out, value);
	buf_append(out, "\r\n", 2);
}

void http_request_spell(struct http_request *r, int status, const char *content_type,
			const struct http_header_out *headers, size_t header_count,
			struct slice body, bool close)
{
	struct buf *out = &r->out;
	bool no_body = status == 204;

	buf_reset(out);
	buf_reserve(out, 256 + body.len);
	buf_append(out, "HTTP/1.1 ", 9);
	buf_append_int(out, status);
	buf_append_char(out, ' ');
	buf_append_cstr(out, phrase(status));
	buf_append(out, "\r\n", 2);
	if (content_type && !no_body)
		spell_header(out, "Content-Type", slice_cstr(content_type));
	for (size_t i = 0; i < header_count; i++)
		spell_header(out, headers[i].name, headers[i].value);
	if (close)
		buf_append_cstr(out, "Connection: close\r\n");
	else if (r->old_version)
		buf_append_cstr(out, "Connection: keep-alive\r\n");
	if (!no_body) {
		buf_append_cstr(out, "Content-Length: ");
		buf_append_int(out, (int64_t)body.len);
		buf_append(out, "\r\n", 2);
	}
	buf_append(out, "\r\n", 2);
	if (!no_body && r->method != HTTP_HEAD)
		buf_append_slice(out, body);
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
		    memcmp(r->data.data + h->name_at, lower_case_name, len) == 0)
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
