/* name_model: how much a word looks like a name, and whose first name it is, from tables that filter-worker/gen makes of
 * open data (mimesis, MIT) when we build. Pure, and integers only: the same word costs the same everywhere. */
#ifndef PUNNET_NAME_MODEL_H
#define PUNNET_NAME_MODEL_H

#include "letters.h"

/* How unlikely a letter is after the two before it, in sixteenths of a bit, at most 255. Base 0 is the word's edge. */
#define NAME_LATIN_SIDE    (LATIN_BASES + 1)
#define NAME_CYRILLIC_SIDE (CYRILLIC_BASES + 1)
#define NAME_COST_BITS     16 /* parts of a bit */
#define NAME_COST_MAX      255

struct name_cost {
	uint32_t letters; /* the word's end is one more */
	uint32_t cost;
};

/* Adds a word to ret. A word of several scripts, or with a letter whose base is not known, adds nothing. */
void name_cost_add(struct slice word, unsigned scripts, struct name_cost *ret);

/* 'm' or 'f' for a Russian first name in Cyrillic that only men or only women have; 0: not known. */
char first_name_sex(const uint8_t *bases, size_t len);

/* What the table of first names is sorted by: the bases' FNV-1a, with the sex in the lowest bit (1: women's). */
static inline uint64_t first_name_key(const uint8_t *bases, size_t len)
{
	uint64_t hash = 0xCBF29CE484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bases[i]) * 0x100000001B3;
	return hash & ~1ULL;
}

#endif
