/* store: the ledger. One transaction settles a batch of outcomes of one partition, with the next
 * offset inside it.
 *
 *     store_begin(…, &cursor)     the partition is ours until the end; cursor says from which
 * offset on store_load(…)               fills every dossier of the settlement in store_write(…)
 * everything that the settlement changed store_commit(…, next)       or store_rollback()
 *
 * Two processes on one partition take turns at store_begin(), and the second one finds the first
 * one's offset: an outcome is settled once, whoever comes. Results as in db.h: after RESULT_AWAY
 * nothing was written, and the same batch is to be tried again; a commit whose answer was lost
 * shows in the cursor of the next try. */
#ifndef PUNNET_PAYOUT_STORE_H
#define PUNNET_PAYOUT_STORE_H

#include "payout/core/settle.h"

#define STORE_BATCH_MAX 1000 /* outcomes of one transaction */

struct store; /* opaque */
struct db;

struct store_cursor {
	int64_t next; /* the first offset that is not settled; -1 = the partition is new here */
	uint64_t next_seq; /* of the outbox; from 1 */
};

/* url as in db.h. Brings the schema up to date. */
struct store *store_open(const char *url, int timeout_ms, struct error *ret_error);
void store_close(struct store *s); /* accepts NULL */

/* Without a transaction: for the assignment of a partition. */
_must_use_ enum result store_cursor_read(struct store *s, const char *topic, uint32_t partition,
					 struct store_cursor *ret, struct error *ret_error);

_must_use_ enum result store_begin(struct store *s, const char *topic, uint32_t partition,
				   struct store_cursor *ret, struct error *ret_error);
_must_use_ enum result store_load(struct store *s, struct settlement *t, struct error *ret_error);
_must_use_ enum result store_write(struct store *s, const struct settlement *t,
				   struct error *ret_error);
_must_use_ enum result store_commit(struct store *s, const char *topic, uint32_t partition,
				    const struct store_cursor *next, struct error *ret_error);
void store_rollback(struct store *s);

/* The outbox: rows with a number above `after`, in order, at most max; they live in the arena. */
_must_use_ enum result store_outbox_read(struct store *s, uint32_t partition, uint64_t after,
					 size_t max, struct arena *a, struct outbox_row *ret,
					 size_t *ret_count, struct error *ret_error);
/* Forgets the rows up to and including `upto`. */
_must_use_ enum result store_outbox_forget(struct store *s, uint32_t partition, uint64_t upto,
					   struct error *ret_error);
_must_use_ enum result store_outbox_backlog(struct store *s, int64_t *ret_rows,
					    struct error *ret_error);

/* What advertisers said of a webmaster's leads in a vertical, in sums. */
struct verdict_line {
	const char *vertical, *aff_id;
	int64_t approved, returned; /* of the days that were asked for */
	int64_t verdicts;           /* of all days: what the line has come to */
};

/* Lines with verdicts that were not told yet, and those last told before told_before_ms; sums from since_day on. At most max;
 * they live in the arena. */
_must_use_ enum result store_lines_due(struct store *s, int64_t since_day, int64_t told_before_ms,
				       size_t max, struct arena *a, struct verdict_line *ret,
				       size_t *ret_count, struct error *ret_error);
/* These were told, as they were at at_ms. In one transaction. */
_must_use_ enum result store_lines_told(struct store *s, const struct verdict_line *lines,
					size_t count, int64_t at_ms, struct error *ret_error);

/* Leads whose window was over before now_ms and that nobody judged, the oldest first; after them those with a verdict that has
 * waited too long. The cursor says how far the last call came; zero is the beginning. */
struct due_lead {
	struct lead_id lead_id;
	int64_t since_ms;
};
struct due_cursor {
	struct due_lead last;
	bool lives_done;
};
_must_use_ enum result store_due(struct store *s, int64_t now_ms, struct due_cursor *at,
				 struct due_lead *ret, size_t max, size_t *ret_count,
				 struct error *ret_error);

/* For reports and tests: plain reading. */
struct db *store_db(struct store *s);

#endif
