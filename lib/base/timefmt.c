/* timefmt: dates by arithmetic on days since 1970, without the C library's time zones or locale. */
#include "timefmt.h"

#define YEAR_MIN    1970
#define YEAR_MAX    9999
#define TIME_MAX_MS 253402300799999LL /* 9999-12-31T23:59:59.999Z */

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int64_t year, int64_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01. Counted in years that begin in March, so that the leap day comes last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t shifted = (month + 9) % 12;
	int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t shifted = (5 * doy + 2) / 153;

	*ret_day = doy - (153 * shifted + 2) / 5 + 1;
	*ret_month = shifted < 10 ? shifted + 3 : shifted - 9;
	*ret_year = yoe + era * 400 + (*ret_month <= 2);
}

/* Exactly `width` digits off the front. */
static bool take_number(struct slice *s, size_t width, int64_t *ret)
{
	int64_t value = 0;

	if (s->len < width)
		return false;
	for (size_t i = 0; i < width; i++) {
		if (s->data[i] < '0' || s->data[i] > '9')
			return false;
		value = value * 10 + (s->data[i] - '0');
	}
	s->data += width;
	s->len -= width;
	*ret = value;
	return true;
}

static bool take_one_of(struct slice *s, const char *set, char *ret)
{
	if (s->len == 0 || s->data[0] == '\0' || !strchr(set, s->data[0]))
		return false;
	*ret = s->data[0];
	s->data++;
	s->len--;
	return true;
}

static bool take_date(struct slice *s, int64_t *ret_days)
{
	int64_t year, month, day;
	char c;

	if (!take_number(s, 4, &year) || !take_one_of(s, "-", &c) || !take_number(s, 2, &month) ||
	    !take_one_of(s, "-", &c) || !take_number(s, 2, &day))
		return false;
	if (year < YEAR_MIN || month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month))
		return false;
	*ret_days = days_from_date(year, month, day);
	return true;
}

/* ".123456" to 123; a missing fraction is 0. */
static bool take_fraction_ms(struct slice *s, int64_t *ret_ms)
{
	int64_t ms = 0, unit = 100;
	char c;

	*ret_ms = 0;
	if (!take_one_of(s, ".", &c))
		return true;
	if (!take_one_of(s, "0123456789", &c))
		return false;
	do {
		ms += (c - '0') * unit;
		unit /= 10;
	} while (take_one_of(s, "0123456789", &c));
	*ret_ms = ms;
	return true;
}

static bool take_clock(struct slice *s, int64_t *ret_ms)
{
	int64_t hour, minute, second, ms;
	char c;

	if (!take_number(s, 2, &hour) || !take_one_of(s, ":", &c) || !take_number(s, 2, &minute) ||
	    !take_one_of(s, ":", &c) || !take_number(s, 2, &second) || !take_fraction_ms(s, &ms))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*ret_ms = hour * MS_PER_HOUR + minute * MS_PER_MIN + second * MS_PER_S + ms;
	return true;
}

static bool take_offset(struct slice *s, int64_t *ret_ms)
{
	int64_t hour, minute;
	char sign, c;

	*ret_ms = 0;
	if (take_one_of(s, "Zz", &c))
		return true;
	if (!take_one_of(s, "+-", &sign) || !take_number(s, 2, &hour) || !take_one_of(s, ":", &c) ||
	    !take_number(s, 2, &minute))
		return false;
	if (hour > 23 || minute > 59)
		return false;
	*ret_ms = hour * MS_PER_HOUR + minute * MS_PER_MIN;
	if (sign == '-')
		*ret_ms = -*ret_ms;
	return true;
}

bool time_parse_rfc3339(struct slice s, int64_t *ret_ms)
{
	int64_t days, clock_ms, offset_ms, ms;
	char c;

	if (!take_date(&s, &days) || !take_one_of(&s, "Tt ", &c) || !take_clock(&s, &clock_ms) ||
	    !take_offset(&s, &offset_ms) || s.len != 0)
		return false;
	ms = days * MS_PER_DAY + clock_ms - offset_ms;
	if (ms < 0 || ms > TIME_MAX_MS)
		return false;
	*ret_ms = ms;
	return true;
}

bool time_parse(struct slice s, int64_t *ret_ms)
{
	int64_t ms;

	if (!slice_to_int64(s, &ms))
		return time_parse_rfc3339(s, ret_ms);
	if (ms < 0 || ms > TIME_MAX_MS || s.data[0] == '-')
		return false;
	*ret_ms = ms;
	return true;
}

static void put_number(char *at, int width, int64_t value)
{
	for (int i = width - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
}

void time_text(int64_t ms, char ret_text[TIME_TEXT_LEN + 1])
{
	int64_t year, month, day, rest;

	/* Times in records come from the world: what can't be written is written as the nearest that can. */
	ms = MAX_OF(ms, 0);
	ms = MIN_OF(ms, TIME_MAX_MS);
	date_from_days(ms / MS_PER_DAY, &year, &month, &day);
	rest = ms % MS_PER_DAY;

	memcpy(ret_text, "0000-00-00T00:00:00.000Z", TIME_TEXT_LEN + 1);
	put_number(ret_text, 4, year);
	put_number(ret_text + 5, 2, month);
	put_number(ret_text + 8, 2, day);
	put_number(ret_text + 11, 2, rest / MS_PER_HOUR);
	put_number(ret_text + 14, 2, rest / MS_PER_MIN % 60);
	put_number(ret_text + 17, 2, rest / MS_PER_S % 60);
	put_number(ret_text + 20, 3, rest % MS_PER_S);
}

bool time_parse_duration(struct slice s, int64_t *ret_ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
	    {"ms", 1}, {"s", MS_PER_S}, {"m", MS_PER_MIN}, {"h", MS_PER_HOUR}, {"d", MS_PER_DAY},
	};
	size_t digits = 0;
	int64_t number, ms;

	while (digits < s.len && s.data[digits] >= '0' && s.data[digits] <= '9')
		digits++;
	if (!slice_to_int64(slice_of(s.data, digits), &number))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!slice_is(slice_of(s.data + digits, s.len - digits), units[i].name))
			continue;
		if (__builtin_mul_overflow(number, units[i].ms, &ms))
			return false;
		*ret_ms = ms;
		return true;
	}
	return false;
}

uint32_t time_day(int64_t ms)
{
	return ms < 0 ? 0 : (uint32_t)(ms / MS_PER_DAY);
}
