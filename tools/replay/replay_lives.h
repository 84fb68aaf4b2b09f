/* replay_lives: what the files about lives share. */
#ifndef PUNNET_REPLAY_LIVES_H
#define PUNNET_REPLAY_LIVES_H

#include "payout/store/db.h"
#include "tools/replay/replay.h"

/* The leads whose rows are compared: those whose id was given in this time. */
struct lives_span {
	struct lead_id from, to; /* `to` is not in it */
};

struct lives_result { /* of one table */
	const char *table;
	uint64_t recorded, equal, different;
	uint64_t recorded_digest, recomputed_digest;
	struct replay_difference first;
};

#define LIVES_TABLES 4

/* Row by row, by their keys; a page of leads at a time. */
_must_use_ enum result lives_compare(struct db *recorded, struct db *recomputed,
				     const struct lives_span *span,
				     struct lives_result ret[LIVES_TABLES],
				     struct error *ret_error);

#endif
