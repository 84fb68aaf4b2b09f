/* store: records on their way to Kafka, each with somebody who waits for it.
 *
 * Every store_put() that answers RESULT_OK leads to exactly one on_stored(): true after the acknowledgement, false when
 * it did not come in time (the record may be stored all the same). A producer that can't go on is made anew; who waits
 * then is told false. Nothing here ends the process. */
#ifndef PUNNET_COLLECTOR_STORE_H
#define PUNNET_COLLECTOR_STORE_H

#include "runtime/service.h"

struct store;

typedef void (*store_fn)(void *waiter, uint32_t line, bool stored);

struct store_options {
	struct service *service; /* watches the producer's descriptor */
	struct bus *bus;
	size_t max_unacked;
	int linger_us, message_timeout_ms;
	int64_t ack_timeout_ms;
	int64_t busy_after_ms; /* 0: whatever fits is taken; see core/pressure.h */
	store_fn on_stored;
};

struct store *store_open(const struct store_options *o, struct error *ret_error);
/* What is put from here on begins now. */
void store_mark(struct store *s);
/* Whether there is room for a line of a batch: batches leave a part of it to those who send one lead at a time, and wait. */
bool store_has_batch_room(const struct store *s);
/* RESULT_AGAIN: too much is under way. RESULT_AWAY: no producer at the moment. Nothing was taken then. */
_must_use_ enum result store_put(struct store *s, const char *topic, int32_t partition,
				 struct slice key, const char *type, struct slice value,
				 void *waiter, uint32_t line);
void store_turn(struct store *s); /* acknowledgements, time-outs, a new producer */
bool store_working(const struct store *s);
size_t store_unacked(const struct store *s);
void store_close(struct store *s); /* who still waits is told false */

#endif
