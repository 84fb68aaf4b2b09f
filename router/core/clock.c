/* clock: see clock.h. Days are counted from 1970-01-01, a Thursday. */
#include "clock.h"

#define DAYS_TO_MONDAY 3 /* Monday stood three days before the first day */

static int64_t floor_to(int64_t n, int64_t unit)
{
	int64_t rest = n % unit;

	return n - (rest < 0 ? rest + unit : rest);
}

const char *clock_fault(const Punnet__V1__OrderTerms *terms)
{
	const Punnet__V1__Clock *c = terms->clock;

	if (terms->utc_offset_minutes < -CLOCK_OFFSET_MAX_MIN ||
	    terms->utc_offset_minutes > CLOCK_OFFSET_MAX_MIN)
		return "a clock that nobody has";
	if (!c)
		return NULL;
	if (c->n_shifts == 0 || c->n_shifts > CLOCK_SHIFTS_MAX)
		return "a clock without shifts, or with too many";
	for (size_t i = 0; i < c->n_shifts; i++) {
		if (c->shifts[i]->offset_minutes < -CLOCK_OFFSET_MAX_MIN ||
		    c->shifts[i]->offset_minutes > CLOCK_OFFSET_MAX_MIN)
			return "a clock that nobody has";
		if (i > 0 && c->shifts[i]->from_ms <= c->shifts[i - 1]->from_ms)
			return "a clock whose shifts are out of order";
	}
	return NULL;
}

const char *week_spans_fault(Punnet__V1__WeekSpan *const *spans, size_t count)
{
	uint32_t last = 0;

	if (count > WEEK_SPANS_MAX)
		return "too many openings";
	for (size_t i = 0; i < count; i++) {
		const Punnet__V1__WeekSpan *s = spans[i];

		if (s->from_minute < last || s->until_minute <= s->from_minute ||
		    s->until_minute > WEEK_MINUTES)
			return "openings that overlap, or are none";
		last = s->until_minute;
	}
	return NULL;
}

struct civil_clock civil_clock_make(const Punnet__V1__OrderTerms *terms, struct clock_shift *room)
{
	const Punnet__V1__Clock *c = terms->clock;

	for (size_t i = 0; c && i < c->n_shifts; i++)
		room[i] = (struct clock_shift){c->shifts[i]->from_ms, c->shifts[i]->offset_minutes};
	return (struct civil_clock){.shifts = room,
				    .shift_count = c ? (uint32_t)c->n_shifts : 0,
				    .offset_minutes = terms->utc_offset_minutes};
}

struct week_spans week_spans_make(Punnet__V1__WeekSpan *const *spans, size_t count,
				  struct week_span *room)
{
	for (size_t i = 0; i < count; i++)
		room[i] = (struct week_span){(uint16_t)spans[i]->from_minute,
					     (uint16_t)spans[i]->until_minute};
	return (struct week_spans){room, count};
}

/* The shift that holds; the first one holds before its beginning, too. */
static size_t shift_at(const struct civil_clock *c, int64_t now_ms)
{
	size_t at = 0;

	while (at + 1 < c->shift_count && c->shifts[at + 1].from_ms <= now_ms)
		at++;
	return at;
}

int64_t clock_offset_ms(const struct civil_clock *c, int64_t now_ms)
{
	if (c->shift_count == 0)
		return c->offset_minutes * MS_PER_MIN;
	return c->shifts[shift_at(c, now_ms)].offset_minutes * MS_PER_MIN;
}

/* The first moment from now on at which the clock shows local_ms or more. */
static int64_t when_it_shows(const struct civil_clock *c, int64_t local_ms, int64_t now_ms)
{
	int64_t at = now_ms, offset = clock_offset_ms(c, now_ms);

	for (size_t i = shift_at(c, now_ms) + 1; i < c->shift_count; i++) {
		if (at + offset >= local_ms || local_ms - offset < c->shifts[i].from_ms)
			break;
		at = c->shifts[i].from_ms;
		offset = c->shifts[i].offset_minutes * MS_PER_MIN;
	}
	return MAX_OF(at, local_ms - offset);
}

/* The first day of the month of a day. Years begin in March here, so that the leap day is the last one. */
static int64_t month_start(int64_t day)
{
	int64_t z = day + 719468, doe = z - floor_to(z, 146097);
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), month = (5 * doy + 2) / 153;

	return day - (doy - (153 * month + 2) / 5);
}

int64_t clock_window_of_day(enum window_kind kind, int64_t local_ms)
{
	int64_t day = floor_to(local_ms, MS_PER_DAY) / MS_PER_DAY;

	if (kind == WINDOW_WEEK)
		day = floor_to(day + DAYS_TO_MONDAY, 7) - DAYS_TO_MONDAY;
	else if (kind == WINDOW_MONTH)
		day = month_start(day);
	return day * MS_PER_DAY;
}

int64_t clock_window(const struct civil_clock *c, enum window_kind kind, int64_t now_ms)
{
	int64_t local = now_ms + clock_offset_ms(c, now_ms);

	if (kind == WINDOW_HOUR)
		return now_ms - (local - floor_to(local, MS_PER_HOUR));
	return clock_window_of_day(kind, local);
}

int64_t clock_window_end(const struct civil_clock *c, enum window_kind kind, int64_t now_ms)
{
	static const int64_t sure_days[] = {
	    [WINDOW_DAY] = 1, [WINDOW_WEEK] = 7, [WINDOW_MONTH] = 31};
	int64_t start = clock_window(c, kind, now_ms), next = start + MS_PER_HOUR;
	size_t i;

	if (kind != WINDOW_HOUR)
		/* Any day of the next month leads to its first one. */
		return when_it_shows(
		    c, clock_window_of_day(kind, start + sure_days[kind] * MS_PER_DAY), now_ms);
	/* A shift begins another hour, wherever it falls. */
	i = shift_at(c, now_ms) + 1;
	return i < c->shift_count ? MIN_OF(next, c->shifts[i].from_ms) : next;
}

/* A clock that is put back shows again what was over. */
static int64_t next_turn_back(const struct civil_clock *c, int64_t now_ms)
{
	for (size_t i = shift_at(c, now_ms) + 1; i < c->shift_count; i++) {
		if (c->shifts[i].offset_minutes < c->shifts[i - 1].offset_minutes)
			return c->shifts[i].from_ms;
	}
	return INT64_MAX;
}

static int64_t week_minute(int64_t local_ms)
{
	return (local_ms - clock_window_of_day(WINDOW_WEEK, local_ms)) / MS_PER_MIN;
}

bool clock_inside(const struct civil_clock *c, struct week_spans spans, int64_t now_ms,
		  int64_t *ret_until_ms)
{
	int64_t local, week, minute;
	size_t i = 0;

	if (spans.count == 0)
		return true;
	local = now_ms + clock_offset_ms(c, now_ms);
	week = clock_window_of_day(WINDOW_WEEK, local);
	minute = week_minute(local);
	while (i < spans.count && spans.items[i].until_minute <= minute)
		i++;
	if (i < spans.count && spans.items[i].from_minute <= minute)
		return true;
	minute = i < spans.count ? spans.items[i].from_minute
				 : WEEK_MINUTES + spans.items[0].from_minute;
	*ret_until_ms =
	    MIN_OF(when_it_shows(c, week + minute * MS_PER_MIN, now_ms), next_turn_back(c, now_ms));
	return false;
}
