/* hash: murmur2 as Kafka's clients compute it, and FNV-1a. Byte order of the machine does not matter to either. */
#include "hash.h"

#define MURMUR2_SEED  0x9747b28cu
#define MURMUR2_M     0x5bd1e995u
#define MURMUR2_R     24
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

void hash_text_make(struct hash_text *ret, struct slice text)
{
	ret->power = 1;
	for (size_t i = 0; i < text.len; i++)
		ret->power *= FNV1A_PRIME;
	for (uint64_t low = 0; low < ARRAY_LEN(ret->plus); low++) {
		uint64_t h = low;

		for (size_t i = 0; i < text.len; i++)
			h = (h ^ (unsigned char)text.data[i]) * FNV1A_PRIME;
		ret->plus[low] = h - low * ret->power;
	}
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

struct wide {
	const char *at;
	size_t left; /* bytes */
	size_t len;
	uint64_t a, b;
};

static inline struct wide wide_begin(struct slice bytes)
{
	return (struct wide){bytes.data, bytes.len, bytes.len, FNV1A_BASIS, ~(uint64_t)FNV1A_BASIS};
}

static inline void wide_step(struct wide *w, uint64_t word)
{
	w->a = (w->a ^ word) * 0x9e3779b97f4a7c15ULL;
	w->a ^= w->a >> 32;
	w->b = (w->b ^ word) * 0xc2b2ae3d27d4eb4fULL;
	w->b ^= w->b >> 29;
}

/* The last bytes, which are no whole word, with zeros behind them. */
static uint64_t last_word(const struct wide *w)
{
	if (w->len >= 8)
		return read_le64(w->at + w->left - 8) >> (8 * (8 - w->left));
	return read_le64_part(w->at, w->left);
}

static void wide_end(struct wide *w, uint64_t ret[2])
{
	for (; w->left >= 8; w->left -= 8, w->at += 8)
		wide_step(w, read_le64(w->at));
	if (w->left > 0)
		wide_step(w, last_word(w));
	ret[0] = hash_mix(w->a ^ w->len);
	ret[1] = hash_mix(w->b + w->len);
}

void hash_wide(struct slice bytes, uint64_t ret[2])
{
	struct wide w = wide_begin(bytes);

	wide_end(&w, ret);
}

#define LANES 4

/* So many words as the shortest of them has. */
static void step_together(struct wide *lanes)
{
	struct wide w[LANES];
	size_t words = SIZE_MAX;

	memcpy(w, lanes, sizeof(w));
	for (size_t k = 0; k < LANES; k++)
		words = MIN_OF(words, w[k].left / 8);
	for (size_t i = 0; i < words; i++) {
		for (size_t k = 0; k < LANES; k++)
			wide_step(&w[k], read_le64(w[k].at + 8 * i));
	}
	for (size_t k = 0; k < LANES; k++) {
		lanes[k] = w[k];
		lanes[k].at += 8 * words;
		lanes[k].left -= 8 * words;
	}
}

void hash_wide_each(const struct slice *bytes, size_t count, uint64_t (*ret)[2])
{
	struct wide lanes[LANES];
	size_t of[LANES], next = 0;

	while (next < LANES && next < count) {
		lanes[next] = wide_begin(bytes[next]);
		of[next] = next;
		next++;
	}
	while (next < count) {
		step_together(lanes);
		for (size_t k = 0; k < LANES && next < count; k++) {
			if (lanes[k].left >= 8)
				continue;
			wide_end(&lanes[k], ret[of[k]]);
			of[k] = next;
			lanes[k] = wide_begin(bytes[next++]);
		}
	}
	for (size_t k = 0; k < MIN_OF(count, (size_t)LANES); k++)
		wide_end(&lanes[k], ret[of[k]]);
}
