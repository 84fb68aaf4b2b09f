/* traffic_tables: the tables that deploy/setup/data made: lines of cells between tabs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "traffic_files.h"

#define TABLE_BYTES_MAX (64u << 20)
#define CELLS_MAX       4

static void texts_add(struct traffic_texts *t, struct arena *a, struct slice text)
{
	/* Grown by doubling; what is left behind stays in the arena. */
	if ((t->count & (t->count - 1)) == 0) {
		struct slice *more = arena_calloc(a, t->count ? t->count * 2 : 1, sizeof(*more));

		if (t->count)
			memcpy(more, t->items, t->count * sizeof(*more));
		t->items = more;
	}
	t->items[t->count++] = text;
}

static enum result read_file(struct arena *a, const char *folder, const char *name,
			     struct slice *ret, struct error *ret_error)
{
	const char *path = arena_printf(a, "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	long len;
	char *bytes;

	if (!file)
		return error_set(ret_error, RESULT_BAD, "%s: %s; deploy/setup/data makes it", path,
				 strerror(errno));
	if (fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0 ||
	    len > (long)TABLE_BYTES_MAX) {
		fclose(file);
		return error_set(ret_error, RESULT_BAD, "%s: can't be read, or is too large", path);
	}
	rewind(file);
	bytes = arena_alloc(a, (size_t)len + 1);
	*ret = slice_of(bytes, fread(bytes, 1, (size_t)len, file));
	fclose(file);
	if (!slice_utf8_valid(*ret))
		return error_set(ret_error, RESULT_BAD, "%s: not UTF-8", path);
	return RESULT_OK;
}

/* The cells of the next line; 0 at the end. */
static size_t next_row(struct slice *rest, struct slice cells[CELLS_MAX])
{
	const char *end;
	size_t len, count = 0;
	struct slice line;

	if (rest->len == 0)
		return 0;
	end = memchr(rest->data, '\n', rest->len);
	len = end ? (size_t)(end - rest->data) : rest->len;
	line = slice_of(rest->data, len);
	rest->data += len + (end ? 1 : 0);
	rest->len -= len + (end ? 1 : 0);
	while (count < CELLS_MAX) {
		const char *tab = line.len ? memchr(line.data, '\t', line.len) : NULL;

		len = tab ? (size_t)(tab - line.data) : line.len;
		cells[count++] = slice_of(line.data, len);
		if (!tab)
			break;
		line = slice_of(tab + 1, line.len - len - 1);
	}
	return count;
}

static void take_name(struct traffic_tables *t, struct arena *a, const struct slice cells[4])
{
	enum traffic_language language = slice_is(cells[0], "ru") ? TRAFFIC_RU : TRAFFIC_EN;
	enum traffic_sex sex = slice_is(cells[1], "f") ? TRAFFIC_FEMALE : TRAFFIC_MALE;

	if (slice_is(cells[2], "first"))
		texts_add(&t->first[language][sex], a, cells[3]);
	else if (slice_is(cells[2], "last"))
		texts_add(&t->last[language][sex], a, cells[3]);
	else if (slice_is(cells[2], "patronymic"))
		texts_add(&t->patronymic[language][sex], a, cells[3]);
	else if (slice_is(cells[2], "city"))
		texts_add(&t->city[language], a, cells[3]);
}

static bool complete(const struct traffic_tables *t)
{
	for (int language = 0; language < TRAFFIC_LANGUAGES; language++) {
		for (int sex = 0; sex < TRAFFIC_SEXES; sex++)
			if (!t->first[language][sex].count || !t->last[language][sex].count)
				return false;
		if (!t->city[language].count)
			return false;
	}
	return t->user_agents.count > 0;
}

enum result traffic_tables_load(struct arena *a, const char *folder, struct traffic_tables *ret,
				struct error *ret_error)
{
	struct slice names, browsers, crawlers, networks, cells[CELLS_MAX];
	enum result r;

	*ret = (struct traffic_tables){0};
	if ((r = read_file(a, folder, "names.tsv", &names, ret_error)) != RESULT_OK ||
	    (r = read_file(a, folder, "user-agents.tsv", &browsers, ret_error)) != RESULT_OK ||
	    (r = read_file(a, folder, "crawlers.tsv", &crawlers, ret_error)) != RESULT_OK ||
	    (r = read_file(a, folder, "networks.tsv", &networks, ret_error)) != RESULT_OK)
		return r;
	while (next_row(&names, cells) == 4)
		take_name(ret, a, cells);
	while (next_row(&browsers, cells) == 2) {
		texts_add(&ret->systems, a, cells[0]);
		texts_add(&ret->user_agents, a, cells[1]);
	}
	while (next_row(&crawlers, cells) == 1)
		texts_add(&ret->crawlers, a, cells[0]);
	while (next_row(&networks, cells) == 2) {
		texts_add(&ret->network_countries, a, cells[0]);
		texts_add(&ret->networks, a, cells[1]);
	}
	if (!complete(ret))
		return error_set(ret_error, RESULT_BAD,
				 "%s: the tables are incomplete; deploy/setup/data makes them",
				 folder);
	return RESULT_OK;
}

void traffic_join(struct traffic_profile *p, const struct traffic_tables *t)
{
	for (size_t i = 0; i < p->country_count; i++) {
		struct traffic_country *c = &p->countries[i];

		c->network_first = c->network_count = 0;
		for (size_t k = 0; k < t->networks.count; k++) {
			if (!slice_equal(t->network_countries.items[k], c->id))
				continue;
			if (c->network_count++ == 0)
				c->network_first = k;
		}
	}
}
