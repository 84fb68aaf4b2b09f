/* db_sqlite_batch: a virtual table that is there by itself, is read from the first row to the last, and can't be written. */
#include "payout/store/db_sqlite_batch.h"

#include <stdio.h>
#include <stdlib.h>

struct table {
	sqlite3_vtab base;
	const struct batch *batch;
};

struct cursor {
	sqlite3_vtab_cursor base;
	size_t row;
};

static const struct batch *batch_of(const sqlite3_vtab_cursor *c)
{
	return ((const struct table *)c->pVtab)->batch;
}

static int on_connect(sqlite3 *conn, void *aux, _unused_ int argc, _unused_ const char *const *argv,
		      sqlite3_vtab **ret, _unused_ char **ret_error)
{
	char sql[16 + DB_PARAMS_MAX * 8] = "CREATE TABLE x(c1";
	size_t len = strlen(sql);
	struct table *t;
	int rc;

	for (int i = 2; i <= DB_PARAMS_MAX; i++)
		len += (size_t)snprintf(sql + len, sizeof(sql) - len, ",c%d", i);
	assert(len + 2 < sizeof(sql));
	memcpy(sql + len, ")", 2);
	rc = sqlite3_declare_vtab(conn, sql);
	if (rc != SQLITE_OK)
		return rc;
	t = calloc(1, sizeof(*t));
	if (!t)
		return SQLITE_NOMEM;
	t->batch = aux;
	*ret = &t->base;
	return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *t)
{
	free(t);
	return SQLITE_OK;
}

/* There is one way to read it. */
static int on_best_index(_unused_ sqlite3_vtab *t, sqlite3_index_info *info)
{
	info->estimatedCost = 1000;
	info->estimatedRows = 1000;
	return SQLITE_OK;
}

static int on_open(_unused_ sqlite3_vtab *t, sqlite3_vtab_cursor **ret)
{
	struct cursor *c = calloc(1, sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	*ret = &c->base;
	return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int on_filter(sqlite3_vtab_cursor *c, _unused_ int number, _unused_ const char *text,
		     _unused_ int argc, _unused_ sqlite3_value **argv)
{
	((struct cursor *)c)->row = 0;
	return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *c)
{
	((struct cursor *)c)->row++;
	return SQLITE_OK;
}

static int on_eof(sqlite3_vtab_cursor *c)
{
	return ((struct cursor *)c)->row >= batch_of(c)->count;
}

static int on_column(sqlite3_vtab_cursor *c, sqlite3_context *ret, int column)
{
	const struct batch *b = batch_of(c);
	const struct db_value *v =
	    &b->values[((struct cursor *)c)->row * b->columns + (size_t)column];

	if ((size_t)column >= b->columns)
		return SQLITE_ERROR; /* the statement names a column that nobody filled */
	if (v->type == DB_INT)
		sqlite3_result_int64(ret, v->integer);
	else if (v->type == DB_TEXT)
		sqlite3_result_text(ret, v->bytes.len ? v->bytes.data : "", (int)v->bytes.len,
				    SQLITE_STATIC);
	else if (v->type == DB_BYTES)
		sqlite3_result_blob(ret, v->bytes.len ? v->bytes.data : "", (int)v->bytes.len,
				    SQLITE_STATIC);
	return SQLITE_OK; /* a result that is not set is NULL */
}

static int on_row_id(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((struct cursor *)c)->row;
	return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = on_connect, /* and no xCreate: the table is there by its module's name */
    .xBestIndex = on_best_index,
    .xDisconnect = on_disconnect,
    .xOpen = on_open,
    .xClose = on_close,
    .xFilter = on_filter,
    .xNext = on_next,
    .xEof = on_eof,
    .xColumn = on_column,
    .xRowid = on_row_id,
};

int batch_register(sqlite3 *conn, struct batch *b)
{
	return sqlite3_create_module_v2(conn, "batch", &module, b, NULL);
}
