/* shares: read before a settlement, written after it. */
#include "payout/store/shares.h"

#include <stdlib.h>

#include "payout/store/sql.h"

static const char make_sql[] =
    "INSERT INTO return_shares (advertiser_id, month, delivered, returned) "
    "VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING";
static const char read_sql[] =
    "SELECT delivered, returned FROM return_shares WHERE advertiser_id = $1 AND month = $2";
static const char lock_sql[] =
    "SELECT delivered, returned FROM return_shares WHERE advertiser_id = "
    "$1 AND month = $2 FOR UPDATE";
static const char write_sql[] = "UPDATE return_shares SET delivered = $3, returned = $4 "
				"WHERE advertiser_id = $1 AND month = $2";

static void take(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct return_share *share = ctx;

	share->delivered = c[0].integer;
	share->returned = c[1].integer;
}

static int by_name(const void *a, const void *b)
{
	const struct return_share *x = *(struct return_share *const *)a;
	const struct return_share *y = *(struct return_share *const *)b;
	int c = strcmp(x->advertiser_id, y->advertiser_id);

	return c ? c : (x->month > y->month) - (x->month < y->month);
}

/* Locked in the same order by every process, and before any account is. */
enum result shares_load(struct store *s, struct settlement *t, struct error *ret_error)
{
	size_t count = map_count(&t->shares);
	struct return_share **sorted =
	    arena_calloc(t->arena, count + 1, sizeof(struct return_share *));
	struct db *d = store_db(s);

	for (size_t i = 0; i < count; i++)
		sorted[i] = settlement_share_at(t, i);
	qsort(sorted, count, sizeof(struct return_share *), by_name);
	for (size_t i = 0; i < count; i++) {
		struct db_value key[] = {db_text(sorted[i]->advertiser_id),
					 db_int(sorted[i]->month)};

		TRY(db_add(d, make_sql, key, ARRAY_LEN(key), NULL, NULL, ret_error));
		TRY(db_add(d, db_dialect(d) == DB_POSTGRES ? lock_sql : read_sql, key,
			   ARRAY_LEN(key), take, sorted[i], ret_error));
	}
	return db_flush(d, ret_error);
}

enum result shares_write(struct store *s, const struct settlement *t, struct error *ret_error)
{
	const struct return_share *share;

	for (size_t i = 0; (share = settlement_share_at(t, i)) != NULL; i++) {
		if (share->delivered_now == 0 && share->returned_now == 0)
			continue;
		TRY(db_add(store_db(s), write_sql,
			   PARAMS(db_text(share->advertiser_id), db_int(share->month),
				  db_int(share->delivered + share->delivered_now),
				  db_int(share->returned + share->returned_now)),
			   NULL, NULL, ret_error));
	}
	return RESULT_OK;
}
