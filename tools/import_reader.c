/* import_reader: see import_reader.h. libcsv splits, iconv converts. */
#include "import_reader.h"

#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#define GROWTH_MOST 4 /* bytes of UTF-8 that one byte can become, and an incomplete character */
#define LEFT_MAX    8

struct import_reader {
	struct import_reader_options o;
	FILE *file;
	iconv_t convert; /* (iconv_t)-1: the file is UTF-8 */
	struct csv_parser csv;
	bool csv_ready, begun, ended, failed;
	char left[LEFT_MAX]; /* the beginning of a character whose rest comes later */
	size_t left_len;
	long size, position;
	struct buf row;
	size_t ends[IMPORT_ROW_CELLS_MAX], count;
	uint64_t rows;
};

static void on_cell(void *bytes, size_t len, void *ctx)
{
	struct import_reader *r = ctx;

	if (r->count == IMPORT_ROW_CELLS_MAX || r->row.len + len > IMPORT_ROW_BYTES_MAX) {
		r->failed = true;
		return;
	}
	buf_append(&r->row, bytes, len);
	r->ends[r->count++] = r->row.len;
}

static void on_row(_unused_ int sign, void *ctx)
{
	struct import_reader *r = ctx;
	struct slice cells[IMPORT_ROW_CELLS_MAX];
	size_t start = 0;

	for (size_t i = 0; i < r->count; i++) {
		cells[i] = slice_of(r->row.data ? r->row.data + start : "", r->ends[i] - start);
		start = r->ends[i];
	}
	r->rows++;
	if (!r->failed)
		r->o.on_row(r->o.ctx, cells, r->count);
	buf_reset(&r->row);
	r->count = 0;
}

/* A cell that never ends, for want of a closing quote, must not take all memory. */
static void *grow(void *old, size_t size)
{
	return size > IMPORT_ROW_BYTES_MAX ? NULL : realloc(old, size);
}

static enum result parse(struct import_reader *r, struct slice text, struct error *ret_error)
{
	if (!r->begun && slice_starts_with(text, "\xef\xbb\xbf")) {
		text.data += 3;
		text.len -= 3;
	}
	r->begun = true;
	if (csv_parse(&r->csv, text.data, text.len, on_cell, on_row, r) != text.len || r->failed)
		return error_set(
		    ret_error, RESULT_BAD,
		    "%s: row %llu has more than %d cells or %u bytes; is a quote not closed?",
		    r->o.path, (unsigned long long)r->rows, IMPORT_ROW_CELLS_MAX,
		    IMPORT_ROW_BYTES_MAX);
	return RESULT_OK;
}

/* What can't be converted becomes 0xff, so that the row is refused and not altered. */
static size_t convert(struct import_reader *r, char *in, size_t in_len, char *out, size_t room,
		      bool last)
{
	char *at = out;

	while (in_len > 0) {
		if (iconv(r->convert, &in, &in_len, &at, &room) != (size_t)-1)
			break;
		if (errno == EINVAL && !last && in_len <= LEFT_MAX) {
			memcpy(r->left, in, in_len);
			r->left_len = in_len;
			break;
		}
		if (room == 0)
			break;
		*at++ = '\xff';
		room--;
		in++;
		in_len--;
	}
	return (size_t)(at - out);
}

enum result import_reader_feed(struct import_reader *r, struct error *ret_error)
{
	char in[LEFT_MAX + IMPORT_PIECE_BYTES], out[sizeof(in) * GROWTH_MOST];
	size_t len;
	enum result result;

	if (r->ended)
		return RESULT_AGAIN;
	memcpy(in, r->left, r->left_len);
	len = r->left_len + fread(in + r->left_len, 1, IMPORT_PIECE_BYTES, r->file);
	r->position += (long)(len - r->left_len);
	r->left_len = 0;
	r->ended = feof(r->file);
	if (ferror(r->file))
		return error_set(ret_error, RESULT_BAD, "%s: %s", r->o.path, strerror(errno));
	if (r->convert == (iconv_t)-1)
		result = parse(r, slice_of(in, len), ret_error);
	else
		result = parse(r, slice_of(out, convert(r, in, len, out, sizeof(out), r->ended)),
			       ret_error);
	if (result == RESULT_OK && r->ended)
		csv_fini(&r->csv, on_cell, on_row, r);
	return result;
}

struct import_reader *import_reader_open(const struct import_reader_options *o,
					 struct error *ret_error)
{
	struct import_reader *r = calloc(1, sizeof(*r));
	char encoding[32];

	assert(r);
	r->o = *o;
	r->convert = (iconv_t)-1;
	r->file = fopen(o->path, "r");
	if (!r->file || fseek(r->file, 0, SEEK_END) != 0 || (r->size = ftell(r->file)) < 0 ||
	    fseek(r->file, 0, SEEK_SET) != 0) {
		error_set(ret_error, RESULT_BAD, "%s: %s", o->path, strerror(errno));
		import_reader_close(r);
		return NULL;
	}
	if (!slice_is(o->encoding, "utf-8")) {
		snprintf(encoding, sizeof(encoding), SLICE_FMT, SLICE_ARG(o->encoding));
		r->convert = iconv_open("UTF-8", encoding);
		if (r->convert == (iconv_t)-1) {
			error_set(ret_error, RESULT_BAD, "%s: no such encoding here", encoding);
			import_reader_close(r);
			return NULL;
		}
	}
	r->csv_ready = csv_init(&r->csv, 0) == 0;
	assert(r->csv_ready);
	csv_set_delim(&r->csv, (unsigned char)o->delimiter);
	csv_set_quote(&r->csv, (unsigned char)o->quote);
	csv_set_realloc_func(&r->csv, grow);
	return r;
}

unsigned import_reader_done(const struct import_reader *r)
{
	return r->size > 0 ? (unsigned)(r->position * 1000.0 / (double)r->size) : 1000;
}

void import_reader_close(struct import_reader *r)
{
	if (!r)
		return;
	if (r->csv_ready)
		csv_free(&r->csv);
	if (r->convert != (iconv_t)-1)
		iconv_close(r->convert);
	if (r->file)
		fclose(r->file);
	buf_free(&r->row);
	free(r);
}
