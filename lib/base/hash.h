/* hash: the hashes that decide where things go. Stable for ever: partitions and digests depend on them. */
#ifndef PUNNET_HASH_H
#define PUNNET_HASH_H

#include "slice.h"

/* Kafka's own default partitioner (murmur2, seed 0x9747b28c, sign bit cleared, modulo), so that any client agrees. */
uint32_t hash_murmur2(struct slice key);
int32_t hash_partition(struct slice key, int32_t partitions);

/* FNV-1a, 64 bits: in-memory tables and running digests. `seed` 0 starts a new digest. */
uint64_t hash_fnv1a(uint64_t seed, struct slice bytes);

#endif
