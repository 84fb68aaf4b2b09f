/* order_day: see order_day.h. */
#include "order_day.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/timefmt.h"

static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

static void count_reason(struct order_day *d, const char *code)
{
	size_t i = 0;

	while (i < d->reason_count && strcmp(d->reasons[i].code, code) != 0)
		i++;
	if (i == ORDER_DAY_REASONS) {
		d->other_reasons++;
		return;
	}
	if (i == d->reason_count) {
		snprintf(d->reasons[i].code, ORDER_DAY_TEXT, "%s", code);
		d->reason_count++;
	}
	d->reasons[i].leads++;
}

/* Topics are read one after the other: what comes later may be older. */
static void keep_last(struct order_day *d, const Punnet__V1__Candidate *c, int64_t at_ms,
		      const struct lead_id *lead_id)
{
	struct order_day_miss miss = {.at_ms = at_ms, .lead_id = *lead_id};
	size_t at = d->last_count;

	if (at == ORDER_DAY_LAST) {
		if (d->last[at - 1].at_ms >= at_ms)
			return;
		at--;
	} else {
		d->last_count++;
	}
	for (; at > 0 && d->last[at - 1].at_ms < at_ms; at--)
		d->last[at] = d->last[at - 1];
	snprintf(miss.code, sizeof(miss.code), "%s", c->code);
	snprintf(miss.detail, sizeof(miss.detail), "%s", c->detail);
	d->last[at] = miss;
}

void order_day_add(struct order_day *d, const Punnet__V1__DecisionRecord *record,
		   const char *winner, const struct lead_id *lead_id)
{
	int64_t hours_ago = (d->now_ms - record->log_time_ms) / MS_PER_HOUR;

	if (hours_ago >= ORDER_DAY_HOURS)
		return;
	if (winner && strcmp(winner, d->order_id) == 0) {
		d->got[ORDER_DAY_HOURS - 1 - MAX_OF(hours_ago, 0)]++;
		return;
	}
	for (size_t i = 0; i < record->n_candidates; i++) {
		const Punnet__V1__Candidate *c = record->candidates[i];

		if (strcmp(c->order_id, d->order_id) != 0)
			continue;
		count_reason(d, c->code);
		keep_last(d, c, record->log_time_ms, lead_id);
	}
}

uint64_t order_day_got(const struct order_day *d)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ORDER_DAY_HOURS; i++)
		sum += d->got[i];
	return sum;
}

void order_day_json(const struct order_day *d, struct buf *out)
{
	buf_append_cstr(out, ",\"last_day\":[");
	for (size_t i = 0; i < ORDER_DAY_HOURS; i++)
		buf_printf(out, "%s%" PRIu64, i ? "," : "", d->got[i]);
	buf_append_cstr(out, "],\"missed\":{");
	for (size_t i = 0; i < d->reason_count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		json_write_string(out, slice_cstr(d->reasons[i].code));
		buf_printf(out, ":%" PRIu64, d->reasons[i].leads);
	}
	buf_append_char(out, '}');
}

/* The lowest bar is no lead at all; one is seen as such. */
static void spark_line(const struct order_day *d, struct buf *out)
{
	uint64_t most = 1;

	for (size_t i = 0; i < ORDER_DAY_HOURS; i++)
		most = MAX_OF(most, d->got[i]);
	for (size_t i = 0; i < ORDER_DAY_HOURS; i++) {
		uint64_t bar = (d->got[i] * (ARRAY_LEN(bars) - 1) + most - 1) / most;

		buf_append_slice(out, slice_cstr(bars[bar]));
	}
}

void order_day_words(const struct order_day *d, struct buf *out)
{
	buf_append_cstr(out, "  last day ");
	spark_line(d, out);
	buf_printf(out, " %" PRIu64 " leads, an hour a bar up to now\n", order_day_got(d));
	if (d->reason_count == 0)
		return;
	buf_append_cstr(out, "  did not get");
	for (size_t i = 0; i < d->reason_count; i++)
		buf_printf(out, "%s %" PRIu64 " %s", i ? "," : "", d->reasons[i].leads,
			   d->reasons[i].code);
	if (d->other_reasons > 0)
		buf_printf(out, ", %" PRIu64 " for other reasons", d->other_reasons);
	buf_append_cstr(out, " (as far as a decision's record names it)\n");
	for (size_t i = 0; i < d->last_count; i++) {
		const struct order_day_miss *miss = &d->last[i];
		char at[TIME_TEXT_LEN + 1], id[LEAD_ID_TEXT_LEN + 1];

		time_text(miss->at_ms, at);
		lead_id_text(&miss->lead_id, id);
		buf_printf(out, "    %s  lead %s  %s%s%s\n", at, id, miss->code,
			   miss->detail[0] ? ": " : "", miss->detail);
	}
}
