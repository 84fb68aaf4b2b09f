/* order_replay: see order_replay.h. */
#include "order_replay.h"

#include "scan.h"

static void take(void *ctx, _unused_ enum scan_topic topic, const struct bus_record *record,
		 const void *message)
{
	struct order_replay *r = ctx;
	const Punnet__V1__MarketEvent *event = message;
	struct decisions made;

	if (record->partition != (int32_t)r->partition)
		return;
	arena_reset(&r->arena);
	(void)market_apply(r->market, event, record->timestamp_ms, (uint64_t)record->offset,
			   &r->arena, &made);
	r->records++;
	if (r->after && event)
		r->after(r, event, &made);
}

bool order_replay_event(struct order_replay *r, const Punnet__V1__MarketEvent *event, int64_t at_ms,
			struct decisions *ret)
{
	return market_apply(r->market, event, at_ms, 0, &r->arena, ret) == MARKET_CHANGED;
}

enum result order_replay(struct tool *t, struct order_replay *r, struct error *ret_error)
{
	struct scan *s = scan_open(t->bus, ret_error);
	enum result result = RESULT_OK;

	if (!s)
		return RESULT_AWAY;
	for (int topic = 0; topic < SCAN_TOPICS; topic++) {
		if (topic != SCAN_MARKET)
			scan_skip(s, (enum scan_topic)topic);
	}
	if (r->from_ms > 0)
		result = scan_from(s, SCAN_MARKET, r->from_ms, ret_error);
	if (result == RESULT_OK)
		result = scan_measure(s, ret_error);
	if (result == RESULT_OK)
		result = scan_read(s, take, r, ret_error);
	scan_close(s);
	arena_free(&r->arena);
	return result;
}
