/* http_client_read: answers, as llhttp takes them apart. A callback that gives -1 ends the connection. */
#include "http_client_internal.h"

static int on_begin(llhttp_t *parser)
{
	struct conn *conn = parser->data;

	buf_reset(&conn->body);
	conn->name_len = conn->value_len = 0;
	conn->in_value = conn->replayed = false;
	conn->retry_after_s = 0;
	return 0;
}

static void header_done(struct conn *conn)
{
	struct slice name = slice_of(conn->name, conn->name_len);
	struct slice value = slice_of(conn->value, conn->value_len);

	if (slice_equal_nocase(name, SLICE("retry-after")))
		(void)slice_to_int64(slice_trim(value), &conn->retry_after_s);
	if (slice_equal_nocase(name, SLICE("idempotency-replayed")))
		conn->replayed = slice_equal_nocase(slice_trim(value), SLICE("true"));
	conn->name_len = conn->value_len = 0;
	conn->in_value = false;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
	struct conn *conn = parser->data;

	if (conn->in_value)
		header_done(conn);
	len = MIN_OF(len, sizeof(conn->name) - conn->name_len);
	memcpy(conn->name + conn->name_len, at, len);
	conn->name_len += len;
	return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct conn *conn = parser->data;

	conn->in_value = true;
	len = MIN_OF(len, sizeof(conn->value) - conn->value_len);
	memcpy(conn->value + conn->value_len, at, len);
	conn->value_len += len;
	return 0;
}

static int on_headers(llhttp_t *parser)
{
	header_done(parser->data);
	return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct conn *conn = parser->data;

	if (conn->body.len + len > HTTP_REPLY_MAX)
		return -1;
	buf_append(&conn->body, at, len);
	return conn->body.failed ? -1 : 0;
}

static bool is_final(int status)
{
	return status >= 200 && status < 500 && status != 408 && status != 429;
}

static int on_complete(llhttp_t *parser)
{
	struct conn *conn = parser->data;
	struct call *call = queue_take(&conn->sent);
	int status = parser->status_code;

	if (!call)
		return -1; /* an answer that nobody asked for */
	conn->client->ever_answered = true;
	if (is_final(status)) {
		struct http_reply reply = {.status = status,
					   .replayed = conn->replayed,
					   .tries = call->tries + 1,
					   .body = buf_slice(&conn->body)};
		http_client_finish(conn->client, call, &reply);
	} else {
		http_client_try_later(
		    conn->client, call,
		    MAX_OF(http_client_pause_of(call), MIN_OF(conn->retry_after_s, 60) * MS_PER_S));
	}
	return llhttp_should_keep_alive(parser) ? 0 : -1;
}

void http_client_read_settings(llhttp_settings_t *ret)
{
	llhttp_settings_init(ret);
	ret->on_message_begin = on_begin;
	ret->on_header_field = on_name;
	ret->on_header_value = on_value;
	ret->on_headers_complete = on_headers;
	ret->on_body = on_body;
	ret->on_message_complete = on_complete;
}
