/* worker: leads.outcomes to the ledger to the market. Takes a batch, settles it partition by
 * partition, publishes. */
#ifndef PUNNET_PAYOUT_WORKER_H
#define PUNNET_PAYOUT_WORKER_H

#include "payout/store/store.h"
#include "runtime/bus.h"
#include "runtime/directory.h"

struct worker; /* opaque */

struct worker_settings {
	const char *instance_id;
	size_t batch_size;
	int64_t hold_ms, return_window_ms; /* of advertisers whose entry has none */
	int64_t ack_watchdog_ms;
	int64_t lines_every_ms;   /* see line_teller.h */
	int64_t due_every_ms;     /* see due_teller.h; 0: nobody looks */
	int64_t (*wall_ms)(void); /* by which it looks; NULL: the wall clock */
	int linger_ms, gather_ms; /* of the bus */
};

/* Everything is borrowed. */
struct worker *worker_open(struct bus *bus, struct directory *directory, struct store *store,
			   const struct worker_settings *settings, struct error *ret_error);
void worker_close(struct worker *w); /* accepts NULL */
/* RESULT_OK; RESULT_AWAY: the ledger is away, turn again after a pause; RESULT_FATAL: end. */
_must_use_ enum result worker_turn(struct worker *w, bool *ret_busy, struct error *ret_error);
int worker_consumer_fd(struct worker *w);
int worker_producer_fd(struct worker *w);
bool worker_ledger_away(const struct worker *w);
void worker_drain(struct worker *w);
bool worker_drained(const struct worker *w);

#endif
