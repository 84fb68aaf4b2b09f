/* db_sqlite: the ledger in one file. WAL, synchronous=FULL: a commit that was answered is on the
 * disk. Writers take turns by BEGIN IMMEDIATE, waiting at most the busy time-out. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "payout/store/db.h"
#include "payout/store/db_sqlite_batch.h"

struct statement {
	const char *sql; /* its address is its name */
	sqlite3_stmt *stmt;
	int index[DB_PARAMS_MAX]; /* of $1, $2, … ; 0 = the statement has no such parameter */
};

struct sqlite_db {
	struct db base;
	sqlite3 *conn;
	struct statement statements[DB_STATEMENTS_MAX];
	size_t count;
	struct batch batch;
};

/* A statement is found again by its address: these need one of their own. */
static const char begin_sql[] = "BEGIN IMMEDIATE", commit_sql[] = "COMMIT";

static struct sqlite_db *self(struct db *d)
{
	return (struct sqlite_db *)d;
}

/* What passes by itself or by an operator's hand is AWAY; what would fail again is FATAL. */
static enum result fail(struct sqlite_db *s, int rc, struct error *ret_error)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
	case SQLITE_INTERRUPT:
	case SQLITE_PROTOCOL:
		return error_set(ret_error, RESULT_AWAY, "the ledger can't be used now: %s",
				 sqlite3_errmsg(s->conn));
	default:
		return error_set(ret_error, RESULT_FATAL, "the ledger refused: %s",
				 sqlite3_errmsg(s->conn));
	}
}

static enum result prepare(struct sqlite_db *s, const char *sql, struct statement **ret,
			   struct error *ret_error)
{
	struct statement *st;
	int rc;

	for (size_t i = 0; i < s->count; i++) {
		if (s->statements[i].sql == sql) {
			*ret = &s->statements[i];
			return RESULT_OK;
		}
	}
	assert(s->count < DB_STATEMENTS_MAX);
	st = &s->statements[s->count];
	rc = sqlite3_prepare_v3(s->conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->stmt, NULL);
	if (rc != SQLITE_OK)
		return fail(s, rc, ret_error);
	st->sql = sql;
	for (int i = 0; i < DB_PARAMS_MAX; i++) {
		char name[8];

		snprintf(name, sizeof(name), "$%d", i + 1);
		st->index[i] = sqlite3_bind_parameter_index(st->stmt, name);
	}
	s->count++;
	*ret = st;
	return RESULT_OK;
}

static void bind(struct statement *st, const struct db_value *params, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct db_value *v = &params[i];
		int at = st->index[i], rc = SQLITE_OK;

		assert(at > 0);
		if (v->type == DB_INT)
			rc = sqlite3_bind_int64(st->stmt, at, v->integer);
		else if (v->type == DB_TEXT)
			rc = sqlite3_bind_text(st->stmt, at, v->bytes.len ? v->bytes.data : "",
					       (int)v->bytes.len, SQLITE_STATIC);
		else if (v->type == DB_BYTES)
			rc = sqlite3_bind_blob(st->stmt, at, v->bytes.len ? v->bytes.data : "",
					       (int)v->bytes.len, SQLITE_STATIC);
		else
			rc = sqlite3_bind_null(st->stmt, at);
		assert(rc == SQLITE_OK);
	}
}

static void row(sqlite3_stmt *stmt, db_row_fn fn, void *ctx)
{
	struct db_value columns[DB_COLUMNS_MAX];
	int count = sqlite3_column_count(stmt);

	assert(count <= DB_COLUMNS_MAX);
	for (int i = 0; i < count; i++) {
		struct db_value *v = &columns[i];

		*v = (struct db_value){.type = DB_NULL};
		switch (sqlite3_column_type(stmt, i)) {
		case SQLITE_INTEGER:
			*v = db_int(sqlite3_column_int64(stmt, i));
			break;
		case SQLITE_TEXT:
			v->type = DB_TEXT;
			v->bytes.data = (const char *)sqlite3_column_text(stmt, i);
			break;
		case SQLITE_BLOB:
			v->type = DB_BYTES;
			v->bytes.data = sqlite3_column_blob(stmt, i);
			break;
		}
		if (v->type == DB_TEXT || v->type == DB_BYTES)
			v->bytes.len = (size_t)sqlite3_column_bytes(stmt, i);
	}
	fn(ctx, columns, (size_t)count);
}

static enum result sqlite_add(struct db *d, const char *sql, const struct db_value *params,
			      size_t count, db_row_fn fn, void *ctx, struct error *ret_error)
{
	struct sqlite_db *s = self(d);
	struct statement *st = NULL;
	enum result r = prepare(s, sql, &st, ret_error);
	int rc;

	if (r != RESULT_OK)
		return r;
	bind(st, params, count);
	while ((rc = sqlite3_step(st->stmt)) == SQLITE_ROW)
		if (fn)
			row(st->stmt, fn, ctx);
	if (rc != SQLITE_DONE)
		r = fail(s, rc, ret_error);
	sqlite3_reset(st->stmt);
	return r;
}

static enum result sqlite_add_rows(struct db *d, const char *sql, const struct db_value *values,
				   size_t columns, size_t count, db_row_fn fn, void *ctx,
				   struct error *ret_error)
{
	struct sqlite_db *s = self(d);
	enum result r;

	s->batch = (struct batch){values, columns, count};
	r = sqlite_add(d, sql, NULL, 0, fn, ctx, ret_error);
	s->batch = (struct batch){0};
	return r;
}

static enum result sqlite_script(struct db *d, const char *sql, struct error *ret_error)
{
	int rc = sqlite3_exec(self(d)->conn, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? RESULT_OK : fail(self(d), rc, ret_error);
}

static enum result sqlite_begin(struct db *d, struct error *ret_error)
{
	assert(sqlite3_get_autocommit(self(d)->conn));
	return sqlite_add(d, begin_sql, NULL, 0, NULL, NULL, ret_error);
}

static enum result sqlite_commit(struct db *d, struct error *ret_error)
{
	return sqlite_add(d, commit_sql, NULL, 0, NULL, NULL, ret_error);
}

static void sqlite_rollback(struct db *d)
{
	/* Some errors roll back by themselves; what is left after a failed ROLLBACK ends with the
	 * connection. */
	if (!sqlite3_get_autocommit(self(d)->conn))
		(void)sqlite3_exec(self(d)->conn, "ROLLBACK", NULL, NULL, NULL);
}

static enum result sqlite_flush(_unused_ struct db *d, _unused_ struct error *ret_error)
{
	return RESULT_OK;
}

static void sqlite_close_db(struct db *d)
{
	struct sqlite_db *s = self(d);

	for (size_t i = 0; i < s->count; i++)
		sqlite3_finalize(s->statements[i].stmt);
	sqlite3_close(s->conn);
	free(s);
}

static const struct db_ops sqlite_ops = {
    .dialect = DB_SQLITE,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .add = sqlite_add,
    .add_rows = sqlite_add_rows,
    .flush = sqlite_flush,
    .script = sqlite_script,
    .close = sqlite_close_db,
};

#define SETTINGS_AGAIN_MS 10

/* Two that open a fresh file at once: one of them makes it a WAL, and SQLite tells the other that it is locked without waiting for its
 * busy time-out. */
static enum result apply_settings(struct sqlite_db *s, int timeout_ms, struct error *ret_error)
{
	static const char settings[] =
	    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
	    "temp_store=MEMORY;"
	    /* A page that many commits write goes to the database file once for 32 MiB of log, and the pages that
	     * new leads go to stay at hand (-KiB). */
	    "PRAGMA wal_autocheckpoint=4096; PRAGMA cache_size=-32768;";
	enum result r = sqlite_script(&s->base, settings, ret_error);

	for (int waited_ms = 0; r == RESULT_AWAY && waited_ms < timeout_ms;
	     waited_ms += SETTINGS_AGAIN_MS) {
		sqlite3_sleep(SETTINGS_AGAIN_MS);
		r = sqlite_script(&s->base, settings, ret_error);
	}
	return r;
}

struct db *db_sqlite_open(const char *path, int timeout_ms, struct error *ret_error)
{
	struct sqlite_db *s = calloc(1, sizeof(*s));
	int rc;

	assert(s);
	/* Nobody reads how much memory SQLite has, and counting it takes a lock at each allocation. After the first open this
	 * is refused, and is not needed. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	s->base.ops = &sqlite_ops;
	rc = sqlite3_open_v2(
	    path, &s->conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		error_set(ret_error, RESULT_AWAY, "%s: %s", path,
			  s->conn ? sqlite3_errmsg(s->conn) : "out of memory");
		sqlite_close_db(&s->base);
		return NULL;
	}
	sqlite3_busy_timeout(s->conn, timeout_ms);
	if (apply_settings(s, timeout_ms, ret_error) != RESULT_OK) {
		sqlite_close_db(&s->base);
		return NULL;
	}
	rc = batch_register(s->conn, &s->batch);
	assert(rc == SQLITE_OK);
	return &s->base;
}

struct db *db_sqlite_open_reading(const char *path, int timeout_ms, struct error *ret_error)
{
	struct sqlite_db *s = calloc(1, sizeof(*s));

	assert(s);
	s->base.ops = &sqlite_ops;
	if (sqlite3_open_v2(path, &s->conn, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		error_set(ret_error, RESULT_AWAY, "%s: %s", path,
			  s->conn ? sqlite3_errmsg(s->conn) : "out of memory");
		sqlite_close_db(&s->base);
		return NULL;
	}
	sqlite3_busy_timeout(s->conn, timeout_ms);
	return &s->base;
}
