/* store: the settlement to rows and back. The SQL is the same for both databases; see db.h for how
 * it gets there. */
#include "payout/store/store.h"

#include <stdlib.h>

#include "payout/store/db.h"
#include "payout/store/lines.h"
#include "payout/store/schema.h"

struct store {
	struct db *db;
};

/* STRICT tables and BIGINT columns make a sum that overflows an error, not another number. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum result try_result_ = (call);                                                  \
		if (try_result_ != RESULT_OK)                                                      \
			return try_result_;                                                        \
	} while (0)

#define PARAMS(...)                                                                                \
	(struct db_value[]){__VA_ARGS__},                                                          \
	    sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

static struct db_value lead(const struct lead_id *id)
{
	return db_bytes(id->bytes, sizeof(id->bytes));
}

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
	return db_commit(s->db, ret_error);
}

void store_rollback(struct store *s)
{
	db_rollback(s->db);
}

/* --- loading --- */

static const char lives_sql[] =
    "SELECT round, state, order_id, advertiser_id, aff_id, vertical, price, payout, currency, "
    "exclusive, is_test, "
    "market_partition, settled_at, delivered_at, payable_at, return_until, closed_at, reason_code, "
    "sub1, sub2, "
    "sub3, sub4, sub5, click_id FROM lives WHERE lead_id = $1 ORDER BY round";
static const char verdicts_sql[] = "SELECT advertiser_id, verdict_id, event, reason_code, amount, "
				   "currency, at_ms, partition, log_offset, standing "
				   "FROM verdicts WHERE lead_id = $1 ORDER BY log_offset";
static const char known_sql[] = "SELECT round, event, body_hash FROM transfers WHERE lead_id = $1";

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
	struct loading *l = ctx;
	struct life life = {.state = (enum life_state)c[1].integer};
	struct assignment *a = &life.terms;

	assert(count == 24 && life.state < LIFE_STATE_COUNT);
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
			    .standing = (enum verdict_standing)c[9].integer};

	assert(count == 10);
	currency_copy(v.amount.currency, &c[5]);
	dossier_add_verdict(l->t, l->d, &v);
}

static void take_known(void *ctx, const struct db_value *c, size_t count)
{
	struct loading *l = ctx;

	assert(count == 3);
	dossier_add_known(l->t, l->d,
			  &(struct known_transfer){.round = (uint32_t)c[0].integer,
						   .event = (enum transfer_event)c[1].integer,
						   .body_hash = (uint64_t)c[2].integer});
}

enum result store_load(struct store *s, struct settlement *t, struct error *ret_error)
{
	struct dossier *d;

	for (size_t i = 0; (d = settlement_dossier_at(t, i)) != NULL; i++) {
		struct loading *l =
		    arena_calloc(t->arena, 1, sizeof(*l)); /* until the answers are read */

		*l = (struct loading){t, d};
		TRY(db_add(s->db, lives_sql, PARAMS(lead(&d->lead_id)), take_life, l, ret_error));
		TRY(db_add(s->db, verdicts_sql, PARAMS(lead(&d->lead_id)), take_verdict, l,
			   ret_error));
		TRY(db_add(s->db, known_sql, PARAMS(lead(&d->lead_id)), take_known, l, ret_error));
	}
	return db_flush(s->db, ret_error);
}

/* --- writing --- */

static const char life_sql[] =
    "INSERT INTO lives (lead_id, round, state, order_id, advertiser_id, aff_id, vertical, price, "
    "payout, currency, "
    "exclusive, is_test, market_partition, settled_at, delivered_at, payable_at, return_until, "
    "closed_at, reason_code, "
    "sub1, sub2, sub3, sub4, sub5, click_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
    "$12, $13, $14, $15, "
    "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25) ON CONFLICT (lead_id, round) DO UPDATE SET "
    "state = excluded.state, delivered_at = excluded.delivered_at, payable_at = "
    "excluded.payable_at, "
    "return_until = excluded.return_until, closed_at = excluded.closed_at, reason_code = "
    "excluded.reason_code";
static const char verdict_sql[] =
    "INSERT INTO verdicts (lead_id, advertiser_id, verdict_id, event, reason_code, amount, "
    "currency, at_ms, partition, "
    "log_offset, standing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "ON CONFLICT (lead_id, advertiser_id, verdict_id) DO UPDATE SET standing = excluded.standing";
/* No ON CONFLICT here: a transfer that is there already is a contradiction that the core has not
 * seen. */
static const char transfer_sql[] =
    "INSERT INTO transfers (lead_id, round, event, at_ms, currency, order_id, body_hash) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";
static const char entry_sql[] = "INSERT INTO entries (lead_id, round, event, line, account, "
				"amount) VALUES ($1, $2, $3, $4, $5, $6)";
static const char account_sql[] =
    "INSERT INTO accounts (name, currency, balance) VALUES ($1, $2, $3) "
    "ON CONFLICT (name, currency) DO UPDATE SET balance = accounts.balance + excluded.balance "
    "RETURNING id";
static const char ignored_sql[] =
    "INSERT INTO ignored (partition, log_offset, lead_id, round, event, reason, advertiser_id, "
    "verdict_id, at_ms) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
static const char outbox_sql[] = "INSERT INTO outbox (partition, seq, topic, target, type, key, "
				 "payload) VALUES ($1, $2, $3, $4, $5, $6, $7)";

static enum result write_life(struct store *s, const struct lead_id *id, const struct life *l,
			      struct error *ret_error)
{
	const struct assignment *a = &l->terms;

	return db_add(s->db, life_sql,
		      PARAMS(lead(id), db_int(a->round), db_int(l->state), db_text(a->order_id),
			     db_text(a->advertiser_id), db_text(a->aff_id), db_text(a->vertical),
			     db_int(a->price_minor), db_int(a->payout_minor), db_text(a->currency),
			     db_int(a->exclusive), db_int(a->is_test), db_int(a->market_partition),
			     db_int(l->settled_at_ms), db_int(l->delivered_at_ms),
			     db_int(l->payable_at_ms), db_int(l->return_until_ms),
			     db_int(l->closed_at_ms), db_text(l->reason_code), db_text(a->sub[0]),
			     db_text(a->sub[1]), db_text(a->sub[2]), db_text(a->sub[3]),
			     db_text(a->sub[4]), db_text(a->click_id)),
		      NULL, NULL, ret_error);
}

static enum result write_verdict(struct store *s, const struct lead_id *id, const struct verdict *v,
				 struct error *ret_error)
{
	return db_add(s->db, verdict_sql,
		      PARAMS(lead(id), db_text(v->advertiser_id), db_text(v->verdict_id),
			     db_int(v->event), db_text(v->reason_code),
			     db_int(v->amount.amount_minor), db_text(v->amount.currency),
			     db_int(v->at_ms), db_int(v->partition), db_int((int64_t)v->offset),
			     db_int(v->standing)),
		      NULL, NULL, ret_error);
}

static enum result write_dossiers(struct store *s, const struct settlement *t,
				  struct error *ret_error)
{
	const struct dossier *d;

	for (size_t i = 0; (d = settlement_dossier_at(t, i)) != NULL; i++) {
		for (size_t l = 0; l < d->life_count; l++)
			if (d->lives[l].changed)
				TRY(write_life(s, &d->lead_id, &d->lives[l], ret_error));
		for (size_t v = 0; v < d->verdict_count; v++)
			if (d->verdicts[v].changed)
				TRY(write_verdict(s, &d->lead_id, &d->verdicts[v], ret_error));
	}
	return RESULT_OK;
}

/* One account of a batch: its sum is posted with one statement, which also gives its number. */
struct account {
	const char *name, *currency;
	int64_t sum, id;
};

static void take_account(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	((struct account *)ctx)->id = c[0].integer;
}

static struct slice account_key(struct arena *a, const char *name, const char *currency)
{
	size_t name_len = strlen(name), currency_len = strlen(currency);
	char *key = arena_alloc(a, name_len + 1 + currency_len);

	memcpy(key, name, name_len);
	key[name_len] = ' ';
	memcpy(key + name_len + 1, currency, currency_len);
	return slice_of(key, name_len + 1 + currency_len);
}

/* The same order in every process, so that two of them never wait for each other's rows in a ring.
 */
static int by_name(const void *a, const void *b)
{
	const struct account *x = *(struct account *const *)a, *y = *(struct account *const *)b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->currency, y->currency);
}

static enum result sum_accounts(const struct settlement *t, struct map *accounts,
				struct error *ret_error)
{
	for (size_t i = 0; i < t->transfer_count; i++) {
		const struct transfer *f = &t->transfers[i];

		for (size_t e = 0; e < f->count; e++) {
			struct slice key =
			    account_key(t->arena, f->entries[e].account, f->currency);
			struct account *a = map_get(accounts, key);

			if (!a) {
				a = arena_calloc(t->arena, 1, sizeof(*a));
				a->name = f->entries[e].account;
				a->currency = f->currency;
				map_put(accounts, key, a);
			}
			if (!money_add(a->sum, f->entries[e].amount_minor, &a->sum))
				return error_set(ret_error, RESULT_FATAL,
						 "%s: the sum of a batch overflows", a->name);
		}
	}
	return RESULT_OK;
}

static enum result post_accounts(struct store *s, const struct settlement *t,
				 const struct map *accounts, struct error *ret_error)
{
	size_t count = map_count(accounts);
	struct account **sorted = arena_calloc(t->arena, count + 1, sizeof(struct account *));
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(accounts, i, &key, &value); i++)
		sorted[i] = value;
	qsort(sorted, count, sizeof(struct account *), by_name);
	for (size_t i = 0; i < count; i++)
		TRY(db_add(s->db, account_sql,
			   PARAMS(db_text(sorted[i]->name), db_text(sorted[i]->currency),
				  db_int(sorted[i]->sum)),
			   take_account, sorted[i], ret_error));
	return db_flush(s->db, ret_error);
}

static enum result write_transfer(struct store *s, const struct settlement *t,
				  const struct transfer *f, const struct map *accounts,
				  struct error *ret_error)
{
	TRY(db_add(s->db, transfer_sql,
		   PARAMS(lead(&f->lead_id), db_int(f->round), db_int(f->event), db_int(f->at_ms),
			  db_text(f->currency), db_text(f->order_id),
			  db_int((int64_t)f->body_hash)),
		   NULL, NULL, ret_error));
	for (size_t e = 0; e < f->count; e++) {
		const struct account *a =
		    map_get(accounts, account_key(t->arena, f->entries[e].account, f->currency));

		assert(a && a->id > 0);
		TRY(db_add(s->db, entry_sql,
			   PARAMS(lead(&f->lead_id), db_int(f->round), db_int(f->event),
				  db_int((int64_t)e), db_int(a->id),
				  db_int(f->entries[e].amount_minor)),
			   NULL, NULL, ret_error));
	}
	return RESULT_OK;
}

static enum result write_books(struct store *s, const struct settlement *t, struct error *ret_error)
{
	_cleanup_(map_free) struct map accounts = {0};

	TRY(sum_accounts(t, &accounts, ret_error));
	TRY(post_accounts(s, t, &accounts, ret_error));
	for (size_t i = 0; i < t->transfer_count; i++)
		TRY(write_transfer(s, t, &t->transfers[i], &accounts, ret_error));
	return RESULT_OK;
}

static enum result write_ignored(struct store *s, const struct ignored_outcome *i,
				 struct error *ret_error)
{
	return db_add(s->db, ignored_sql,
		      PARAMS(db_int(i->partition), db_int((int64_t)i->offset), lead(&i->lead_id),
			     db_int(i->round), db_int(i->event), db_text(ignored_code(i->why)),
			     db_text(i->advertiser_id), db_text(i->verdict_id), db_int(i->at_ms)),
		      NULL, NULL, ret_error);
}

static enum result write_outbox(struct store *s, uint32_t partition, const struct outbox_row *o,
				struct error *ret_error)
{
	return db_add(s->db, outbox_sql,
		      PARAMS(db_int(partition), db_int((int64_t)o->seq), db_text(o->topic),
			     db_int(o->partition), db_text(o->type),
			     db_bytes(o->key.data, o->key.len),
			     db_bytes(o->payload.data, o->payload.len)),
		      NULL, NULL, ret_error);
}

enum result store_write(struct store *s, const struct settlement *t, struct error *ret_error)
{
	TRY(write_dossiers(s, t, ret_error));
	if (t->transfer_count > 0)
		TRY(write_books(s, t, ret_error));
	TRY(lines_write(s, t, ret_error));
	for (size_t i = 0; i < t->ignored_count; i++)
		TRY(write_ignored(s, &t->ignored[i], ret_error));
	for (size_t i = 0; i < t->outbox_count; i++)
		TRY(write_outbox(s, t->partition, &t->outbox[i], ret_error));
	return db_flush(s->db, ret_error);
}
