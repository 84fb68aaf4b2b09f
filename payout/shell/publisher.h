/* publisher: the outbox of one outcomes partition to the bus, in the order of its numbers,
 * forgotten once acknowledged.
 *
 * It reads rows from the ledger, never from memory: what a crash left behind is published at the
 * next assignment. A repeat carries the same number and falls away at the router. */
#ifndef PUNNET_PAYOUT_PUBLISHER_H
#define PUNNET_PAYOUT_PUBLISHER_H

#include "payout/store/store.h"
#include "runtime/bus.h"

#define PUBLISHER_WINDOW 2000 /* unacknowledged rows of one partition */

struct publisher; /* opaque */

/* producer and store are borrowed. Rows of status.events go to the partition of their key. slots are shared by all publishers of a producer. */
struct publisher_slots *publisher_slots_new(size_t count, int32_t status_partitions);
void publisher_slots_free(struct publisher_slots *s);
/* The producer's on_ack, with the slots as its ctx. */
void publisher_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition,
		      int64_t offset);

struct publisher *publisher_new(struct publisher_slots *slots, struct bus_producer *producer,
				struct store *store, uint32_t partition);
void publisher_free(struct publisher *p); /* accepts NULL; what is in flight goes its way */

void publisher_wake(struct publisher *p); /* the outbox may hold more */
/* Publishes and forgets what it can now. `quiet`: nothing else to do, so forgetting is worth a
 * transaction of its own. */
_must_use_ enum result publisher_pump(struct publisher *p, bool quiet, bool *ret_busy,
				      struct error *ret_error);
bool publisher_done(const struct publisher *p); /* all published, acknowledged and forgotten */

#endif
