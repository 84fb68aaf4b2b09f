/* progress: which source offset may be committed, given which outputs were acknowledged. One per source partition.
 *
 * A stage opens an entry for each source record in order, adds what it waits for (outputs, or a delivery that ends
 * later), and closes them in any order. The committable offset is the one after the longest finished prefix.
 * Limit: at most `max_open` unfinished entries; progress_full() tells a stage to stop taking. */
#ifndef PUNNET_PROGRESS_H
#define PUNNET_PROGRESS_H

#include "base/base.h"

struct progress; /* opaque */

struct progress *progress_new(size_t max_open, int64_t next_offset);
void progress_free(struct progress *p);
/* offset must be above all earlier ones (gaps are fine). Returns the entry's token, or 0 when full. */
_must_use_ uint64_t progress_open(struct progress *p, int64_t offset);
void progress_hold(struct progress *p, uint64_t token); /* one more thing to wait for */
void progress_release(struct progress *p,
		      uint64_t token); /* one thing done; an entry with no holds is finished */
int64_t progress_committable(const struct progress *p); /* next offset to read after a crash */
bool progress_full(const struct progress *p);
size_t progress_unfinished(const struct progress *p);

#endif
