/* replay_lives_compare: two ledgers, row by row. A page is a span of lead ids, so that what is in memory is bounded; within it
 * the rows of both are put into the order of their keys here, for two databases may sort text differently. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "tools/replay/replay_lives.h"

#define COLUMNS_MAX 32
#define PAGE_LEADS  2000

struct table {
	const char *name, *sql;
	const char
	    *columns[COLUMNS_MAX]; /* as the statement gives them; the first `keys` are the key */
	size_t keys;
};

/* A run of payments takes lives without an outcome, and operations are transfers that no lead makes: neither is replayed. */
static const struct table tables[LIVES_TABLES] = {
    {"lives",
     "SELECT lead_id, round, state, order_id, advertiser_id, aff_id, vertical, price, payout, "
     "currency, exclusive, is_test, market_partition, settled_at, delivered_at, payable_at, "
     "return_until, closed_at, reason_code, sub1, sub2, sub3, sub4, sub5, click_id, vat, "
     "returns_max_bp, own_cause_borne, waived_at, called_at FROM lives "
     "WHERE lead_id > $1 AND lead_id <= $2",
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
     "SELECT lead_id, round, event, line, at_ms, order_id, account, currency, amount FROM books "
     "WHERE lead_id > $1 AND lead_id <= $2 AND event < 16",
     {"lead_id", "round", "event", "line", "at_ms", "order_id", "account", "currency", "amount"},
     4},
    {"verdicts",
     "SELECT lead_id, advertiser_id, verdict_id, event, reason_code, amount, currency, at_ms, "
     "partition, log_offset, standing, called_at FROM verdicts "
     "WHERE lead_id > $1 AND lead_id <= $2",
     {"lead_id", "advertiser_id", "verdict_id", "event", "reason_code", "amount", "currency",
      "at_ms", "partition", "log_offset", "standing", "called_at"},
     3},
    {"ignored",
     "SELECT lead_id, partition, log_offset, round, event, reason, advertiser_id, verdict_id, "
     "at_ms FROM ignored WHERE lead_id > $1 AND lead_id <= $2",
     {"lead_id", "partition", "log_offset", "round", "event", "reason", "advertiser_id",
      "verdict_id", "at_ms"},
     3},
};

/* Where the page ends: whoever has more leads says so. */
static const char page_sql[] =
    "SELECT DISTINCT lead_id FROM (SELECT lead_id FROM lives UNION ALL SELECT lead_id FROM "
    "verdicts "
    "UNION ALL SELECT lead_id FROM ignored) AS every WHERE lead_id > $1 AND lead_id <= $2 "
    "ORDER BY lead_id LIMIT 1 OFFSET 2000";
_Static_assert(PAGE_LEADS == 2000, "as the statement says");

struct row {
	char *columns[COLUMNS_MAX];
};
struct rows {
	struct arena *arena;
	size_t count, cap, keys;
	struct row **all;
};

static void take_row(void *ctx, const struct db_value *values, size_t count)
{
	struct rows *r = ctx;
	struct row *row = arena_calloc(r->arena, 1, sizeof(*row));

	if (r->count == r->cap) {
		r->cap = MAX_OF((size_t)1024, r->cap * 2);
		r->all = realloc(r->all, r->cap * sizeof(struct row *));
		if (!r->all)
			abort();
	}
	r->all[r->count++] = row;
	for (size_t i = 0; i < MIN_OF(count, (size_t)COLUMNS_MAX); i++) {
		_cleanup_(buf_free) struct buf hex = {0};

		if (values[i].type == DB_INT) {
			row->columns[i] = arena_printf(r->arena, "%" PRId64, values[i].integer);
			continue;
		}
		if (values[i].type == DB_TEXT) {
			row->columns[i] = arena_cstr(r->arena, values[i].bytes);
			continue;
		}
		for (size_t k = 0; k < values[i].bytes.len; k++)
			buf_printf(&hex, "%02x", (uint8_t)values[i].bytes.data[k]);
		row->columns[i] = arena_cstr(r->arena, buf_slice(&hex));
	}
}

static int compare_keys(const struct row *a, const struct row *b, size_t keys)
{
	for (size_t i = 0; i < keys; i++) {
		int c = strcmp(a->columns[i], b->columns[i]);

		if (c != 0)
			return c;
	}
	return 0;
}

/* No table has more key columns than this; those behind a table's own are unique within its key anyway. */
#define SORT_KEYS 4

static int by_key(const void *a, const void *b)
{
	return compare_keys(*(struct row *const *)a, *(struct row *const *)b, SORT_KEYS);
}

static enum result read_rows(struct db *d, const struct table *t, const struct lead_id *after,
			     const struct lead_id *upto, struct rows *ret, struct error *ret_error)
{
	struct db_value bounds[2] = {db_bytes(after->bytes, sizeof(after->bytes)),
				     db_bytes(upto->bytes, sizeof(upto->bytes))};
	enum result r = db_add(d, t->sql, bounds, 2, take_row, ret, ret_error);

	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (ret->count > 0)
		qsort(ret->all, ret->count, sizeof(struct row *), by_key);
	return r;
}

/* --- comparing --- */

static uint64_t digest_of(const struct table *t, const struct row *row)
{
	uint64_t h = 0, wide[2];

	for (size_t i = 0; i < COLUMNS_MAX && t->columns[i]; i++) {
		hash_wide(slice_cstr(row->columns[i]), wide);
		h = hash_mix(h ^ wide[0]) ^ wide[1];
	}
	return hash_mix(h);
}

static void name(struct lives_result *ret, const struct table *t, const struct row *row,
		 const char *field, const char *recorded, const char *recomputed)
{
	struct replay_difference *d = &ret->first;

	ret->different++;
	if (d->found)
		return;
	replay_differ(d, field, recorded, recomputed);
	snprintf(d->where, sizeof(d->where), "%s", t->name);
	for (size_t i = 1; i < t->keys; i++) {
		size_t len = strlen(d->where);

		snprintf(d->where + len, sizeof(d->where) - len, " %s=%s", t->columns[i],
			 row->columns[i]);
	}
	snprintf(d->lead, sizeof(d->lead), "%.8s-%.4s-%.4s-%.4s-%.12s", row->columns[0],
		 row->columns[0] + 8, row->columns[0] + 12, row->columns[0] + 16,
		 row->columns[0] + 20);
}

static void compare_row(struct lives_result *ret, const struct table *t, const struct row *a,
			const struct row *b)
{
	for (size_t i = 0; i < COLUMNS_MAX && t->columns[i]; i++) {
		if (strcmp(a->columns[i], b->columns[i]) == 0)
			continue;
		name(ret, t, a, t->columns[i], a->columns[i], b->columns[i]);
		return;
	}
	ret->equal++;
}

static void compare_rows(struct lives_result *ret, const struct table *t, const struct rows *a,
			 const struct rows *b)
{
	size_t i = 0, k = 0;

	while (i < a->count || k < b->count) {
		int c = i == a->count   ? 1
			: k == b->count ? -1
					: compare_keys(a->all[i], b->all[k], t->keys);

		if (c <= 0) {
			ret->recorded++;
			ret->recorded_digest += digest_of(t, a->all[i]);
		}
		if (c >= 0)
			ret->recomputed_digest += digest_of(t, b->all[k]);
		if (c == 0)
			compare_row(ret, t, a->all[i], b->all[k]);
		else if (c < 0)
			name(ret, t, a->all[i], "row", "given", "none");
		else
			name(ret, t, b->all[k], "row", "none", "given");
		i += c <= 0;
		k += c >= 0;
	}
}

static enum result compare_page(struct db *recorded, struct db *recomputed,
				const struct lead_id *after, const struct lead_id *upto,
				struct lives_result ret[LIVES_TABLES], struct error *ret_error)
{
	struct arena arena = {0};
	enum result r = RESULT_OK;

	for (size_t i = 0; i < LIVES_TABLES && r == RESULT_OK; i++) {
		struct rows a = {.arena = &arena}, b = {.arena = &arena};

		r = read_rows(recorded, &tables[i], after, upto, &a, ret_error);
		if (r == RESULT_OK)
			r = read_rows(recomputed, &tables[i], after, upto, &b, ret_error);
		if (r == RESULT_OK)
			compare_rows(&ret[i], &tables[i], &a, &b);
		free(a.all);
		free(b.all);
		arena_reset(&arena);
	}
	arena_free(&arena);
	return r;
}

static void take_id(void *ctx, const struct db_value *values, _unused_ size_t count)
{
	(void)lead_id_from_bytes(values[0].bytes.data, values[0].bytes.len, ctx);
}

/* The last lead of the page, or of the span. */
static enum result page_end(struct db *d, const struct lead_id *after, const struct lead_id *last,
			    struct lead_id *ret, struct error *ret_error)
{
	struct db_value bounds[2] = {db_bytes(after->bytes, sizeof(after->bytes)),
				     db_bytes(last->bytes, sizeof(last->bytes))};
	enum result r;

	*ret = *last;
	r = db_add(d, page_sql, bounds, 2, take_id, ret, ret_error);
	return r == RESULT_OK ? db_flush(d, ret_error) : r;
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
	struct lead_id after = span->from, last = id_before(span->to), end, other;
	enum result r = RESULT_OK;

	if (!lead_id_is_zero(&after))
		after = id_before(after);
	for (size_t i = 0; i < LIVES_TABLES; i++)
		ret[i] = (struct lives_result){.table = tables[i].name};
	while (r == RESULT_OK && memcmp(&after, &last, sizeof(last)) < 0) {
		r = page_end(recorded, &after, &last, &end, ret_error);
		if (r == RESULT_OK)
			r = page_end(recomputed, &after, &last, &other, ret_error);
		if (r == RESULT_OK && memcmp(&other, &end, sizeof(end)) < 0)
			end = other;
		if (r == RESULT_OK)
			r = compare_page(recorded, recomputed, &after, &end, ret, ret_error);
		after = end;
	}
	return r;
}
