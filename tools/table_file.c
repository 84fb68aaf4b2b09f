/* table_file: see table_file.h. */
#include "table_file.h"

#include <stdio.h>

#include "import_reader.h"

#define HEADER_PEEK 4096
#define ABSENT      SIZE_MAX

struct reading {
	const struct table_file *t;
	size_t at[TABLE_COLUMNS_MAX];
	size_t rows;
	bool bad;
	struct error *error;
};

struct first_bytes {
	char bytes[HEADER_PEEK];
	size_t len;
};

static bool peek(const char *path, struct first_bytes *ret)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	ret->len = fread(ret->bytes, 1, sizeof(ret->bytes), f);
	fclose(f);
	return true;
}

static const char *encoding_of(const struct first_bytes *b)
{
	const unsigned char *c = (const unsigned char *)b->bytes;

	if (b->len >= 2 && ((c[0] == 0xff && c[1] == 0xfe) || (c[0] == 0xfe && c[1] == 0xff)))
		return "utf-16";
	return "utf-8";
}

static char delimiter_of(const struct first_bytes *b)
{
	static const char candidates[] = ",;\t|";
	size_t counts[sizeof(candidates) - 1] = {0}, best = 0;

	for (size_t i = 0; i < b->len && b->bytes[i] != '\n'; i++) {
		const char *c = b->bytes[i] ? strchr(candidates, b->bytes[i]) : NULL;

		if (c)
			counts[c - candidates]++;
	}
	for (size_t i = 1; i < ARRAY_LEN(counts); i++)
		if (counts[i] > counts[best])
			best = i;
	return candidates[best];
}

static size_t find(const struct slice *cells, size_t count, const struct table_column *column)
{
	for (size_t n = 0; n < TABLE_NAMES_MAX && column->names[n]; n++)
		for (size_t i = 0; i < count; i++)
			if (slice_equal_nocase(slice_trim(cells[i]), slice_cstr(column->names[n])))
				return i;
	return ABSENT;
}

static void bind_header(struct reading *r, const struct slice *cells, size_t count)
{
	struct slice first = count > 0 ? cells[0] : (struct slice){0};
	struct slice trimmed[IMPORT_ROW_CELLS_MAX];

	for (size_t i = 0; i < count; i++)
		trimmed[i] = cells[i];
	if (slice_starts_with(first, "\xef\xbb\xbf"))
		trimmed[0] = slice_of(first.data + 3, first.len - 3);
	for (size_t i = 0; i < r->t->count; i++) {
		r->at[i] = find(trimmed, count, &r->t->columns[i]);
		if (r->at[i] != ABSENT || !r->t->columns[i].required || r->bad)
			continue;
		r->bad = true;
		(void)error_set(r->error, RESULT_BAD, "%s: no column \"%s\"", r->t->path,
				r->t->columns[i].names[0]);
	}
}

static void on_row(void *ctx, const struct slice *cells, size_t count)
{
	struct reading *r = ctx;
	struct slice mine[TABLE_COLUMNS_MAX];
	size_t number = r->rows++;

	if (number == 0)
		bind_header(r, cells, count);
	if (number == 0 || r->bad || (count == 1 && slice_trim(cells[0]).len == 0))
		return;
	for (size_t i = 0; i < r->t->count; i++)
		mine[i] = r->at[i] < count ? slice_trim(cells[r->at[i]]) : slice_cstr("");
	r->t->on_row(r->t->ctx, mine, number);
}

enum result table_file_read(const struct table_file *t, struct error *ret_error)
{
	struct reading reading = {.t = t, .error = ret_error};
	struct first_bytes first;
	struct import_reader_options options = {
	    .path = t->path, .quote = '"', .on_row = on_row, .ctx = &reading};
	struct import_reader *r;
	enum result result;

	assert(t->count <= TABLE_COLUMNS_MAX);
	if (!peek(t->path, &first))
		return error_set(ret_error, RESULT_BAD, "%s: can't be read", t->path);
	options.encoding = slice_cstr(t->encoding ? t->encoding : encoding_of(&first));
	options.delimiter = t->delimiter ? t->delimiter : delimiter_of(&first);
	r = import_reader_open(&options, ret_error);
	if (!r)
		return RESULT_BAD;
	do
		result = import_reader_feed(r, ret_error);
	while (result == RESULT_OK && !reading.bad);
	import_reader_close(r);
	if (reading.bad)
		return RESULT_BAD;
	if (result != RESULT_AGAIN)
		return result;
	return reading.rows > 0 ? RESULT_OK
				: error_set(ret_error, RESULT_BAD, "%s: no header", t->path);
}
