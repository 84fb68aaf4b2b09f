/* order_zone: what a zone's clock shows, from the system's zone data through the C library, which knows both its tables and
 * the rule that goes on behind them. A shift is found by looking every few hours and halving where two looks differ. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "order_week.h"

#define LOOK_EVERY_MS (6 * MS_PER_HOUR) /* no zone shifts twice within it */

static bool zone_exists(const char *zone, struct arena *a)
{
	if (zone[0] == '/' || strstr(zone, "..") || !zone[0])
		return false;
	return access(arena_printf(a, "/usr/share/zoneinfo/%s", zone), R_OK) == 0 &&
	       access(arena_printf(a, "/usr/share/zoneinfo/%s/", zone), R_OK) != 0;
}

static int32_t offset_minutes(int64_t at_ms)
{
	time_t at = (time_t)(at_ms / MS_PER_S);
	struct tm local;

	localtime_r(&at, &local);
	return (int32_t)(local.tm_gmtoff / 60);
}

static void add_shift(Punnet__V1__Clock *c, int64_t from_ms, int32_t minutes, struct arena *a)
{
	Punnet__V1__ClockShift *s = arena_alloc(a, sizeof(*s));

	punnet__v1__clock_shift__init(s);
	s->from_ms = from_ms;
	s->offset_minutes = minutes;
	c->shifts[c->n_shifts++] = s;
}

/* The first second at which the clock shows something else than at low_ms. */
static int64_t shift_between(int64_t low_ms, int64_t high_ms)
{
	int32_t before = offset_minutes(low_ms);

	while (high_ms - low_ms > MS_PER_S) {
		int64_t middle = low_ms + (high_ms - low_ms) / 2 / MS_PER_S * MS_PER_S;

		if (offset_minutes(middle) == before)
			low_ms = middle;
		else
			high_ms = middle;
	}
	return high_ms;
}

static void look(Punnet__V1__Clock *c, int64_t from_ms, int64_t until_ms, struct arena *a)
{
	int64_t at = from_ms / MS_PER_S * MS_PER_S;

	add_shift(c, at, offset_minutes(at), a);
	for (; at < until_ms && c->n_shifts < ZONE_SHIFTS_MAX; at += LOOK_EVERY_MS) {
		if (offset_minutes(at + LOOK_EVERY_MS) != offset_minutes(at)) {
			int64_t shift = shift_between(at, at + LOOK_EVERY_MS);

			add_shift(c, shift, offset_minutes(shift), a);
		}
	}
}

Punnet__V1__Clock *zone_clock(const char *zone, int64_t from_ms, int64_t until_ms, struct arena *a)
{
	Punnet__V1__Clock *c = arena_alloc(a, sizeof(*c));
	const char *before = getenv("TZ");
	char *kept = before ? arena_cstr(a, slice_cstr(before)) : NULL;

	if (!zone_exists(zone, a))
		return NULL;
	punnet__v1__clock__init(c);
	c->zone = arena_cstr(a, slice_cstr(zone));
	c->shifts = arena_calloc(a, ZONE_SHIFTS_MAX + 1, sizeof(*c->shifts));
	setenv("TZ", arena_printf(a, ":%s", zone), 1);
	tzset();
	look(c, from_ms, until_ms, a);
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	return c;
}
