/* import_convert: cells into values. See import_map.h. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "import_map.h"

#define EXPONENT_MOST 15
#define PHONE_DIGITS  32

static bool take_digits(struct slice *text, size_t least, size_t most, int *ret)
{
	size_t len = 0;

	*ret = 0;
	while (len < most && len < text->len && text->data[len] >= '0' && text->data[len] <= '9')
		*ret = *ret * 10 + (text->data[len++] - '0');
	text->data += len;
	text->len -= len;
	return len >= least;
}

static bool take_word(struct slice *format, const char *word)
{
	size_t len = strlen(word);

	if (!slice_starts_with(*format, word))
		return false;
	format->data += len;
	format->len -= len;
	return true;
}

struct date {
	int year, month, day, hour, minute, second;
	bool had_hour;
};

static bool take_part(struct slice *format, struct slice *text, struct date *d)
{
	if (take_word(format, "yyyy"))
		return take_digits(text, 4, 4, &d->year);
	if (take_word(format, "yy")) {
		bool fits = take_digits(text, 2, 2, &d->year);

		d->year += 2000;
		return fits;
	}
	if (take_word(format, "dd"))
		return take_digits(text, 1, 2, &d->day);
	if (take_word(format, "hh")) {
		d->had_hour = true;
		return take_digits(text, 1, 2, &d->hour);
	}
	if (take_word(format, "mm"))
		return take_digits(text, 1, 2, d->had_hour ? &d->minute : &d->month);
	if (take_word(format, "ss"))
		return take_digits(text, 1, 2, &d->second);
	if (text->len == 0 || text->data[0] != format->data[0])
		return false;
	format->data++, format->len--;
	text->data++, text->len--;
	return true;
}

bool import_time(struct slice text, struct slice format, int32_t zone_minutes, int64_t *ret_ms)
{
	struct date d = {.month = 1, .day = 1};
	int32_t zone = zone_minutes < 0 ? -zone_minutes : zone_minutes;
	char iso[64];
	int len;

	text = slice_trim(text);
	if (slice_is(format, "rfc3339"))
		return time_parse_rfc3339(text, ret_ms);
	if (slice_is(format, "unix") || slice_is(format, "unix_ms")) {
		int64_t number;

		if (!slice_to_int64(text, &number) || number < 0 || number > INT64_MAX / MS_PER_S)
			return false;
		*ret_ms = slice_is(format, "unix") ? number * MS_PER_S : number;
		return true;
	}
	while (format.len > 0)
		if (!take_part(&format, &text, &d))
			return false;
	if (text.len > 0 || d.year > 9999)
		return false;
	len = snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", d.year,
		       d.month, d.day, d.hour, d.minute, d.second, zone_minutes < 0 ? '-' : '+',
		       (int)(zone / 60), (int)(zone % 60));
	return time_parse_rfc3339(slice_of(iso, (size_t)len), ret_ms);
}

/* 8,9161234567E+10 is a number of eleven digits when none of them was rounded away. */
static bool from_exponent(struct slice text, struct buf *out)
{
	char digits[PHONE_DIGITS + 1];
	size_t count = 0, i = 0;
	int64_t exponent;

	for (; i < text.len && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
		if (text.data[i] >= '0' && text.data[i] <= '9' && count < PHONE_DIGITS)
			digits[count++] = text.data[i];
		else if (i != 1 || (text.data[i] != '.' && text.data[i] != ','))
			return false;
	}
	if (i == text.len || count == 0)
		return false;
	i += i + 1 < text.len && text.data[i + 1] == '+' ? 2 : 1;
	if (!slice_to_int64(slice_of(text.data + i, text.len - i), &exponent) || exponent < 0 ||
	    exponent > EXPONENT_MOST || count != (size_t)exponent + 1)
		return false;
	buf_append(out, digits, count);
	return true;
}

void import_phone(struct slice text, struct buf *out)
{
	text = slice_trim(text);
	if (text.len > 0 && text.data[0] == '\'') {
		text.data++;
		text.len--;
	}
	if (from_exponent(text, out))
		return;
	if (text.len > 2 && (memcmp(text.data + text.len - 2, ".0", 2) == 0 ||
			     memcmp(text.data + text.len - 2, ",0", 2) == 0))
		text.len -= 2;
	buf_append_slice(out, text);
}

bool import_number(struct slice text, int64_t *ret)
{
	char plain[32];
	size_t len = 0;

	text = slice_trim(text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == ' ')
			continue;
		if (i + 1 < text.len && memcmp(text.data + i, "\xc2\xa0", 2) == 0) {
			i++; /* a space that does not break */
			continue;
		}
		if (len == sizeof(plain))
			return false;
		plain[len++] = text.data[i];
	}
	for (size_t i = 0; i < len; i++) {
		if (plain[i] != '.' && plain[i] != ',')
			continue;
		if (i + 1 == len)
			return false;
		for (size_t k = i + 1; k < len; k++)
			if (plain[k] != '0')
				return false; /* a fraction: not a whole number */
		len = i;
	}
	return slice_to_int64(slice_of(plain, len), ret);
}
