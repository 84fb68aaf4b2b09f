/* state: what a market is made of. Shared by the files of this folder; everybody else uses market.h. */
#ifndef PUNNET_ROUTER_STATE_H
#define PUNNET_ROUTER_STATE_H

#include "base/ids.h"
#include "base/map.h"
#include "holds.h"
#include "lead/watermark.h"
#include "market.h"

#define MARKET_SHARE_BP_DEFAULT 7000
#define SHARE_BP_MAX            10000

struct vertical {
	struct slice name; /* owned */
	uint32_t share_bp; /* the webmaster's share of the price */
	struct order **
	    orders; /* in the market for this vertical; their order means nothing: ranking is total */
	size_t order_count, order_cap;
};

/* A lead that is out with an order and not settled yet. */
struct open_lead {
	struct lead_id id;
	struct buf lead, contact;    /* packed Lead and SealedContact, carried as they came */
	bool is_test, waits_accepts; /* waits_accepts: the wait's end lets it through */
	int64_t waits_until_ms;      /* not 0: it waits for an operator and is with no order */
	int32_t score;
	uint32_t round;
	struct order *order;            /* who has it now: the last one of `offered` */
	struct reservation reservation; /* empty for a test lead: it takes no place */
	uint32_t *offered;              /* indexes of orders, in the order of the rounds */
	size_t offered_count;
};

struct market {
	uint32_t partition;
	int64_t log_time_ms;
	uint64_t digest;
	struct watermark watermark;          /* of admitted leads and settlements */
	struct map verticals, orders, leads; /* struct vertical, order, open_lead */
	struct map holds;                    /* advertiser -> struct hold */
	size_t waiting;                      /* of the leads: for an operator */
};

struct vertical *market_vertical(struct market *m,
				 struct slice name); /* made when it isn't there */
void vertical_add(struct vertical *v, struct order *o);
void vertical_remove(struct vertical *v, const struct order *o);
struct order *market_order(const struct market *m, struct slice id);
struct order *market_order_add(struct market *m, struct slice id);
struct open_lead *open_lead_new(const struct lead_id *id);
void open_lead_free(struct open_lead *l);
void open_lead_offer(struct open_lead *l, struct order *o);

#endif
