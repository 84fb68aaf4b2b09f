/* replay_lives_compare: two ledgers, row by row. A page is a span of lead ids, or of offsets for the table that stands in their order,
 * so that what is in memory is bounded. Its end is found by the tables' own keys: a page must not cost what is behind it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "tools/replay/replay_lives.h"
#include "tools/replay/replay_lives_rows.h"

#define PAGE_ROWS 2000

struct table {
	const char *name, *sql;
	const char *columns
	    [LIVES_COLUMNS_MAX]; /* as the statement gives them; the first `keys` are the key */
	size_t keys;
};

/* A run of payments takes lives without an outcome, and operations are transfers that no lead makes: neither is replayed. */
#define IGNORED (LIVES_TABLES - 1)
static const struct table tables[LIVES_TABLES] = {
    {"lives",
     "SELECT lead_id, round, state, order_id, advertiser_id, aff_id, vertical, price, payout, "
     "currency, exclusive, is_test, market_partition, settled_at, delivered_at, payable_at, "
     "return_until, closed_at, reason_code, sub1, sub2, sub3, sub4, sub5, click_id, vat, "
     "returns_max_bp, own_cause_borne, waived_at, called_at FROM lives "
     "WHERE lead_id > $1 AND lead_id <= $2 ORDER BY lead_id, round",
     {"lead_id",
      "round",
      "state",
      "order_id",
      "advertiser_id",
      "aff_id",
      "vertical",
      "price",
      "payout",
      "currency",
      "exclusive",
      "is_test",
      "market_partition",
      "settled_at",
      "delivered_at",
      "payable_at",
      "return_until",
      "closed_at",
      "reason_code",
      "sub1",
      "sub2",
      "sub3",
      "sub4",
      "sub5",
      "click_id",
      "vat",
      "returns_max_bp",
      "own_cause_borne",
      "waived_at",
      "called_at"},
     2},
    {"transfers",
     NULL, /* entry by entry */
     {"lead_id", "round", "event", "line", "at_ms", "order_id", "account", "currency", "amount"},
     4},
    {"verdicts",
     "SELECT lead_id, advertiser_id, verdict_id, event, reason_code, amount, currency, at_ms, "
     "partition, log_offset, standing, called_at FROM verdicts "
     "WHERE lead_id > $1 AND lead_id <= $2 ORDER BY lead_id, advertiser_id, verdict_id",
     {"lead_id", "advertiser_id", "verdict_id", "event", "reason_code", "amount", "currency",
      "at_ms", "partition", "log_offset", "standing", "called_at"},
     3},
    {"ignored",
     "SELECT lead_id, partition, log_offset, round, event, reason, advertiser_id, verdict_id, "
     "at_ms FROM ignored WHERE lead_id > $1 AND lead_id <= $2 AND partition = $3 AND log_offset > "
     "$4 "
     "AND log_offset <= $5",
     {"lead_id", "partition", "log_offset", "round", "event", "reason", "advertiser_id",
      "verdict_id", "at_ms"},
     3},
};

/* --- comparing --- */

static uint64_t digest_of(const struct lives_row *row, size_t columns)
{
	uint64_t h = 0, wide[LIVES_COLUMNS_MAX][2];

	hash_wide_each(row->columns, columns, wide);
	for (size_t i = 0; i < columns; i++)
		h = hash_mix(h ^ wide[i][0]) ^ wide[i][1];
	return hash_mix(h);
}

static void name(struct lives_result *ret, const struct table *t, const struct lives_row *row,
		 const char *field, const char *recorded, const char *recomputed)
{
	struct replay_difference *d = &ret->first;
	const char *id = row->columns[0].data;

	ret->different++;
	if (d->found)
		return;
	replay_differ(d, field, recorded, recomputed);
	snprintf(d->where, sizeof(d->where), "%s", t->name);
	for (size_t i = 1; i < t->keys; i++) {
		size_t len = strlen(d->where);

		snprintf(d->where + len, sizeof(d->where) - len, " %s=%s", t->columns[i],
			 row->columns[i].data);
	}
	snprintf(d->lead, sizeof(d->lead), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12,
		 id + 16, id + 20);
}

/* Both have it. */
static void compare_row(struct lives_result *ret, const struct table *t, const struct lives_row *a,
			const struct lives_row *b, size_t columns)
{
	uint64_t digest = digest_of(a, columns);

	ret->recorded++;
	ret->recorded_digest += digest;
	for (size_t i = 0; i < columns; i++) {
		if (slice_equal(a->columns[i], b->columns[i]))
			continue;
		name(ret, t, a, t->columns[i], a->columns[i].data, b->columns[i].data);
		ret->recomputed_digest += digest_of(b, columns);
		return;
	}
	ret->recomputed_digest += digest;
	ret->equal++;
}

static void compare_rows(struct lives_result *ret, const struct table *t,
			 const struct lives_rows *a, const struct lives_rows *b)
{
	size_t i = 0, k = 0;

	while (i < a->count || k < b->count) {
		int c = i == a->count   ? 1
			: k == b->count ? -1
					: lives_rows_compare(&a->all[i], &b->all[k], t->keys);

		if (c == 0) {
			compare_row(ret, t, &a->all[i], &b->all[k], a->columns);
		} else if (c < 0) {
			ret->recorded++;
			ret->recorded_digest += digest_of(&a->all[i], a->columns);
			name(ret, t, &a->all[i], "row", "given", "none");
		} else {
			ret->recomputed_digest += digest_of(&b->all[k], b->columns);
			name(ret, t, &b->all[k], "row", "none", "given");
		}
		i += c <= 0;
		k += c >= 0;
	}
}

/* --- the two ledgers --- */

enum { RECORDED, RECOMPUTED, SIDES };

struct comparison {
	struct db *db[SIDES];
	struct lives_accounts accounts[SIDES];
	struct lives_rows rows[SIDES];
	struct lives_result *ret;
};

static enum result compare_table(struct comparison *c, size_t i, const struct db_value *params,
				 size_t count, struct error *ret_error)
{
	const struct table *t = &tables[i];
	enum result r = RESULT_OK;
	size_t columns = 0;

	while (columns < LIVES_COLUMNS_MAX && t->columns[columns])
		columns++;
	for (int side = 0; side < SIDES && r == RESULT_OK; side++) {
		struct lives_rows *rows = &c->rows[side];

		lives_rows_reset(rows, columns);
		r = t->sql ? lives_rows_read(rows, c->db[side], t->sql, params, count, ret_error)
			   : lives_rows_read_entries(rows, c->db[side], &c->accounts[side], params,
						     ret_error);
		lives_rows_sort(rows, t->keys);
	}
	if (r == RESULT_OK)
		compare_rows(&c->ret[i], t, &c->rows[RECORDED], &c->rows[RECOMPUTED]);
	return r;
}

/* --- by leads --- */

static struct db_value id_value(const struct lead_id *id)
{
	return db_bytes(id->bytes, sizeof(id->bytes));
}

static void take_id(void *ctx, const struct db_value *values, _unused_ size_t count)
{
	(void)lead_id_from_bytes(values[0].bytes.data, values[0].bytes.len, ctx);
}

/* The last lead of the page, or of the span: no table has many more rows until there than a page. */
static enum result page_end(const struct comparison *c, const struct lead_id *after,
			    const struct lead_id *last, struct lead_id *ret,
			    struct error *ret_error)
{
	static const char *const sql[] = {
	    "SELECT lead_id FROM lives WHERE lead_id > $1 AND lead_id <= $2 ORDER BY lead_id "
	    "LIMIT 1 OFFSET 2000",
	    "SELECT lead_id FROM transfers WHERE lead_id > $1 AND lead_id <= $2 ORDER BY lead_id "
	    "LIMIT 1 OFFSET 2000",
	    "SELECT lead_id FROM verdicts WHERE lead_id > $1 AND lead_id <= $2 ORDER BY lead_id "
	    "LIMIT 1 OFFSET 2000"};
	_Static_assert(PAGE_ROWS == 2000, "as the statements say");
	enum result r = RESULT_OK;

	*ret = *last;
	for (size_t i = 0; i < ARRAY_LEN(sql) * SIDES && r == RESULT_OK; i++) {
		struct lead_id upto = *ret;
		const struct db_value bounds[2] = {id_value(after), id_value(&upto)};

		r = db_ask(c->db[i % SIDES], sql[i / SIDES], bounds, 2, take_id, ret, ret_error);
	}
	return r;
}

static enum result compare_leads(struct comparison *c, struct lead_id after,
				 const struct lead_id *last, struct error *ret_error)
{
	enum result r = RESULT_OK;

	while (r == RESULT_OK && memcmp(&after, last, sizeof(after)) < 0) {
		struct lead_id end;
		struct db_value bounds[2];

		r = page_end(c, &after, last, &end, ret_error);
		bounds[0] = id_value(&after);
		bounds[1] = id_value(&end);
		for (size_t i = 0; i < LIVES_TABLES && r == RESULT_OK; i++)
			if (i != IGNORED)
				r = compare_table(c, i, bounds, 2, ret_error);
		after = end;
	}
	return r;
}

/* --- by offsets --- */

static void take_greatest(void *ctx, const struct db_value *values, _unused_ size_t count)
{
	int64_t *greatest = ctx;

	if (values[0].type == DB_INT)
		*greatest = MAX_OF(*greatest, values[0].integer);
}

static void take_least(void *ctx, const struct db_value *values, _unused_ size_t count)
{
	int64_t *least = ctx;

	*least = MIN_OF(*least, values[0].integer);
}

static enum result compare_offsets(struct comparison *c, int64_t partition,
				   const struct lead_id *after, const struct lead_id *last,
				   struct error *ret_error)
{
	static const char sql[] = "SELECT log_offset FROM ignored WHERE partition = $1 AND "
				  "log_offset > $2 ORDER BY log_offset LIMIT 1 OFFSET 2000";
	int64_t from = -1;
	enum result r = RESULT_OK;

	while (r == RESULT_OK && from < INT64_MAX) {
		const struct db_value place[2] = {db_int(partition), db_int(from)};
		int64_t end = INT64_MAX;

		for (int side = 0; side < SIDES && r == RESULT_OK; side++)
			r = db_ask(c->db[side], sql, place, 2, take_least, &end, ret_error);
		if (r == RESULT_OK) {
			const struct db_value span[5] = {id_value(after), id_value(last), place[0],
							 place[1], db_int(end)};

			r = compare_table(c, IGNORED, span, ARRAY_LEN(span), ret_error);
		}
		from = end;
	}
	return r;
}

/* Outcomes that changed nothing stand in the order of the log, and in no other. */
static enum result compare_ignored(struct comparison *c, const struct lead_id *after,
				   const struct lead_id *last, struct error *ret_error)
{
	static const char sql[] = "SELECT MAX(partition) FROM ignored";
	int64_t greatest = -1;
	enum result r = RESULT_OK;

	for (int side = 0; side < SIDES && r == RESULT_OK; side++)
		r = db_ask(c->db[side], sql, NULL, 0, take_greatest, &greatest, ret_error);
	for (int64_t p = 0; p <= MIN_OF(greatest, (int64_t)REPLAY_PARTITIONS_MAX) && r == RESULT_OK;
	     p++)
		r = compare_offsets(c, p, after, last, ret_error);
	return r;
}

/* Ids are numbers: the one before. */
static struct lead_id id_before(struct lead_id id)
{
	for (size_t i = sizeof(id.bytes); i > 0; i--)
		if (id.bytes[i - 1]-- != 0)
			break;
	return id;
}

enum result lives_compare(struct db *recorded, struct db *recomputed, const struct lives_span *span,
			  struct lives_result ret[LIVES_TABLES], struct error *ret_error)
{
	struct comparison c = {.db = {recorded, recomputed}, .ret = ret};
	struct lead_id after = span->from, last = id_before(span->to);
	enum result r = RESULT_OK;

	if (!lead_id_is_zero(&after))
		after = id_before(after);
	for (size_t i = 0; i < LIVES_TABLES; i++)
		ret[i] = (struct lives_result){.table = tables[i].name};
	for (int side = 0; side < SIDES && r == RESULT_OK; side++)
		r = lives_accounts_read(c.db[side], &c.accounts[side], ret_error);
	if (r == RESULT_OK)
		r = compare_leads(&c, after, &last, ret_error);
	if (r == RESULT_OK)
		r = compare_ignored(&c, &after, &last, ret_error);
	for (int side = 0; side < SIDES; side++) {
		lives_rows_free(&c.rows[side]);
		lives_accounts_free(&c.accounts[side]);
	}
	return r;
}
