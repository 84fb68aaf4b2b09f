/* import_state: how far a file is imported, in FILE.import; what was refused, in FILE.rejects.csv.
 *
 * The position is a number of rows, all of which have their final result, and a digest of them, so that a file that was
 * changed is noticed. The rejects are written in the order of the rows, before the position moves past them; a position
 * names the length of the rejects that belong to it, and opening cuts them there. So a kill at any moment costs nothing
 * and repeats nothing in the file. */
#ifndef PUNNET_IMPORT_STATE_H
#define PUNNET_IMPORT_STATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/result.h"

struct import_state {
	uint64_t rows, rejected, digest;
	uint64_t rejects_bytes;
};

struct import_files; /* opaque */

struct import_files *import_files_open(const char *csv_path, struct slice name,
				       struct import_state *ret, struct error *ret_error);
/* Adds to the rejects; they are safe with the next import_files_keep(). */
void import_files_reject(struct import_files *f, struct slice line, struct import_state *s);
_must_use_ enum result import_files_keep(struct import_files *f, const struct import_state *s,
					 struct error *ret_error);
void import_files_close(struct import_files *f); /* accepts NULL */

/* The cells and the reasons as a line of CSV. */
void import_csv_line(const struct slice *cells, size_t count, char delimiter, struct slice reasons,
		     struct buf *out);

#endif
