/* partitions: what a worker knows of each partition of leads.raw that it owns, and which acknowledgement belongs to which.
 *
 * A partition that leaves and comes back is another one: its generation is higher, and late acknowledgements of the
 * earlier one are nobody's. */
#ifndef PUNNET_PARTITIONS_H
#define PUNNET_PARTITIONS_H

#include "base/base.h"

struct progress;

struct partition {
	bool owned;
	uint32_t generation;
	int64_t seen;       /* highest raw offset taken: the watermark */
	int64_t committed;  /* asked for last */
	int64_t judged_end; /* after the last verdict of our own in the log; 0: none yet */
	struct progress *progress;
};

struct partitions {
	struct partition *at; /* by number */
	size_t count;
};

void partitions_assign(struct partitions *ps, int32_t number, int64_t start, size_t max_open);
void partitions_revoke(struct partitions *ps, int32_t number);
void partitions_free(struct partitions *ps);
struct partition *partitions_owned(struct partitions *ps,
				   int32_t number); /* NULL when it isn't owned */
/* The same one that it was in that generation, or NULL. */
struct partition *partitions_still(struct partitions *ps, int32_t number, uint32_t generation);

/* Records on their way to the log. A token is never 0. */
struct flight {
	int32_t partition;
	uint32_t generation;
	uint64_t entry; /* in the partition's progress; 0 = none */
	int64_t received_at_ms;
	bool letter; /* to dead.letters */
	uint32_t next_free;
};

struct flights {
	struct flight *at;
	uint32_t first_free;
	size_t max, used;
};

void flights_init(struct flights *f, size_t max);
void flights_free(struct flights *f);
/* 0 when all are taken. */
_must_use_ uint64_t flights_take(struct flights *f, const struct flight *flight);
struct flight flights_land(struct flights *f, uint64_t token);

#endif
