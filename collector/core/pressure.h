/* pressure: is more under way to Kafka than it stores in the time that a client may wait? Pure: time comes as an argument.
 *
 * A client may wait three times as long as an acknowledgement takes while there is no crowd, at most `busy_after`, or half as long
 * again where Kafka alone takes longer than that. What it takes is found out by looking: the quickest tenth of a second of the last
 * ten to twenty seconds. In a crowd nothing is quick any more, so that every ten seconds, for a third of one, only as many are let
 * under way as Kafka needs to be busy.
 *
 * Two signs together: what is under way would take longer than that at the pace of the last acknowledgements, and these came late,
 * too. A broker that stands still makes the first sign alone: the leads of the others' partitions are still taken. */
#ifndef PUNNET_COLLECTOR_PRESSURE_H
#define PUNNET_COLLECTOR_PRESSURE_H

#include "base/base.h"

#define PRESSURE_UNDER_WAY_MIN 256 /* fewer records under way are no crowd */
#define PRESSURE_LOOKING_MIN   16  /* so many are let under way even to see what is quick */
#define PRESSURE_WAIT_MIN_US                                                                       \
	120000 /* nobody is refused for less: a broker pauses so long now and then */

struct pressure {
	int64_t busy_after_us; /* 0: never */
	int64_t took_us;       /* what acknowledgements took lately */
	uint64_t acks_per_s;   /* their pace */
	int64_t from_us;       /* the pace is being counted since then */
	uint64_t acks;
	int64_t acks_took_us; /* all of these together */
	int64_t quick_us,
	    quick_before_us;   /* the quickest window of this span and of the last; 0: none */
	int64_t span_from_us;  /* this span began then */
	bool started, looking; /* looking: few are let under way, to see what is quick */
};

void pressure_acked(struct pressure *p, int64_t now_us, int64_t took_us);
bool pressure_is_high(const struct pressure *p, size_t under_way);
/* How long a record may wait for its acknowledgement, as things are. */
int64_t pressure_wait_us(const struct pressure *p);

#endif
