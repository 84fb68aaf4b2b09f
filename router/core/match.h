/* match: every order of a vertical asked about one lead, and those that fit put in rank order. */
#ifndef PUNNET_ROUTER_MATCH_H
#define PUNNET_ROUTER_MATCH_H

#include "constraint.h"
#include "state.h"

struct candidate {
	struct order *order;
	bool fits;
	struct miss miss;     /* when it does not; without its detail */
	uint64_t taken, goal; /* its filled share, for the rank; goal 0 = it has none */
};

struct match {
	struct candidate best[MARKET_CANDIDATES_MAX]; /* fits before misses, each in rank order */
	size_t count;
	size_t asked;        /* all orders of the vertical */
	bool won;            /* best[0] fits */
	enum reason summary; /* when nobody fits: the miss nearest to a sale, or no_orders */
};

void match_run(const struct vertical *v, const struct lead_view *lead, int64_t now_ms,
	       struct match *ret);
/* < 0 when a stands before b. Total: 0 only for an order and itself. */
int candidate_compare(const struct candidate *a, const struct candidate *b);

#endif
