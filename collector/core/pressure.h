/* pressure: is more under way to Kafka than it stores in the time that a client may wait? Pure: time comes as an argument.
 *
 * Two bounds. Until there is a crowd, what is under way may wait three times as long as an acknowledgement takes when nothing
 * crowds, and 120 ms at least: a broker that pauses for a tenth of a second is no crowd, nor is a batch that comes at once.
 * Whoever is refused makes a crowd of it; from then on the bound is tight, 14 ms at least, so that those who are taken in an
 * overload are taken quickly. It is over when two tenths of a second went by in which nobody was refused. Where for half a second even
 * the quickest needed twice the tight bound, Kafka itself is slow, and the wide one holds for three seconds; then it is tried again.
 *
 * What an acknowledgement takes is found out by looking: the quickest tenth of a second of the last ten to twenty seconds. In a
 * crowd nothing is quick any more, so that every ten seconds, for a third of one, only half as many are let under way as pass in
 * the time that was quick before: where Kafka was slow for a while, and is not any more, each look finds it twice as quick.
 * `busy_after` bounds both; where Kafka alone takes longer than that, half as long again.
 *
 * Two signs together: what is under way would take longer than that at the pace of the last acknowledgements, and these came late,
 * too. A broker that stands still makes the first sign alone: the leads of the others' partitions are still taken. */
#ifndef PUNNET_COLLECTOR_PRESSURE_H
#define PUNNET_COLLECTOR_PRESSURE_H

#include "base/base.h"

#define PRESSURE_UNDER_WAY_MIN 256 /* fewer records under way are no crowd */
#define PRESSURE_CROWD_MIN     32  /* fewer are let under way in any crowd */
#define PRESSURE_LOOKING_MIN   16  /* so many are let under way even to see what is quick */
#define PRESSURE_WAIT_MIN_US                                                                       \
	120000 /* nobody makes a crowd of less: a broker pauses so long now and then */
#define PRESSURE_CROWD_WAIT_US 14000 /* in a crowd nobody is refused for less */
#define PRESSURE_BATCH_WAIT_US 10000 /* batches fill no more: acknowledgements are not late then */
#define PRESSURE_WINDOWS       8     /* tenths of a second whose pace is remembered */

struct pressure {
	int64_t busy_after_us;            /* 0: never */
	int64_t took_us;                  /* what acknowledgements took lately */
	uint64_t paces[PRESSURE_WINDOWS]; /* acknowledgements a second */
	uint32_t window;
	int64_t from_us;  /* the pace is being counted since then, but for the time at rest */
	int64_t acked_us; /* the last one */
	uint64_t acks;
	int64_t acks_took_us, acks_least_us; /* all of these together, and the quickest */
	int64_t quick_us,
	    quick_before_us;   /* the quickest window of this span and of the last; 0: none */
	int64_t span_from_us;  /* this span began then */
	bool started, looking; /* looking: few are let under way, to see what is quick */
	bool idle;             /* nothing was under way */
	bool crowd, refused;   /* refused: somebody was, in this window */
	uint32_t calm_windows;
	uint32_t slow_windows; /* of a crowd, in which the tight bound made nobody quick */
	uint32_t vain_windows; /* so many more the wide one holds */
};

void pressure_acked(struct pressure *p, int64_t now_us, int64_t took_us);
/* Whether one more must be refused; who asks does it then. */
bool pressure_is_high(struct pressure *p, size_t under_way);
/* Whether there is room for a line of a batch. A batch can wait, so it takes less than what is left to a crowd, and makes none. */
bool pressure_has_batch_room(const struct pressure *p, size_t under_way);
/* How long a record may wait for its acknowledgement, as things are. */
int64_t pressure_wait_us(const struct pressure *p);

#endif
