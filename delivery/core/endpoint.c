/* endpoint: see endpoint.h. */
#include "endpoint.h"

/* true and sets *ret_after when the text begins with the scheme, in any case */
static bool skip_scheme(struct slice url, const char *scheme, struct slice *ret_after)
{
	size_t len = strlen(scheme);

	if (url.len < len || !slice_equal_nocase(slice_of(url.data, len), slice_of(scheme, len)))
		return false;
	*ret_after = slice_of(url.data + len, url.len - len);
	return true;
}

bool endpoint_url_usable(struct slice url)
{
	struct slice rest;
	size_t host_len = 0;

	if (url.len >= ENDPOINT_URL_MAX)
		return false;
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.data[i] <= ' ' || url.data[i] == 0x7f)
			return false;
	if (!skip_scheme(url, "https://", &rest) && !skip_scheme(url, "http://", &rest))
		return false;
	for (size_t i = 0; i < rest.len && !memchr("/?#", rest.data[i], 3); i++) {
		if (rest.data[i] == '@' || rest.data[i] == '\\')
			return false;
		host_len++;
	}
	return host_len > 0 && rest.data[0] != ':';
}

bool endpoint_url_is_https(const char *url)
{
	struct slice rest;

	return skip_scheme(slice_cstr(url), "https://", &rest);
}

/* --- headers --- */

static bool is_token(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_'))
			return false;
	}
	return name.len > 0 && name.len < ENDPOINT_HEADER_NAME_MAX;
}

bool endpoint_header_free(struct slice name)
{
	static const char *const taken[] = {
	    "host",
	    "content-length",
	    "content-type",
	    "transfer-encoding",
	    "connection",
	    "expect",
	    "te",
	    "trailer",
	    "upgrade",
	    "idempotency-key",
	    "webhook-id",
	    "webhook-timestamp",
	    "keep-alive",
	    "webhook-signature",
	    "accept-encoding",
	    "proxy-authorization",
	};

	if (!is_token(name))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (slice_equal_nocase(name, slice_cstr(taken[i])))
			return false;
	return true;
}

/* Visible characters and blanks; what comes from outside must not end the line. */
static bool header_value_valid(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < ' ' || value.data[i] > '~')
			return false;
	return value.len > 0;
}

static bool read_headers(const struct settings *s, struct endpoint *ret)
{
	const struct json *headers = settings_get(s, "headers");

	if (!headers)
		return true;
	if (headers->type != JSON_OBJECT || headers->count > ENDPOINT_HEADERS_MAX)
		return settings_fault(s, "headers", "at most 8 of them, {Name: value}");
	for (const struct json *h = headers->child; h; h = h->next) {
		if (!endpoint_header_free(h->key) ||
		    slice_equal_nocase(h->key, SLICE("authorization"))) {
			error_set(s->error, RESULT_BAD,
				  "%s.headers: \"" SLICE_FMT
				  "\": not a header that an order may set",
				  s->path, SLICE_ARG(h->key));
			return false;
		}
		if (h->type != JSON_STRING || !header_value_valid(h->text) ||
		    h->key.len + h->text.len > ENDPOINT_HEADER_MAX - 4) {
			error_set(s->error, RESULT_BAD,
				  "%s.headers: \"" SLICE_FMT
				  "\": expected a text of printable ASCII",
				  s->path, SLICE_ARG(h->key));
			return false;
		}
	}
	ret->headers = headers;
	return true;
}

/* --- who we are --- */

static bool read_secret_name(const struct settings *s, const char *name, char *ret)
{
	if (!settings_text(s, name, ret, ENDPOINT_SECRET_NAME_MAX))
		return false;
	return settings_name_valid(slice_cstr(ret)) ||
	       settings_fault(s, name, "the name of a secret: letters, digits, - and _");
}

static bool read_auth_header(const struct settings *auth, struct endpoint *ret)
{
	struct settings s;

	if (!settings_inside(auth, "header", "name, secret", &s) ||
	    !settings_text(&s, "name", ret->auth_header, sizeof(ret->auth_header)) ||
	    !read_secret_name(&s, "secret", ret->auth_secret))
		return false;
	ret->auth = AUTH_HEADER;
	return endpoint_header_free(slice_cstr(ret->auth_header)) ||
	       settings_fault(&s, "name", "a header that an order may set, such as X-Api-Key");
}

static bool read_auth(const struct settings *webhook, struct endpoint *ret)
{
	struct settings s;

	if (!settings_get(webhook, "auth"))
		return true;
	if (!settings_inside(webhook, "auth", "basic, bearer, header", &s))
		return false;
	if (s.object->count != 1)
		return settings_fault(webhook, "auth", "one of basic, bearer, header");
	if (settings_get(&s, "header"))
		return read_auth_header(&s, ret);

	ret->auth = settings_get(&s, "basic") ? AUTH_BASIC : AUTH_BEARER;
	return read_secret_name(&s, ret->auth == AUTH_BASIC ? "basic" : "bearer", ret->auth_secret);
}

/* --- the whole --- */

static bool read_body(const struct settings *s, struct endpoint *ret)
{
	char form[16] = "json";

	if (!settings_text(s, "body", form, sizeof(form)))
		return false;
	ret->form = strcmp(form, "form") == 0 ? BODY_FORM : BODY_JSON;
	if (ret->form == BODY_JSON && strcmp(form, "json") != 0)
		return settings_fault(s, "body", "json or form");

	ret->template_root = settings_get(s, "template");
	return !ret->template_root || ret->template_root->type == JSON_OBJECT ||
	       settings_fault(s, "template", "{TheirName: \"{phone}\"}");
}

static bool read_webhook(const struct settings *s, struct endpoint *ret)
{
	const struct json *url = settings_get(s, "url");

	if (!url || !settings_copy(url, ret->url, sizeof(ret->url)) ||
	    !endpoint_url_usable(slice_cstr(ret->url)))
		return settings_fault(s, "url", "https://host/path, without a password");
	if (!settings_int(s, "timeout_ms", ENDPOINT_TIMEOUT_MIN_MS, ENDPOINT_TIMEOUT_MAX_MS,
			  &ret->timeout_ms) ||
	    !read_body(s, ret) || !read_headers(s, ret) || !read_auth(s, ret) ||
	    !answer_rules_read(s, &ret->rules))
		return false;
	if (settings_get(s, "client_certificate") &&
	    !read_secret_name(s, "client_certificate", ret->certificate))
		return false;
	if ((ret->auth != AUTH_NONE || *ret->certificate) && !endpoint_url_is_https(ret->url))
		return settings_fault(s, "url", "https, for a secret goes with it");

	return true;
}

enum result endpoint_read_webhook(const struct json *settings, int64_t default_timeout_ms,
				  struct endpoint *ret, struct error *ret_error)
{
	struct settings s;

	*ret = (struct endpoint){.timeout_ms = default_timeout_ms};
	if (!settings_open(&s, settings, "webhook",
			   "url, timeout_ms, body, template, headers, auth, client_certificate, "
			   "success",
			   ret_error) ||
	    !read_webhook(&s, ret))
		return RESULT_BAD;

	return RESULT_OK;
}

/* --- the status query --- */

/* Places may fill a path or a query; where the request goes is constant. */
static bool query_url_usable(const char *url)
{
	const char *brace = strchr(url, '{'), *slash = strstr(url, "//");
	size_t len = brace ? (size_t)(brace - url) : strlen(url);

	return slash && endpoint_url_usable(slice_of(url, len)) &&
	       (!brace || memchr(slash + 2, '/', len - (size_t)(slash + 2 - url)));
}

static bool read_absent(const struct settings *query, struct status_query *ret)
{
	struct settings s;

	if (!settings_get(query, "absent"))
		return true;
	if (!settings_inside(query, "absent", "status, pointer, values, pattern", &s))
		return false;
	ret->absent_status_count = 0;
	return answer_status_read(&s, "status", 200, 499, ret->absent_status,
				  ENDPOINT_ABSENT_STATUS_MAX, &ret->absent_status_count) &&
	       answer_rule_parts(&s, &ret->absent) &&
	       (ret->absent_status_count > 0 || answer_rule_is_set(&ret->absent) ||
		settings_fault(query, "absent", "a status, a pointer or a pattern"));
}

enum result endpoint_read_query(const struct json *on_unknown, int64_t default_timeout_ms,
				struct status_query *ret, struct error *ret_error)
{
	struct settings s, query;

	*ret = (struct status_query){
	    .timeout_ms = default_timeout_ms, .absent_status = {404}, .absent_status_count = 1};
	if (!settings_open(&s, on_unknown, "on_unknown", "query", ret_error))
		return RESULT_BAD;
	if (!settings_get(&s, "query"))
		return error_set(
		    ret_error, RESULT_BAD,
		    "on_unknown: expected retry_same or {query: {url: \"https://…\"}}");
	if (!settings_inside(&s, "query", "url, timeout_ms, success, absent", &query) ||
	    !settings_text(&query, "url", ret->url, sizeof(ret->url)))
		return RESULT_BAD;
	if (!query_url_usable(ret->url) &&
	    !settings_fault(&query, "url", "https://host/path/{key}, without a password"))
		return RESULT_BAD;

	return settings_int(&query, "timeout_ms", ENDPOINT_TIMEOUT_MIN_MS, ENDPOINT_TIMEOUT_MAX_MS,
			    &ret->timeout_ms) &&
		       answer_rules_read(&query, &ret->rules) && read_absent(&query, ret)
		   ? RESULT_OK
		   : RESULT_BAD;
}
