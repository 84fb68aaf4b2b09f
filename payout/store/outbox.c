/* outbox: what is settled and not yet published. Numbers grow by one per row, per outcomes
 * partition. */
#include "payout/store/db.h"
#include "payout/store/store.h"

static const char read_sql[] = "SELECT seq, topic, target, type, key, payload FROM outbox WHERE "
			       "partition = $1 AND seq > $2 ORDER BY seq LIMIT $3";
static const char forget_sql[] = "DELETE FROM outbox WHERE partition = $1 AND seq <= $2";
static const char backlog_sql[] = "SELECT COUNT(*) FROM outbox";

struct reading {
	struct arena *a;
	struct outbox_row *rows;
	size_t count;
};

static void take_row(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct reading *r = ctx;

	r->rows[r->count++] = (struct outbox_row){.seq = (uint64_t)c[0].integer,
						  .topic = arena_cstr(r->a, c[1].bytes),
						  .partition = (uint32_t)c[2].integer,
						  .type = arena_cstr(r->a, c[3].bytes),
						  .key = arena_dup(r->a, c[4].bytes),
						  .payload = arena_dup(r->a, c[5].bytes)};
}

enum result store_outbox_read(struct store *s, uint32_t partition, uint64_t after, size_t max,
			      struct arena *a, struct outbox_row *ret, size_t *ret_count,
			      struct error *ret_error)
{
	struct reading reading = {.a = a, .rows = ret};
	struct db_value params[] = {db_int(partition), db_int((int64_t)after),
				    db_int((int64_t)max)};
	enum result r =
	    db_add(store_db(s), read_sql, params, ARRAY_LEN(params), take_row, &reading, ret_error);

	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	if (r != RESULT_OK)
		return r;
	*ret_count = reading.count;
	return RESULT_OK;
}

enum result store_outbox_forget(struct store *s, uint32_t partition, uint64_t upto,
				struct error *ret_error)
{
	struct db_value params[] = {db_int(partition), db_int((int64_t)upto)};
	enum result r =
	    db_add(store_db(s), forget_sql, params, ARRAY_LEN(params), NULL, NULL, ret_error);

	return r == RESULT_OK ? db_flush(store_db(s), ret_error) : r;
}

static void take_count(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

enum result store_outbox_backlog(struct store *s, int64_t *ret_rows, struct error *ret_error)
{
	enum result r = db_add(store_db(s), backlog_sql, NULL, 0, take_count, ret_rows, ret_error);

	return r == RESULT_OK ? db_flush(store_db(s), ret_error) : r;
}
