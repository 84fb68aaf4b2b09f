/* due: leads of which something is due by a clock. */
#include "payout/store/sql.h"
#include "payout/store/store.h"

static const char lives_sql[] =
    "SELECT lead_id, return_until FROM lives WHERE state = 1 AND return_until < $1 AND "
    "(return_until, lead_id) > ($2, $3) ORDER BY return_until, lead_id LIMIT $4";
static const char verdicts_sql[] =
    "SELECT lead_id, MIN(at_ms) FROM verdicts WHERE standing = 0 AND at_ms < $1 AND lead_id > $2 "
    "GROUP BY lead_id ORDER BY lead_id LIMIT $3";

struct reading {
	struct due_lead *leads;
	size_t count;
};

static void take(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct reading *r = ctx;
	struct due_lead *l = &r->leads[r->count];

	if (lead_id_from_bytes(c[0].bytes.data, c[0].bytes.len, &l->lead_id)) {
		l->since_ms = c[1].integer;
		r->count++;
	}
}

enum result store_due(struct store *s, int64_t now_ms, struct due_cursor *at, struct due_lead *ret,
		      size_t max, size_t *ret_count, struct error *ret_error)
{
	struct reading reading = {.leads = ret};
	struct db *d = store_db(s);

	if (!at->lives_done) {
		TRY(db_add(d, lives_sql,
			   PARAMS(db_int(now_ms), db_int(at->last.since_ms),
				  db_lead(&at->last.lead_id), db_int((int64_t)max)),
			   take, &reading, ret_error));
		TRY(db_flush(d, ret_error));
		if (reading.count == 0)
			*at = (struct due_cursor){.lives_done = true};
	}
	if (reading.count == 0) {
		TRY(db_add(d, verdicts_sql,
			   PARAMS(db_int(now_ms - VERDICT_WAITS_MS), db_lead(&at->last.lead_id),
				  db_int((int64_t)max)),
			   take, &reading, ret_error));
		TRY(db_flush(d, ret_error));
	}
	if (reading.count > 0)
		at->last = ret[reading.count - 1];
	*ret_count = reading.count;
	return RESULT_OK;
}
