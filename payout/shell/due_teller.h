/* due_teller: writes into leads.outcomes that something of a lead is due: its return window is over and nobody judged it, or a
 * verdict has waited for its lead for long enough.
 *
 * It looks into the ledger once in every_ms, by this machine's clock. What it writes settles nothing by itself: the settling
 * compares the record's own time in the log, so a clock that is wrong makes records that find nothing due. What is still open
 * at the next look is written again, and a repeat finds nothing due.
 * Fails: when the bus gives up it says so and tries again later; settling goes on. */
#ifndef PUNNET_PAYOUT_DUE_TELLER_H
#define PUNNET_PAYOUT_DUE_TELLER_H

#include "payout/store/store.h"
#include "runtime/bus.h"

#define DUE_TELLER_TOPIC    "leads.outcomes"
#define DUE_TELLER_LOOK_MAX 20000 /* leads of one look; the rest at the next one */

struct due_teller; /* opaque */

/* bus and store are borrowed. */
struct due_teller *due_teller_new(struct bus *bus, struct store *store, int64_t every_ms,
				  int64_t (*wall_ms)(void));
void due_teller_free(struct due_teller *t); /* accepts NULL */
/* RESULT_OK, or what the ledger answered. */
_must_use_ enum result due_teller_pump(struct due_teller *t, bool *ret_busy,
				       struct error *ret_error);

#endif
