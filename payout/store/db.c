/* db: chooses the backend. */
#include "payout/store/db.h"

struct db *db_open(const char *url, int timeout_ms, struct error *ret_error)
{
	struct slice s = slice_cstr(url);

	if (slice_starts_with(s, "sqlite:") && s.len > strlen("sqlite:"))
		return db_sqlite_open(url + strlen("sqlite:"), timeout_ms, ret_error);
	if (slice_starts_with(s, "postgres://") || slice_starts_with(s, "postgresql://"))
		return db_postgres_open(url, timeout_ms, ret_error);
	/* The url may hold a password: it is not repeated here. */
	error_set(ret_error, RESULT_BAD,
		  "the ledger's address must be sqlite:PATH or postgres://…");
	return NULL;
}

struct db *db_open_reading(const char *url, int timeout_ms, struct error *ret_error)
{
	struct slice s = slice_cstr(url);
	const char *begin = "BEGIN";
	struct db *d;

	if (slice_starts_with(s, "sqlite:")) {
		d = db_sqlite_open_reading(url + strlen("sqlite:"), timeout_ms, ret_error);
	} else {
		d = db_open(url, timeout_ms, ret_error);
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
	}
	if (d && db_script(d, begin, ret_error) != RESULT_OK) {
		db_close(d);
		return NULL;
	}
	return d;
}

void db_close(struct db *d)
{
	if (d)
		d->ops->close(d);
}

enum db_dialect db_dialect(const struct db *d)
{
	return d->ops->dialect;
}

enum result db_begin(struct db *d, struct error *ret_error)
{
	return d->ops->begin(d, ret_error);
}

enum result db_commit(struct db *d, struct error *ret_error)
{
	return d->ops->commit(d, ret_error);
}

void db_rollback(struct db *d)
{
	d->ops->rollback(d);
}

enum result db_add(struct db *d, const char *sql, const struct db_value *params, size_t count,
		   db_row_fn fn, void *ctx, struct error *ret_error)
{
	assert(count <= DB_PARAMS_MAX);
	return d->ops->add(d, sql, params, count, fn, ctx, ret_error);
}

enum result db_add_rows(struct db *d, const struct db_rows_sql *sql, const struct db_value *values,
			size_t columns, size_t count, db_row_fn fn, void *ctx,
			struct error *ret_error)
{
	assert(columns <= DB_PARAMS_MAX);
	if (count == 0)
		return RESULT_OK;
	return d->ops->add_rows(d, db_dialect(d) == DB_SQLITE ? sql->sqlite : sql->postgres, values,
				columns, count, fn, ctx, ret_error);
}

enum result db_flush(struct db *d, struct error *ret_error)
{
	return d->ops->flush(d, ret_error);
}

enum result db_ask(struct db *d, const char *sql, const struct db_value *params, size_t count,
		   db_row_fn fn, void *ctx, struct error *ret_error)
{
	enum result r = db_add(d, sql, params, count, fn, ctx, ret_error);

	return r == RESULT_OK ? db_flush(d, ret_error) : r;
}

enum result db_script(struct db *d, const char *sql, struct error *ret_error)
{
	return d->ops->script(d, sql, ret_error);
}
