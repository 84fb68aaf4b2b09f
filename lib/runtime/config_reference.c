/* config_reference: the table as people read it: docs/configuration.md, and the values in force as YAML. */
#include <stdlib.h>

#include "config_table.h"

static void write_section(size_t first, struct buf *out)
{
	char name[64], env[128];

	config_section_name(&config_keys[first], name, sizeof(name));
	buf_printf(out,
		   "\n## %s\n\n| key | type | default | limits | environment | what it does |\n"
		   "|---|---|---|---|---|---|\n",
		   name);
	for (size_t i = first; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		_cleanup_(buf_free) struct buf limits = {0};

		if (strcmp(k->section, config_keys[first].section) != 0)
			continue;
		config_write_limits(k, &limits);
		config_env_name(k, env, sizeof(env));
		buf_printf(out, "| `%s` | %s | %s%s%s | %s | `%s` | %s |\n", k->key,
			   config_type_name(k->type), k->fallback[0] ? "`" : "", k->fallback,
			   k->fallback[0] ? "`" : "–", buf_cstr(&limits), env, k->help);
	}
}

void config_write_reference(struct buf *out)
{
	buf_append_cstr(out,
			"# Configuration\n\n"
			"One YAML file, `punnet.yaml`, one section a service; every key has a "
			"default. An environment variable\n"
			"overrides its key. An unknown key, a key given twice, a wrong type or a "
			"value out of its limits ends the\n"
			"start, with file, line and what was expected; `punnet config check FILE` "
			"finds all of them at once.\n\n"
			"Durations are whole numbers with `ms`, `s`, `m`, `h` or `d`; sizes are "
			"bytes, or end in `KiB`, `MiB` or\n"
			"`GiB`. `filter-worker` and `filter_worker` name the same section. "
			"Relative paths begin at the folder\n"
			"that the service is started in. Made from `lib/runtime/config.def`.\n");
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_first_of_section(i))
			write_section(i, out);
	}
}

/* The value in double quotes; the password of a URL is hidden. */
static void write_shown(const char *text, struct buf *out)
{
	const char *scheme = strstr(text, "://"), *at = scheme ? strrchr(scheme, '@') : NULL;
	const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;

	buf_append_char(out, '"');
	for (const char *c = text; *c; c++) {
		if (colon && c == colon + 1) {
			buf_append_cstr(out, "***");
			c = at;
		}
		if (*c == '"' || *c == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, *c);
	}
	buf_append_char(out, '"');
}

static void dump_section(const struct config *c, size_t first, struct buf *out)
{
	char name[64];

	config_section_name(&config_keys[first], name, sizeof(name));
	buf_printf(out, "%s%s:\n", out->len ? "\n" : "", name);
	for (size_t i = first; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, config_keys[first].section) != 0)
			continue;
		buf_printf(out, "  %s: ", config_keys[i].key);
		write_shown(c->values[i].text, out);
		buf_printf(out, "  # %s\n", c->values[i].where);
	}
}

void config_dump(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_first_of_section(i))
			dump_section(c, i, out);
	}
}
