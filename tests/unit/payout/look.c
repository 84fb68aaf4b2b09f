/* look: what stands in the ledger, asked in SQL. */
#include "look.h"

#include <setjmp.h>
#include <stdarg.h>
/* after its own needs */
#include <cmocka.h>

#include "base/hash.h"

static void fold_row(void *ctx, const struct db_value *c, size_t count)
{
	uint64_t *h = ctx;

	for (size_t i = 0; i < count; i++) {
		*h = hash_fnv1a(*h, slice_of(&c[i].integer, sizeof(c[i].integer)));
		*h = hash_fnv1a(*h, c[i].bytes);
	}
}

static void take_int(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

void query(struct store *s, const char *sql, db_row_fn fn, void *ctx)
{
	struct error error = {0};

	if (db_add(store_db(s), sql, NULL, 0, fn, ctx, &error) != RESULT_OK ||
	    db_flush(store_db(s), &error) != RESULT_OK)
		fail_msg("%s", error.text);
}

int64_t number(struct store *s, const char *sql)
{
	int64_t n = -1;

	query(s, sql, take_int, &n);
	return n;
}

#define READ_RECORDS   100
#define PARTITIONS_MAX 64

struct partitions {
	uint32_t numbers[PARTITIONS_MAX];
	size_t count;
};

static void take_partition(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct partitions *p = ctx;

	assert_true(p->count < PARTITIONS_MAX);
	p->numbers[p->count++] = (uint32_t)c[0].integer;
}

static void each_of_partition(struct store *s, uint32_t partition, outbox_fn fn, void *ctx)
{
	struct outbox_row rows[READ_RECORDS];
	struct arena arena = {0};
	struct error error = {0};
	uint64_t after = 0;
	size_t count;

	do {
		if (store_outbox_read(s, partition, after, READ_RECORDS, &arena, rows, &count,
				      &error) != RESULT_OK)
			fail_msg("%s", error.text);
		for (size_t i = 0; i < count; i++)
			fn(ctx, partition, &rows[i]);
		if (count > 0)
			after = rows[count - 1].seq;
	} while (count > 0);
	arena_free(&arena);
}

void each_outbox_record(struct store *s, outbox_fn fn, void *ctx)
{
	struct partitions p = {0};

	query(s, "SELECT DISTINCT partition FROM outbox ORDER BY partition", take_partition, &p);
	for (size_t i = 0; i < p.count; i++)
		each_of_partition(s, p.numbers[i], fn, ctx);
}

struct counting {
	const char *topic;
	int64_t count;
};

static void count_record(void *ctx, _unused_ uint32_t partition, const struct outbox_row *row)
{
	struct counting *c = ctx;

	c->count += !c->topic || strcmp(c->topic, row->topic) == 0;
}

int64_t outbox_records(struct store *s, const char *topic)
{
	struct counting c = {.topic = topic};

	each_outbox_record(s, count_record, &c);
	return c.count;
}

void outbox_values(uint32_t partition, const struct outbox_row *row,
		   struct db_value ret[OUTBOX_VALUES])
{
	const struct db_value values[OUTBOX_VALUES] = {
	    db_int(partition),
	    db_int((int64_t)row->seq),
	    db_text(row->topic),
	    db_int(row->partition),
	    db_text(row->type),
	    db_bytes(row->key.data, row->key.len),
	    db_bytes(row->payload.data, row->payload.len)};

	memcpy(ret, values, sizeof(values));
}

static void fold_record(void *ctx, uint32_t partition, const struct outbox_row *row)
{
	struct db_value values[OUTBOX_VALUES];

	outbox_values(partition, row, values);
	fold_row(ctx, values, ARRAY_LEN(values));
}

uint64_t digest(struct store *s)
{
	uint64_t h = 0;

	query(s, "SELECT * FROM lives ORDER BY lead_id, round", fold_row, &h);
	query(s,
	      "SELECT lead_id, round, event, at_ms, currency, order_id, body_hash FROM transfers "
	      "ORDER BY lead_id, round, event",
	      fold_row, &h);
	query(s,
	      "SELECT lead_id, round, event, line, account, amount FROM books ORDER BY lead_id, "
	      "round, event, line",
	      fold_row, &h);
	query(s, "SELECT account, currency, balance FROM balances ORDER BY account, currency",
	      fold_row, &h);
	query(s, "SELECT * FROM verdicts ORDER BY lead_id, advertiser_id, verdict_id", fold_row,
	      &h);
	query(s, "SELECT * FROM ignored ORDER BY partition, log_offset", fold_row, &h);
	each_outbox_record(s, fold_record, &h);
	query(s, "SELECT * FROM verdict_days ORDER BY vertical, aff_id, day", fold_row, &h);
	query(s, "SELECT vertical, aff_id, verdicts FROM verdict_lines ORDER BY vertical, aff_id",
	      fold_row, &h);
	query(s, "SELECT * FROM return_shares ORDER BY advertiser_id, month", fold_row, &h);
	query(s, "SELECT * FROM offsets ORDER BY topic, partition", fold_row, &h);
	return h;
}

/* The sums of verdicts are those of the lives, line by line, and no line stands there that has none. */
static void check_lines(struct store *s)
{
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM verdict_days d WHERE approved <> "
		      "(SELECT COUNT(*) FROM lives l WHERE l.vertical = d.vertical AND l.aff_id = "
		      "d.aff_id AND l.closed_at / 86400000 = d.day AND state = 2 AND is_test = 0)"),
	    0);
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM verdict_days d WHERE returned <> "
		      "(SELECT COUNT(*) FROM lives l WHERE l.vertical = d.vertical AND l.aff_id = "
		      "d.aff_id AND l.closed_at / 86400000 = d.day AND state = 3 AND is_test = 0)"),
	    0);
	assert_int_equal(number(s,
				"SELECT COUNT(*) FROM verdict_lines l WHERE verdicts <> "
				"(SELECT COALESCE(SUM(approved + returned), 0) FROM verdict_days d "
				"WHERE d.vertical = l.vertical AND d.aff_id = l.aff_id)"),
			 0);
	assert_int_equal(
	    number(s, "SELECT CAST(COALESCE(SUM(verdicts), 0) AS BIGINT) FROM verdict_lines"),
	    number(s, "SELECT COUNT(*) FROM lives WHERE state IN (2, 3) AND is_test = 0"));
}

void check_books(struct store *s)
{
	check_lines(s);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM (SELECT 1 FROM books GROUP BY lead_id, "
				   "round, event, currency "
				   "HAVING SUM(amount) <> 0) AS unbalanced"),
			 0);
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM accounts a WHERE balance <> "
		      "(SELECT COALESCE(SUM(amount), 0) FROM entries e WHERE e.account = a.id)"),
	    0);
	assert_int_equal(number(s, "SELECT CAST(SUM(balance) AS BIGINT) FROM accounts"), 0);
	assert_int_equal(
	    number(s,
		   "SELECT COUNT(*) FROM lives l WHERE state IN (1, 2, 3) AND is_test = 0 AND 1 <> "
		   "(SELECT COUNT(*) FROM transfers t WHERE t.lead_id = l.lead_id AND event = 1)"),
	    0);
}
