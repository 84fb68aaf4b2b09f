/* db_postgres: the ledger in PostgreSQL, through libpq in pipeline mode.
 *
 * Prepared statements are named by their place in a table. Anything that fails closes the
 * connection: what was queued behind a failed statement was aborted by the server, and a fresh
 * connection knows nothing of it. db_begin() and the first statement outside a transaction connect
 * again. */
#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "payout/store/db.h"

#define PIPELINE_MAX 512 /* statements sent before their answers are read */
#define INT_TEXT_LEN 24

enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

struct pending {
	bool prepare;
	db_row_fn fn;
	void *ctx;
};

struct postgres_db {
	struct db base;
	char *url;
	int timeout_ms;
	PGconn *conn;
	const char *prepared[DB_STATEMENTS_MAX];
	size_t prepared_count;
	bool in_transaction; /* a connection lost inside one is not replaced before the rollback:
				never half */
	struct pending queue[PIPELINE_MAX];
	size_t queued;
};

static const char begin_sql[] = "BEGIN", commit_sql[] = "COMMIT";

static struct postgres_db *self(struct db *d)
{
	return (struct postgres_db *)d;
}

static void disconnect(struct postgres_db *p)
{
	PQfinish(p->conn);
	p->conn = NULL;
	p->prepared_count = 0;
	p->queued = 0;
}

/* The first line of what the server says is enough for a log line. */
static enum result fail(struct postgres_db *p, const PGresult *answer, struct error *ret_error)
{
	const char *state = answer ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : NULL;
	const char *what = answer ? PQresultErrorMessage(answer) : PQerrorMessage(p->conn);
	int len = (int)strcspn(what, "\n");
	bool away = !state || PQstatus(p->conn) != CONNECTION_OK;
	enum result r;

	if (state && (strncmp(state, "08", 2) == 0 || strncmp(state, "40", 2) == 0 ||
		      strncmp(state, "53", 2) == 0 || strncmp(state, "57", 2) == 0 ||
		      strncmp(state, "58", 2) == 0 || strcmp(state, "55P03") == 0 ||
		      strcmp(state, "25006") == 0))
		away = true; /* connection, serialization, resources, operator, I/O, lock time-out,
				read-only standby */
	r = away ? RESULT_AWAY : RESULT_FATAL;
	error_set(ret_error, r, "the ledger %s: %.*s", away ? "can't be used now" : "refused", len,
		  what);
	disconnect(p);
	return r;
}

static enum result connect_again(struct postgres_db *p, struct error *ret_error)
{
	char settings[160], seconds[16];
	const char *keys[] = {"dbname", "connect_timeout", "tcp_user_timeout", "application_name",
			      NULL};
	const char *values[] = {p->url, seconds, settings, "punnet", NULL};
	PGresult *answer;

	if (p->conn)
		return RESULT_OK;
	snprintf(seconds, sizeof(seconds), "%d", MAX_OF(2, p->timeout_ms / 1000));
	snprintf(settings, sizeof(settings), "%d", p->timeout_ms);
	p->conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(p->conn) != CONNECTION_OK)
		return fail(p, NULL, ret_error);
	snprintf(
	    settings, sizeof(settings),
	    "SET statement_timeout = %d; SET lock_timeout = %d; SET client_min_messages = warning;"
	    "SET idle_in_transaction_session_timeout = %d",
	    p->timeout_ms, p->timeout_ms, p->timeout_ms * 2);
	answer = PQexec(p->conn, settings);
	if (PQresultStatus(answer) != PGRES_COMMAND_OK) {
		enum result r = fail(p, answer, ret_error);

		PQclear(answer);
		return r;
	}
	PQclear(answer);
	if (!PQenterPipelineMode(p->conn))
		return fail(p, NULL, ret_error);
	return RESULT_OK;
}

static int64_t read_int(const char *data, int len)
{
	uint64_t wide;
	uint32_t word;
	uint16_t half;

	if (len == 8) {
		memcpy(&wide, data, sizeof(wide));
		return (int64_t)be64toh(wide);
	}
	if (len == 4) {
		memcpy(&word, data, sizeof(word));
		return (int32_t)ntohl(word);
	}
	assert(len == 2);
	memcpy(&half, data, sizeof(half));
	return (int16_t)ntohs(half);
}

static void rows(const PGresult *answer, const struct pending *q)
{
	struct db_value columns[DB_COLUMNS_MAX];
	int count = PQnfields(answer);

	assert(count <= DB_COLUMNS_MAX);
	for (int r = 0; r < PQntuples(answer); r++) {
		for (int c = 0; c < count; c++) {
			const char *data = PQgetvalue(answer, r, c);
			int len = PQgetlength(answer, r, c);
			Oid type = PQftype(answer, c);

			if (PQgetisnull(answer, r, c))
				columns[c] = (struct db_value){.type = DB_NULL};
			else if (type == OID_INT8 || type == OID_INT4 || type == OID_INT2)
				columns[c] = db_int(read_int(data, len));
			else
				columns[c] = (struct db_value){
				    .type = type == OID_BYTEA ? DB_BYTES : DB_TEXT,
				    .bytes = slice_of(data, (size_t)len)};
		}
		if (q->fn)
			q->fn(q->ctx, columns, (size_t)count);
	}
}

/* Reads one queued statement's answers: its result, then the NULL that ends it. */
static enum result take_answer(struct postgres_db *p, const struct pending *q,
			       struct error *ret_error)
{
	PGresult *answer = PQgetResult(p->conn);
	ExecStatusType status = PQresultStatus(answer);
	enum result r;

	if (!answer || (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)) {
		r = fail(p, answer, ret_error);
		PQclear(answer);
		return r;
	}
	if (!q->prepare)
		rows(answer, q);
	PQclear(answer);
	answer = PQgetResult(p->conn);
	assert(!answer);
	return RESULT_OK;
}

static enum result postgres_flush(struct db *d, struct error *ret_error)
{
	struct postgres_db *p = self(d);
	size_t count = p->queued;
	PGresult *answer;

	if (count == 0)
		return RESULT_OK;
	if (!PQpipelineSync(p->conn))
		return fail(p, NULL, ret_error);
	for (size_t i = 0; i < count; i++) {
		enum result r = take_answer(p, &p->queue[i], ret_error);

		if (r != RESULT_OK)
			return r;
	}
	p->queued = 0;
	answer = PQgetResult(p->conn);
	if (PQresultStatus(answer) != PGRES_PIPELINE_SYNC) {
		enum result r = fail(p, answer, ret_error);

		PQclear(answer);
		return r;
	}
	PQclear(answer);
	return RESULT_OK;
}

static enum result prepare(struct postgres_db *p, const char *sql, char name[24],
			   struct error *ret_error)
{
	for (size_t i = 0; i < p->prepared_count; i++) {
		if (p->prepared[i] == sql) {
			snprintf(name, 24, "s%zu", i);
			return RESULT_OK;
		}
	}
	assert(p->prepared_count < DB_STATEMENTS_MAX);
	snprintf(name, 24, "s%zu", p->prepared_count);
	if (!PQsendPrepare(p->conn, name, sql, 0, NULL))
		return fail(p, NULL, ret_error);
	p->prepared[p->prepared_count++] = sql;
	p->queue[p->queued++] = (struct pending){.prepare = true};
	return RESULT_OK;
}

/* Connected, with room for a statement that is prepared. */
static enum result ready(struct postgres_db *p, const char *sql, char name[24],
			 struct error *ret_error)
{
	enum result r;

	if (p->in_transaction && !p->conn)
		return error_set(ret_error, RESULT_AWAY,
				 "the connection was lost inside a transaction");
	r = connect_again(p, ret_error);
	if (r == RESULT_OK && p->queued + 2 > PIPELINE_MAX)
		r = postgres_flush(&p->base, ret_error);
	return r == RESULT_OK ? prepare(p, sql, name, ret_error) : r;
}

static enum result postgres_add(struct db *d, const char *sql, const struct db_value *params,
				size_t count, db_row_fn fn, void *ctx, struct error *ret_error)
{
	struct postgres_db *p = self(d);
	const char *values[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
	char integers[DB_PARAMS_MAX][INT_TEXT_LEN], name[24];
	enum result r;

	r = ready(p, sql, name, ret_error);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < count; i++) {
		const struct db_value *v = &params[i];

		values[i] = v->bytes.len ? v->bytes.data : "";
		lengths[i] = (int)v->bytes.len;
		formats[i] = 1; /* texts are the same in both; an integer goes as text, whatever its
				   width there */
		if (v->type == DB_NULL)
			values[i] = NULL;
		if (v->type == DB_INT) {
			snprintf(integers[i], INT_TEXT_LEN, "%lld", (long long)v->integer);
			values[i] = integers[i];
			formats[i] = 0;
		}
	}
	if (!PQsendQueryPrepared(p->conn, name, (int)count, values, lengths, formats, 1))
		return fail(p, NULL, ret_error);
	p->queue[p->queued++] = (struct pending){.fn = fn, .ctx = ctx};
	return RESULT_OK;
}

/* --- arrays: the binary form, one dimension, no nulls --- */

static void put_word(struct buf *b, uint32_t word)
{
	uint32_t wire = htonl(word);

	buf_append(b, &wire, sizeof(wire));
}

static void put_array(struct buf *b, const struct db_value *first, size_t stride, size_t count)
{
	static const uint32_t oids[] = {
	    [DB_INT] = OID_INT8, [DB_TEXT] = OID_TEXT, [DB_BYTES] = OID_BYTEA};

	put_word(b, 1); /* dimensions */
	put_word(b, 0);
	put_word(b, oids[first->type]);
	put_word(b, (uint32_t)count);
	put_word(b, 1); /* the first one's number */
	for (size_t i = 0; i < count; i++) {
		const struct db_value *v = first + i * stride;
		uint64_t wide = htobe64((uint64_t)v->integer);

		assert(v->type == first->type && v->type != DB_NULL);
		put_word(b, v->type == DB_INT ? (uint32_t)sizeof(wide) : (uint32_t)v->bytes.len);
		if (v->type == DB_INT)
			buf_append(b, &wide, sizeof(wide));
		else
			buf_append_slice(b, v->bytes);
	}
}

static enum result postgres_add_rows(struct db *d, const char *sql, const struct db_value *values,
				     size_t columns, size_t count, db_row_fn fn, void *ctx,
				     struct error *ret_error)
{
	struct postgres_db *p = self(d);
	const char *arrays[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
	size_t starts[DB_PARAMS_MAX + 1] = {0};
	_cleanup_(buf_free) struct buf bytes = {0};
	char name[24];
	enum result r = ready(p, sql, name, ret_error);

	if (r != RESULT_OK)
		return r;
	for (size_t c = 0; c < columns; c++) {
		put_array(&bytes, values + c, columns, count);
		starts[c + 1] = bytes.len;
	}
	assert(!bytes.failed); /* a batch's texts are bounded */
	for (size_t c = 0; c < columns; c++) {
		arrays[c] = bytes.data + starts[c];
		lengths[c] = (int)(starts[c + 1] - starts[c]);
		formats[c] = 1;
	}
	if (!PQsendQueryPrepared(p->conn, name, (int)columns, arrays, lengths, formats, 1))
		return fail(p, NULL, ret_error);
	p->queue[p->queued++] = (struct pending){.fn = fn, .ctx = ctx};
	return RESULT_OK;
}

static enum result postgres_begin(struct db *d, struct error *ret_error)
{
	struct postgres_db *p = self(d);
	enum result r;

	assert(!p->in_transaction);
	r = postgres_add(d, begin_sql, NULL, 0, NULL, NULL, ret_error);
	p->in_transaction = r == RESULT_OK;
	return r;
}

static enum result postgres_commit(struct db *d, struct error *ret_error)
{
	enum result r = postgres_flush(d, ret_error);

	if (r == RESULT_OK)
		r = postgres_add(d, commit_sql, NULL, 0, NULL, NULL, ret_error);
	if (r == RESULT_OK)
		r = postgres_flush(d, ret_error);
	if (r == RESULT_OK)
		self(d)->in_transaction = false;
	return r;
}

/* A closed connection rolls back. Cheaper ways would have to know what is queued; this path is
 * rare. */
static void postgres_rollback(struct db *d)
{
	struct postgres_db *p = self(d);

	p->in_transaction = false;
	if (p->conn && (p->queued > 0 || PQtransactionStatus(p->conn) != PQTRANS_IDLE))
		disconnect(p);
}

static enum result postgres_script(struct db *d, const char *sql, struct error *ret_error)
{
	struct postgres_db *p = self(d);
	enum result r = connect_again(p, ret_error);
	PGresult *answer;

	if (r == RESULT_OK)
		r = postgres_flush(d, ret_error);
	if (r != RESULT_OK)
		return r;
	if (!PQexitPipelineMode(
		p->conn)) /* several statements at once go by the simple protocol only */
		return fail(p, NULL, ret_error);
	answer = PQexec(p->conn, sql);
	if (PQresultStatus(answer) != PGRES_COMMAND_OK && PQresultStatus(answer) != PGRES_TUPLES_OK)
		r = fail(p, answer, ret_error);
	PQclear(answer);
	if (r == RESULT_OK && !PQenterPipelineMode(p->conn))
		r = fail(p, NULL, ret_error);
	return r;
}

static void postgres_close(struct db *d)
{
	struct postgres_db *p = self(d);

	disconnect(p);
	free(p->url);
	free(p);
}

static const struct db_ops postgres_ops = {
    .dialect = DB_POSTGRES,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .add = postgres_add,
    .add_rows = postgres_add_rows,
    .flush = postgres_flush,
    .script = postgres_script,
    .close = postgres_close,
};

struct db *db_postgres_open(const char *url, int timeout_ms, struct error *ret_error)
{
	struct postgres_db *p = calloc(1, sizeof(*p));

	assert(p);
	p->base.ops = &postgres_ops;
	p->timeout_ms = timeout_ms;
	p->url = strdup(url);
	assert(p->url);
	if (connect_again(p, ret_error) != RESULT_OK) {
		postgres_close(&p->base);
		return NULL;
	}
	return &p->base;
}
