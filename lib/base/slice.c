/* slice: text that belongs to somebody else, looked at without a locale. */
#include "slice.h"

#include <endian.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s)
{
	while (s.len && is_space(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	if (slice_same_bytes(a.data, b.data, a.len)) /* as it is mostly written */
		return true;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	}
	return true;
}

bool slice_to_int64(struct slice s, int64_t *ret)
{
	bool negative = s.len > 0 && s.data[0] == '-';
	int64_t value = 0;

	if (s.len == (negative ? 1u : 0u))
		return false;
	/* Collected below zero: the least int64 has no positive twin. */
	for (size_t i = negative; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, s.data[i] - '0', &value))
			return false;
	}
	if (!negative && value == INT64_MIN)
		return false;
	*ret = negative ? value : -value;
	return true;
}

/* Length of the well-formed sequence that begins at p, after the table of RFC 3629, section 4; 0 if there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char least = 0x80, most = 0xBF;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (left < len)
		return 0;
	switch (p[0]) {
	case 0xE0:
		least = 0xA0;
		break;
	case 0xED: /* surrogates stand from ED A0 on */
		most = 0x9F;
		break;
	case 0xF0:
		least = 0x90;
		break;
	case 0xF4:
		most = 0x8F;
		break;
	}
	if (p[1] < least || p[1] > most)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

/* Four letters of two bytes each, as Cyrillic, Greek and accented Latin are; C0 and C1 would be overlong. */
static bool is_four_pairs(uint64_t word)
{
	uint64_t bits = word & 0x001E001E001E001Eu; /* of the first bytes; none in C0 and C1 */

	return (word & 0xC0E0C0E0C0E0C0E0u) == 0x80C080C080C080C0u &&
	       ((bits + 0x00FE00FE00FE00FEu) & 0x0100010001000100u) == 0x0100010001000100u;
}

size_t slice_utf8_valid_prefix(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.data;
	size_t i = 0, step;

	while (i < s.len) {
		uint64_t word;

		if (s.len - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if (!(word & 0x8080808080808080u) || is_four_pairs(le64toh(word))) {
				i += sizeof(word);
				continue;
			}
		}
		/* What is left of two bytes each. */
		while (s.len - i >= 2 && p[i] >= 0xC2 && p[i] < 0xE0 && (p[i + 1] & 0xC0) == 0x80)
			i += 2;
		if (i == s.len)
			break;
		step = utf8_sequence(p + i, s.len - i);
		if (step == 0)
			break;
		i += step;
	}
	return i;
}

bool slice_utf8_valid(struct slice s)
{
	return slice_utf8_valid_prefix(s) == s.len;
}

bool slice_starts_with(struct slice s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && memcmp(s.data, prefix, len) == 0;
}
