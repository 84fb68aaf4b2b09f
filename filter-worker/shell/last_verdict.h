/* last_verdict: how far a partition of leads.raw has been judged, as the end of leads.judged says, whoever wrote it.
 *
 * What can't be read there is no verdict: it is looked for before it. Somebody else's garbage at the very end would otherwise
 * keep every worker from the partition for ever. */
#ifndef PUNNET_FILTER_WORKER_LAST_VERDICT_H
#define PUNNET_FILTER_WORKER_LAST_VERDICT_H

#include "runtime/bus.h"

/* Blocking. ret_next is the offset in leads.raw after that of the last verdict; RESULT_AGAIN: there is no verdict yet. */
_must_use_ enum result last_verdict(struct bus *bus, int32_t partition, int timeout_ms,
				    int64_t *ret_next, struct error *ret_error);

#endif
