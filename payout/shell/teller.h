/* teller: what the tellers share. Now and then one looks into the ledger and writes what it finds; when all of it is acknowledged, it
 * goes on or rests.
 *
 * Fails: when the bus gives up, the teller says so, closes its producer and rests; what was under way is found again. */
#ifndef PUNNET_PAYOUT_TELLER_H
#define PUNNET_PAYOUT_TELLER_H

#include <protobuf-c/protobuf-c.h>

#include "runtime/bus.h"

struct teller {
	struct bus *bus;
	struct bus_producer *producer; /* NULL: not opened, or given up */
	const char *topic;
	const char *not_told;       /* the log event of a failure */
	size_t max_in_flight;       /* records of one round */
	size_t count, acknowledged; /* of what is under way */
	int64_t every_ms, look_at_ms;
};

void teller_close(struct teller *t);
/* Nothing is under way any more; the next look is in every_ms. */
void teller_rest(struct teller *t);
/* Closes the producer, too. */
void teller_give_up(struct teller *t, const char *why);
/* How many partitions the topic has; less than 1: there is none. */
int32_t teller_partitions(const struct teller *t);
/* false: not now. */
_must_use_ bool teller_open(struct teller *t);
/* Hears the bus. true: something is still under way. */
_must_use_ bool teller_waits(struct teller *t);
/* One record. false: it was not taken. */
_must_use_ bool teller_put(struct teller *t, int32_t partition, struct slice key,
			   const ProtobufCMessage *m);

#endif
