/* hash: the hashes that decide where things go. Stable for ever: partitions and digests depend on them. */
#ifndef PUNNET_HASH_H
#define PUNNET_HASH_H

#include "slice.h"

/* Kafka's own default partitioner (murmur2, seed 0x9747b28c, sign bit cleared, modulo), so that any client agrees. */
uint32_t hash_murmur2(struct slice key);
int32_t hash_partition(struct slice key, int32_t partitions);

#define FNV1A_BASIS   0xcbf29ce484222325u
#define FNV1A_PRIME   0x100000001b3u
#define FNV1A_POWER_1 ((uint64_t)FNV1A_PRIME)
#define FNV1A_POWER_2 (FNV1A_POWER_1 * FNV1A_PRIME)
#define FNV1A_POWER_3 (FNV1A_POWER_2 * FNV1A_PRIME)
#define FNV1A_POWER_4 (FNV1A_POWER_3 * FNV1A_PRIME)
#define FNV1A_POWER_5 (FNV1A_POWER_4 * FNV1A_PRIME)
#define FNV1A_POWER_6 (FNV1A_POWER_5 * FNV1A_PRIME)
#define FNV1A_POWER_7 (FNV1A_POWER_6 * FNV1A_PRIME)
#define FNV1A_POWER_8 (FNV1A_POWER_7 * FNV1A_PRIME)

/* FNV-1a, 64 bits: in-memory tables and running digests. `seed` 0 starts a new digest. */
static inline uint64_t hash_fnv1a(uint64_t seed, struct slice bytes)
{
	uint64_t h = seed ? seed : FNV1A_BASIS;

	for (size_t i = 0; i < bytes.len; i++)
		h = (h ^ (unsigned char)bytes.data[i]) * FNV1A_PRIME;
	return h;
}

/* The same of a number's bytes, the lowest one first; from one to eight. A byte of zero is a multiplication and nothing else: all
 * that end a number are one, together with that of the byte before them. */
static inline uint64_t hash_fnv1a_number(uint64_t seed, uint64_t n, unsigned bytes)
{
	static const uint64_t powers[] = {
	    FNV1A_POWER_1, FNV1A_POWER_2, FNV1A_POWER_3, FNV1A_POWER_4,
	    FNV1A_POWER_5, FNV1A_POWER_6, FNV1A_POWER_7, FNV1A_POWER_8,
	};
	uint64_t h = seed ? seed : FNV1A_BASIS;

	assert(bytes > 0 && bytes <= ARRAY_LEN(powers));
	for (; n > 0xff && bytes > 1; n >>= 8, bytes--)
		h = (h ^ (n & 0xff)) * FNV1A_PRIME;
	return (h ^ (n & 0xff)) * powers[bytes - 1];
}

/* hash_fnv1a() of one text that is hashed again and again, in one step: of what was there before only the low byte decides on more
 * than a product, as the bytes of the text meet no other. */
struct hash_text {
	uint64_t power;
	uint64_t plus[256]; /* by the low byte */
};
void hash_text_make(struct hash_text *ret, struct slice text);
static inline uint64_t hash_fnv1a_text(uint64_t seed, const struct hash_text *t)
{
	uint64_t h = seed ? seed : FNV1A_BASIS;

	return h * t->power + t->plus[h & 0xff];
}

/* 128 bits, eight bytes a step: for keys that end in a fingerprint, where many are hashed a lead. */
void hash_wide(struct slice bytes, uint64_t ret[2]);
/* The same of each, three times as fast as one after the other: a processor works on several at once. */
void hash_wide_each(const struct slice *bytes, size_t count, uint64_t (*ret)[2]);
/* The finalizer of MurmurHash3 (Appleby, public domain): every bit of the input changes half of the output. */
uint64_t hash_mix(uint64_t h);

#endif
