/* state: what a market is made of. Shared by the files of this folder; everybody else uses market.h. */
#ifndef PUNNET_ROUTER_STATE_H
#define PUNNET_ROUTER_STATE_H

#include "holds.h"
#include "index.h"
#include "lead/watermark.h"
#include "market.h"
#include "open_lead.h"
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

struct market {
	uint32_t partition;
	int64_t log_time_ms;
	uint64_t digest;
	struct watermark watermark; /* of admitted leads and settlements */
	struct map verticals;       /* struct vertical */
	struct map accounts;        /* struct account */
	struct table orders;        /* struct order, by index; none is ever removed */
	struct open_leads leads;
	struct map holds;                            /* advertiser -> struct hold */
	struct map names;                            /* texts that orders share: see terms.h */
	struct pool pool;                            /* terms, and what leads carry */
	struct buf scratch;                          /* no part of the state, nor is what follows */
	struct hash_text *code_hashes[REASON_COUNT]; /* owned; NULL = not made yet */
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
#endif
