/* named_lists_format: the compiled file as it stands on the disk; for those who make it and those who read it. */
#ifndef PUNNET_NAMED_LISTS_FORMAT_H
#define PUNNET_NAMED_LISTS_FORMAT_H

#include "base/hash.h"
#include "named_lists.h"

#define LISTS_MAGIC        "PNTLISTS"
#define LISTS_MAGIC_LEN    8
#define LISTS_FORMAT       1
#define LISTS_ALIGN        8 /* of every table of slots */
#define LISTS_SLOTS_MAX    (1ULL << 28)
#define LISTS_SECTIONS_MAX 64

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian, and mapped");

struct lists_header {
	char magic[LISTS_MAGIC_LEN];
	uint32_t format, sections;
	uint64_t size;                          /* of the whole file */
	uint8_t digest[NAMED_LISTS_DIGEST_LEN]; /* BLAKE2b of what follows */
};

enum slot_kind { SLOT_TEXT = 1, SLOT_PHONE, SLOT_KEY };

struct lists_section {
	char name[24];
	uint32_t slot_kind, unused;
	uint64_t count;             /* entries; at least one slot is free */
	uint64_t slots_at, slots;   /* from the file's beginning; a power of two of them */
	uint64_t pool_at, pool_len; /* a text: its length in a byte, and its bytes */
};

/* SLOT_TEXT and SLOT_PHONE: a uint64_t; 0: free. A text is its hash's upper half above its place in the pool + 1. */
#define SLOT_TEXT_OF(hash, at)     (((hash) >> 32) << 32 | ((uint64_t)(at) + 1))
#define SLOT_TEXT_AT(slot)         ((size_t)((slot)&UINT32_MAX) - 1)
#define SLOT_TEXT_FITS(slot, hash) ((slot) >> 32 == (hash) >> 32)

/* A phone is its number above the day on which it was seen, counted from 2000-01-01; day 0: not told. */
#define PHONE_DAY_BITS    14
#define PHONE_DAY_MOST    ((1 << PHONE_DAY_BITS) - 1)
#define PHONE_DAY_FIRST   10957 /* 2000-01-01 in days since 1970 */
#define PHONE_NUMBER_MOST ((1ULL << (64 - PHONE_DAY_BITS)) - 1)

struct slot_key {
	uint8_t key[LIST_KEY_LEN];
	uint32_t owner; /* its place in the pool + 1; 0: free */
};
_Static_assert(sizeof(struct slot_key) == 20, "no padding in the file");

static inline uint64_t lists_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9E3779B97F4A7C15;
	return x ^ x >> 29;
}

static inline uint64_t lists_text_hash(struct slice text)
{
	return lists_mix(hash_fnv1a(0, text));
}

static inline uint64_t lists_phone_hash(uint64_t number)
{
	return lists_mix(number * 0xD6E8FEB86659FD93);
}

/* Keys are hashes already. */
static inline uint64_t lists_key_hash(const uint8_t key[LIST_KEY_LEN])
{
	uint64_t hash;

	memcpy(&hash, key, sizeof(hash));
	return hash;
}

static inline size_t lists_slot_size(enum slot_kind kind)
{
	return kind == SLOT_KEY ? sizeof(struct slot_key) : sizeof(uint64_t);
}

static inline enum slot_kind lists_slot_kind(enum list_kind kind)
{
	switch (kind) {
	case LIST_PHONE:
		return SLOT_PHONE;
	case LIST_HASH:
	case LIST_OWNED:
		return SLOT_KEY;
	case LIST_DOMAIN:
	case LIST_WORD:
	case LIST_MAILBOX:
		break;
	}
	return SLOT_TEXT;
}

void lists_digest(struct slice content, uint8_t ret[NAMED_LISTS_DIGEST_LEN]);

#endif
