/* runs: see runs.h. */
#include "payout/store/runs.h"

#include <stdio.h>

#include "payout/store/sql.h"

#define LINES_FIRST 64

static const char next_sql[] = "SELECT COALESCE(MAX(id), 0) + 1 FROM runs";
/* A lead is taken first and counted then: what is approved between the two belongs to the next run. */
static const char take_sql[] = "UPDATE lives SET run = $1 WHERE run = 0 AND state IN (2, 7) AND "
			       "is_test = 0 AND payout > 0 AND "
			       "payable_at <= $2";
static const char sums_sql[] =
    "SELECT aff_id, currency, COUNT(*), CAST(SUM(payout) AS BIGINT) FROM lives WHERE run = $1 "
    "GROUP BY aff_id, currency ORDER BY aff_id, currency";
static const char free_line_sql[] =
    "UPDATE lives SET run = 0 WHERE run = $1 AND aff_id = $2 AND currency = $3";
static const char free_sql[] = "UPDATE lives SET run = 0 WHERE run = $1";
static const char last_sql[] =
    "SELECT COALESCE(MAX(r.until_ms), 0) FROM runs r JOIN run_lines l ON l.run = r.id "
    "WHERE l.aff_id = $1 AND r.state IN (1, 2)";
static const char make_sql[] =
    "INSERT INTO runs (id, until_ms, state, proposed_at, proposed_by, decided_at, decided_by) "
    "VALUES ($1, $2, 1, $3, $4, 0, '')";
static const char line_sql[] = "INSERT INTO run_lines (run, aff_id, currency, leads, amount, "
			       "pay_currency, pay_amount, rate_num, "
			       "rate_den, method, name, iban, bic, country) VALUES ($1, $2, $3, "
			       "$4, $5, $6, $7, $8, $9, $10, $11, "
			       "$12, $13, $14)";
static const char run_sql[] = "SELECT state, proposed_by FROM runs WHERE id = $1";
static const char decide_sql[] =
    "UPDATE runs SET state = $2, decided_at = $3, decided_by = $4 WHERE id = $1 AND state = 1";
static const char lines_sql[] =
    "SELECT l.aff_id, l.currency, l.leads, l.amount, l.pay_currency, l.pay_amount, l.rate_num, "
    "l.rate_den FROM run_lines l WHERE l.run = $1 ORDER BY l.aff_id, l.currency";

struct line {
	const char *aff_id;
	struct money amount, pay;
	int64_t leads, num, den;
};

struct lines {
	struct arena *arena;
	struct line *items;
	size_t count, cap;
};

static void take_int(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

static struct line *line_add(struct lines *l)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : LINES_FIRST;
		struct line *more = arena_calloc(l->arena, cap, sizeof(*more));

		if (l->count)
			memcpy(more, l->items, l->count * sizeof(*more));
		l->items = more;
		l->cap = cap;
	}
	return &l->items[l->count++];
}

static void currency_copy(char ret[4], struct slice s)
{
	memset(ret, 0, 4);
	memcpy(ret, s.data, MIN_OF(s.len, (size_t)3));
}

static void take_sum(void *ctx, const struct db_value *c, size_t count)
{
	struct lines *l = ctx;
	struct line *line = line_add(l);

	line->aff_id = arena_cstr(l->arena, c[0].bytes);
	currency_copy(line->amount.currency, c[1].bytes);
	line->leads = c[2].integer;
	line->amount.amount_minor = c[3].integer;
	if (count < 8)
		return;
	currency_copy(line->pay.currency, c[4].bytes);
	line->pay.amount_minor = c[5].integer;
	line->num = c[6].integer;
	line->den = c[7].integer;
}

static enum result read_lines(struct operating *op, const char *sql, int64_t run, struct lines *ret,
			      struct error *ret_error)
{
	*ret = (struct lines){.arena = &op->arena};
	TRY(db_add(store_db(op->store), sql, PARAMS(db_int(run)), take_sum, ret, ret_error));
	return db_flush(store_db(op->store), ret_error);
}

/* --- proposing --- */

/* Fills in what is paid; *ret_why is set when the line stays out of the run. */
static enum result price_line(struct operating *op, const struct proposal *p,
			      const struct payee *payee, struct line *line, const char **ret_why,
			      struct error *ret_error)
{
	struct rate rate = {.num = 1, .den = 1};
	int64_t last = 0;

	*ret_why = "nobody said how to pay this webmaster";
	if (!payee)
		return RESULT_OK;
	TRY(db_add(store_db(op->store), last_sql, PARAMS(db_text(line->aff_id)), take_int, &last,
		   ret_error));
	TRY(db_flush(store_db(op->store), ret_error));
	*ret_why = "paid before; by its schedule it is not yet time";
	if (last > 0 && p->until_ms - last < payee->every_days * MS_PER_DAY)
		return RESULT_OK;
	memcpy(line->pay.currency, payee->currency, sizeof(line->pay.currency));
	if (strcmp(line->amount.currency, payee->currency) != 0)
		TRY(store_rate(op->store, line->amount.currency, payee->currency, p->now_ms, &rate,
			       ret_error));
	line->num = rate.num;
	line->den = rate.den;
	*ret_why = "no rate of exchange is recorded";
	if (!money_convert(line->amount.amount_minor, line->amount.currency, line->pay.currency,
			   rate.num, rate.den, &line->pay.amount_minor))
		return RESULT_OK;
	*ret_why = line->pay.amount_minor < MAX_OF(payee->threshold_minor, (int64_t)1)
		       ? "below the threshold"
		       : NULL;
	return RESULT_OK;
}

static enum result write_line(struct operating *op, int64_t run, const struct line *l,
			      const struct payee *payee, struct error *ret_error)
{
	return db_add(store_db(op->store), line_sql,
		      PARAMS(db_int(run), db_text(l->aff_id), db_text(l->amount.currency),
			     db_int(l->leads), db_int(l->amount.amount_minor),
			     db_text(l->pay.currency), db_int(l->pay.amount_minor), db_int(l->num),
			     db_int(l->den), db_text(payee->method), db_text(payee->name),
			     db_text(payee->iban), db_text(payee->bic), db_text(payee->country)),
		      NULL, NULL, ret_error);
}

static enum result propose(struct operating *op, const struct proposal *p, int64_t *ret_run,
			   struct error *ret_error)
{
	struct db *d = store_db(op->store);
	struct lines lines;
	int64_t run = 0;
	size_t paid = 0;

	TRY(db_add(d, next_sql, NULL, 0, take_int, &run, ret_error));
	TRY(db_flush(d, ret_error));
	TRY(db_add(d, take_sql, PARAMS(db_int(run), db_int(p->until_ms)), NULL, NULL, ret_error));
	TRY(read_lines(op, sums_sql, run, &lines, ret_error));
	for (size_t i = 0; i < lines.count; i++) {
		struct line *l = &lines.items[i];
		const struct payee *payee = p->payee(p->ctx, l->aff_id);
		const char *why;

		TRY(price_line(op, p, payee, l, &why, ret_error));
		if (!why) {
			TRY(write_line(op, run, l, payee, ret_error));
			paid++;
			continue;
		}
		p->left_out(p->ctx, l->aff_id, &l->amount, why);
		TRY(db_add(d, free_line_sql,
			   PARAMS(db_int(run), db_text(l->aff_id), db_text(l->amount.currency)),
			   NULL, NULL, ret_error));
	}
	*ret_run = paid ? run : 0;
	if (paid == 0)
		return db_flush(d, ret_error);
	return db_add(d, make_sql,
		      PARAMS(db_int(run), db_int(p->until_ms), db_int(p->now_ms), db_text(p->who)),
		      NULL, NULL, ret_error);
}

enum result store_run_propose(struct store *s, const struct proposal *p, int64_t *ret_run,
			      struct error *ret_error)
{
	struct operating op;

	*ret_run = 0;
	TRY(operations_begin(&op, s, ret_error));
	return operations_end(&op, propose(&op, p, ret_run, ret_error), ret_error);
}

/* --- deciding --- */

struct standing {
	int64_t state;
	char proposed_by[OPERATION_REFERENCE_MAX + 1];
};

static void take_standing(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct standing *st = ctx;

	st->state = c[0].integer;
	snprintf(st->proposed_by, sizeof(st->proposed_by), SLICE_FMT, SLICE_ARG(c[1].bytes));
}

static enum result look(struct operating *op, int64_t run, struct standing *ret,
			struct error *ret_error)
{
	static const char *const states[] = {"unknown", "proposed", "confirmed", "cancelled"};

	*ret = (struct standing){0};
	TRY(db_add(store_db(op->store), run_sql, PARAMS(db_int(run)), take_standing, ret,
		   ret_error));
	TRY(db_flush(store_db(op->store), ret_error));
	if (ret->state == RUN_PROPOSED)
		return RESULT_OK;
	return error_set(
	    ret_error, RESULT_BAD, "run %lld is %s", (long long)run,
	    ret->state >= 0 && ret->state < (int64_t)ARRAY_LEN(states) ? states[ret->state] : "?");
}

static enum result decide(struct operating *op, int64_t run, enum run_state state, const char *who,
			  int64_t now_ms, struct error *ret_error)
{
	return db_add(store_db(op->store), decide_sql,
		      PARAMS(db_int(run), db_int((int64_t)state), db_int(now_ms), db_text(who)),
		      NULL, NULL, ret_error);
}

/* The exchange, where there is one, and the payment. */
static enum result book_line(struct operating *op, int64_t run, const struct line *l,
			     const char *who, int64_t now_ms, struct error *ret_error)
{
	const char *reference = arena_printf(&op->arena, "run %lld", (long long)run);
	struct operation o = {.kind = OPERATION_EXCHANGE,
			      .party = l->aff_id,
			      .reference = reference,
			      .amount = l->amount,
			      .into = l->pay,
			      .rate_num = l->num,
			      .rate_den = l->den,
			      .at_ms = now_ms,
			      .who = who,
			      .why = "a run of payments"};
	bool repeat;

	if (strcmp(l->amount.currency, l->pay.currency) != 0)
		TRY(operations_add(op, &o, &repeat, ret_error));
	o.kind = OPERATION_PAY;
	/* A webmaster may have a line for each of several currencies, all paid in one. */
	o.reference = arena_printf(&op->arena, "run %lld %s", (long long)run, l->amount.currency);
	o.amount = l->pay;
	o.into = (struct money){0};
	o.rate_num = o.rate_den = 0;
	return operations_add(op, &o, &repeat, ret_error);
}

static enum result confirm(struct operating *op, int64_t run, const char *who, bool alone,
			   int64_t now_ms, struct error *ret_error)
{
	struct lines lines, leads;
	struct standing st;

	TRY(look(op, run, &st, ret_error));
	if (!alone && strcmp(st.proposed_by, who) == 0)
		return error_set(ret_error, RESULT_BAD,
				 "run %lld was proposed by %s: somebody else has to confirm it",
				 (long long)run, who);
	TRY(read_lines(op, lines_sql, run, &lines, ret_error));
	TRY(read_lines(op, sums_sql, run, &leads, ret_error));
	if (lines.count != leads.count)
		return error_set(ret_error, RESULT_BAD,
				 "run %lld: its leads are not those of its lines", (long long)run);
	for (size_t i = 0; i < lines.count; i++) {
		const struct line *l = &lines.items[i], *sum = &leads.items[i];

		if (l->leads != sum->leads || l->amount.amount_minor != sum->amount.amount_minor)
			return error_set(
			    ret_error, RESULT_BAD,
			    "run %lld: the leads of %s are not those that were proposed",
			    (long long)run, l->aff_id);
		TRY(book_line(op, run, l, who, now_ms, ret_error));
	}
	return decide(op, run, RUN_CONFIRMED, who, now_ms, ret_error);
}

enum result store_run_confirm(struct store *s, int64_t run, const char *who, bool alone,
			      int64_t now_ms, struct error *ret_error)
{
	struct operating op;

	TRY(operations_begin(&op, s, ret_error));
	return operations_end(&op, confirm(&op, run, who, alone, now_ms, ret_error), ret_error);
}

static enum result cancel(struct operating *op, int64_t run, const char *who, int64_t now_ms,
			  struct error *ret_error)
{
	struct standing st;

	TRY(look(op, run, &st, ret_error));
	TRY(db_add(store_db(op->store), free_sql, PARAMS(db_int(run)), NULL, NULL, ret_error));
	return decide(op, run, RUN_CANCELLED, who, now_ms, ret_error);
}

enum result store_run_cancel(struct store *s, int64_t run, const char *who, int64_t now_ms,
			     struct error *ret_error)
{
	struct operating op;

	TRY(operations_begin(&op, s, ret_error));
	return operations_end(&op, cancel(&op, run, who, now_ms, ret_error), ret_error);
}
