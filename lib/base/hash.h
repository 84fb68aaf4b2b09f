/* hash: the hashes that decide where things go. Stable for ever: partitions and digests depend on them. */
#ifndef PUNNET_HASH_H
#define PUNNET_HASH_H

#include "slice.h"

/* Kafka's own default partitioner (murmur2, seed 0x9747b28c, sign bit cleared, modulo), so that any client agrees. */
uint32_t hash_murmur2(struct slice key);
int32_t hash_partition(struct slice key, int32_t partitions);

/* FNV-1a, 64 bits: in-memory tables and running digests. `seed` 0 starts a new digest. */
uint64_t hash_fnv1a(uint64_t seed, struct slice bytes);
/* The same of a number's bytes, the lowest one first; at most eight. */
uint64_t hash_fnv1a_number(uint64_t seed, uint64_t n, unsigned bytes);

/* 128 bits, eight bytes a step: for keys that end in a fingerprint, where many are hashed a lead. */
void hash_wide(struct slice bytes, uint64_t ret[2]);
/* The same of each, three times as fast as one after the other: a processor works on several at once. */
void hash_wide_each(const struct slice *bytes, size_t count, uint64_t (*ret)[2]);
/* The finalizer of MurmurHash3 (Appleby, public domain): every bit of the input changes half of the output. */
uint64_t hash_mix(uint64_t h);

#endif
