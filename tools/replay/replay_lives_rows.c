/* replay_lives_rows: see replay_lives_rows.h. */
#include "tools/replay/replay_lives_rows.h"

#include <stdlib.h>

#define INT_TEXT_MAX 24
#define ENTRIES      4 /* of one transfer */
#define ACCOUNTS_MAX 10000000

/* --- values as text --- */

static struct slice int_text(struct arena *a, int64_t v)
{
	char digits[INT_TEXT_MAX], *at = digits + sizeof(digits), *text;
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	size_t len;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (v < 0)
		*--at = '-';
	len = (size_t)(digits + sizeof(digits) - at);
	text = arena_alloc(a, len + 1);
	memcpy(text, at, len);
	text[len] = '\0';
	return slice_of(text, len);
}

static struct slice plain_text(struct arena *a, struct slice s)
{
	char *text = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	return slice_of(text, s.len);
}

static struct slice hex_text(struct arena *a, struct slice s)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_alloc(a, s.len * 2 + 1);

	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = (uint8_t)s.data[i];

		text[2 * i] = digits[byte >> 4];
		text[2 * i + 1] = digits[byte & 15];
	}
	text[s.len * 2] = '\0';
	return slice_of(text, s.len * 2);
}

static struct slice text_of(struct arena *a, const struct db_value *v)
{
	if (v->type == DB_INT)
		return int_text(a, v->integer);
	return v->type == DB_TEXT ? plain_text(a, v->bytes) : hex_text(a, v->bytes);
}

/* --- accounts --- */

static void take_account(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct lives_accounts *a = ctx;
	size_t id = (size_t)c[0].integer, cap = MAX_OF(a->count, (size_t)64);

	if (c[0].integer <= 0 || c[0].integer > ACCOUNTS_MAX)
		return; /* its entries are of nobody, and differ */
	while (id >= cap)
		cap *= 2;
	if (cap > a->count) {
		a->all = realloc(a->all, cap * sizeof(*a->all));
		if (!a->all)
			abort();
		memset(a->all + a->count, 0, (cap - a->count) * sizeof(*a->all));
		a->count = cap;
	}
	a->all[id] = (struct lives_account){text_of(&a->arena, &c[1]), text_of(&a->arena, &c[2])};
}

enum result lives_accounts_read(struct db *d, struct lives_accounts *ret, struct error *ret_error)
{
	static const char sql[] = "SELECT id, name, currency FROM accounts";

	return db_ask(d, sql, NULL, 0, take_account, ret, ret_error);
}

void lives_accounts_free(struct lives_accounts *a)
{
	arena_free(&a->arena);
	free(a->all);
}

/* --- rows --- */

void lives_rows_reset(struct lives_rows *r, size_t columns)
{
	assert(columns <= LIVES_COLUMNS_MAX);
	arena_reset(&r->arena);
	r->count = 0;
	r->columns = columns;
}

void lives_rows_free(struct lives_rows *r)
{
	arena_free(&r->arena);
	free(r->all);
}

static struct slice *add_row(struct lives_rows *r)
{
	struct slice *columns = arena_alloc(&r->arena, r->columns * sizeof(*columns));

	if (r->count == r->cap) {
		r->cap = MAX_OF((size_t)1024, r->cap * 2);
		r->all = realloc(r->all, r->cap * sizeof(*r->all));
		if (!r->all)
			abort();
	}
	r->all[r->count++].columns = columns;
	return columns;
}

static void take_row(void *ctx, const struct db_value *values, size_t count)
{
	struct lives_rows *r = ctx;
	struct slice *columns = add_row(r);

	assert(count == r->columns);
	for (size_t i = 0; i < count; i++)
		columns[i] = text_of(&r->arena, &values[i]);
}

enum result lives_rows_read(struct lives_rows *r, struct db *d, const char *sql,
			    const struct db_value *params, size_t count, struct error *ret_error)
{
	return db_ask(d, sql, params, count, take_row, r, ret_error);
}

/* --- entries --- */

/* A transfer is one row with its entries in it; it is taken apart here, for the database would look it up once more for each. */
static const char transfers_sql[] =
    "SELECT lead_id, round, event, at_ms, order_id, account1, amount1, account2, amount2, "
    "account3, amount3, account4, amount4 FROM transfers "
    "WHERE lead_id > $1 AND lead_id <= $2 AND event < 16 ORDER BY lead_id, round, event";

struct entries {
	struct lives_rows *rows;
	const struct lives_accounts *accounts;
};

static void take_transfer(void *ctx, const struct db_value *values, _unused_ size_t count)
{
	struct entries *e = ctx;
	struct arena *a = &e->rows->arena;
	struct slice head[5];

	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		head[i] = text_of(a, &values[i]);
	for (size_t line = 0; line < ENTRIES; line++) {
		int64_t account = values[5 + 2 * line].integer;
		struct slice *columns;

		if (account <= 0 || (size_t)account >= e->accounts->count ||
		    !e->accounts->all[account].name.data)
			continue;
		columns = add_row(e->rows);
		columns[0] = head[0];
		columns[1] = head[1];
		columns[2] = head[2];
		columns[3] = int_text(a, (int64_t)line);
		columns[4] = head[3];
		columns[5] = head[4];
		columns[6] = e->accounts->all[account].name;
		columns[7] = e->accounts->all[account].currency;
		columns[8] = int_text(a, values[6 + 2 * line].integer);
	}
}

enum result lives_rows_read_entries(struct lives_rows *r, struct db *d,
				    const struct lives_accounts *accounts,
				    const struct db_value span[2], struct error *ret_error)
{
	struct entries e = {r, accounts};

	assert(r->columns == 9);
	return db_ask(d, transfers_sql, span, 2, take_transfer, &e, ret_error);
}

/* --- their order --- */

int lives_rows_compare(const struct lives_row *a, const struct lives_row *b, size_t keys)
{
	for (size_t i = 0; i < keys; i++) {
		int c = strcmp(a->columns[i].data, b->columns[i].data);

		if (c != 0)
			return c;
	}
	return 0;
}

/* No table has more key columns than this; those behind a table's own are unique within its key anyway. */
#define SORT_KEYS 4

static int by_key(const void *a, const void *b)
{
	return lives_rows_compare(a, b, SORT_KEYS);
}

void lives_rows_sort(struct lives_rows *r, size_t keys)
{
	bool sorted = true;

	assert(keys <= SORT_KEYS);
	for (size_t i = 1; i < r->count && sorted; i++)
		sorted = lives_rows_compare(&r->all[i - 1], &r->all[i], SORT_KEYS) <= 0;
	if (!sorted)
		qsort(r->all, r->count, sizeof(*r->all), by_key);
}
