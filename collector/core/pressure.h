/* pressure: is more under way to Kafka than it stores in the time that a client may wait? Pure: time comes as an argument.
 *
 * Two signs together: what is under way would take longer than `busy_after` at the pace of the last acknowledgements, and these
 * came late, too. A broker that stands still makes the first sign alone: the leads of the others' partitions are still taken. */
#ifndef PUNNET_COLLECTOR_PRESSURE_H
#define PUNNET_COLLECTOR_PRESSURE_H

#include "base/base.h"

#define PRESSURE_UNDER_WAY_MIN 256 /* fewer records under way are no crowd */

struct pressure {
	int64_t busy_after_us; /* 0: never */
	int64_t took_us;       /* what acknowledgements took lately */
	uint64_t acks_per_s;   /* their pace */
	int64_t from_us;       /* the pace is being counted since then */
	uint64_t acks;
	bool started;
};

void pressure_acked(struct pressure *p, int64_t now_us, int64_t took_us);
bool pressure_is_high(const struct pressure *p, size_t under_way);

#endif
