/* http_parse: bytes to requests, with llhttp.
 *
 * Contract: each request is begun, filled and completed through the hooks, in order. Everything that the framing allows
 * two readings of is refused (llhttp is strict about Content-Length against Transfer-Encoding, repeated lengths and
 * broken chunks); so are a value that goes on in the next line, a header without a name, which llhttp lets pass, and
 * HTTP/1.1 without exactly one Host. How it fails: one status, and the parser is done for. */
#include "http_internal.h"

static int refuse(struct http_parse *p, int status)
{
	p->status = status;
	return HPE_USER;
}

/* Room for more of the request's data; 0, or HPE_USER with the status set. */
static _rare_ int grow(struct http_parse *p, size_t more)
{
	struct http_request *r = p->current;
	size_t before = r->data.cap;

	if (!buf_reserve(&r->data, more))
		return refuse(p, 503);
	return r->data.cap == before || p->hooks->charge(p->ctx, r) ? 0 : refuse(p, 503);
}

/* Appends to the request's data; 0, or HPE_USER with the status set. */
static inline int take(struct http_parse *p, const char *at, size_t len)
{
	struct buf *data = &p->current->data;
	int fault = data->cap - data->len < len || data->failed ? grow(p, len) : 0;

	if (!fault)
		buf_append(data, at, len);
	return fault;
}

static int take_head(struct http_parse *p, const char *at, size_t len)
{
	struct http_request *r = p->current;

	r->head_bytes += (uint32_t)len;
	if (r->head_bytes > p->header_bytes_max)
		return refuse(p, 431);
	return take(p, at, len);
}

static int on_begin(llhttp_t *l)
{
	struct http_parse *p = l->data;

	p->current = p->hooks->begin(p->ctx);
	return p->current ? 0 : refuse(p, 503);
}

static int on_url(llhttp_t *l, const char *at, size_t len)
{
	struct http_parse *p = l->data;

	p->current->target_len += (uint32_t)len;
	return take_head(p, at, len);
}

/* Whether a line ends between the last piece of a header and `at`. */
static bool gap_has_line_end(const struct http_parse *p, const char *at)
{
	return p->gap_line_end || memchr(p->gap_at, '\n', (size_t)(at - p->gap_at));
}

/* Eight letters at once, where there are as many. */
static void make_lower(char *text, size_t len)
{
	const uint64_t ones = 0x0101010101010101u;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t word, low, above;

		memcpy(&word, text + i, 8);
		low = word & (0x7F * ones);
		above = (low + (0x80 - 'A') * ones) & ~(low + (0x7F - 'Z') * ones) & ~word;
		word |= (above & (0x80 * ones)) >> 2;
		memcpy(text + i, &word, 8);
	}
	for (; i < len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] | 0x20);
}

static int on_header_field(llhttp_t *l, const char *at, size_t len)
{
	struct http_parse *p = l->data;
	struct http_request *r = p->current;
	struct http_header *h;
	int fault;

	p->gap_at = at + len;
	p->gap_line_end = false;
	p->gap_open = true;
	if (r->head_done) /* trailers after the last chunk are read and dropped, within the limit */
		return (r->head_bytes += (uint32_t)len) > p->header_bytes_max ? refuse(p, 431) : 0;
	if (r->header_count == 0 || r->name_done) {
		if (r->header_count == HTTP_HEADERS_MAX)
			return refuse(p, 431);
		r->headers[r->header_count++] =
		    (struct http_header){.name_at = (uint32_t)r->data.len};
		r->name_done = false;
		r->head_bytes += 4; /* ": " and the end of the line */
	}

	fault = take_head(p, at, len);
	if (fault)
		return fault;
	h = &r->headers[r->header_count - 1];
	make_lower(r->data.data + h->name_at + h->name_len, len);
	h->name_len += (uint32_t)len;
	h->value_at = (uint32_t)r->data.len;
	return 0;
}

static int on_header_field_complete(llhttp_t *l)
{
	struct http_parse *p = l->data;
	struct http_request *r = p->current;

	if (!r->head_done && r->headers[r->header_count - 1].name_len == 0)
		return refuse(p, 400);
	r->name_done = true;
	return 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t len)
{
	struct http_parse *p = l->data;
	struct http_request *r = p->current;

	/* A folded value: some join its lines, some take the second for a header of its own. */
	if (len > 0 && gap_has_line_end(p, at))
		return refuse(p, 400);
	p->gap_at = at + len;
	if (r->head_done)
		return (r->head_bytes += (uint32_t)len) > p->header_bytes_max ? refuse(p, 431) : 0;
	r->headers[r->header_count - 1].value_len += (uint32_t)len;
	return take_head(p, at, len);
}

static void note_head(struct http_request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		struct slice name =
		    slice_of(r->data.data + r->headers[i].name_at, r->headers[i].name_len);
		struct slice value =
		    slice_of(r->data.data + r->headers[i].value_at, r->headers[i].value_len);

		if (slice_is(name, "host"))
			r->host_count++;
		if (slice_is(name, "expect") &&
		    slice_equal_nocase(slice_trim(value), SLICE("100-continue")))
			r->wants_continue = true;
	}
}

static int on_headers_complete(llhttp_t *l)
{
	struct http_parse *p = l->data;
	struct http_request *r = p->current;

	p->gap_open = false;
	r->head_done = true;
	r->body_at = r->data.len;
	r->method = l->method;
	r->old_version = l->http_major == 1 && l->http_minor == 0;
	l->upgrade = 0; /* nothing is upgraded here: the header is ignored, as RFC 9110 allows */
	note_head(r);

	if (l->http_major != 1 || l->http_minor > 1)
		return refuse(p, 400);
	if (r->host_count > 1 || (!r->old_version && r->host_count == 0))
		return refuse(p, 400);
	if (r->old_version && (l->flags & F_TRANSFER_ENCODING))
		return refuse(
		    p,
		    400); /* HTTP/1.0 knows no transfer codings: who disagrees about that smuggles */
	r->body_limit = p->hooks->body_limit(p->ctx, r);
	if ((l->flags & F_CONTENT_LENGTH) && l->content_length > r->body_limit)
		return refuse(p, 413);
	r->wants_continue = r->wants_continue && !r->old_version;
	return 0;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
	struct http_parse *p = l->data;
	struct http_request *r = p->current;

	r->wants_continue = false; /* it did not wait for it */
	if (r->data.len - r->body_at + len > r->body_limit)
		return refuse(p, 413);
	return take(p, at, len);
}

static int on_complete(llhttp_t *l)
{
	struct http_parse *p = l->data;
	struct http_request *r = p->current;

	r->keep_alive = llhttp_should_keep_alive(l);
	r->wants_continue = false;
	r->complete = true;
	p->gap_open = false;
	p->current = NULL;
	return p->hooks->complete(p->ctx, r) ? 0 : HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void http_parse_init(struct http_parse *p, const struct http_parse_hooks *hooks, void *ctx,
		     size_t header_bytes_max)
{
	*p = (struct http_parse){.hooks = hooks, .ctx = ctx, .header_bytes_max = header_bytes_max};
	llhttp_init(&p->parser, HTTP_REQUEST, &settings);
	p->parser.data = p;
}

enum http_parsed http_parse_feed(struct http_parse *p, struct slice bytes, size_t *ret_used,
				 int *ret_status)
{
	llhttp_errno_t e;

	if (llhttp_get_errno(&p->parser) == HPE_PAUSED)
		llhttp_resume(&p->parser);
	p->gap_at = bytes.data;
	e = llhttp_execute(&p->parser, bytes.data, bytes.len);
	if (e == HPE_OK) {
		if (p->gap_open)
			p->gap_line_end = gap_has_line_end(p, bytes.data + bytes.len);
		*ret_used = bytes.len;
		return HTTP_PARSED_ALL;
	}
	if (e == HPE_PAUSED) {
		*ret_used = (size_t)(llhttp_get_error_pos(&p->parser) - bytes.data);
		return HTTP_PARSED_PAUSED;
	}
	*ret_used = bytes.len;
	*ret_status = p->status ? p->status : 400; /* llhttp changes the code of some callbacks */
	return HTTP_PARSED_FAULT;
}
