/* order_hours: the order's clock and its opening hours. The clock is worked out here, from the system's zone data, and goes
 * into the terms: a decision needs no zone data, and stays what it was when a country changes its mind. */
#include <time.h>

#include "order_read.h"
#include "order_week.h"
#include "router/core/clock.h"

Punnet__V1__WeekSpan **order_read_openings(struct order_reader *r, const struct yaml *list,
					   size_t *ret_count)
{
	struct week week = {0};

	*ret_count = 0;
	if (!list)
		return NULL;
	if (list->type != YAML_LIST || list->count == 0) {
		order_fault(r, list->line, "open: expected a list, for example [\"%s\"]",
			    "mon-fri 09:00-20:00");
		return NULL;
	}
	for (const struct yaml *o = list->child; o; o = o->next) {
		const char *fault = week_add(&week, o->text, r->arena);

		if (fault)
			order_fault(r, o->line, "open: \"" SLICE_FMT "\": %s", SLICE_ARG(o->text),
				    fault);
	}
	*ret_count = week.count;
	return week.spans;
}

/* The beginning of a year, so that the same file makes the same terms as long as it can. */
static int64_t year_start_ms(int64_t at_ms, int years_on)
{
	time_t at = (time_t)(at_ms / MS_PER_S);
	struct tm t;

	gmtime_r(&at, &t);
	t = (struct tm){.tm_year = t.tm_year + years_on, .tm_mday = 1};
	return (int64_t)timegm(&t) * MS_PER_S;
}

static void set_clock(struct order_reader *r, int line, const char *zone, order_terms *t)
{
	int64_t until_ms =
	    year_start_ms(t->until_ms ? t->until_ms : r->now_ms, t->until_ms ? 1 : ZONE_YEARS_MAX);

	t->clock = zone_clock(zone, year_start_ms(r->now_ms, 0), until_ms, r->arena);
	if (!t->clock)
		order_fault(r, line,
			    "zone: \"%s\": expected an IANA zone, for example Europe/Moscow", zone);
}

/* Does it ever open between its beginning and its end? A week says it all. */
static void check_ever_open(struct order_reader *r, int line, const order_terms *t)
{
	struct clock_shift shifts[CLOCK_SHIFTS_MAX];
	struct week_span room[WEEK_SPANS_MAX];
	struct week_spans spans;
	struct civil_clock clock;
	int64_t from_ms = MAX_OF(t->from_ms, r->now_ms), opens_ms = from_ms;

	if (!t->clock || t->n_open == 0 || t->until_ms == 0 || clock_fault(t) ||
	    week_spans_fault(t->open, t->n_open))
		return;
	clock = civil_clock_make(t, shifts);
	spans = week_spans_make(t->open, t->n_open, room);
	if (!clock_inside(&clock, spans, from_ms, &opens_ms) && opens_ms >= t->until_ms)
		order_fault(r, line, "schedule: it is never open before its end (%s)",
			    t->clock->zone);
}

void order_read_hours(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	const struct yaml *schedule = yaml_get(item, "schedule"), *zone = yaml_get(item, "zone");
	int64_t offset = 180;

	yaml_int(item, "utc_offset_minutes", -14 * 60, 14 * 60, &offset, r->faults);
	t->utc_offset_minutes = (int32_t)offset;
	if (schedule) {
		if (zone)
			order_fault(r, zone->line, "zone: it stands in schedule.zone%s",
				    " already");
		zone = yaml_get(schedule, "zone");
		t->open = order_read_openings(r, yaml_get(schedule, "open"), &t->n_open);
		if (!zone || t->n_open == 0)
			order_fault(r, schedule->line, "schedule: expected {zone: %s, open: [...]}",
				    "Europe/Moscow");
		yaml_refuse_unknown(schedule, "schedule", "zone, open", r->faults);
	}
	if (zone)
		set_clock(r, zone->line, arena_cstr(r->arena, zone->text), t);
	if (zone && yaml_get(item, "utc_offset_minutes"))
		order_fault(r, zone->line, "zone and utc_offset_minutes: expected one of %s",
			    "them");
	check_ever_open(r, item->line, t);
}
