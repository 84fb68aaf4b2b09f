/* members: see members.h. */
#include "members.h"

#include "base/timefmt.h"

struct json *members_read(struct arena *a, struct slice body, const char **ret_why)
{
	struct json_fault fault = {0};
	struct json *root = json_parse(a, body, JSON_LIMITS_DEFAULT, &fault);

	if (!root)
		*ret_why = arena_printf(a, "not JSON, at byte %zu: %s", fault.offset,
					fault.what ? fault.what : "");
	else if (root->type != JSON_OBJECT)
		*ret_why = "expected a JSON object";
	return root && root->type == JSON_OBJECT ? root : NULL;
}

const struct json *members_get(const struct json *root, const char *name)
{
	const struct json *m = json_member(root, name);

	return m && m->type != JSON_NULL ? m : NULL;
}

void members_refuse_others(const struct json *root, const char *const *names, size_t count,
			   struct faults *f)
{
	for (const struct json *m = root->child; m; m = m->next) {
		bool known = false;

		for (size_t i = 0; i < count; i++)
			known = known || slice_is(m->key, names[i]);
		if (!known)
			fault_add(f, m->key, "unknown", "there is no such member");
	}
}

bool members_time(const struct json *value, const char *name, int64_t *ret_ms, struct faults *f)
{
	if (value->type == JSON_NUMBER && value->is_integer) {
		*ret_ms = value->integer;
		return true;
	}
	if (value->type == JSON_STRING && time_parse(value->text, ret_ms))
		return true;
	fault_add(f, slice_cstr(name), "invalid",
		  "expected a time after RFC 3339, or Unix milliseconds");
	return false;
}
