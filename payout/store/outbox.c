/* outbox: records that are settled and not yet published. Their numbers grow by one per record, per outcomes partition.
 *
 * A row of the table has one record, or a run of them under the first one's number; then its texts are empty and its payload is
 * the run. A row is forgotten when its last record was published: whoever starts again in the middle of a run sends what was
 * sent, under the same numbers. */
#include "payout/store/outbox.h"

#include "payout/store/outbox_run.h"
#include "payout/store/sql.h"

#define OUTBOX_COLUMNS 8
#define READ_ROWS      16 /* at once; of runs they are more records than anybody asks for */

#define OUTBOX_INSERT                                                                              \
	"INSERT INTO outbox (partition, seq, topic, target, type, key, payload, records) "
static const struct db_rows_sql outbox_sql = {
    .sqlite = OUTBOX_INSERT "SELECT c1, c2, c3, c4, c5, c6, c7, c8 FROM batch",
    .postgres = OUTBOX_INSERT "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], "
			      "$4::bigint[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[])"};
static const char read_sql[] =
    "SELECT seq, topic, target, type, key, payload, records FROM outbox WHERE partition = $1 AND "
    "seq > $2 AND seq + records > $3 ORDER BY seq LIMIT $4";
static const char forget_sql[] =
    "DELETE FROM outbox WHERE partition = $1 AND seq <= $2 AND seq + records <= $3";
static const char backlog_sql[] = "SELECT CAST(COALESCE(SUM(records), 0) AS BIGINT) FROM outbox";

/* --- writing --- */

static void put_row(struct rows *rows, uint32_t partition, const struct outbox_row *o,
		    size_t records)
{
	rows_put(rows,
		 PARAMS(db_int(partition), db_int((int64_t)o->seq), db_text(o->topic),
			db_int(o->partition), db_text(o->type), db_bytes(o->key.data, o->key.len),
			db_bytes(o->payload.data, o->payload.len), db_int((int64_t)records)));
}

enum result outbox_write(struct store *s, const struct settlement *t, struct error *ret_error)
{
	struct rows rows = rows_begin(t->arena, OUTBOX_COLUMNS, t->outbox_count);
	_cleanup_(buf_free) struct buf run = {0};
	size_t n;

	for (size_t i = 0; i < t->outbox_count; i += n) {
		struct outbox_row whole = {.seq = t->outbox[i].seq, .topic = "", .type = ""};

		buf_reset(&run);
		n = outbox_run_write(&t->outbox[i], t->outbox_count - i, &run);
		assert(!run.failed); /* a record is bounded, and so is a run */
		if (n > 1)
			whole.payload = arena_dup(t->arena, buf_slice(&run));
		put_row(&rows, t->partition, n > 1 ? &whole : &t->outbox[i], n);
	}
	return db_add_rows(store_db(s), &outbox_sql, rows.values, OUTBOX_COLUMNS, rows.count, NULL,
			   NULL, ret_error);
}

/* --- reading --- */

struct reading {
	struct arena *a;
	struct outbox_row *rows;
	size_t count, max, seen; /* seen: rows of the table */
	uint64_t after;          /* the number of the last record */
	bool broken;
};

static void take_record(struct reading *r, const struct outbox_row *row)
{
	if (row->seq <= r->after || r->count == r->max)
		return;
	r->rows[r->count++] = *row;
	r->after = row->seq;
}

static void take_run(struct reading *r, const struct outbox_row *whole, int64_t records)
{
	struct outbox_run run = {.left = whole->payload, .last = {.seq = whole->seq}};
	struct outbox_row row;
	int64_t n = 0;

	for (; n < records && outbox_run_next(&run, r->a, &row); n++)
		take_record(r, &row);
	r->broken = r->broken || n != records || run.left.len > 0;
}

static void take_row(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct reading *r = ctx;
	struct outbox_row row = {.seq = (uint64_t)c[0].integer,
				 .topic = arena_cstr(r->a, c[1].bytes),
				 .partition = (uint32_t)c[2].integer,
				 .type = arena_cstr(r->a, c[3].bytes),
				 .key = arena_dup(r->a, c[4].bytes),
				 .payload = arena_dup(r->a, c[5].bytes)};

	r->seen++;
	if (c[6].integer == 1)
		take_record(r, &row);
	else
		take_run(r, &row, c[6].integer);
}

enum result store_outbox_read(struct store *s, uint32_t partition, uint64_t after, size_t max,
			      struct arena *a, struct outbox_row *ret, size_t *ret_count,
			      struct error *ret_error)
{
	struct reading r = {.a = a, .rows = ret, .max = max, .after = after, .seen = READ_ROWS};

	while (r.count < max && r.seen == READ_ROWS) {
		/* A run begins at most so far before its last record. */
		uint64_t from = r.after > OUTBOX_RUN_MAX ? r.after - OUTBOX_RUN_MAX : 0;

		r.seen = 0;
		TRY(db_add(store_db(s), read_sql,
			   PARAMS(db_int(partition), db_int((int64_t)from),
				  db_int((int64_t)r.after + 1), db_int(READ_ROWS)),
			   take_row, &r, ret_error));
		TRY(db_flush(store_db(s), ret_error));
		if (r.broken)
			return error_set(ret_error, RESULT_FATAL,
					 "the outbox of partition %u has a run after %llu that "
					 "can't be read",
					 (unsigned)partition, (unsigned long long)r.after);
	}
	*ret_count = r.count;
	return RESULT_OK;
}

enum result store_outbox_forget(struct store *s, uint32_t partition, uint64_t upto,
				struct error *ret_error)
{
	TRY(db_add(store_db(s), forget_sql,
		   PARAMS(db_int(partition), db_int((int64_t)upto), db_int((int64_t)upto + 1)),
		   NULL, NULL, ret_error));
	return db_flush(store_db(s), ret_error);
}

static void take_count(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

enum result store_outbox_backlog(struct store *s, int64_t *ret_rows, struct error *ret_error)
{
	TRY(db_add(store_db(s), backlog_sql, NULL, 0, take_count, ret_rows, ret_error));
	return db_flush(store_db(s), ret_error);
}
