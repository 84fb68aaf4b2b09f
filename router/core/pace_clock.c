/* pace_clock: see pace_clock.h.
 *
 * An hour of the week that was never seen is taken to be like that hour of other days, and where that was not seen either, like
 * the mean of all hours. What was seen little is held a little towards what it would be then. */
#include "pace_clock.h"

#define FOURTHS     4 /* what is assumed weighs a fourth of one observation */
#define UNSEEN_LESS 8 /* of what was never seen an eighth may not come: the week's end, a holiday */
#define LEVEL_LEADS 64 /* the level starts from so many leads as usual */
#define LEVEL_FADES 24 /* hours */
#define LEVEL_ONE   (1u << PACE_LEVEL_SHIFT)
#define FIRST_PART  20 /* an hour counts as whole when it was watched from its first twentieth on */

static int64_t hour_of(int64_t at_ms)
{
	return at_ms / MS_PER_HOUR;
}

/* Hours since 1970 to the hour of the week; where the week begins doesn't matter. */
static uint32_t week_hour(int64_t hour)
{
	return (uint32_t)(((hour % PACE_WEEK_HOURS) + PACE_WEEK_HOURS) % PACE_WEEK_HOURS);
}

static uint64_t mean_rate(const struct pace_clock *c)
{
	uint64_t sum = 0, seen = 0;

	for (int h = 0; h < PACE_WEEK_HOURS; h++) {
		sum += c->rate[h] * c->weeks[h];
		seen += c->weeks[h];
	}
	return seen ? sum / seen : 0;
}

/* Of one hour of the day, over all weekdays. */
static uint64_t day_rate(const struct pace_clock *c, int of_day, uint64_t mean)
{
	uint64_t sum = mean, weight = 1;

	for (int h = of_day; h < PACE_WEEK_HOURS; h += 24) {
		sum += FOURTHS * c->rate[h] * c->weeks[h];
		weight += FOURTHS * c->weeks[h];
	}
	return sum / weight;
}

void pace_clock_derive(struct pace_clock *c)
{
	uint64_t mean = mean_rate(c), of_day[24];

	for (int d = 0; d < 24; d++)
		of_day[d] = day_rate(c, d, mean);
	c->sum[0] = 0;
	for (int h = 0; h < PACE_WEEK_HOURS; h++) {
		uint64_t weeks = c->weeks[h];
		uint64_t rate =
		    (FOURTHS * weeks * c->rate[h] + of_day[h % 24]) / (FOURTHS * weeks + 1);

		if (weeks == 0)
			rate -= rate / UNSEEN_LESS;
		c->sum[h + 1] = c->sum[h] + rate;
	}
	c->level = ((c->seen + ((uint64_t)LEVEL_LEADS << PACE_RATE_SHIFT)) << PACE_LEVEL_SHIFT) /
		   (c->expected + ((uint64_t)LEVEL_LEADS << PACE_RATE_SHIFT));
}

/* Before an hour of the day was seen once, nothing is expected of it that a level could be told from. */
static bool day_hour_known(const struct pace_clock *c, uint32_t hour)
{
	uint32_t seen = 0;

	for (uint32_t h = hour % 24; h < PACE_WEEK_HOURS; h += 24)
		seen += c->weeks[h];
	return seen > 0;
}

/* The running hour is over. */
static void close_hour(struct pace_clock *c)
{
	uint32_t h = week_hour(c->hour);
	uint64_t rate = c->in_hour << PACE_RATE_SHIFT;

	if (!c->whole)
		return;
	c->seen -= c->seen / LEVEL_FADES;
	c->expected -= c->expected / LEVEL_FADES;
	if (day_hour_known(c, h)) {
		c->seen += rate;
		c->expected += c->sum[h + 1] - c->sum[h];
	}
	if (c->weeks[h] < PACE_WEEKS_MAX)
		c->weeks[h]++;
	/* The new one weighs as much as each of those before it; of PACE_WEEKS_MAX the oldest fade. */
	c->rate[h] = (c->rate[h] * (c->weeks[h] - 1u) + rate) / c->weeks[h];
	c->hours += c->hours < UINT32_MAX;
}

static void start_hour(struct pace_clock *c, int64_t at_ms)
{
	c->hour = hour_of(at_ms);
	c->in_hour = 0;
	c->whole = at_ms - c->hour * MS_PER_HOUR < MS_PER_HOUR / FIRST_PART;
}

static void move_on(struct pace_clock *c, int64_t at_ms)
{
	int64_t hour = hour_of(at_ms);

	if (hour - c->hour > PACE_SILENCE_HOURS) {
		close_hour(c);
		start_hour(c, at_ms);
	}
	while (c->hour < hour) {
		close_hour(c);
		c->hour++;
		c->in_hour = 0;
		c->whole = true;
	}
	pace_clock_derive(c);
}

void pace_clock_lead(struct pace_clock *c, int64_t at_ms)
{
	if (c->first_ms == 0) {
		c->first_ms = at_ms;
		start_hour(c, at_ms);
	} else if (hour_of(at_ms) > c->hour) {
		move_on(c, at_ms);
	}
	c->in_hour++;
	c->leads++;
}

/* Leads << PACE_RATE_SHIFT of the pattern from the beginning of 1970's first week; only differences mean something. */
static uint64_t pattern(const struct pace_clock *c, int64_t at_ms)
{
	int64_t hour = hour_of(at_ms);
	uint32_t h = week_hour(hour);
	uint64_t part_ms = (uint64_t)(at_ms - hour * MS_PER_HOUR);

	return (uint64_t)(hour / PACE_WEEK_HOURS) * c->sum[PACE_WEEK_HOURS] + c->sum[h] +
	       (c->sum[h + 1] - c->sum[h]) * part_ms / MS_PER_HOUR;
}

uint64_t pace_clock_expect(const struct pace_clock *c, int64_t from_ms, int64_t to_ms)
{
	unsigned __int128 leads;

	from_ms = MAX_OF(from_ms, c->first_ms);
	if (c->first_ms == 0 || to_ms <= from_ms)
		return 0;
	if (c->hours == 0) {
		leads = (unsigned __int128)c->leads * (uint64_t)(to_ms - from_ms);
		return (uint64_t)(leads / (uint64_t)MAX_OF(from_ms - c->first_ms, 1));
	}
	leads = pattern(c, to_ms) - pattern(c, from_ms);
	return (uint64_t)(leads * c->level >> (PACE_LEVEL_SHIFT + PACE_RATE_SHIFT));
}

int64_t pace_clock_watched_ms(const struct pace_clock *c, int64_t now_ms)
{
	if (c->first_ms == 0)
		return 0;
	return c->hours > 0 ? c->hours * MS_PER_HOUR : now_ms - c->first_ms;
}
