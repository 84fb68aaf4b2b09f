/* endpoint: see endpoint.h. */
#include "endpoint.h"

void answer_rules_default(struct answer_rules *ret)
{
	*ret = (struct answer_rules){
	    .ok_status = {200, 201, 202, 204},
	    .ok_status_count = 4,
	    .refused_pointer = "/outcome",
	    .refused_values = {"refused", "rejected"},
	    .refused_value_count = 2,
	    .reason_pointer = "/reason",
	};
}

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

/* Copies text into a fixed field; false when it doesn't fit or holds a NUL. */
static bool copy_text(const struct json *value, char *ret, size_t size)
{
	if (value->type != JSON_STRING || value->text.len >= size ||
	    memchr(value->text.data, 0, value->text.len))
		return false;
	memcpy(ret, value->text.data, value->text.len);
	ret[value->text.len] = 0;
	return true;
}

static bool read_pointer(const struct json *object, const char *name, char *ret)
{
	const struct json *value = json_member(object, name);

	if (!value)
		return true;
	return copy_text(value, ret, ENDPOINT_POINTER_MAX) && (ret[0] == 0 || ret[0] == '/');
}

static bool read_status(const struct json *list, struct answer_rules *rules)
{
	if (list->type != JSON_ARRAY || list->count == 0 || list->count > ENDPOINT_STATUS_MAX)
		return false;
	rules->ok_status_count = 0;
	for (const struct json *s = list->child; s; s = s->next) {
		if (!s->is_integer || s->integer < 200 || s->integer > 299)
			return false;
		rules->ok_status[rules->ok_status_count++] = (uint32_t)s->integer;
	}
	return true;
}

static bool read_values(const struct json *list, struct answer_rules *rules)
{
	if (list->type != JSON_ARRAY || list->count > ENDPOINT_VALUES_MAX)
		return false;
	rules->refused_value_count = 0;
	for (const struct json *v = list->child; v; v = v->next)
		if (!copy_text(v, rules->refused_values[rules->refused_value_count++],
			       ENDPOINT_VALUE_MAX))
			return false;
	return true;
}

static enum result read_rules(const struct json *success, struct answer_rules *rules,
			      struct error *ret_error)
{
	const struct json *status = json_member(success, "status");
	const struct json *values = json_member(success, "refused_values");

	if (success->type != JSON_OBJECT)
		return error_set(ret_error, RESULT_BAD, "webhook.success: expected an object");
	if (status && !read_status(status, rules))
		return error_set(ret_error, RESULT_BAD,
				 "webhook.success.status: expected 1 to %d numbers from 200 to 299",
				 ENDPOINT_STATUS_MAX);
	if (values && !read_values(values, rules))
		return error_set(ret_error, RESULT_BAD,
				 "webhook.success.refused_values: expected at most %d short texts",
				 ENDPOINT_VALUES_MAX);
	if (!read_pointer(success, "refused_pointer", rules->refused_pointer) ||
	    !read_pointer(success, "reason_pointer", rules->reason_pointer))
		return error_set(ret_error, RESULT_BAD,
				 "webhook.success: expected JSON pointers like \"/outcome\"");

	return RESULT_OK;
}

enum result endpoint_read_webhook(const struct json *settings, int64_t default_timeout_ms,
				  struct endpoint *ret, struct error *ret_error)
{
	const struct json *url = json_member(settings, "url");
	const struct json *timeout = json_member(settings, "timeout_ms");
	const struct json *success = json_member(settings, "success");

	ret->timeout_ms = default_timeout_ms;
	answer_rules_default(&ret->rules);
	if (!url || !copy_text(url, ret->url, sizeof(ret->url)) ||
	    !endpoint_url_usable(slice_cstr(ret->url)))
		return error_set(ret_error, RESULT_BAD,
				 "webhook.url: expected https://host/path, without a password");
	if (timeout && (!timeout->is_integer || timeout->integer < ENDPOINT_TIMEOUT_MIN_MS ||
			timeout->integer > ENDPOINT_TIMEOUT_MAX_MS))
		return error_set(ret_error, RESULT_BAD, "webhook.timeout_ms: expected %d to %d",
				 ENDPOINT_TIMEOUT_MIN_MS, ENDPOINT_TIMEOUT_MAX_MS);
	if (timeout)
		ret->timeout_ms = timeout->integer;

	return success ? read_rules(success, &ret->rules, ret_error) : RESULT_OK;
}

/* One reference token, with ~1 and ~0 undone. */
static struct slice pointer_token(const char **pointer, char room[ENDPOINT_POINTER_MAX])
{
	size_t len = 0;
	const char *p = *pointer;

	for (; *p && *p != '/' && len < ENDPOINT_POINTER_MAX; p++) {
		if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
			room[len++] = *++p == '0' ? '~' : '/';
		else
			room[len++] = *p;
	}
	*pointer = p;
	return slice_of(room, len);
}

static const struct json *step_into(const struct json *node, struct slice token)
{
	int64_t index = -1;

	if (node->type != JSON_OBJECT && node->type != JSON_ARRAY)
		return NULL;
	if (node->type == JSON_ARRAY && (!slice_to_int64(token, &index) || index < 0))
		return NULL;
	for (const struct json *child = node->child; child; child = child->next)
		if (node->type == JSON_OBJECT ? slice_equal(child->key, token) : index-- == 0)
			return child;
	return NULL;
}

const struct json *json_at_pointer(const struct json *root, const char *pointer)
{
	char room[ENDPOINT_POINTER_MAX];

	while (root && *pointer == '/') {
		pointer++;
		root = step_into(root, pointer_token(&pointer, room));
	}
	return root;
}
