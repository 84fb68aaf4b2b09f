/* exact_run: the world of exact.h: the log, the instances, who publishes what, and what comes back. */
#ifndef PUNNET_TEST_EXACT_RUN_H
#define PUNNET_TEST_EXACT_RUN_H

#include <stdint.h>

enum exact_fault {
	EXACT_NO_FAULT,
	EXACT_REPEATS_COUNT,  /* whoever reads the decisions has no watermark */
	EXACT_EARLY_SNAPSHOT, /* snapshots are taken before their decisions are out */
	EXACT_EARLY_COMMIT,   /* what is committed is ahead of what was published */
	EXACT_FAULTS
};

struct exact_outcome {
	uint64_t leads, records, sold, unsold, repeats, kills, freezes, doubles, snapshots, digest;
};

/* Ends the program where something is wrong. */
struct exact_outcome exact_run(uint64_t leads, uint64_t seed, enum exact_fault fault);

#endif
