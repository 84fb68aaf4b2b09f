/* reconcile_state: how far the reading of leads.judged came, and which row is which lead, in OUT.state beside the result. It is written
 * whole or not at all; one of another list, or a damaged one, is not used. */
#ifndef PUNNET_RECONCILE_STATE_H
#define PUNNET_RECONCILE_STATE_H

#include "base/result.h"
#include "reconcile_core.h"

/* Of the list and of whose it is. */
uint64_t reconcile_state_name(const struct reconcile *r, const char *advertiser);
/* From where to go on; 0: there is no state of this list, and nothing was changed. */
int64_t reconcile_state_load(struct reconcile *r, uint64_t name, const char *out);
_must_use_ enum result reconcile_state_save(const struct reconcile *r, uint64_t name,
					    int64_t upto_ms, const char *out,
					    struct error *ret_error);
/* The result is written: the state is not needed any more. */
void reconcile_state_done(const char *out);

#endif
