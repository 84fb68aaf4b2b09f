/* rank: the order in which candidates stand: a numbered total order. Pure.
 *
 *     1  the higher score: what the lead is worth in this order's hands
 *     2  the higher priority
 *     3  an order with a weight before one without; of two, the one that took less today for its weight
 *     4  the smaller share of its goal filled
 *     5  the order id, byte by byte
 *
 * The score is the price, less the scarcity price of an order that is paced: see pace.h, also for its unit. It is never above
 * the price, which is its upper bound in rank_bound(). While a rule lowers its advertiser, a part of the price does not count. */
#ifndef PUNNET_ROUTER_RANK_H
#define PUNNET_ROUTER_RANK_H

#include "constraint.h"

struct candidate {
	struct order *order;
	bool fits, near;
	uint32_t nearness; /* of a miss */
	int64_t price_minor, score;
	int64_t now_ms;
	struct miss miss; /* when it does not fit; without its detail */
};

/* What no candidate of an order can go above. */
struct rank_key {
	int64_t score;
	int32_t priority;
};

/* What counts of the price. */
int64_t rank_price(const struct order *o, int64_t price_minor, int64_t now_ms);
int64_t rank_score(const struct order *o, int64_t price_minor, int64_t now_ms);
#ifdef PUNNET_FAULTS
/* Test builds only: all of the price counts, whoever is lowered. That must be found. */
void rank_lowering_switch_off(bool off);
#endif
struct rank_key rank_bound(const struct order *o);
struct rank_key rank_key_of(const struct candidate *c);
int rank_key_compare(struct rank_key a, struct rank_key b); /* < 0 when a stands before b */
/* < 0 when a stands before b. Total: 0 only for an order and itself. */
int candidate_compare(const struct candidate *a, const struct candidate *b);

#endif
