/* outbox_run: records of the outbox that follow one another, in the bytes of one row. A thousand rows would cost the ledger more than
 * the credits that they tell of. What a record has in common with the one before it is not said again. */
#ifndef PUNNET_PAYOUT_OUTBOX_RUN_H
#define PUNNET_PAYOUT_OUTBOX_RUN_H

#include "base/buf.h"
#include "payout/store/store.h"

#define OUTBOX_RUN_MAX       256          /* records */
#define OUTBOX_RUN_BYTES_MAX (256 * 1024) /* from here on a run is over */

/* How many of the rows make the next run, at least one; its bytes are appended. Their numbers follow one another. */
size_t outbox_run_write(const struct outbox_row *rows, size_t count, struct buf *out);

/* One record after another. Texts live in the arena, key and payload in the bytes. */
struct outbox_run {
	struct slice left;
	struct outbox_row last;
};
/* false: there is none left, or the bytes are not a run's. */
_must_use_ bool outbox_run_next(struct outbox_run *run, struct arena *a, struct outbox_row *ret);

#endif
