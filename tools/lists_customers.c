/* lists_customers: see lists_customers.h. What a lead's fingerprints are made of, these are: the same normalising and the same
 * key, so that both sides meet however they were typed. */
#include "lists_customers.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "import_map.h"
#include "import_reader.h"
#include "lead/contact.h"

#define NO_COLUMN SIZE_MAX

struct converting {
	const struct customers_options *o;
	struct customers_count *count;
	bool has_header;
	size_t phone_at, email_at;
	FILE *out;
};

static void put(struct converting *c, enum fingerprint_domain domain, const char *normal)
{
	struct fingerprint f = fingerprint_of(c->o->key, domain, slice_cstr(normal));
	char hex[2 * FINGERPRINT_LEN + 1];

	sodium_bin2hex(hex, sizeof(hex), f.bytes, sizeof(f.bytes));
	(void)fprintf(c->out, "%s\n", hex); /* asked once, when all is written */
}

static void put_phone(struct converting *c, struct slice cell)
{
	_cleanup_(buf_free) struct buf typed = {0};
	char normal[PHONE_TEXT_MAX];

	import_phone(cell, &typed);
	if (phone_normalise(buf_slice(&typed), c->o->country, normal) == PHONE_NOT_DIGITS) {
		c->count->unreadable++;
		return;
	}
	put(c, FINGERPRINT_PHONE, normal);
	c->count->phones++;
}

static void put_email(struct converting *c, struct slice cell)
{
	char normal[EMAIL_TEXT_MAX + 1];

	if (email_normalise(cell, normal) != EMAIL_OK) {
		c->count->unreadable++;
		return;
	}
	put(c, FINGERPRINT_EMAIL, normal);
	c->count->emails++;
}

static size_t column(const struct slice *cells, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equal_nocase(slice_trim(cells[i]), slice_cstr(name)))
			return i;
	}
	return NO_COLUMN;
}

static void on_row(void *ctx, const struct slice *cells, size_t count)
{
	struct converting *c = ctx;

	if (!c->has_header) {
		c->has_header = true;
		c->phone_at = column(cells, count, c->o->phone_column);
		c->email_at = column(cells, count, c->o->email_column);
		return;
	}
	c->count->rows++;
	if (c->phone_at < count && slice_trim(cells[c->phone_at]).len > 0)
		put_phone(c, cells[c->phone_at]);
	if (c->email_at < count && slice_trim(cells[c->email_at]).len > 0)
		put_email(c, cells[c->email_at]);
}

static enum result convert(struct converting *c, struct error *ret_error)
{
	const struct import_reader_options reading = {.path = c->o->table,
						      .encoding = SLICE("utf-8"),
						      .delimiter = c->o->delimiter,
						      .quote = '"',
						      .on_row = on_row,
						      .ctx = c};
	struct import_reader *reader = import_reader_open(&reading, ret_error);
	enum result r;

	if (!reader)
		return RESULT_BAD;
	do {
		r = import_reader_feed(reader, ret_error);
	} while (r == RESULT_OK);
	import_reader_close(reader);
	if (r != RESULT_AGAIN)
		return r;
	if (c->phone_at == NO_COLUMN && c->email_at == NO_COLUMN)
		return error_set(ret_error, RESULT_BAD,
				 "%s: there is neither a column %s nor a column %s", c->o->table,
				 c->o->phone_column, c->o->email_column);
	return RESULT_OK;
}

static enum result put_in_place(FILE *file, const char *made, const char *path,
				struct error *ret_error)
{
	bool written = fflush(file) == 0 && fsync(fileno(file)) == 0 && !ferror(file);

	if (fclose(file) == 0 && written && rename(made, path) == 0)
		return RESULT_OK;
	return error_set(ret_error, RESULT_BAD, "%s: can't be written", path);
}

enum result customers_convert(const struct customers_options *o, struct customers_count *ret,
			      struct error *ret_error)
{
	struct converting c = {.o = o, .count = ret, .phone_at = NO_COLUMN, .email_at = NO_COLUMN};
	_cleanup_(buf_free) struct buf made = {0};
	enum result r;
	int fd;

	*ret = (struct customers_count){0};
	buf_printf(&made, "%s.new", o->out);
	fd = open(buf_cstr(&made), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	c.out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!c.out)
		return error_set(ret_error, RESULT_BAD, "%s: can't be written", buf_cstr(&made));
	r = convert(&c, ret_error);
	if (r == RESULT_OK)
		return put_in_place(c.out, buf_cstr(&made), o->out, ret_error);
	(void)fclose(c.out);
	(void)unlink(buf_cstr(&made));
	return r;
}
