/* price: what an order pays for a lead, and what its webmaster gets of that. Pure; integers only, rounded toward zero.
 *
 * The price is the lead's bid for the order, where the lead came with bids; else the order's own, changed by the sum of
 * all modifiers that hold, and not below its floor. The payout is worked out by the one line of the rate card that names
 * most of the sale. */
#ifndef PUNNET_ROUTER_PRICE_H
#define PUNNET_ROUTER_PRICE_H

#include "order.h"

#define RATES_MAX     10000 /* lines of a rate card */
#define TIERED_MAX    10000 /* webmasters in tiers */
#define SHARE_BP_MAX  10000
#define LEAD_BIDS_MAX 256 /* what stands behind them is not seen */

struct holding;

struct bid {
	uint32_t order; /* its index */
	int64_t amount_minor;
};

/* A line of the rate card that names an order and may apply to this lead. */
struct order_rate {
	uint32_t order;
	const Punnet__V1__PayoutRate *rate;
};

/* What a constraint may know about the lead. */
struct lead_view {
	const Punnet__V1__Lead *lead;
	const Punnet__V1__LeadAdmitted *admitted;
	const struct attributes *attributes;
	const struct value *values; /* under the vertical's numbers of attributes */
	struct slice customer_of;   /* "bank-a,bank-b"; empty = not known, or nobody's */
	bool has_bids;
	struct bid *bids;
	size_t bid_count;
	const Punnet__V1__RateChanged *card; /* of its vertical; NULL = none was published */
	const Punnet__V1__TierHolder *tier;  /* of its webmaster; NULL = he is in none */
	const Punnet__V1__PayoutRate
	    *rate; /* the best line that names no order; NULL = the vertical's share */
	struct order_rate *order_rates; /* the best ones first */
	size_t order_rate_count;
	uint32_t payout_share_bp;
	const struct holding *holdings; /* whom it was offered to before, and what came of it */
	size_t holding_count;
	struct order *const *orders; /* of the market, by index */
};

struct payout {
	const Punnet__V1__PayoutRate *rate; /* NULL = the vertical's share */
	uint32_t share_bp;
	int64_t fixed_minor;
	int64_t amount_minor;
	int64_t margin_floor_minor; /* what must be left of the price */
};

/* 0 = it does not want the lead. */
int64_t price_of(const struct order *o, const struct lead_view *lead, int64_t now_ms);
bool price_is_bid(const struct order *o, const struct lead_view *lead);
struct payout payout_of(const struct order *o, const struct lead_view *lead, int64_t price_minor);

/* Which lines of the card may apply to this lead at that time. `order_index` answers UINT32_MAX for an order that is not there. */
typedef uint32_t (*order_index_fn)(const void *ctx, const char *order_id);
void rates_choose(struct lead_view *lead, int64_t now_ms, struct slice source_class,
		  order_index_fn order_index, const void *ctx, struct arena *a);
bool rate_holds(const Punnet__V1__PayoutRate *r, int64_t now_ms);
const char *card_fault(const Punnet__V1__RateChanged *card); /* NULL when nothing is wrong */

#endif
