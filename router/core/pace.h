/* pace: a quantity by a deadline, spread over the leads that come until then. Pure; integers only.
 *
 * An order with a quantity and an `until` has a scarcity price: what a later lead is worth to it. It ranks with its price less
 * that, and where nothing is left it waits. The scarcity price rises with every lead that the order gets, and falls with every
 * lead that it could have had by the share of those that it still needs: dual mirror descent, with the share worked out anew
 * from what is left and what is forecast. Earlier leads, of a sample, are played again beside the one at hand, so that prices
 * settle after hundreds of leads and not after tens of thousands. docs/pacing.md has it all.
 *
 * Scores and scarcity prices are in minor units << PACE_MONEY_SHIFT, shares in 1 / 2^PACE_SHARE_SHIFT. */
#ifndef PUNNET_ROUTER_PACE_H
#define PUNNET_ROUTER_PACE_H

#include "base/buf.h"
#include "pace_clock.h"

#define PACE_MONEY_SHIFT    16
#define PACE_MONEY_MAX      (1ULL << 60)
#define PACE_SHARE_SHIFT    20
#define PACE_SHARE_ONE      (1u << PACE_SHARE_SHIFT)
#define PACE_SAMPLE_LEADS   1024 /* kept of a vertical */
#define PACE_STEP_SHIFT_MAX 40
#define PACE_SAMPLE_ORDERS  32 /* of each, those that ranked highest */

struct order;

enum pace_state {
	PACE_NONE,    /* no quantity by a deadline */
	PACE_LEARNS,  /* too little was watched to say anything */
	PACE_ON_PLAN, /* it gets what it wants by its deadline */
	PACE_SHORT,   /* it will not: nine times out of ten */
	PACE_FAST,    /* it is far ahead of its plan */
	PACE_FILLED,
	PACE_STATES
};

/* Of an order that has, or once had, a quantity by a deadline. */
struct pace {
	int64_t
	    scarcity; /* the scarcity price; never below zero, so that no score is above its price */
	int64_t worth;    /* the mean of what it would have paid */
	uint64_t learned; /* how often the scarcity price was moved */
	uint64_t fits;    /* leads that it could have had, since fits_from of the vertical's */
	uint64_t fits_from;
	uint64_t
	    plan_from; /* what it had when its plan began: with it, and anew when its terms change */
	uint64_t could;    /* leads that it could have had since */
	uint64_t rated_at; /* when `need` was worked out, in the vertical's leads */
	uint32_t need;     /* the share of what it could have that it needs */
	uint32_t reach;    /* the share of what it could have that it would get if it wanted all */
	uint32_t kept;     /* the share of what it could have that is kept with it in the sample */
	int64_t
	    lean; /* of an even order, on top of the scarcity price: above zero while it is ahead of its plan, below while behind */
	int64_t step, pull,
	    kept_pull;      /* what moves the scarcity price, as it was when `need` was */
	uint8_t step_shift; /* of the worth, the larger the nearer its end */
	bool ready;         /* enough was watched: it is paced */
	uint8_t state;      /* enum pace_state, … */
	int64_t since_ms;   /* … and since when */
	uint64_t told;      /* the forecast when progress was told last; no part of the state */
};

struct pace_bid {
	struct order *order;
	int64_t price_minor;
};

struct pace_lead {
	uint32_t count;
	struct pace_bid bids[PACE_SAMPLE_ORDERS];
};

/* Of a vertical. */
struct pacer {
	struct pace_clock clock;
	uint64_t leads;           /* learned from */
	uint64_t sampled;         /* put into the sample so far */
	struct pace_lead *sample; /* owned; PACE_SAMPLE_LEADS of them, made with the first */
	struct pace_bid *bids;    /* owned; of the lead at hand, no part of the state */
	size_t bid_count, bid_cap;
};

void pacer_free(struct pacer *p);
void pacer_make_sample(struct pacer *p);

/* From now on it counts which of the vertical's leads the order could have. */
void pace_begin(struct order *o, const struct pacer *p, int64_t now_ms);
void pace_terms_changed(struct order *o, const struct pacer *p, int64_t now_ms);
/* Enough was watched: it is paced. */
bool pace_ready(const struct order *o);
/* It has a quantity and a deadline, and is there. */
bool pace_wanted(const struct order *o);
/* What it ranks by; never above pace_score_most() of the price. */
int64_t pace_score(const struct order *o, int64_t price_minor);
int64_t pace_score_most(int64_t price_minor);
/* The price is worth less to it than a later lead: it waits. */
bool pace_waits(const struct order *o, int64_t price_minor);
uint64_t pace_left(const struct order *o); /* what it still wants */

/* The lead at hand: who could have it, at what price; then who got it. NULL: nobody. */
void pace_start(struct pacer *p);
void pace_fits(struct pacer *p, struct order *o, int64_t price_minor);
void pace_learn(struct pacer *p, const struct order *winner, int64_t now_ms);

/* A lead of the past: nobody gets it. */
void pace_learn_past(struct pacer *p, int64_t at_ms);
/* After the past, for each order: one that none of its leads was for may be of a new kind, and is not counted out. */
void pace_unseen(struct order *o, const struct pacer *p);
/* Then: lets prices settle, as of now_ms. */
void pace_settle(struct pacer *p, int64_t now_ms);

/* Leads that the order will be able to have from now to its end. */
uint64_t pace_supply(const struct pacer *p, const struct order *o, int64_t now_ms);

#endif
