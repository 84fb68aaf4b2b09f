/* db_sqlite_batch: rows of a batch as a table of SQLite's, so that one statement takes them all: the table `batch` with the columns
 * c1, c2, … A statement a row costs SQLite more than the row does. */
#ifndef PUNNET_PAYOUT_DB_SQLITE_BATCH_H
#define PUNNET_PAYOUT_DB_SQLITE_BATCH_H

#include <sqlite3.h>

#include "payout/store/db.h"

/* What the table holds now; the values must outlive the statement. */
struct batch {
	const struct db_value *values; /* count x columns */
	size_t columns, count;
};

/* SQLite's result code. The connection keeps the address until it is closed. */
_must_use_ int batch_register(sqlite3 *conn, struct batch *b);

#endif
