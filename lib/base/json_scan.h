/* json_scan: where plain text ends, for the JSON reader only. Sixteen or eight bytes are looked at together; the two ways
 * and the plain one give the same answer. */
#ifndef PUNNET_JSON_SCAN_H
#define PUNNET_JSON_SCAN_H

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "slice.h"

#define SCAN_ONES 0x0101010101010101u
#define SCAN_TOPS 0x8080808080808080u

/* Marks the top bit of every byte of `word` that ends plain text: a quote, a backslash, a control character. Marks
 * above the lowest one may be wrong (borrows run upwards); only the lowest is looked at. */
static inline uint64_t text_ends(uint64_t word)
{
	uint64_t quote = word ^ (SCAN_ONES * '"');
	uint64_t escape = word ^ (SCAN_ONES * '\\');

	return (((word - SCAN_ONES * 0x20) & ~word) | ((quote - SCAN_ONES) & ~quote) |
		((escape - SCAN_ONES) & ~escape)) &
	       SCAN_TOPS;
}

static inline bool ends_text(unsigned char c)
{
	return c == '"' || c == '\\' || c < 0x20;
}

#ifdef __SSE2__
#define SCAN_WORDS_CALL _rare_ /* for what stands at the very end of the input */

/* Sixteen bytes at a time, as long as there are as many. True when an end was met. */
static inline bool scan_blocks(const char **p, const char *end, bool *high)
{
	const __m128i quotes = _mm_set1_epi8('"'), escapes = _mm_set1_epi8('\\');
	const __m128i last_control = _mm_set1_epi8(0x1F);
	unsigned tops = 0;

	for (; end - *p >= 16; *p += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)*p);
		__m128i ends =
		    _mm_or_si128(_mm_cmpeq_epi8(block, quotes), _mm_cmpeq_epi8(block, escapes));
		unsigned at, own = (unsigned)_mm_movemask_epi8(block);

		ends = _mm_or_si128(ends, _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block));
		at = (unsigned)_mm_movemask_epi8(ends);
		if (at) {
			*high |= (tops | (own & (at ^ (at - 1)))) != 0; /* up to the end */
			*p += __builtin_ctz(at);
			return true;
		}
		tops |= own;
	}
	*high |= tops != 0;
	return false;
}
#else
#define SCAN_WORDS_CALL inline

static inline bool scan_blocks(const char **p, const char *end, bool *high)
{
	(void)p;
	(void)end;
	(void)high;
	return false;
}
#endif

/* Eight bytes at a time; what is left at the end of the input one by one. */
static SCAN_WORDS_CALL const char *scan_words(const char *p, const char *end, bool *high)
{
	uint64_t seen = 0;

	for (; end - p >= 8; p += 8) {
		uint64_t word, ends;

		memcpy(&word, p, sizeof(word));
		word = le64toh(word);
		ends = text_ends(word);
		if (ends) {
			seen |= word & ((ends & -ends) - 1);
			*high |= (seen & SCAN_TOPS) != 0;
			return p + __builtin_ctzll(ends) / 8;
		}
		seen |= word;
	}
	for (; p < end && !ends_text((unsigned char)*p); p++)
		seen |= (unsigned char)*p;
	*high |= (seen & SCAN_TOPS) != 0;
	return p;
}

/* The next byte that ends plain text, or the end. Notes whether a byte above 0x7F was passed. */
static inline const char *json_scan_text(const char *at, const char *end, bool *high)
{
	return scan_blocks(&at, end, high) ? at : scan_words(at, end, high);
}

#endif
