/* scan: all records of the flow's topics, once, up to where each ended when it was measured. For commands that look at
 * everything: audit, summary.
 *
 * scan_measure() learns the ends, the flow's last topics first: so whatever is read has its cause among what is read. A
 * further round reads only what came since. Blocking; no group, no commits. */
#ifndef PUNNET_SCAN_H
#define PUNNET_SCAN_H

#include <stdatomic.h>

#include "lead/codec.h"
#include "runtime/bus.h"

enum scan_topic { /* in the order of the flow; put-aside records first, to be known before their gaps */
		  SCAN_DEAD,
		  SCAN_RAW,
		  SCAN_JUDGED,
		  SCAN_MARKET,
		  SCAN_ROUTED,
		  SCAN_UNSOLD,
		  SCAN_ATTEMPTS,
		  SCAN_OUTCOMES,
		  SCAN_TOPICS
};

/* message is NULL where the record can't be read; it lives until the function returns. */
typedef void (*scan_fn)(void *ctx, enum scan_topic topic, const struct bus_record *record,
			const void *message);

struct scan; /* opaque */

struct scan *scan_open(struct bus *bus,
		       struct error *ret_error); /* NULL: a topic can't be learned */
void scan_close(struct scan *s);                 /* accepts NULL */
/* Leaves a topic out of what is measured and read. */
void scan_skip(struct scan *s, enum scan_topic topic);
/* Reads a topic from the first record that is not older; without it, from its beginning. */
_must_use_ enum result scan_from(struct scan *s, enum scan_topic topic, int64_t time_ms,
				 struct error *ret_error);
/* Reads a topic up to the first record that is not older. */
_must_use_ enum result scan_until(struct scan *s, enum scan_topic topic, int64_t time_ms,
				  struct error *ret_error);
/* Once the flag is set, by whatever thread, what reads ends soon with RESULT_AGAIN. The flag outlives the scan. */
void scan_stop_when(struct scan *s, const atomic_bool *flag);
/* An end is told by whoever takes itself for the leader of the partition. A broker that stood still, and was deposed meanwhile, tells
 * one that is too old; nobody else says so. With `wait` scan_read() therefore hands over no record that names a cause that it has not
 * handed over, nor any that stands behind it: scan_waits() is true then, and a further round brings them. */
void scan_wait_for_causes(struct scan *s, bool wait);
/* After scan_read(): a record waits for its cause, or an end was told that lies before what was read already. */
bool scan_waits(const struct scan *s);
/* What is handed over ends here. A limit that was asked for counts as reached by whatever lies beyond. */
bool scan_has_read(const struct scan *s, enum scan_topic topic, int32_t partition, int64_t next);
/* Some topic is not read from its first record on that is there. After scan_measure(). */
bool scan_leaves_out(const struct scan *s);
int32_t scan_partitions(const struct scan *s, enum scan_topic topic);
_must_use_ enum result scan_measure(struct scan *s, struct error *ret_error);
/* Every topic up to its measured end, in the order of the flow. */
_must_use_ enum result scan_read(struct scan *s, scan_fn fn, void *ctx, struct error *ret_error);

#endif
