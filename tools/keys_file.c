/* keys_file: see keys_file.h. Both files are small and made by this tool: no quotes, no escapes. */
#include "keys_file.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "runtime/secret.h"

#define LINE_MAX_BYTES 1024

struct keys_file {
	struct arena *arena;
	struct map keys, secrets; /* "role/id" to text */
};

const char *keys_file_path(struct arena *a, const char *given)
{
	const char *home = getenv("PUNNET_HOME");

	if (given)
		return given;
	if (getenv("PUNNET_KEYS_FILE"))
		return getenv("PUNNET_KEYS_FILE");
	return arena_printf(a, "%s/keys/keys.csv", home ? home : ".local");
}

const char *keys_front_door(struct arena *a, const struct tool *t, const char *given)
{
	if (given)
		return given;
	if (getenv("PUNNET_COLLECTOR_URL"))
		return getenv("PUNNET_COLLECTOR_URL");
	return arena_printf(a, "http://%s", config_text(t->config, "collector", "listen"));
}

static bool read_pairs(struct arena *a, const char *path, struct map *ret)
{
	char line[LINE_MAX_BYTES], *rest, *role, *id, *text;
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		role = strtok_r(line, ",\r\n", &rest);
		id = strtok_r(NULL, ",\r\n", &rest);
		text = strtok_r(NULL, ",\r\n", &rest);
		if (role && id && text)
			map_put(ret, slice_cstr(arena_printf(a, "%s/%s", role, id)),
				arena_cstr(a, slice_cstr(text)));
	}
	fclose(file);
	return true;
}

struct keys_file *keys_file_load(struct arena *a, const char *path, struct error *ret_error)
{
	struct keys_file *k = arena_calloc(a, 1, sizeof(*k));

	k->arena = a;
	if (!read_pairs(a, path, &k->keys)) {
		error_set(ret_error, RESULT_BAD, "%s: %s; `punnet directory apply` writes it", path,
			  strerror(errno));
		return NULL;
	}
	(void)read_pairs(
	    a, arena_printf(a, "%s/secrets.csv", dirname(arena_cstr(a, slice_cstr(path)))),
	    &k->secrets);
	return k;
}

static const char *look_up(const struct keys_file *k, const struct map *m, const char *role,
			   struct slice id)
{
	return map_get(m, slice_cstr(arena_printf(k->arena, "%s/" SLICE_FMT, role, SLICE_ARG(id))));
}

const char *keys_file_key(const struct keys_file *k, const char *role, struct slice id)
{
	return look_up(k, &k->keys, role, id);
}

struct slice keys_file_signing_key(const struct keys_file *k, const char *role, struct slice id)
{
	const char *secret = look_up(k, &k->secrets, role, id);
	uint8_t key[SECRET_PLAIN_MAX];
	size_t len = secret ? secret_signing_key(slice_cstr(secret), key) : 0;

	return len ? arena_dup(k->arena, slice_of(key, len)) : (struct slice){NULL, 0};
}
