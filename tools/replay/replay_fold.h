/* replay_fold: one partition of the market log, folded once more by router/core from a snapshot or from its beginning. */
#ifndef PUNNET_REPLAY_FOLD_H
#define PUNNET_REPLAY_FOLD_H

#include "proto/market.pb-c.h"
#include "router/core/market.h"
#include "tools/replay/replay.h"

#define SNAPSHOTS_SEEN_MAX  64
#define SNAPSHOT_HASH_BYTES 32

/* The hash that the router wrote with its snapshot of an offset. */
struct snapshot_seen {
	int64_t offset;
	uint8_t hash[SNAPSHOT_HASH_BYTES];
};

struct fold {
	int32_t partition;
	struct market *market;
	struct replay_span span; /* what is compared; the fold may begin before */
	int64_t folded;          /* the last record in the state; -1: none */
	int64_t time_ms;         /* of that record */
	struct replay_reading *reading;
	struct arena arena;
	struct snapshot_seen seen[SNAPSHOTS_SEEN_MAX]; /* in the span, oldest first */
	size_t seen_count, seen_next;
	uint64_t snapshots_equal, snapshots_different;
	struct replay_difference snapshot_first;
};

/* Finds where to begin: at the newest snapshot that is not behind span.from, else at the log's beginning. RESULT_BAD when
 * neither is there any more. f->market may hold a state already, of f->folded: then that is where. */
_must_use_ enum result fold_open(struct fold *f, struct bus *bus, int32_t partition,
				 struct replay_span span, struct error *ret_error);
void fold_close(struct fold *f);
/* The next record up to, not including, `end`; *ret_there false at the end. What it decided is valid until the next call, which
 * comes after fold_folded(). */
_must_use_ enum result fold_next(struct fold *f, int64_t end, bool *ret_there,
				 const struct bus_record **ret_record,
				 const Punnet__V1__MarketEvent **ret_event, struct decisions *ret,
				 struct error *ret_error);

/* Once the decisions of the record were looked at: compares the state with the router's snapshot of the same offset. */
void fold_folded(struct fold *f);

/* --- market.snapshots (replay_snapshots.c) --- */

/* The newest whole state at or below `most` into f->market, and its offset; -1 and NULL where there is none. Where the market is
 * there already it stays. Notes the hashes of the whole ones between the state and `end` in f->seen. */
_must_use_ enum result snapshots_read(struct fold *f, struct bus *bus, int64_t most, int64_t end,
				      struct error *ret_error);

#endif
