/* db: the ledger as payout reaches it: SQLite's own file, through a connection that dies with its process. Linked into payout's part in
 * the place of the PostgreSQL backend. A transaction that was open is rolled back then; a commit may be done and its answer lost. */
#include <stdlib.h>

#include "payout/store/db.h"
#include "tests/sim/sim.h"

struct sim_db {
	struct db base;
	struct db *inner;
	struct resource resource;
};

static struct db *inner(struct db *d)
{
	return ((struct sim_db *)d)->inner;
}

static bool is_away(void)
{
	return sim.running && sim.now_us < sim.db_away_until_us;
}

static enum result no_answer(struct error *e)
{
	return error_set(e, RESULT_AWAY, "sim: the ledger does not answer");
}

static enum result sim_begin(struct db *d, struct error *ret_error)
{
	enum result r;

	sim_step(STEP_DB, "begin");
	if (is_away())
		return no_answer(ret_error);
	r = inner(d)->ops->begin(inner(d), ret_error);
	sim_step(STEP_DB, "begun");
	return r;
}

static enum result sim_commit(struct db *d, struct error *ret_error)
{
	enum result r;

	sim_step(STEP_DB, "commit");
	if (is_away() && sim_chance(5000))
		return no_answer(ret_error);
	r = inner(d)->ops->commit(inner(d), ret_error);
	sim_step(STEP_DB, "committed");
	return is_away() ? no_answer(ret_error) : r;
}

static void sim_rollback(struct db *d)
{
	inner(d)->ops->rollback(inner(d));
}

static enum result sim_add(struct db *d, const char *sql, const struct db_value *params,
			   size_t count, db_row_fn fn, void *ctx, struct error *ret_error)
{
	sim_step(STEP_DB, sql);
	if (is_away())
		return no_answer(ret_error);
	return inner(d)->ops->add(inner(d), sql, params, count, fn, ctx, ret_error);
}

static enum result sim_add_rows(struct db *d, const char *sql, const struct db_value *values,
				size_t columns, size_t count, db_row_fn fn, void *ctx,
				struct error *ret_error)
{
	sim_step(STEP_DB, sql);
	if (is_away())
		return no_answer(ret_error);
	return inner(d)->ops->add_rows(inner(d), sql, values, columns, count, fn, ctx, ret_error);
}

static enum result sim_flush(struct db *d, struct error *ret_error)
{
	return inner(d)->ops->flush(inner(d), ret_error);
}

static enum result sim_script(struct db *d, const char *sql, struct error *ret_error)
{
	return inner(d)->ops->script(inner(d), sql, ret_error);
}

static void db_dies(void *ctx)
{
	struct sim_db *d = ctx;

	inner(&d->base)->ops->rollback(d->inner);
	db_close(d->inner);
}

static void sim_close(struct db *d)
{
	struct sim_db *s = (struct sim_db *)d;

	if (sim.running)
		proc_disown(&s->resource);
	db_close(s->inner);
	free(s);
}

static const struct db_ops ops = {
    .dialect = DB_SQLITE,
    .begin = sim_begin,
    .commit = sim_commit,
    .rollback = sim_rollback,
    .add = sim_add,
    .add_rows = sim_add_rows,
    .flush = sim_flush,
    .script = sim_script,
    .close = sim_close,
};

/* In the place of PostgreSQL: whoever is configured with postgres://PATH gets the file. Nobody waits for a lock: who holds it may be
 * standing still. */
struct db *db_postgres_open(const char *url, _unused_ int timeout_ms, struct error *ret_error)
{
	struct sim_db *d = calloc(1, sizeof(*d));

	assert(d);
	d->base.ops = &ops;
	d->inner = db_sqlite_open(url + sizeof("postgres://") - 1, 0, ret_error);
	if (!d->inner) {
		free(d);
		return NULL;
	}
	if (sim.running) {
		d->resource = (struct resource){.on_death = db_dies, .ctx = d};
		proc_own(&d->resource);
	}
	return &d->base;
}
