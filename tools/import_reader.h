/* import_reader: a CSV file of any encoding as rows of UTF-8 cells, a piece at a time. */
#ifndef PUNNET_IMPORT_READER_H
#define PUNNET_IMPORT_READER_H

#include "base/result.h"
#include "base/slice.h"

#define IMPORT_PIECE_BYTES    4096 /* of the file */
#define IMPORT_PIECE_ROWS_MAX (IMPORT_PIECE_BYTES / 2 + 2)
#define IMPORT_ROW_CELLS_MAX  512
#define IMPORT_ROW_BYTES_MAX  (256u << 10)

struct import_reader_options {
	const char *path;
	struct slice encoding;
	char delimiter, quote;
	/* The first row is the header. Bytes that the encoding does not have arrive as 0xff, which is no UTF-8. */
	void (*on_row)(void *ctx, const struct slice *cells, size_t count);
	void *ctx;
};

struct import_reader; /* opaque */

struct import_reader *import_reader_open(const struct import_reader_options *o,
					 struct error *ret_error); /* NULL with an error */
/* Reads a piece: RESULT_OK, RESULT_AGAIN at the end of the file, RESULT_BAD. */
_must_use_ enum result import_reader_feed(struct import_reader *r, struct error *ret_error);
/* How much of the file is read, in 1/1000. */
unsigned import_reader_done(const struct import_reader *r);
void import_reader_close(struct import_reader *r); /* accepts NULL */

#endif
