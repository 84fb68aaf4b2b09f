/* approved: how many leads of each webmaster were approved in a span of whole days (UTC), by vertical. What was approved stays so, and
 * test leads don't count: once the span is over and payout has settled all of it, the figures never change. */
#include "base/arena.h"
#include "payout/reports/reports.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

static const char approved_sql[] =
    "SELECT vertical, aff_id, CAST(SUM(approved) AS BIGINT) FROM verdict_days WHERE day >= $1 AND "
    "day "
    "< $2 "
    "GROUP BY vertical, aff_id HAVING SUM(approved) > 0 ORDER BY vertical, aff_id";

struct telling {
	approved_fn fn;
	void *ctx;
	struct arena arena;
};

static void tell(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct telling *t = ctx;

	arena_reset(&t->arena);
	t->fn(t->ctx, arena_cstr(&t->arena, c[0].bytes), arena_cstr(&t->arena, c[1].bytes),
	      c[2].integer);
}

enum result report_approved(struct store *s, const struct report_period *period, approved_fn fn,
			    void *ctx, struct error *ret_error)
{
	struct db_value params[] = {db_int(period->from_ms / MS_PER_DAY),
				    db_int(period->to_ms / MS_PER_DAY)};
	struct telling t = {.fn = fn, .ctx = ctx};
	enum result r =
	    db_add(store_db(s), approved_sql, params, ARRAY_LEN(params), tell, &t, ret_error);

	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	arena_free(&t.arena);
	return r;
}
