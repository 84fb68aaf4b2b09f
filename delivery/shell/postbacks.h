/* postbacks: status.events → webmasters' trackers, status.attempts. Apart from the handing over of leads: a consumer, a producer and
 * connections of its own, so that no tracker holds a lead up.
 *
 * One event is one task, sent until the tracker takes it or the schedule is over. State is that of delivery: status.attempts is the
 * change log, a commit's metadata says from where a successor reads it. What was under way when a predecessor ended is sent again
 * under the same id: a tracker may hear an event twice, never not at all.
 *
 * A dead tracker holds nobody else up: places are counted by host, its circuit opens, and a lane (a webmaster's events for one
 * host) that is full gives its new events up with `backlog_full`, to be replayed by the operator. */
#ifndef PUNNET_DELIVERY_POSTBACKS_H
#define PUNNET_DELIVERY_POSTBACKS_H

#include <uv.h>

#include "delivery/core/retry.h"
#include "runtime/bus.h"
#include "runtime/directory.h"
#include "runtime/keyring.h"

#define POSTBACK_LANE_SHARE 10 /* a lane may have this part of all open events */

struct postbacks;

struct postbacks_settings {
	struct retry_plan retry;
	size_t in_flight_max, host_in_flight_max, open_max;
	int64_t connect_timeout_ms, answer_timeout_ms, ack_watchdog_ms;
	int linger_ms, gather_ms;
	bool allow_private_addresses;
	const char *ca_file;
	const char *instance_id; /* NULL: a dynamic member of the group */
};

/* Borrows all of them; they outlive it. */
struct postbacks *postbacks_open(uv_loop_t *loop, struct bus *bus, struct directory *directory,
				 struct keyring *keyring, const struct postbacks_settings *settings,
				 struct error *ret_error);
/* RESULT_FATAL: the process must end. The directory is served by somebody else. */
_must_use_ enum result postbacks_turn(struct postbacks *pb, bool *ret_busy,
				      struct error *ret_error);
bool postbacks_is_taking(const struct postbacks *pb);
int postbacks_consumer_fd(struct postbacks *pb);
int postbacks_producer_fd(struct postbacks *pb);
size_t postbacks_open_count(const struct postbacks *pb); /* events not yet finished */
/* From now on nothing is taken and nothing is sent. */
void postbacks_drain(struct postbacks *pb);
/* true when nothing is under way and all that may be committed is. */
bool postbacks_drained(struct postbacks *pb);
/* Memory goes when the loop has turned. NULL is fine. */
void postbacks_close(struct postbacks *pb);

#endif
