/* hash: murmur2 as Kafka's clients compute it, and FNV-1a. Byte order of the machine does not matter to either. */
#include "hash.h"

#define MURMUR2_SEED  0x9747b28cu
#define MURMUR2_M     0x5bd1e995u
#define MURMUR2_R     24
#define FNV1A_BASIS   0xcbf29ce484222325u
#define FNV1A_PRIME   0x100000001b3u
#define POWER_0       1ULL
#define POWER_1       (POWER_0 * FNV1A_PRIME)
#define POWER_2       (POWER_1 * FNV1A_PRIME)
#define POWER_3       (POWER_2 * FNV1A_PRIME)
#define POWER_4       (POWER_3 * FNV1A_PRIME)
#define POWER_5       (POWER_4 * FNV1A_PRIME)
#define POWER_6       (POWER_5 * FNV1A_PRIME)
#define POWER_7       (POWER_6 * FNV1A_PRIME)
#define POWER_8       (POWER_7 * FNV1A_PRIME)
#define SIGN_BIT_MASK 0x7fffffffu

static uint32_t read_le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t hash_murmur2(struct slice key)
{
	const unsigned char *p = (const unsigned char *)key.data;
	uint32_t h = MURMUR2_SEED ^ (uint32_t)key.len;
	size_t left = key.len;

	for (; left >= 4; p += 4, left -= 4) {
		uint32_t k = read_le32(p) * MURMUR2_M;

		k ^= k >> MURMUR2_R;
		h = (h * MURMUR2_M) ^ (k * MURMUR2_M);
	}
	if (left) {
		for (size_t i = 0; i < left; i++)
			h ^= (uint32_t)p[i] << (8 * i);
		h *= MURMUR2_M;
	}
	h ^= h >> 13;
	h *= MURMUR2_M;
	return h ^ (h >> 15);
}

int32_t hash_partition(struct slice key, int32_t partitions)
{
	assert(partitions > 0);
	return (int32_t)((hash_murmur2(key) & SIGN_BIT_MASK) % (uint32_t)partitions);
}

uint64_t hash_fnv1a(uint64_t seed, struct slice bytes)
{
	uint64_t h = seed ? seed : FNV1A_BASIS;

	for (size_t i = 0; i < bytes.len; i++)
		h = (h ^ (unsigned char)bytes.data[i]) * FNV1A_PRIME;
	return h;
}

/* A byte of zero is a multiplication and nothing else: all that end a number are one. */
uint64_t hash_fnv1a_number(uint64_t seed, uint64_t n, unsigned bytes)
{
	static const uint64_t powers[] = {POWER_0, POWER_1, POWER_2, POWER_3, POWER_4,
					  POWER_5, POWER_6, POWER_7, POWER_8};
	uint64_t h = seed ? seed : FNV1A_BASIS;

	assert(bytes < ARRAY_LEN(powers));
	for (; n && bytes; n >>= 8, bytes--)
		h = (h ^ (n & 0xff)) * FNV1A_PRIME;
	return h * powers[bytes];
}

uint64_t hash_mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

static uint64_t read_le64(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	n = __builtin_bswap64(n);
#endif
	return n;
}

static uint64_t read_le64_part(const char *p, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return n;
}

void hash_wide(struct slice bytes, uint64_t ret[2])
{
	uint64_t a = FNV1A_BASIS, b = ~(uint64_t)FNV1A_BASIS;
	size_t at = 0;

	for (; at < bytes.len; at += 8) {
		size_t left = bytes.len - at;
		uint64_t word =
		    left >= 8 ? read_le64(bytes.data + at) : read_le64_part(bytes.data + at, left);

		a = (a ^ word) * 0x9e3779b97f4a7c15ULL;
		a ^= a >> 32;
		b = (b ^ word) * 0xc2b2ae3d27d4eb4fULL;
		b ^= b >> 29;
	}
	ret[0] = hash_mix(a ^ bytes.len);
	ret[1] = hash_mix(b + bytes.len);
}
