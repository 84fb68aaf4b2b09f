/* store: the settlement to rows and back. The SQL is the same for both databases; see db.h for how
 * it gets there. */
#include "payout/store/store.h"

#include <stdlib.h>

#include "payout/store/db.h"
#include "payout/store/lines.h"
#include "payout/store/outbox.h"
#include "payout/store/postings.h"
#include "payout/store/schema.h"
#include "payout/store/shares.h"
#include "payout/store/sql.h"
#include "runtime/fault.h"

#define LIFE_COLUMNS 30

struct store {
	struct db *db;
};

struct store *store_open(const char *url, int timeout_ms, struct error *ret_error)
{
	struct store *s = calloc(1, sizeof(*s));

	assert(s);
	s->db = db_open(url, timeout_ms, ret_error);
	if (!s->db || schema_apply(s->db, ret_error) != RESULT_OK) {
		store_close(s);
		return NULL;
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s);
}

struct db *store_db(struct store *s)
{
	return s->db;
}

/* --- the cursor --- */

static const char cursor_sql[] =
    "SELECT next, next_seq FROM offsets WHERE topic = $1 AND partition = $2";
static const char cursor_lock_sql[] =
    "SELECT next, next_seq FROM offsets WHERE topic = $1 AND partition = $2 FOR UPDATE";
static const char cursor_make_sql[] = "INSERT INTO offsets (topic, partition, next, next_seq) "
				      "VALUES ($1, $2, -1, 1) ON CONFLICT DO NOTHING";
static const char cursor_move_sql[] =
    "UPDATE offsets SET next = $3, next_seq = $4 WHERE topic = $1 AND partition = $2";

static void take_cursor(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(struct store_cursor *)ctx =
	    (struct store_cursor){.next = c[0].integer, .next_seq = (uint64_t)c[1].integer};
}

enum result store_cursor_read(struct store *s, const char *topic, uint32_t partition,
			      struct store_cursor *ret, struct error *ret_error)
{
	struct store_cursor cursor = {.next = -1, .next_seq = 1};

	TRY(db_add(s->db, cursor_sql, PARAMS(db_text(topic), db_int(partition)), take_cursor,
		   &cursor, ret_error));
	TRY(db_flush(s->db, ret_error));
	*ret = cursor;
	return RESULT_OK;
}

static enum result begin(struct store *s, const char *topic, uint32_t partition,
			 struct store_cursor *ret, struct error *ret_error)
{
	const char *sql = db_dialect(s->db) == DB_POSTGRES ? cursor_lock_sql : cursor_sql;

	TRY(db_begin(s->db, ret_error));
	TRY(db_add(s->db, cursor_make_sql, PARAMS(db_text(topic), db_int(partition)), NULL, NULL,
		   ret_error));
	TRY(db_add(s->db, sql, PARAMS(db_text(topic), db_int(partition)), take_cursor, ret,
		   ret_error));
	return db_flush(s->db, ret_error);
}

enum result store_begin(struct store *s, const char *topic, uint32_t partition,
			struct store_cursor *ret, struct error *ret_error)
{
	enum result r = begin(s, topic, partition, ret, ret_error);

	if (r != RESULT_OK)
		db_rollback(s->db);
	return r;
}

enum result store_commit(struct store *s, const char *topic, uint32_t partition,
			 const struct store_cursor *next, struct error *ret_error)
{
	TRY(db_add(s->db, cursor_move_sql,
		   PARAMS(db_text(topic), db_int(partition), db_int(next->next),
			  db_int((int64_t)next->next_seq)),
		   NULL, NULL, ret_error));
	fault_point("payout_moved");
	return db_commit(s->db, ret_error);
}

void store_rollback(struct store *s)
{
	db_rollback(s->db);
}

/* --- loading --- */

#define LIFE_READ                                                                                  \
	"SELECT round, state, order_id, advertiser_id, aff_id, vertical, price, payout, "          \
	"currency, exclusive, is_test, market_partition, settled_at, delivered_at, payable_at, "   \
	"return_until, closed_at, reason_code, sub1, sub2, sub3, sub4, sub5, click_id, vat, "      \
	"returns_max_bp, own_cause_borne, waived_at, called_at, lead_id FROM "
static const struct db_rows_sql lives_sql = {
    .sqlite = LIFE_READ "batch CROSS JOIN lives ON lead_id = c1",
    .postgres = LIFE_READ "lives WHERE lead_id = ANY ($1::bytea[]) ORDER BY lead_id, round"};
static const char verdicts_sql[] = "SELECT advertiser_id, verdict_id, event, reason_code, amount, "
				   "currency, at_ms, partition, log_offset, standing, called_at "
				   "FROM verdicts WHERE lead_id = $1 ORDER BY log_offset";
static const char known_sql[] = "SELECT round, event, body_hash FROM transfers WHERE lead_id = $1";

static const char waits_sql[] =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM verdicts WHERE standing = 0 AND lead_id >= $1 AND "
    "lead_id <= $2) THEN 1 ELSE 0 END";

struct loading {
	struct settlement *t;
	struct dossier *d;
};

static const char *text(const struct loading *l, const struct db_value *v)
{
	return arena_cstr(l->t->arena, v->bytes);
}

static void currency_copy(char ret[4], const struct db_value *v)
{
	memset(ret, 0, 4);
	memcpy(ret, v->bytes.data, MIN_OF(v->bytes.len, (size_t)3));
}

static void take_life(void *ctx, const struct db_value *c, size_t count)
{
	struct loading loading = {.t = ctx}, *l = &loading;
	struct life life = {.state = (enum life_state)c[1].integer, .stored = true};
	struct assignment *a = &life.terms;

	assert(count == 30 && life.state < LIFE_STATE_COUNT);
	l->d = map_get(&l->t->by_lead, c[29].bytes);
	assert(l->d); /* nothing else was asked for */
	a->round = (uint32_t)c[0].integer;
	a->order_id = text(l, &c[2]);
	a->advertiser_id = text(l, &c[3]);
	a->aff_id = text(l, &c[4]);
	a->vertical = text(l, &c[5]);
	a->price_minor = c[6].integer;
	a->payout_minor = c[7].integer;
	currency_copy(a->currency, &c[8]);
	a->exclusive = c[9].integer != 0;
	a->is_test = c[10].integer != 0;
	a->market_partition = (uint32_t)c[11].integer;
	life.settled_at_ms = c[12].integer;
	life.delivered_at_ms = c[13].integer;
	life.payable_at_ms = c[14].integer;
	life.return_until_ms = c[15].integer;
	life.closed_at_ms = c[16].integer;
	life.reason_code = text(l, &c[17]);
	for (size_t i = 0; i < OUTCOME_SUBS; i++)
		a->sub[i] = text(l, &c[18 + i]);
	a->click_id = text(l, &c[23]);
	a->vat_minor = c[24].integer;
	life.returns_max_bp = (uint32_t)c[25].integer;
	life.own_cause_borne = c[26].integer != 0;
	life.waived_at_ms = c[27].integer;
	life.called_at_ms = c[28].integer;
	if (life.returns_max_bp > 0 && life.state == LIFE_DELIVERED)
		settlement_share(l->t, a->advertiser_id, life.delivered_at_ms);
	dossier_add_life(l->t, l->d, &life);
}

static void take_verdict(void *ctx, const struct db_value *c, size_t count)
{
	struct loading *l = ctx;
	struct verdict v = {.advertiser_id = text(l, &c[0]),
			    .verdict_id = text(l, &c[1]),
			    .event = (enum life_event)c[2].integer,
			    .reason_code = text(l, &c[3]),
			    .amount = {.amount_minor = c[4].integer},
			    .at_ms = c[6].integer,
			    .partition = (uint32_t)c[7].integer,
			    .offset = (uint64_t)c[8].integer,
			    .standing = (enum verdict_standing)c[9].integer,
			    .called_at_ms = c[10].integer};

	assert(count == 11);
	currency_copy(v.amount.currency, &c[5]);
	dossier_add_verdict(l->t, l->d, &v);
}

static void take_known(void *ctx, const struct db_value *c, size_t count)
{
	struct loading *l = ctx;

	assert(count == 3);
	dossier_add_known(l->t, l->d,
			  &(struct known_transfer){.round = (uint32_t)c[0].integer,
						   .event = (int)c[1].integer,
						   .body_hash = (uint64_t)c[2].integer});
}

static enum result ask_lives(struct store *s, struct settlement *t, struct error *ret_error)
{
	struct rows ids = rows_begin(t->arena, 1, map_count(&t->by_lead));
	struct dossier *d;

	for (size_t i = 0; (d = settlement_dossier_at(t, i)) != NULL; i++)
		rows_put(&ids, PARAMS(db_lead(&d->lead_id)));
	TRY(db_add_rows(s->db, &lives_sql, ids.values, 1, ids.count, take_life, t, ret_error));
	return db_flush(s->db, ret_error);
}

enum whom { EVERY_LEAD, JUDGED_LEADS, LIVING_LEADS };

static enum result ask(struct store *s, struct settlement *t, const char *sql, db_row_fn fn,
		       enum whom whom, struct error *ret_error)
{
	struct dossier *d;

	for (size_t i = 0; (d = settlement_dossier_at(t, i)) != NULL; i++) {
		struct loading *l;

		if (whom != EVERY_LEAD && d->life_count == 0 &&
		    !(whom == JUDGED_LEADS && d->judged))
			continue;
		l = arena_alloc(t->arena, sizeof(*l)); /* until the answers are read */
		*l = (struct loading){t, d};
		TRY(db_add(s->db, sql, PARAMS(db_lead(&d->lead_id)), fn, l, ret_error));
	}
	return db_flush(s->db, ret_error);
}

static void take_flag(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(bool *)ctx = c[0].integer != 0;
}

/* Does any verdict wait for a lead between the batch's first and last? Mostly none does, and then nobody asks for each. */
static enum result any_waits(struct store *s, const struct settlement *t, bool *ret,
			     struct error *ret_error)
{
	const struct dossier *d = settlement_dossier_at(t, 0), *least = d, *most = d;

	*ret = false;
	for (size_t i = 1; d && (d = settlement_dossier_at(t, i)) != NULL; i++) {
		if (memcmp(d->lead_id.bytes, least->lead_id.bytes, sizeof(d->lead_id.bytes)) < 0)
			least = d;
		if (memcmp(d->lead_id.bytes, most->lead_id.bytes, sizeof(d->lead_id.bytes)) > 0)
			most = d;
	}
	if (!least)
		return RESULT_OK;
	TRY(db_add(s->db, waits_sql, PARAMS(db_lead(&least->lead_id), db_lead(&most->lead_id)),
		   take_flag, ret, ret_error));
	return db_flush(s->db, ret_error);
}

/* A lead without a life has no transfer. Of its verdicts those that wait matter to a delivery, all to another verdict. */
enum result store_load(struct store *s, struct settlement *t, struct error *ret_error)
{
	bool waits;

	TRY(ask_lives(s, t, ret_error));
	TRY(any_waits(s, t, &waits, ret_error));
	TRY(ask(s, t, verdicts_sql, take_verdict, waits ? EVERY_LEAD : JUDGED_LEADS, ret_error));
	TRY(ask(s, t, known_sql, take_known, LIVING_LEADS, ret_error));
	return shares_load(s, t, ret_error);
}

/* --- writing --- */

#define TEN(a, b, c, d, e, f, g, h, i, j)                                                          \
	a ", " b ", " c ", " d ", " e ", " f ", " g ", " h ", " i ", " j
#define LIFE_INSERT                                                                                \
	"INSERT INTO lives (lead_id, round, state, order_id, advertiser_id, aff_id, vertical, "    \
	"price, payout, currency, exclusive, is_test, market_partition, settled_at, "              \
	"delivered_at, payable_at, return_until, closed_at, reason_code, sub1, sub2, sub3, "       \
	"sub4, sub5, click_id, vat, returns_max_bp, own_cause_borne, waived_at, called_at) "
static const struct db_rows_sql lives_write_sql = {
    .sqlite = LIFE_INSERT
    "SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, "
    "c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30 FROM batch",
    .postgres = LIFE_INSERT "SELECT * FROM unnest(" TEN(
	"$1::bytea[]", "$2::bigint[]", "$3::bigint[]", "$4::text[]", "$5::text[]", "$6::text[]",
	"$7::text[]", "$8::bigint[]", "$9::bigint[]",
	"$10::text[]") ", " TEN("$11::bigint[]", "$12::bigint[]", "$13::bigint[]", "$14::bigint[]",
				"$15::bigint[]", "$16::bigint[]", "$17::bigint[]", "$18::bigint[]",
				"$19::text[]",
				"$20::text[]") ", " TEN("$21::text[]", "$22::text[]", "$23::text[]",
							"$24::text[]", "$25::text[]",
							"$26::bigint[]", "$27::bigint[]",
							"$28::bigint[]", "$29::bigint[]",
							"$30::bigint[]") ")"};
/* A lead that was unresolved and arrived after all stands as its delivery says. Not the run: that is the payments' own. */
static const char life_again_sql[] =
    "UPDATE lives SET state = $3, order_id = $4, advertiser_id = $5, aff_id = $6, vertical = $7, "
    "price = "
    "$8, payout = $9, currency = $10, exclusive = $11, is_test = $12, market_partition = $13, "
    "settled_at = "
    "$14, delivered_at = $15, payable_at = $16, return_until = $17, closed_at = $18, reason_code = "
    "$19, "
    "sub1 = $20, sub2 = $21, sub3 = $22, sub4 = $23, sub5 = $24, click_id = $25, vat = $26, "
    "returns_max_bp = $27, own_cause_borne = $28, waived_at = $29, called_at = $30 "
    "WHERE lead_id = $1 AND round = $2";
static const char verdict_sql[] =
    "INSERT INTO verdicts (lead_id, advertiser_id, verdict_id, event, reason_code, amount, "
    "currency, at_ms, partition, "
    "log_offset, standing, called_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
    "ON CONFLICT (lead_id, advertiser_id, verdict_id) DO UPDATE SET standing = excluded.standing";
static const char ignored_sql[] =
    "INSERT INTO ignored (partition, log_offset, lead_id, round, event, reason, advertiser_id, "
    "verdict_id, at_ms) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
static void put_life(struct rows *rows, const struct lead_id *id, const struct life *l)
{
	const struct assignment *a = &l->terms;

	rows_put(rows, PARAMS(db_lead(id), db_int(a->round), db_int(l->state), db_text(a->order_id),
			      db_text(a->advertiser_id), db_text(a->aff_id), db_text(a->vertical),
			      db_int(a->price_minor), db_int(a->payout_minor), db_text(a->currency),
			      db_int(a->exclusive), db_int(a->is_test), db_int(a->market_partition),
			      db_int(l->settled_at_ms), db_int(l->delivered_at_ms),
			      db_int(l->payable_at_ms), db_int(l->return_until_ms),
			      db_int(l->closed_at_ms), db_text(l->reason_code), db_text(a->sub[0]),
			      db_text(a->sub[1]), db_text(a->sub[2]), db_text(a->sub[3]),
			      db_text(a->sub[4]), db_text(a->click_id), db_int(a->vat_minor),
			      db_int(l->returns_max_bp), db_int(l->own_cause_borne),
			      db_int(l->waived_at_ms), db_int(l->called_at_ms)));
}

static enum result write_verdict(struct store *s, const struct lead_id *id, const struct verdict *v,
				 struct error *ret_error)
{
	return db_add(s->db, verdict_sql,
		      PARAMS(db_lead(id), db_text(v->advertiser_id), db_text(v->verdict_id),
			     db_int(v->event), db_text(v->reason_code),
			     db_int(v->amount.amount_minor), db_text(v->amount.currency),
			     db_int(v->at_ms), db_int(v->partition), db_int((int64_t)v->offset),
			     db_int(v->standing), db_int(v->called_at_ms)),
		      NULL, NULL, ret_error);
}

static enum result write_again(struct store *s, struct arena *a, const struct lead_id *id,
			       const struct life *l, struct error *ret_error)
{
	struct rows one = rows_begin(a, LIFE_COLUMNS, 1);

	put_life(&one, id, l);
	return db_add(s->db, life_again_sql, one.values, LIFE_COLUMNS, NULL, NULL, ret_error);
}

static size_t count_lives(const struct settlement *t)
{
	const struct dossier *d;
	size_t n = 0;

	for (size_t i = 0; (d = settlement_dossier_at(t, i)) != NULL; i++)
		n += d->life_count;
	return n;
}

static enum result write_dossiers(struct store *s, const struct settlement *t,
				  struct error *ret_error)
{
	struct rows fresh = rows_begin(t->arena, LIFE_COLUMNS, count_lives(t));
	const struct dossier *d;

	for (size_t i = 0; (d = settlement_dossier_at(t, i)) != NULL; i++) {
		for (size_t l = 0; l < d->life_count; l++) {
			const struct life *life = &d->lives[l];

			if (life->changed && life->stored)
				TRY(write_again(s, t->arena, &d->lead_id, life, ret_error));
			else if (life->changed)
				put_life(&fresh, &d->lead_id, life);
		}
		for (size_t v = 0; v < d->verdict_count; v++)
			if (d->verdicts[v].changed)
				TRY(write_verdict(s, &d->lead_id, &d->verdicts[v], ret_error));
	}
	return db_add_rows(s->db, &lives_write_sql, fresh.values, LIFE_COLUMNS, fresh.count, NULL,
			   NULL, ret_error);
}

static enum result write_ignored(struct store *s, const struct ignored_outcome *i,
				 struct error *ret_error)
{
	return db_add(s->db, ignored_sql,
		      PARAMS(db_int(i->partition), db_int((int64_t)i->offset), db_lead(&i->lead_id),
			     db_int(i->round), db_int(i->event), db_text(ignored_code(i->why)),
			     db_text(i->advertiser_id), db_text(i->verdict_id), db_int(i->at_ms)),
		      NULL, NULL, ret_error);
}

enum result store_write(struct store *s, const struct settlement *t, struct error *ret_error)
{
	TRY(write_dossiers(s, t, ret_error));
	TRY(postings_write(s, t, ret_error));
	TRY(shares_write(s, t, ret_error));
	TRY(lines_write(s, t, ret_error));
	for (size_t i = 0; i < t->ignored_count; i++)
		TRY(write_ignored(s, &t->ignored[i], ret_error));
	TRY(outbox_write(s, t, ret_error));
	return db_flush(s->db, ret_error);
}
