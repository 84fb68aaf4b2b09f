/* standing: does what is under way grow although Kafka stores as quickly as ever? Pure: time comes as an argument.
 *
 * A pause of the broker and a queue that stands look the same by their length. After Kathleen Nichols and Van Jacobson ("Controlling
 * Queue Delay", RFC 8289) what tells them apart is the minimum: the fewest that were under way, and the shortest wait, in each span of
 * a few milliseconds. A burst comes and is worked off, so its minimum falls; while a broker pauses nothing is acknowledged, and then much
 * at once; where one partition of many pauses, the shortest wait stays short. A queue stands when the minimum grows by a quarter
 * of what is stored, span after span, while everybody waits, and as much is stored as in the best tenth of a second of late. */
#ifndef PUNNET_COLLECTOR_STANDING_H
#define PUNNET_COLLECTOR_STANDING_H

#include "base/base.h"

struct standing {
	int64_t from_us;     /* this span began then */
	int64_t run_from_us; /* it grows since then */
	int64_t least_took_us;
	uint64_t acks, run_acks;
	size_t least, least_before; /* under way */
	uint32_t grown;             /* so many spans, one after the other */
	bool seen, seen_before;     /* whether anybody asked in that span */
};

void standing_saw(struct standing *s, size_t under_way);
/* Whether a queue stands. `pace` is what Kafka is known to store in a second; who waits less than `late_us` does not wait. */
_must_use_ bool standing_acked(struct standing *s, int64_t now_us, int64_t took_us, uint64_t pace,
			       int64_t late_us);

#endif
