/* state: what a market is made of. Shared by the files of this folder; everybody else uses market.h. */
#ifndef PUNNET_ROUTER_STATE_H
#define PUNNET_ROUTER_STATE_H

#include "base/ids.h"
#include "base/map.h"
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
	struct attributes attributes;
	size_t order_count;       /* in the market for this vertical */
	struct match_index index; /* of these */
	struct pacer pacer;
};

enum holding_state {
	HOLDING_OUT,  /* with the order, and not settled yet */
	HOLDING_KEPT, /* delivered, or it may be at the buyer */
	HOLDING_BACK, /* it was given back */
};

/* One offer of a lead to one order; its round is its place among the lead's holdings. */
struct holding {
	uint32_t order; /* index */
	uint8_t state;
	struct reservation reservation; /* empty for a test lead: it takes no place */
};

/* A lead that is out with an order, waits for an operator, or waits for a buyer. */
struct open_lead {
	struct lead_id id;
	bool is_test, waits_accepts; /* waits_accepts: the wait's end lets it through */
	int64_t waits_until_ms;      /* not 0: it waits for an operator and is with no order */
	int64_t buyer_until_ms;      /* not 0: it waits for a buyer */
	int64_t retry_ms;            /* when it is offered again, if it waits for a buyer */
	struct buf packed;           /* LeadAdmitted, carried as it came */
	struct holding *holdings;
	uint32_t holding_count;
};

struct market {
	uint32_t partition;
	int64_t log_time_ms;
	uint64_t digest;
	struct watermark watermark; /* of admitted leads and settlements */
	struct map verticals, orders, leads,
	    accounts; /* struct vertical, order, open_lead, account */
	struct order **by_index;
	size_t by_index_cap;
	struct map
	    waiters;      /* of the leads: those that wait for a buyer. Their order means nothing */
	struct map holds; /* advertiser -> struct hold */
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
struct order *market_order_add(struct market *m, struct slice id);
struct account *market_account(struct market *m, const char *advertiser_id,
			       const char *currency); /* made when it isn't there */
struct open_lead *open_lead_new(const struct lead_id *id);
void open_lead_free(struct open_lead *l);
void market_waiter(struct market *m, struct open_lead *l); /* it waits for a buyer from now on */
struct holding *open_lead_hold(struct open_lead *l, uint32_t order);
bool open_lead_held(const struct open_lead *l); /* somebody has it, or may have it */

#endif
