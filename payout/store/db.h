/* db: the little of SQL databases that the ledger needs, over two backends: SQLite and PostgreSQL.
 *
 * Statements are static texts that both understand, with parameters $1, $2, …; they are prepared
 * once per connection and found again by their address. db_add() may only queue; db_flush() makes
 * sure: SQLite does the work at once, PostgreSQL sends what was queued down one pipeline and reads
 * the answers together, so a thousand rows cost one round trip.
 *
 * Results: RESULT_AWAY: the database is locked, full or gone; the transaction is rolled back, and
 * all of it may be tried again from db_begin(), which connects again where it must. RESULT_FATAL:
 * the database refused the statement (a broken constraint, another schema): trying again would not
 * help. After either, call db_rollback(). */
#ifndef PUNNET_PAYOUT_DB_H
#define PUNNET_PAYOUT_DB_H

#include "base/result.h"
#include "base/slice.h"

#define DB_PARAMS_MAX     32
#define DB_COLUMNS_MAX    32
#define DB_STATEMENTS_MAX 128

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BYTES };

struct db_value {
	enum db_type type;
	int64_t integer;
	struct slice bytes; /* text and bytes */
};

static inline struct db_value db_int(int64_t v)
{
	return (struct db_value){.type = DB_INT, .integer = v};
}

static inline struct db_value db_text(const char *s)
{
	return (struct db_value){.type = DB_TEXT, .bytes = slice_cstr(s ? s : "")};
}

static inline struct db_value db_bytes(const void *data, size_t len)
{
	return (struct db_value){.type = DB_BYTES, .bytes = slice_of(data, len)};
}

/* The columns are valid during the call only. */
typedef void (*db_row_fn)(void *ctx, const struct db_value *columns, size_t count);

enum db_dialect { DB_SQLITE, DB_POSTGRES };

struct db;

/* url: "sqlite:PATH", or "postgres://…" as libpq reads it. No call blocks longer than about
 * timeout_ms. */
struct db *db_open(const char *url, int timeout_ms, struct error *ret_error);
/* For whoever must not write: all that is read until the end is of one moment, the first reading's; the database itself refuses
 * anything else. Nothing is created, no schema is brought up to date. No db_begin() and no db_commit(). */
struct db *db_open_reading(const char *url, int timeout_ms, struct error *ret_error);
void db_close(struct db *d);
enum db_dialect db_dialect(const struct db *d);

/* For writing: nobody else can begin before this ends (SQLite); rows are locked one by one
 * (PostgreSQL). */
_must_use_ enum result db_begin(struct db *d, struct error *ret_error);
_must_use_ enum result db_commit(struct db *d, struct error *ret_error);
void db_rollback(struct db *d); /* also when there is nothing to roll back */

/* fn may be NULL; it may be called as late as in db_flush(). Parameters are copied. */
_must_use_ enum result db_add(struct db *d, const char *sql, const struct db_value *params,
			      size_t count, db_row_fn fn, void *ctx, struct error *ret_error);
/* A row for each of count, columns values each, one after the other, in one statement, which is not the same for both: SQLite's reads
 * them from a table `batch` with the columns c1, c2, …; PostgreSQL's has an array for each column as its parameters. Within a
 * column all values are of one type, and none is null. They need not outlive the call. */
struct db_rows_sql {
	const char *sqlite, *postgres;
};
_must_use_ enum result db_add_rows(struct db *d, const struct db_rows_sql *sql,
				   const struct db_value *values, size_t columns, size_t count,
				   db_row_fn fn, void *ctx, struct error *ret_error);
_must_use_ enum result db_flush(struct db *d, struct error *ret_error);
/* Both: all rows have come when it returns. */
_must_use_ enum result db_ask(struct db *d, const char *sql, const struct db_value *params,
			      size_t count, db_row_fn fn, void *ctx, struct error *ret_error);
/* Several statements without parameters, for the schema. */
_must_use_ enum result db_script(struct db *d, const char *sql, struct error *ret_error);

/* --- for the backends --- */

struct db_ops {
	enum db_dialect dialect;
	enum result (*begin)(struct db *d, struct error *ret_error);
	enum result (*commit)(struct db *d, struct error *ret_error);
	void (*rollback)(struct db *d);
	enum result (*add)(struct db *d, const char *sql, const struct db_value *params,
			   size_t count, db_row_fn fn, void *ctx, struct error *ret_error);
	enum result (*add_rows)(struct db *d, const char *sql, const struct db_value *values,
				size_t columns, size_t count, db_row_fn fn, void *ctx,
				struct error *ret_error);
	enum result (*flush)(struct db *d, struct error *ret_error);
	enum result (*script)(struct db *d, const char *sql, struct error *ret_error);
	void (*close)(struct db *d);
};

struct db {
	const struct db_ops *ops;
};

struct db *db_sqlite_open(const char *path, int timeout_ms, struct error *ret_error);
struct db *db_sqlite_open_reading(const char *path, int timeout_ms, struct error *ret_error);
struct db *db_postgres_open(const char *url, int timeout_ms, struct error *ret_error);

#endif
