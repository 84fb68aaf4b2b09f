/* order_day: an order's last day: what it got hour by hour, and why it did not get other leads. Pure. */
#ifndef PUNNET_ORDER_DAY_H
#define PUNNET_ORDER_DAY_H

#include "base/buf.h"
#include "base/ids.h"
#include "proto/leads_routed.pb-c.h"

#define ORDER_DAY_HOURS   24
#define ORDER_DAY_REASONS 32 /* kinds; what comes after them is counted as one */
#define ORDER_DAY_LAST    5
#define ORDER_DAY_TEXT    96

struct order_day_miss {
	int64_t at_ms;
	struct lead_id lead_id;
	char code[ORDER_DAY_TEXT], detail[ORDER_DAY_TEXT];
};

struct order_day {
	const char *order_id;
	int64_t now_ms;
	uint64_t got[ORDER_DAY_HOURS]; /* the last one is the hour up to now */
	struct {
		char code[ORDER_DAY_TEXT];
		uint64_t leads;
	} reasons[ORDER_DAY_REASONS];
	size_t reason_count;
	uint64_t other_reasons;
	struct order_day_miss last[ORDER_DAY_LAST]; /* the newest first */
	size_t last_count;
};

/* A decision's record; winner NULL: nobody got the lead. Says nothing of orders that the record doesn't name. */
void order_day_add(struct order_day *d, const Punnet__V1__DecisionRecord *record,
		   const char *winner, const struct lead_id *lead_id);
uint64_t order_day_got(const struct order_day *d);
/* ",\"last_day\":[…],\"missed\":{…}" */
void order_day_json(const struct order_day *d, struct buf *out);
/* Lines for people, each indented and ended. */
void order_day_words(const struct order_day *d, struct buf *out);

#endif
