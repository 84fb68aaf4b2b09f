/* operations: see operations.h. */
#include "payout/store/operations.h"

#include <stdio.h>

#include "payout/core/feedback.h"
#include "payout/core/status.h"
#include "payout/store/sql.h"
#include "runtime/fault.h"

static const char known_sql[] = "SELECT amount, into_amount, into_currency, rate_num, rate_den, "
				"market_partition FROM operations "
				"WHERE id = $1";
static const char write_sql[] =
    "INSERT INTO operations (id, kind, at_ms, party, reference, amount, currency, into_amount, "
    "into_currency, rate_num, rate_den, market_partition, who, why) VALUES ($1, $2, $3, $4, $5, "
    "$6, "
    "$7, $8, $9, $10, $11, $12, $13, $14)";
static const char balance_sql[] = "SELECT balance FROM accounts WHERE name = $1 AND currency = $2";
static const char balance_lock_sql[] =
    "SELECT balance FROM accounts WHERE name = $1 AND currency = $2 FOR UPDATE";
static const char paid_in_sql[] =
    "SELECT CAST(COALESCE(SUM(CASE kind WHEN 17 THEN -into_amount ELSE into_amount END), 0) AS "
    "BIGINT) "
    "FROM operations WHERE kind IN (16, 17, 22) AND party = $1 AND currency = $2 AND "
    "market_partition = $3";
/* Never falls, whatever the clock does, and is of the size of a time: what an operator publishes by hand is dated by one. */
static const char revision_sql[] =
    "SELECT COALESCE(MAX(at_ms), 0) + COUNT(*) FROM operations WHERE "
    "party = $1 AND currency = $2 AND market_partition = $3";
static const char limit_sql[] =
    "SELECT amount FROM operations WHERE kind = 23 AND party = $1 AND currency = $2 AND "
    "market_partition = $3 ORDER BY at_ms DESC, id DESC LIMIT 1";
static const char rate_add_sql[] = "INSERT INTO rates (from_currency, to_currency, since, num, "
				   "den, who) VALUES ($1, $2, $3, $4, $5, "
				   "$6) ON CONFLICT DO NOTHING";
static const char rate_sql[] = "SELECT num, den, since FROM rates WHERE from_currency = $1 AND "
			       "to_currency = $2 AND since <= $3 "
			       "ORDER BY since DESC LIMIT 1";

static void take_int(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

/* --- checks --- */

struct known {
	const struct operation *now;
	bool found, same;
};

static void take_known(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct known *k = ctx;
	const struct operation *o = k->now;

	k->found = true;
	k->same = c[0].integer == o->amount.amount_minor && c[1].integer == o->into.amount_minor &&
		  slice_is(c[2].bytes, o->into.currency) && c[3].integer == o->rate_num &&
		  c[4].integer == o->rate_den && c[5].integer == (int64_t)o->market_partition;
}

static int64_t *moved_of(struct operating *op, const char *account, const char *currency)
{
	struct slice key = slice_cstr(arena_printf(&op->arena, "%s %s", account, currency));
	int64_t *moved = map_get(&op->moved, key);

	if (moved)
		return moved;
	moved = arena_calloc(&op->arena, 1, sizeof(*moved));
	map_put(&op->moved, key, moved);
	return moved;
}

static void book(struct operating *op, const struct transfer *t)
{
	settlement_book(&op->t, t);
	for (size_t i = 0; i < t->count; i++)
		*moved_of(op, t->entries[i].account, t->currency) += t->entries[i].amount_minor;
}

/* What the ledger has, and what this transaction has moved already. */
static enum result balance_of(struct operating *op, const struct operation *o, const char *role,
			      const char *account, int64_t *ret, struct error *ret_error)
{
	struct db *d = store_db(op->store);
	const char *name = arena_printf(&op->arena, "%s:%s:%s", role, o->party, account);

	*ret = 0;
	TRY(db_add(d, db_dialect(d) == DB_POSTGRES ? balance_lock_sql : balance_sql,
		   PARAMS(db_text(name), db_text(o->amount.currency)), take_int, ret, ret_error));
	TRY(db_flush(d, ret_error));
	if (!fault_on("in_flight_free"))
		*ret += *moved_of(op, name, o->amount.currency);
	return RESULT_OK;
}

static enum result refuse(const struct operation *o, int64_t free_minor, struct error *ret_error)
{
	char wanted[48], left[48];

	money_text(o->amount.amount_minor, o->amount.currency, wanted, sizeof(wanted));
	money_text(free_minor, o->amount.currency, left, sizeof(left));
	return error_set(ret_error, RESULT_BAD, "%s %s of %s: only %s may be taken",
			 booking_name((int)o->kind), wanted, o->party, left);
}

/* Nobody takes what is not there: what leads have cost is not free, whether it was covered or not. */
static enum result check_balances(struct operating *op, const struct operation *o,
				  struct error *ret_error)
{
	int64_t funds, owed, payable, free_minor;

	if (o->kind == OPERATION_PAY || o->kind == OPERATION_EXCHANGE) {
		TRY(balance_of(op, o, "webmasters", "payable", &payable, ret_error));
		return -payable >= o->amount.amount_minor ? RESULT_OK
							  : refuse(o, -payable, ret_error);
	}
	if (o->kind != OPERATION_WITHDRAW && o->kind != OPERATION_COVER)
		return RESULT_OK;
	TRY(balance_of(op, o, "advertisers", "funds", &funds, ret_error));
	TRY(balance_of(op, o, "advertisers", "receivable", &owed, ret_error));
	free_minor = o->kind == OPERATION_COVER ? MIN_OF(-funds, owed) : -funds - MAX_OF(owed, 0);
	return free_minor >= o->amount.amount_minor ? RESULT_OK : refuse(o, free_minor, ret_error);
}

/* --- the market --- */

static enum result tell_market(struct operating *op, const struct operation *o,
			       struct error *ret_error)
{
	struct db *d = store_db(op->store);
	struct db_value of[] = {db_text(o->party), db_text(o->amount.currency),
				db_int(o->market_partition)};
	struct funds f = {.advertiser_id = o->party,
			  .currency = o->amount.currency,
			  .market_partition = o->market_partition};
	int64_t revision = 0;

	TRY(db_add(d, paid_in_sql, of, ARRAY_LEN(of), take_int, &f.paid_in_minor, ret_error));
	TRY(db_add(d, revision_sql, of, ARRAY_LEN(of), take_int, &revision, ret_error));
	TRY(db_add(d, limit_sql, of, ARRAY_LEN(of), take_int, &f.credit_minor, ret_error));
	TRY(db_flush(d, ret_error));
	f.revision = (uint64_t)revision;
	f.unlimited = f.credit_minor < 0;
	f.credit_minor = MAX_OF(f.credit_minor, (int64_t)0);
	funds_publish(&op->t, &f);
	return RESULT_OK;
}

/* --- one transaction --- */

enum result operations_begin(struct operating *op, struct store *s, struct error *ret_error)
{
	*op = (struct operating){.store = s};
	TRY(store_begin(s, OPERATIONS_TOPIC, 0, &op->cursor, ret_error));
	settlement_begin(&op->t, &op->arena, 0, op->cursor.next_seq);
	return RESULT_OK;
}

enum result operations_add(struct operating *op, const struct operation *o, bool *ret_repeat,
			   struct error *ret_error)
{
	struct transfer transfers[OPERATION_TRANSFERS_MAX];
	struct db *d = store_db(op->store);
	struct lead_id id = operation_id(o);
	struct known known = {.now = o};
	const char *fault = operation_fault(o);

	if (fault)
		return error_set(ret_error, RESULT_BAD, "%s of %s: %s", booking_name((int)o->kind),
				 o->party, fault);
	TRY(db_add(d, known_sql, PARAMS(db_lead(&id)), take_known, &known, ret_error));
	TRY(db_flush(d, ret_error));
	*ret_repeat = known.found;
	if (known.found)
		return known.same ? RESULT_OK
				  : error_set(ret_error, RESULT_BAD,
					      "%s of %s: the reference \"%s\" was used before for "
					      "another one",
					      booking_name((int)o->kind), o->party, o->reference);
	TRY(check_balances(op, o, ret_error));
	for (size_t i = 0, n = operation_transfers(&op->arena, o, transfers); i < n; i++)
		book(op, &transfers[i]);
	TRY(db_add(d, write_sql,
		   PARAMS(db_lead(&id), db_int((int64_t)o->kind), db_int(o->at_ms),
			  db_text(o->party), db_text(o->reference), db_int(o->amount.amount_minor),
			  db_text(o->amount.currency), db_int(o->into.amount_minor),
			  db_text(o->into.currency), db_int(o->rate_num), db_int(o->rate_den),
			  db_int(o->market_partition), db_text(o->who), db_text(o->why)),
		   NULL, NULL, ret_error));
	if (o->kind == OPERATION_PAY)
		status_publish_paid(&op->t, &(struct payment){.aff_id = o->party,
							      .reference = o->reference,
							      .amount = o->amount,
							      .at_ms = o->at_ms});
	return operation_moves_funds(o->kind) ? tell_market(op, o, ret_error) : RESULT_OK;
}

enum result operations_end(struct operating *op, enum result r, struct error *ret_error)
{
	struct store_cursor next = {.next = op->cursor.next};

	if (r == RESULT_OK)
		r = store_write(op->store, &op->t, ret_error);
	next.next_seq = op->t.next_seq;
	if (r == RESULT_OK)
		r = store_commit(op->store, OPERATIONS_TOPIC, 0, &next, ret_error);
	if (r != RESULT_OK)
		store_rollback(op->store);
	settlement_end(&op->t);
	map_free(&op->moved);
	arena_free(&op->arena);
	return r;
}

enum result store_operate(struct store *s, const struct operation *o, bool *ret_repeat,
			  struct error *ret_error)
{
	struct operating op;

	TRY(operations_begin(&op, s, ret_error));
	return operations_end(&op, operations_add(&op, o, ret_repeat, ret_error), ret_error);
}

/* --- rates --- */

static void take_rate(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct rate *r = ctx;

	r->num = c[0].integer;
	r->den = c[1].integer;
	r->since_ms = c[2].integer;
}

enum result store_rate(struct store *s, const char *from, const char *into, int64_t at_ms,
		       struct rate *ret, struct error *ret_error)
{
	*ret = (struct rate){0};
	snprintf(ret->from, sizeof(ret->from), "%s", from);
	snprintf(ret->into, sizeof(ret->into), "%s", into);
	TRY(db_add(store_db(s), rate_sql, PARAMS(db_text(from), db_text(into), db_int(at_ms)),
		   take_rate, ret, ret_error));
	return db_flush(store_db(s), ret_error);
}

enum result store_rate_add(struct store *s, const struct rate *r, struct error *ret_error)
{
	struct rate stored;
	int64_t one;

	if (r->since_ms < 0 || strcmp(r->from, r->into) == 0 ||
	    !money_convert(1, r->from, r->into, r->num, r->den, &one))
		return error_set(ret_error, RESULT_BAD, "%s to %s at %lld/%lld: not a rate",
				 r->from, r->into, (long long)r->num, (long long)r->den);
	TRY(db_add(store_db(s), rate_add_sql,
		   PARAMS(db_text(r->from), db_text(r->into), db_int(r->since_ms), db_int(r->num),
			  db_int(r->den), db_text(r->who)),
		   NULL, NULL, ret_error));
	TRY(db_flush(store_db(s), ret_error));
	TRY(store_rate(s, r->from, r->into, r->since_ms, &stored, ret_error));
	if (stored.num != r->num || stored.den != r->den)
		return error_set(ret_error, RESULT_BAD,
				 "%s to %s: the rate of that moment is recorded as %lld/%lld",
				 r->from, r->into, (long long)stored.num, (long long)stored.den);
	return RESULT_OK;
}
