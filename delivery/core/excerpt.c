/* excerpt: see excerpt.h. Works on code points, folded to lower case (Latin, Greek and Cyrillic letters). */
#include "excerpt.h"

#include "base/json_escape.h"

#define REPLACEMENT_CHAR 0xfffdu

/* Next code point; a byte that begins no character gives U+FFFD. s is not empty. */
static uint32_t next_char(struct slice *s)
{
	const unsigned char *p = (const unsigned char *)s->data;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = p[0] & (0xffu >> (len + 1));

	if (p[0] < 0x80) {
		*s = slice_of(s->data + 1, s->len - 1);
		return p[0];
	}
	if (len > s->len || !slice_utf8_valid(slice_of(p, len))) {
		*s = slice_of(s->data + 1, s->len - 1);
		return REPLACEMENT_CHAR;
	}
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3fu);
	*s = slice_of(s->data + len, s->len - len);
	return c;
}

static uint32_t fold(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
	    (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f))
		return c | 1;
	return c;
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_separator(uint32_t c)
{
	return c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' || c == '/' || c == '+' ||
	       c == 0xa0;
}

/* The values that must not be kept, each with its first character folded: most places of a text begin none. */
struct secrets {
	size_t count;
	struct slice values[EXCERPT_VALUES_MAX];
	uint32_t first[EXCERPT_VALUES_MAX];
};

static void secrets_take(struct secrets *s, const struct slice *values, size_t count)
{
	s->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct slice rest = values[i];

		if (rest.len == 0)
			continue;
		s->first[s->count] = fold(next_char(&rest));
		s->values[s->count++] = values[i];
	}
}

/* Length of the value at text[0], or 0. */
static size_t match_value(const uint32_t *text, size_t len, struct slice value)
{
	size_t n = 0;

	while (value.len > 0) {
		if (n == len || fold(text[n]) != fold(next_char(&value)))
			return 0;
		n++;
	}
	return n;
}

/* Length of a run of enough digits at text[0], separators between them included, or 0. */
static size_t match_digits(const uint32_t *text, size_t len)
{
	size_t digits = 0, end = 0;

	for (size_t n = 0; n < len && (is_digit(text[n]) || is_separator(text[n])); n++) {
		if (!is_digit(text[n]))
			continue;
		digits++;
		end = n + 1;
	}
	return digits >= EXCERPT_DIGITS && is_digit(text[0]) ? end : 0;
}

/* Length of the word at text[0] when it holds an '@', or 0. */
static size_t match_mailbox(const uint32_t *text, size_t len)
{
	bool at = false;
	size_t n = 0;

	for (; n < len && text[n] > ' ' && text[n] != '"' && text[n] != ',' && text[n] != '<' &&
	       text[n] != '>';
	     n++)
		at |= text[n] == '@';
	return at ? n : 0;
}

static size_t match_secret(const uint32_t *text, size_t len, const struct secrets *s)
{
	size_t longest = MAX_OF(match_digits(text, len), match_mailbox(text, len));
	uint32_t first = fold(text[0]);

	for (size_t i = 0; i < s->count; i++)
		if (s->first[i] == first)
			longest = MAX_OF(longest, match_value(text, len, s->values[i]));
	return longest;
}

static bool append(char *ret, size_t *at, const char *bytes, size_t len)
{
	if (*at + len > EXCERPT_MAX_BYTES)
		return false;
	memcpy(ret + *at, bytes, len);
	*at += len;
	return true;
}

void excerpt_make(struct slice words, const struct slice *values, size_t count,
		  char ret[EXCERPT_MAX_BYTES + 1])
{
	uint32_t text[EXCERPT_SCAN_CHARS];
	size_t len = 0, at = 0;
	struct secrets secrets;

	assert(count <= EXCERPT_VALUES_MAX);
	secrets_take(&secrets, values, count);
	while (words.len > 0 && len < EXCERPT_SCAN_CHARS) {
		uint32_t c = next_char(&words);

		text[len++] = c < ' ' || c == 0x7f ? ' ' : c;
	}
	for (size_t i = 0; i < len;) {
		size_t secret = match_secret(text + i, len - i, &secrets);
		char one[4];

		if (!(secret ? append(ret, &at, "***", 3)
			     : append(ret, &at, one, (size_t)(put_utf8(one, text[i]) - one))))
			break;
		i += secret ? secret : 1;
	}
	ret[at] = 0;
}
