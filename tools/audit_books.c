/* audit_books: the ledger's tables, as of one moment, handed to the auditor's core row by row. Reads only. */
#include <stdio.h>

#include "audit_read.h"
#include "payout/store/db.h"

static const char cursors_sql[] =
    "SELECT partition, next FROM offsets WHERE topic = 'leads.outcomes'";
static const char outbox_sql[] = "SELECT partition, COUNT(*) FROM outbox GROUP BY partition";
static const char lives_sql[] = "SELECT lead_id, round, state, is_test FROM lives";
static const char accounts_sql[] = "SELECT id, name, currency, balance FROM accounts ORDER BY id";
static const char transfers_sql[] = "SELECT lead_id, round, event, currency, account1, amount1, "
				    "account2, amount2, account3, amount3, "
				    "account4, amount4 FROM transfers";

static const char ignored_sql[] = "SELECT reason, COUNT(*) FROM ignored GROUP BY reason";

static const char *text_of(struct slice s, char *ret, size_t len)
{
	snprintf(ret, len, SLICE_FMT, SLICE_ARG(s));
	return ret;
}

static void take_cursor(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	if (c[0].integer >= 0 && c[0].integer < AUDIT_PARTITIONS_MAX)
		((int64_t *)ctx)[c[0].integer] = c[1].integer;
}

static void take_rows(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx += c[1].integer;
}

static void take_outbox(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	if (c[0].integer >= 0 && c[0].integer < AUDIT_PARTITIONS_MAX)
		audit_outbox(ctx, (uint32_t)c[0].integer, c[1].integer);
}

static bool id_of(struct slice bytes, struct lead_id *ret)
{
	return lead_id_from_bytes(bytes.data, bytes.len, ret);
}

static void take_life(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct lead_id id;

	if (id_of(c[0].bytes, &id))
		audit_life(ctx, &id, (uint32_t)c[1].integer, (int)c[2].integer, c[3].integer != 0);
}

static void take_account(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	char name[512], currency[8];

	audit_account(ctx, c[0].integer, text_of(c[1].bytes, name, sizeof(name)),
		      text_of(c[2].bytes, currency, sizeof(currency)), c[3].integer);
}

static void take_transfer(void *ctx, const struct db_value *c, size_t count)
{
	struct lead_id id;
	char currency[8];

	if (!id_of(c[0].bytes, &id))
		return;
	audit_transfer(ctx, &id, (uint32_t)c[1].integer, (int)c[2].integer,
		       text_of(c[3].bytes, currency, sizeof(currency)));
	for (size_t i = 4; i + 1 < count; i += 2)
		if (c[i].integer != 0)
			audit_entry(ctx, &id, (uint32_t)c[1].integer, (int)c[2].integer,
				    c[i].integer, c[i + 1].integer);
}

static void take_ignored(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	char reason[64];

	audit_ignored(ctx, text_of(c[0].bytes, reason, sizeof(reason)), c[1].integer);
}

enum result audit_ledger_cursors(struct db *ledger, int64_t ret_next[AUDIT_PARTITIONS_MAX],
				 struct error *ret_error)
{
	for (size_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
		ret_next[p] = -1;
	return db_ask(ledger, cursors_sql, NULL, 0, take_cursor, ret_next, ret_error);
}

enum result audit_ledger_open(struct db *ledger, struct audit *a, int64_t *ret_mark,
			      struct error *ret_error)
{
	int64_t next[AUDIT_PARTITIONS_MAX];
	/* Not db_begin(): that is for writing, and would keep payout waiting. */
	enum result r = db_script(ledger,
				  db_dialect(ledger) == DB_SQLITE
				      ? "BEGIN"
				      : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
				  ret_error);

	*ret_mark = 0;
	if (r == RESULT_OK)
		r = audit_ledger_cursors(ledger, next, ret_error);
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX && r == RESULT_OK; p++) {
		if (next[p] < 0)
			continue;
		audit_committed(a, AUDIT_OUTCOMES, p, next[p]);
		*ret_mark += next[p] << 20;
	}
	if (r == RESULT_OK)
		r = db_ask(ledger, outbox_sql, NULL, 0, take_rows, ret_mark, ret_error);
	return r;
}

enum result audit_ledger_read(struct db *ledger, struct audit *a, struct error *ret_error)
{
	const struct {
		const char *sql;
		db_row_fn fn;
	} tables[] = {{outbox_sql, take_outbox},
		      {ignored_sql, take_ignored},
		      {lives_sql, take_life},
		      {accounts_sql, take_account},
		      {transfers_sql, take_transfer}};
	enum result r = RESULT_OK;

	audit_ledger_begin(a);
	for (size_t i = 0; i < ARRAY_LEN(tables) && r == RESULT_OK; i++)
		r = db_ask(ledger, tables[i].sql, NULL, 0, tables[i].fn, a, ret_error);
	audit_ledger_end(a);
	return r;
}

void audit_ledger_close(struct db *ledger)
{
	db_rollback(ledger);
}
