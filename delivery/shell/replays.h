/* replays: status.replays → status.events. What a webmaster asked for with his own key is written into status.events once more, as it
 * was, and goes the way of all postbacks.
 *
 * One request at a time, in its order; of one at most REPLAY_EVENTS_MAX events, and of all so many a second as the settings say, so
 * that nobody's new events wait long behind another's old ones. What is written is numbered by the request and the event's own place, so a
 * crash repeats nothing that postbacks would tell again. Reading does not block, but for the first look at where a span begins. */
#ifndef PUNNET_DELIVERY_REPLAYS_H
#define PUNNET_DELIVERY_REPLAYS_H

#include "runtime/bus.h"

#define REPLAY_EVENTS_MAX 10000

struct replays;

struct replays_settings {
	const char *instance_id; /* NULL: a dynamic member of the group */
	int linger_ms, gather_ms;
	int64_t ack_watchdog_ms, events_per_s;
};

struct replays *replays_open(struct bus *bus, const struct replays_settings *settings,
			     struct error *ret_error); /* borrows the bus */
/* RESULT_FATAL: the process must end. */
_must_use_ enum result replays_turn(struct replays *r, bool *ret_busy, struct error *ret_error);
int replays_consumer_fd(struct replays *r);
int replays_producer_fd(struct replays *r);
/* false while a request is worked on: the consumer's descriptor need not be watched. */
bool replays_is_taking(const struct replays *r);
/* From now on nothing is taken; what is worked on is left to the successor. */
void replays_drain(struct replays *r);
bool replays_drained(struct replays *r);
void replays_close(struct replays *r); /* NULL is fine */

#endif
