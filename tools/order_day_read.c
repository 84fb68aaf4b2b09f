/* order_day_read: the last day of an order, from what was decided in it. */
#include "order_more.h"
#include "proto/leads_unsold.pb-c.h"
#include "runtime/clock.h"
#include "scan.h"

static void take(void *ctx, enum scan_topic topic, _unused_ const struct bus_record *record,
		 const void *message)
{
	const Punnet__V1__RoutedLead *routed = topic == SCAN_ROUTED ? message : NULL;
	const Punnet__V1__UnsoldLead *unsold = topic == SCAN_UNSOLD ? message : NULL;
	struct lead_id id;

	if (routed && routed->decision && routed->assignment &&
	    lead_id_from_bytes(routed->lead_id.data, routed->lead_id.len, &id))
		order_day_add(ctx, routed->decision, routed->assignment->order_id, &id);
	if (unsold && unsold->decision &&
	    lead_id_from_bytes(unsold->lead_id.data, unsold->lead_id.len, &id))
		order_day_add(ctx, unsold->decision, NULL, &id);
}

enum result order_day_read(struct tool *t, const char *order_id, struct order_day *ret,
			   struct error *ret_error)
{
	struct scan *s = scan_open(t->bus, ret_error);
	enum result r = RESULT_OK;

	if (!s)
		return RESULT_AWAY;
	*ret = (struct order_day){.order_id = order_id, .now_ms = clock_now_ms()};
	for (int topic = 0; topic < SCAN_TOPICS && r == RESULT_OK; topic++) {
		if (topic == SCAN_ROUTED || topic == SCAN_UNSOLD)
			r = scan_from(s, (enum scan_topic)topic,
				      ret->now_ms - ORDER_DAY_HOURS * MS_PER_HOUR, ret_error);
		else
			scan_skip(s, (enum scan_topic)topic);
	}
	if (r == RESULT_OK)
		r = scan_measure(s, ret_error);
	if (r == RESULT_OK)
		r = scan_read(s, take, ret, ret_error);
	scan_close(s);
	return r;
}
