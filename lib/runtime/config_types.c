/* config_types: what a value of each type looks like, and how it is said what was expected. */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "config_table.h"

#define FILE FILE_PATH /* stdio has taken the name; the table reads better with it */
const struct config_key config_keys[] = {
#define CONFIG(section, key, type, fallback, least, most, help)                                    \
	{#section, #key, type, fallback, least, most, help},
#include "config.def"
#undef CONFIG
};
#undef FILE
const size_t config_key_count = ARRAY_LEN(config_keys);

const char *config_type_name(enum config_type type)
{
	static const char *const names[] = {
	    [TEXT] = "text", [INT] = "whole number",   [DURATION] = "duration",
	    [SIZE] = "size", [BOOL] = "true or false", [FILE_PATH] = "path"};

	return names[type];
}

bool config_same_section(struct slice a, const char *b)
{
	size_t i = 0;

	for (; i < a.len && b[i]; i++) {
		if ((a.data[i] == '-' ? '_' : a.data[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	}
	return i == a.len && !b[i];
}

void config_env_name(const struct config_key *k, char *ret, size_t len)
{
	snprintf(ret, len, "PUNNET_%s_%s", k->section, k->key);
	for (char *c = ret; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

void config_section_name(const struct config_key *k, char *ret, size_t len)
{
	snprintf(ret, len, "%s", k->section);
	for (char *c = ret; *c; c++)
		*c = *c == '_' ? '-' : *c;
}

bool config_first_of_section(size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (strcmp(config_keys[j].section, config_keys[i].section) == 0)
			return false;
	}
	return true;
}

static bool parse_size(struct slice text, int64_t *ret)
{
	static const struct {
		const char *suffix;
		int shift;
	} units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	int shift = 0;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t n = strlen(units[i].suffix);

		if (text.len > n && memcmp(text.data + text.len - n, units[i].suffix, n) == 0) {
			text.len -= n;
			shift = units[i].shift;
			break;
		}
	}
	if (!slice_to_int64(text, ret) || *ret < 0 || *ret > INT64_MAX >> shift)
		return false;
	*ret <<= shift;
	return true;
}

bool config_parse(const struct config_key *k, struct slice text, int64_t *ret)
{
	char path[4096];

	*ret = 0;
	switch (k->type) {
	case TEXT:
		*ret = (int64_t)text.len;
		break;
	case FILE_PATH:
		if (text.len == 0)
			return true; /* not set */
		snprintf(path, sizeof(path), SLICE_FMT, SLICE_ARG(text));
		return text.len < sizeof(path) && access(path, F_OK) == 0;
	case BOOL:
		*ret = slice_is(text, "true");
		return *ret || slice_is(text, "false");
	case INT:
		if (!slice_to_int64(text, ret))
			return false;
		break;
	case DURATION:
		if (!time_parse_duration(text, ret))
			return false;
		break;
	case SIZE:
		if (!parse_size(text, ret))
			return false;
		break;
	}
	return (k->least == 0 && k->most == 0) || (*ret >= k->least && *ret <= k->most);
}

static void write_quantity(const struct config_key *k, int64_t v, struct buf *out)
{
	static const struct {
		int64_t each;
		const char *unit;
	} times[] = {{MS_PER_DAY, "d"},
		     {MS_PER_HOUR, "h"},
		     {MS_PER_MIN, "m"},
		     {MS_PER_S, "s"},
		     {1, "ms"}},
	  sizes[] = {{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, ""}};
	size_t i = 0;

	if (k->type == DURATION) {
		while (v == 0 ? i + 1 < ARRAY_LEN(times) : v % times[i].each != 0)
			i++;
		buf_printf(out, "%lld%s", (long long)(v / times[i].each), times[i].unit);
	} else if (k->type == SIZE) {
		while (v == 0 ? i + 1 < ARRAY_LEN(sizes) : v % sizes[i].each != 0)
			i++;
		buf_printf(out, "%lld%s", (long long)(v / sizes[i].each), sizes[i].unit);
	} else {
		buf_append_int(out, v);
	}
}

void config_write_limits(const struct config_key *k, struct buf *out)
{
	if (k->least == 0 && k->most == 0)
		return;
	if (k->type == TEXT) {
		buf_printf(out, "%lld to %lld bytes", (long long)k->least, (long long)k->most);
		return;
	}
	write_quantity(k, k->least, out);
	buf_append_cstr(out, " to ");
	write_quantity(k, k->most, out);
}

void config_write_expected(const struct config_key *k, struct buf *out)
{
	_cleanup_(buf_free) struct buf limits = {0};

	config_write_limits(k, &limits);
	switch (k->type) {
	case TEXT:
		buf_printf(out, "text of %s", buf_cstr(&limits));
		return;
	case FILE_PATH:
		buf_append_cstr(out, "the path of a file that exists");
		return;
	case BOOL:
		buf_append_cstr(out, "true or false");
		return;
	case INT:
	case DURATION:
	case SIZE:
		buf_printf(out, "a %s", config_type_name(k->type));
		if (limits.len)
			buf_printf(out, " from %s", buf_cstr(&limits));
		buf_printf(out, ", for example \"%s\"", k->fallback);
		return;
	}
}
