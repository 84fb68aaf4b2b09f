/* state: what a market is made of. Shared by the files of this folder; everybody else uses market.h. */
#ifndef PUNNET_ROUTER_STATE_H
#define PUNNET_ROUTER_STATE_H

#include "base/ids.h"
#include "base/table.h"
#include "holds.h"
#include "index.h"
#include "lead/watermark.h"
#include "market.h"
#include "price.h"

#define MARKET_MAGIC            "punnet-market"
#define MARKET_SHARE_BP_DEFAULT 7000
#define BUYER_WAIT_MAX_MS       (90 * MS_PER_DAY)
#define BUYER_RETRY_MS          (15 * MS_PER_MIN) /* a lead that waits is offered again at least so often */
#define BUYER_WAITING_MAX       5000 /* leads that wait for a buyer; one more is unsold at once */

struct vertical {
	struct slice name; /* owned */
	uint32_t
	    share_bp; /* the webmaster's share of the price, where the card says nothing else */
	struct buf packed; /* the card as it was published; empty = none was */
	Punnet__V1__RateChanged *card;
	struct map classes; /* webmaster → text of the card */
	struct map tiers;   /* webmaster → Punnet__V1__TierHolder of the card */
	struct attributes attributes;
	size_t order_count;       /* in the market for this vertical */
	struct match_index index; /* of these */
	struct pacer pacer;
};

enum lead_waits {
	WAITS_FOR_NOBODY,
	WAITS_FOR_OPERATOR, /* it is with no order */
	WAITS_FOR_BUYER,
};

/* A lead that is out with an order, waits for an operator, or waits for a buyer. There may be a million of them. */
struct open_lead {
	struct lead_id id;
	int64_t until_ms;         /* when its wait ends, if it waits */
	int64_t retry_ms;         /* when it is offered again, if it waits for a buyer */
	const char *packed;       /* LeadAdmitted, carried as it came; in the market's pool */
	struct holding *holdings; /* `first`, or owned */
	struct holding first;
	uint32_t packed_len, holding_count;
	uint8_t waits; /* enum lead_waits */
	bool is_test,
	    waits_accepts; /* waits_accepts: the end of its wait for an operator lets it through */
};

struct market {
	uint32_t partition;
	int64_t log_time_ms;
	uint64_t digest;
	struct watermark watermark; /* of admitted leads and settlements */
	struct map verticals;       /* struct vertical */
	struct map accounts;        /* struct account */
	struct table orders;        /* struct order, by index; none is ever removed */
	struct table leads;         /* struct open_lead */
	struct map
	    waiters;      /* of the leads: those that wait for a buyer. Their order means nothing */
	struct map holds; /* advertiser -> struct hold */
	struct map names; /* texts that orders share: see terms.h */
	struct pool pool; /* terms, and what leads carry */
	size_t waiting;   /* of the leads: for an operator */
	struct buf scratch; /* no part of the state, nor is what follows */
	market_observer observer;
	void *observer_ctx;
};

struct vertical *market_vertical(struct market *m,
				 struct slice name); /* made when it isn't there */
/* Takes the card over; false when the bytes are none. */
_must_use_ bool vertical_set_card(struct vertical *v, struct slice packed);
struct slice vertical_class(const struct vertical *v, const char *aff_id); /* empty = none */
void vertical_add(struct vertical *v, struct order *o);
void vertical_remove(struct vertical *v, struct order *o);
struct order *market_order(const struct market *m, struct slice id);
static inline struct order *order_at(const struct market *m, uint32_t index)
{
	return m->orders.items[index];
}
/* The terms have an id that the market doesn't know, and no fault. */
struct order *market_order_add(struct market *m, struct terms *terms);
/* Terms without a fault, for market_order_add(), or to take the place of the order's own. */
struct terms *market_terms(struct market *m, const Punnet__V1__OrderTerms *published);
struct account *market_account(struct market *m, const char *advertiser_id,
			       const char *currency); /* made when it isn't there */
struct open_lead *market_lead(const struct market *m, const struct lead_id *id);
struct open_lead *market_lead_add(struct market *m, const struct lead_id *id, struct slice packed);
void market_lead_drop(struct market *m, struct open_lead *l); /* it is no waiter */
void market_waiter(struct market *m, struct open_lead *l);    /* it waits for a buyer from now on */
struct holding *open_lead_hold(struct open_lead *l, uint32_t order);
bool open_lead_held(const struct open_lead *l); /* somebody has it, or may have it */
static inline struct slice open_lead_packed(const struct open_lead *l)
{
	return slice_of(l->packed, l->packed_len);
}

#endif
