/* restore: whether the kv's state may be judged from, and putting back what it lost.
 *
 * Nobody judges while a partition is missing: a lead of any partition may be the duplicate of a lead of any other. Each worker
 * puts back the partitions that it owns, from leads.judged, and waits for the others; it looks every RESTORE_LOOK_MS, so that
 * one without leads notices a loss, too. */
#ifndef PUNNET_RESTORE_H
#define PUNNET_RESTORE_H

#include "worker_state.h"

#define RESTORE_LOOK_MS 500

/* May leads be judged? Otherwise does some of the work: *ret_busy says whether to come again at once. Away: the kv doesn't
 * answer, and nothing may be judged either. */
_must_use_ enum result restore_turn(struct worker *w, bool *ret_busy, struct error *ret_error);
/* The kv said that its state is gone. */
void restore_needed(struct worker *w);
/* A partition left: what was being put back of it is dropped. */
void restore_forget(struct worker *w, int32_t partition);
void restore_close(struct worker *w);

#endif
