/* reconcile_phones: see reconcile_phones.h. */
#include "reconcile_phones.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "scan.h"

static void take_judged(void *ctx, _unused_ enum scan_topic topic,
			_unused_ const struct bus_record *record, const void *message)
{
	struct reconcile *r = ctx;
	const Punnet__V1__JudgedLead *m = message;
	struct fingerprint phone = {.known = true};
	struct lead_id id;

	if (!m || !m->fingerprints || m->fingerprints->phone.len != FINGERPRINT_LEN ||
	    !lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &id))
		return;
	memcpy(phone.bytes, m->fingerprints->phone.data, FINGERPRINT_LEN);
	reconcile_phone(r, &id, &phone);
}

/* What was judged from from_ms on and before to_ms; the last day has no end. */
static enum result read_span(struct reconcile *r, struct bus *bus, int64_t from_ms, int64_t to_ms,
			     struct error *ret_error)
{
	struct scan *s = scan_open(bus, ret_error);
	enum result result;

	if (!s)
		return RESULT_AWAY;
	for (int t = 0; t < SCAN_TOPICS; t++)
		if (t != SCAN_JUDGED)
			scan_skip(s, (enum scan_topic)t);
	result = scan_from(s, SCAN_JUDGED, from_ms, ret_error);
	if (result == RESULT_OK && to_ms > 0)
		result = scan_until(s, SCAN_JUDGED, to_ms, ret_error);
	if (result == RESULT_OK)
		result = scan_measure(s, ret_error);
	if (result == RESULT_OK)
		result = scan_read(s, take_judged, r, ret_error);
	scan_close(s);
	return result;
}

static int64_t day_of(int64_t ms)
{
	return ms / MS_PER_DAY * MS_PER_DAY;
}

static bool is_found(const struct their_row *row)
{
	static const struct lead_id none;

	return !lead_id_equal(&row->id, &none);
}

static bool all_found(const struct reconcile *r)
{
	for (size_t i = 0; i < r->phone_count; i++)
		if (!is_found(&r->rows[r->by_phone[i]]))
			return false;
	return true;
}

enum result reconcile_phones_find(struct reconcile *r, struct bus *bus, const char *advertiser,
				  const char *out, struct error *ret_error)
{
	uint64_t name = reconcile_state_name(r, advertiser);
	int64_t today = day_of(clock_now_ms()), day = reconcile_state_load(r, name, out);
	char text[TIME_TEXT_LEN + 1];
	enum result result = RESULT_OK;

	if (day > 0) {
		time_text(day, text);
		fprintf(stderr, "reconcile: goes on from %s\n", text);
	} else {
		/* No lead is judged before it comes in; its id says when that was. A day before it: clocks differ. */
		day = day_of(lead_id_time_ms(&r->leads[0].id)) - MS_PER_DAY;
		day = MAX_OF(day, today - RECONCILE_DAYS_MAX * MS_PER_DAY);
	}
	for (; day < today && result == RESULT_OK && !all_found(r); day += MS_PER_DAY) {
		result = read_span(r, bus, day, day + MS_PER_DAY, ret_error);
		if (result == RESULT_OK)
			result = reconcile_state_save(r, name, day + MS_PER_DAY, out, ret_error);
		fault_point("reconcile_day_kept");
	}
	/* Today is not over: it is read to its end, and again by whoever goes on. */
	if (result == RESULT_OK && !all_found(r))
		result = read_span(r, bus, MAX_OF(day, (int64_t)1), 0, ret_error);
	fault_point("reconcile_phones_found");
	return result;
}
