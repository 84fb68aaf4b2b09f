/* postings: the transfers of a settlement, and what they add to the balances.
 *
 * STRICT tables and BIGINT columns make a sum that overflows an error, not another number. */
#include "payout/store/postings.h"

#include <stdlib.h>

#include "payout/store/sql.h"

#define TRANSFER_COLUMNS (7 + 2 * TRANSFER_ENTRIES_MAX)

/* No ON CONFLICT here: a transfer that is there already is a contradiction that the core has not
 * seen. */
#define TRANSFER_INSERT                                                                            \
	"INSERT INTO transfers (lead_id, round, event, at_ms, currency, order_id, body_hash, "     \
	"account1, amount1, account2, amount2, account3, amount3, account4, amount4) "
static const struct db_rows_sql transfers_sql = {
    .sqlite = TRANSFER_INSERT "SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, "
			      "c15 FROM batch",
    .postgres = TRANSFER_INSERT
    "SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], "
    "$6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], "
    "$12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[])"};
static const char account_sql[] =
    "INSERT INTO accounts (name, currency, balance) VALUES ($1, $2, $3) "
    "ON CONFLICT (name, currency) DO UPDATE SET balance = accounts.balance + excluded.balance "
    "RETURNING id";

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

/* slots: of each entry its account, TRANSFER_ENTRIES_MAX for a transfer. */
static enum result sum_accounts(const struct settlement *t, struct map *accounts,
				struct account **slots, struct error *ret_error)
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
			slots[i * TRANSFER_ENTRIES_MAX + e] = a;
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
		TRY(db_add(store_db(s), account_sql,
			   PARAMS(db_text(sorted[i]->name), db_text(sorted[i]->currency),
				  db_int(sorted[i]->sum)),
			   take_account, sorted[i], ret_error));
	return db_flush(store_db(s), ret_error);
}

static void put_transfer(struct rows *rows, const struct transfer *f, struct account *const *slots)
{
	struct db_value p[TRANSFER_COLUMNS] = {db_lead(&f->lead_id),
					       db_int(f->round),
					       db_int(f->event),
					       db_int(f->at_ms),
					       db_text(f->currency),
					       db_text(f->order_id),
					       db_int((int64_t)f->body_hash)};

	for (size_t e = 0; e < TRANSFER_ENTRIES_MAX; e++) {
		const struct account *a = slots[e];

		assert(e >= f->count || (a && a->id > 0));
		p[7 + 2 * e] = db_int(a ? a->id : 0);
		p[8 + 2 * e] = db_int(a ? f->entries[e].amount_minor : 0);
	}
	rows_put(rows, p, ARRAY_LEN(p));
}

enum result postings_write(struct store *s, const struct settlement *t, struct error *ret_error)
{
	_cleanup_(map_free) struct map accounts = {0};
	struct account **slots;
	struct rows rows;

	if (t->transfer_count == 0)
		return RESULT_OK;
	slots = arena_calloc(t->arena, t->transfer_count * TRANSFER_ENTRIES_MAX, sizeof(*slots));
	TRY(sum_accounts(t, &accounts, slots, ret_error));
	TRY(post_accounts(s, t, &accounts, ret_error));
	rows = rows_begin(t->arena, TRANSFER_COLUMNS, t->transfer_count);
	for (size_t i = 0; i < t->transfer_count; i++)
		put_transfer(&rows, &t->transfers[i], &slots[i * TRANSFER_ENTRIES_MAX]);
	return db_add_rows(store_db(s), &transfers_sql, rows.values, rows.columns, rows.count, NULL,
			   NULL, ret_error);
}
