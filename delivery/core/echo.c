/* echo: see echo.h. */
#include "echo.h"

#include "base/json_escape.h"

#define BASE64_SHIFTS 3 /* places of a byte in a group of three */

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool holds(struct slice text, struct slice value, bool any_case)
{
	for (size_t at = 0; at + value.len <= text.len; at++) {
		size_t n = 0;

		while (n < value.len && (any_case ? fold(text.data[at + n]) == fold(value.data[n])
						  : text.data[at + n] == value.data[n]))
			n++;
		if (n == value.len)
			return true;
	}
	return false;
}

/* The value of `digits` hex digits, or -1. */
static int hex_number(struct slice text, size_t digits)
{
	int value = 0;

	if (text.len < digits)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		int digit = hex_value(text.data[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* %41 and \u0041 as what they mean; everything else as it is. Never longer than it was. */
static struct slice decoded(struct slice body, bool escapes, struct arena *a)
{
	char *out = arena_alloc(a, body.len + 1);
	size_t len = 0;

	for (size_t at = 0; at < body.len;) {
		struct slice rest = slice_of(body.data + at, body.len - at);
		int value = -1;

		if (rest.data[0] == '%' &&
		    (value = hex_number(slice_of(rest.data + 1, rest.len - 1), 2)) >= 0) {
			out[len++] = (char)value;
			at += 3;
		} else if (escapes && rest.len > 2 && rest.data[0] == '\\' && rest.data[1] == 'u' &&
			   (value = hex_number(slice_of(rest.data + 2, rest.len - 2), 4)) >= 0) {
			len = (size_t)(put_utf8(out + len, (uint32_t)value) - out);
			at += 6;
		} else {
			out[len++] = rest.data[0];
			at++;
		}
	}
	return slice_of(out, len);
}

static bool in_hex(struct slice body, struct slice value)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * ECHO_MOST_BYTES];

	for (size_t i = 0; i < value.len; i++) {
		text[2 * i] = digits[(unsigned char)value.data[i] >> 4];
		text[2 * i + 1] = digits[value.data[i] & 15];
	}
	return holds(body, slice_of(text, 2 * value.len), true);
}

/* What stands of the value in base64 when `shift` other bytes go before it: only characters that no neighbour can change. */
static struct slice base64_of(struct slice value, size_t shift, const char *alphabet, char *ret)
{
	size_t bits = 8 * value.len, first = (6 - 8 * shift % 6) % 6, len = 0;

	for (size_t bit = first; bit + 6 <= bits; bit += 6) {
		unsigned high = (unsigned char)value.data[bit / 8];
		unsigned low = bit / 8 + 1 < value.len ? (unsigned char)value.data[bit / 8 + 1] : 0;

		ret[len++] = alphabet[(high << 8 | low) >> (10 - bit % 8) & 63];
	}
	return slice_of(ret, len);
}

static bool in_base64(struct slice body, struct slice value)
{
	static const char *const alphabets[] = {
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
	char text[2 * ECHO_MOST_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(alphabets); i++) {
		for (size_t shift = 0; shift < BASE64_SHIFTS; shift++) {
			if (holds(body, base64_of(value, shift, alphabets[i], text), false))
				return true;
		}
	}
	return false;
}

/* The longest piece of the text that could be hex, or base64: nothing longer hides in it. */
struct pieces {
	size_t hex, base64;
};

static bool is_base64(char c)
{
	return (fold(c) >= 'a' && fold(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
	       c == '/' || c == '-' || c == '_';
}

static struct pieces longest_pieces(struct slice text)
{
	struct pieces longest = {0}, now = {0};

	for (size_t i = 0; i < text.len; i++) {
		now.base64 = is_base64(text.data[i]) ? now.base64 + 1 : 0;
		now.hex = now.base64 && hex_value(text.data[i]) >= 0 ? now.hex + 1 : 0;
		longest.base64 = MAX_OF(longest.base64, now.base64);
		longest.hex = MAX_OF(longest.hex, now.hex);
	}
	return longest;
}

static bool may_be_encoded(struct slice text, bool escapes)
{
	return text.len > 0 &&
	       (memchr(text.data, '%', text.len) || (escapes && memchr(text.data, '\\', text.len)));
}

bool echo_is_hidden(struct slice text, const struct slice *values, size_t count, bool escapes,
		    struct arena *a)
{
	struct pieces longest = longest_pieces(text);
	struct slice plain = {0};

	if (may_be_encoded(text, escapes))
		plain = decoded(text, escapes, a);
	for (size_t i = 0; i < count; i++) {
		struct slice value = values[i];

		value.len = MIN_OF(value.len, (size_t)ECHO_MOST_BYTES);
		if (value.len < ECHO_LEAST_BYTES)
			continue;
		if (holds(plain, value, true) ||
		    (longest.hex >= 2 * value.len && in_hex(text, value)) ||
		    (longest.base64 >= value.len && in_base64(text, value)))
			return true;
	}
	return false;
}
