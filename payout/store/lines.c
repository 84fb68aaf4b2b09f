/* lines: verdicts in sums, a row for each day and one for the line that they belong to. */
#include "payout/store/lines.h"

#include <stdlib.h>

#include "payout/core/tally.h"
#include "payout/store/db.h"

static const char day_sql[] =
    "INSERT INTO verdict_days (vertical, aff_id, day, approved, returned) VALUES ($1, $2, $3, $4, "
    "$5) "
    "ON CONFLICT (vertical, aff_id, day) DO UPDATE SET "
    "approved = verdict_days.approved + excluded.approved, "
    "returned = verdict_days.returned + excluded.returned";
static const char line_sql[] =
    "INSERT INTO verdict_lines (vertical, aff_id, verdicts, told_verdicts, told_at) VALUES ($1, "
    "$2, $3, 0, 0) "
    "ON CONFLICT (vertical, aff_id) DO UPDATE SET "
    "verdicts = verdict_lines.verdicts + excluded.verdicts";
static const char due_sql[] =
    "SELECT vertical, aff_id, verdicts, "
    "(SELECT CAST(COALESCE(SUM(approved), 0) AS BIGINT) FROM verdict_days d "
    "WHERE d.vertical = l.vertical AND d.aff_id = l.aff_id AND d.day >= $1), "
    "(SELECT CAST(COALESCE(SUM(returned), 0) AS BIGINT) FROM verdict_days d "
    "WHERE d.vertical = l.vertical AND d.aff_id = l.aff_id AND d.day >= $1) "
    "FROM verdict_lines l WHERE verdicts <> told_verdicts OR told_at < $2 "
    "ORDER BY vertical, aff_id LIMIT $3";
static const char told_sql[] = "UPDATE verdict_lines SET told_verdicts = $3, told_at = $4 "
			       "WHERE vertical = $1 AND aff_id = $2";

/* --- writing --- */

/* Rows are locked in the same order in every process, so that two of them never wait for each other in a ring. */
static int by_line(const char *vertical, const char *aff_id, const char *vertical_too,
		   const char *aff_id_too)
{
	int c = strcmp(vertical, vertical_too);

	return c ? c : strcmp(aff_id, aff_id_too);
}

static int by_tally(const void *a, const void *b)
{
	const struct tally *x = *(const struct tally *const *)a;
	const struct tally *y = *(const struct tally *const *)b;
	int c = by_line(x->vertical, x->aff_id, y->vertical, y->aff_id);

	return c ? c : (x->day > y->day) - (x->day < y->day);
}

static enum result write_tally(struct db *d, const struct tally *t, struct error *ret_error)
{
	struct db_value day[] = {db_text(t->vertical), db_text(t->aff_id), db_int(t->day),
				 db_int(t->approved), db_int(t->returned)};
	struct db_value line[] = {db_text(t->vertical), db_text(t->aff_id),
				  db_int(t->approved + t->returned)};
	enum result r = db_add(d, line_sql, line, ARRAY_LEN(line), NULL, NULL, ret_error);

	if (r != RESULT_OK)
		return r;
	return db_add(d, day_sql, day, ARRAY_LEN(day), NULL, NULL, ret_error);
}

enum result lines_write(struct store *s, const struct settlement *t, struct error *ret_error)
{
	size_t count = map_count(&t->tallies);
	const struct tally **sorted = arena_calloc(t->arena, count + 1, sizeof(struct tally *));
	enum result r = RESULT_OK;

	for (size_t i = 0; i < count; i++)
		sorted[i] = tally_at(t, i);
	qsort(sorted, count, sizeof(struct tally *), by_tally);
	for (size_t i = 0; i < count && r == RESULT_OK; i++)
		r = write_tally(store_db(s), sorted[i], ret_error);
	return r;
}

/* --- telling --- */

struct reading {
	struct arena *a;
	struct verdict_line *lines;
	size_t count;
};

static void take_line(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct reading *r = ctx;

	r->lines[r->count++] = (struct verdict_line){.vertical = arena_cstr(r->a, c[0].bytes),
						     .aff_id = arena_cstr(r->a, c[1].bytes),
						     .verdicts = c[2].integer,
						     .approved = c[3].integer,
						     .returned = c[4].integer};
}

static int by_name(const void *a, const void *b)
{
	const struct verdict_line *x = a, *y = b;

	return by_line(x->vertical, x->aff_id, y->vertical, y->aff_id);
}

enum result store_lines_due(struct store *s, int64_t since_day, int64_t told_before_ms, size_t max,
			    struct arena *a, struct verdict_line *ret, size_t *ret_count,
			    struct error *ret_error)
{
	struct reading reading = {.a = a, .lines = ret};
	struct db_value params[] = {db_int(since_day), db_int(told_before_ms),
				    db_int((int64_t)max)};
	enum result r =
	    db_add(store_db(s), due_sql, params, ARRAY_LEN(params), take_line, &reading, ret_error);

	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	if (r != RESULT_OK)
		return r;
	qsort(ret, reading.count, sizeof(*ret), by_name); /* the server may sort by its language */
	*ret_count = reading.count;
	return RESULT_OK;
}

static enum result write_told(struct db *d, const struct verdict_line *lines, size_t count,
			      int64_t at_ms, struct error *ret_error)
{
	enum result r = RESULT_OK;

	for (size_t i = 0; i < count && r == RESULT_OK; i++) {
		const struct verdict_line *l = &lines[i];
		struct db_value params[] = {db_text(l->vertical), db_text(l->aff_id),
					    db_int(l->verdicts), db_int(at_ms)};

		r = db_add(d, told_sql, params, ARRAY_LEN(params), NULL, NULL, ret_error);
	}
	return r;
}

enum result store_lines_told(struct store *s, const struct verdict_line *lines, size_t count,
			     int64_t at_ms, struct error *ret_error)
{
	struct db *d = store_db(s);
	enum result r = db_begin(d, ret_error);

	if (r == RESULT_OK)
		r = write_told(d, lines, count, at_ms, ret_error);
	if (r == RESULT_OK)
		r = db_commit(d, ret_error);
	if (r != RESULT_OK)
		db_rollback(d);
	return r;
}
