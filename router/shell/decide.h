/* decide: what the files of the decide stage share: the state of one market partition and of its snapshots. */
#ifndef PUNNET_ROUTER_DECIDE_H
#define PUNNET_ROUTER_DECIDE_H

#include "router.h"
#include "router/core/market.h"
#include "snapshot_child.h"

#define SNAPSHOT_CHUNK_BYTES     (900 * 1000)
#define SNAPSHOT_CHUNKS_MAX      2048
#define SNAPSHOT_GENERATIONS_MAX 8 /* two whole ones, and what crashes left half-written */

/* A snapshot as it stands in market.snapshots. */
struct generation {
	uint64_t offset;
	uint32_t chunks;
	bool whole; /* false: a crash left it half-written */
};

/* A snapshot on its way out: encoded → held until every decision in it is acknowledged → in chunks → acknowledged. */
struct snapshot {
	bool under_way, encoded;
	uint64_t offset; /* every record up to and including this one is in it */
	int64_t began_us;
	struct buf own;              /* a small market's bytes, */
	struct snapshot_child child; /* or who writes a large one's */
	struct slice bytes;
	uint8_t hash[SNAPSHOT_HASH_LEN];
	uint32_t chunks, sent, acknowledged;
};

struct decide {
	struct market *market;
	int64_t
	    emit_from; /* decisions of records below were acknowledged by whoever committed this offset */
	int64_t live_from; /* what stands behind it was written after we came */
	int64_t folded;    /* the last record in the state; -1 = none */
	int64_t
	    log_ahead_ms; /* the log's clock before ours, by its last record; negative: behind it, or late in coming here */
	int64_t snapshot_at; /* offset of the newest snapshot; -1 = none */
	int64_t snapshot_ms; /* when it was taken, or the part arrived; monotonic */
	struct snapshot snapshot;
	struct generation generations[SNAPSHOT_GENERATIONS_MAX]; /* the whole ones oldest first */
	size_t generation_count;
	bool wrote; /* a snapshot of this process's own is whole: what is superfluous may go */
	int64_t waits_ended_ms; /* when waits were last looked through */
	int64_t progress_ms;
};

/* snapshots.c: takes, writes and clears away snapshots, as far as it can without waiting. */
void snapshot_turn(struct part *p);
void snapshot_drop(struct decide *d);
/* snapshots_load.c: the newest whole one; NULL market when there is none. Blocking. */
void snapshots_load(struct part *p, uint64_t market_high);
/* Text of a chunk's key: "partition/offset/chunk". */
struct slice snapshot_key(char ret[64], int32_t partition, uint64_t offset, uint32_t chunk);
int32_t snapshot_partition(struct part *p);

/* order_progress.c: tells how far changed orders have come, as far as there is room. */
void order_progress_turn(struct part *p);

#endif
