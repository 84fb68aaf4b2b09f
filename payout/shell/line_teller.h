/* line_teller: tells webmasters.verdicts what advertisers said of each webmaster's leads in a vertical over the last 90 days.
 *
 * It looks into the ledger once in every_ms: a line that changed is told then, each line at least once a day, for old days leave
 * the sums with time. A record says the whole line, and the ledger notes it as told only after the acknowledgement: what a
 * crash left open is told again, and a repeat says the same.
 * Fails: without the topic, or when the bus gives up, it says so once and tries again later; settling goes on. */
#ifndef PUNNET_PAYOUT_LINE_TELLER_H
#define PUNNET_PAYOUT_LINE_TELLER_H

#include "payout/store/store.h"
#include "runtime/bus.h"

#define LINE_TELLER_TOPIC "webmasters.verdicts"
#define LINE_TELLER_DAYS  90 /* today among them */

struct line_teller; /* opaque */

/* bus and store are borrowed. */
struct line_teller *line_teller_new(struct bus *bus, struct store *store, int64_t every_ms);
void line_teller_free(struct line_teller *t); /* accepts NULL */
/* RESULT_OK, or what the ledger answered. */
_must_use_ enum result line_teller_pump(struct line_teller *t, bool *ret_busy,
					struct error *ret_error);

#endif
