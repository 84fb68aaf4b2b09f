/* replay_state: how far a replay has come, in a file, so that the same command goes on after it was interrupted. Written whole
 * beside its place and put there by a rename, at most every REPLAY_SAVE_MS; whoever holds it is one process with its
 * threads. A file of another replay, other bounds or another source is refused, never overwritten. */
#ifndef PUNNET_REPLAY_STATE_H
#define PUNNET_REPLAY_STATE_H

#include "tools/replay/replay.h"

struct verdict_part_state { /* of decisions, too */
	int64_t next;       /* offset of the record to go on with */
	int64_t last;       /* highest offset of a source that was seen; -1: none */
	uint64_t records, equal, different, unknown, repeats;
	uint64_t recorded_digest, recomputed_digest;
};

struct replay_state;

struct replay_state *replay_state_open(const char *path, const char *what, const char *url,
				       struct error *ret_error);
void replay_state_close(struct replay_state *s);
/* false: nothing is known of the partition; ret is untouched. A span that isn't the one it was begun with counts as unknown,
 * but for an end that was open and has moved on. */
bool replay_state_take(struct replay_state *s, int32_t partition, struct replay_span span,
		       struct verdict_part_state *ret, struct replay_difference *ret_first);
/* now: it is written at once. */
void replay_state_put(struct replay_state *s, int32_t partition, const struct verdict_part_state *p,
		      const struct replay_difference *first, bool now);
/* The same, with bytes that belong to it; they stand in a file of their own beside it. */
void replay_state_put_with(struct replay_state *s, int32_t partition,
			   const struct verdict_part_state *p,
			   const struct replay_difference *first, struct slice bytes);
/* What was put with the state whose `next` is this. */
_must_use_ bool replay_state_read_with(struct replay_state *s, int32_t partition, int64_t next,
				       struct buf *ret);

#endif
