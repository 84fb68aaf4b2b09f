/* settings: see settings.h. */
#include "settings.h"

/* "a, b, c" holds the name? */
static bool among(const char *known, struct slice name)
{
	while (*known) {
		size_t len = strcspn(known, ",");

		if (slice_equal(name, slice_of(known, len)))
			return true;
		known += len;
		known += strspn(known, ", ");
	}
	return false;
}

static void set_path(struct settings *s, const char *before, const char *name)
{
	struct buf path = {.max = SETTINGS_PATH_MAX};

	if (*before) {
		buf_append_cstr(&path, before);
		buf_append_char(&path, '.');
	}
	buf_append_cstr(&path, name);
	assert(!path.failed && path.len < SETTINGS_PATH_MAX); /* paths are ours, not the file's */
	memcpy(s->path, path.data, path.len);
	s->path[path.len] = 0;
	buf_free(&path);
}

static bool open_at(struct settings *s, const struct json *node, const char *known)
{
	if (node->type != JSON_OBJECT) {
		error_set(s->error, RESULT_BAD, "%s: expected %s", s->path, known);
		return false;
	}
	for (const struct json *m = node->child; m; m = m->next) {
		if (among(known, m->key))
			continue;
		error_set(s->error, RESULT_BAD, "%s: unknown \"" SLICE_FMT "\": expected %s",
			  s->path, SLICE_ARG(m->key), known);
		return false;
	}
	s->object = node;
	return true;
}

bool settings_open(struct settings *s, const struct json *node, const char *path, const char *known,
		   struct error *ret_error)
{
	*s = (struct settings){.error = ret_error};
	set_path(s, "", path);
	return open_at(s, node, known);
}

bool settings_inside(const struct settings *s, const char *name, const char *known,
		     struct settings *ret)
{
	const struct json *node = settings_get(s, name);

	assert(node);
	*ret = (struct settings){.error = s->error};
	set_path(ret, s->path, name);
	return open_at(ret, node, known);
}

const struct json *settings_get(const struct settings *s, const char *name)
{
	return json_member(s->object, name);
}

bool settings_fault(const struct settings *s, const char *name, const char *expected)
{
	error_set(s->error, RESULT_BAD, "%s.%s: expected %s", s->path, name, expected);
	return false;
}

bool settings_int(const struct settings *s, const char *name, int64_t least, int64_t most,
		  int64_t *ret)
{
	const struct json *value = settings_get(s, name);

	if (!value)
		return true;
	if (!value->is_integer || value->integer < least || value->integer > most) {
		error_set(s->error, RESULT_BAD, "%s.%s: expected %lld to %lld", s->path, name,
			  (long long)least, (long long)most);
		return false;
	}
	*ret = value->integer;
	return true;
}

bool settings_copy(const struct json *value, char *ret, size_t size)
{
	if (value->type != JSON_STRING || value->text.len >= size)
		return false;
	for (size_t i = 0; i < value->text.len; i++)
		if ((unsigned char)value->text.data[i] < ' ' || value->text.data[i] == 0x7f)
			return false;
	if (value->text.len > 0)
		memcpy(ret, value->text.data, value->text.len);
	ret[value->text.len] = 0;
	return true;
}

bool settings_text(const struct settings *s, const char *name, char *ret, size_t size)
{
	const struct json *value = settings_get(s, name);

	if (!value || settings_copy(value, ret, size))
		return true;
	error_set(s->error, RESULT_BAD, "%s.%s: expected a text of at most %zu bytes", s->path,
		  name, size - 1);
	return false;
}

bool settings_name_valid(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_'))
			return false;
	}
	return name.len > 0;
}
