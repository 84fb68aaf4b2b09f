/* match: the orders of a vertical against one lead: who gets it, and who is told why not.
 *
 * Three groups, each in rank order: those that fit; the near misses, who would take such a lead at another moment or without
 * its other buyers; the far ones. Of a sale the record shows the first MATCH_FITS_MAX that fit and, of the near misses, those
 * that stand before the last of these, in all MATCH_SOLD_MAX; of a lead that nobody takes MARKET_CANDIDATES_MAX, the near
 * ones first. The far ones fill what is left, once the whole market was asked. So what is recorded depends on the rank alone,
 * and in a large market nobody below the last one shown needs to be asked. */
#ifndef PUNNET_ROUTER_MATCH_H
#define PUNNET_ROUTER_MATCH_H

#include "state.h"

#define MATCH_FITS_MAX 8
#define MATCH_SOLD_MAX 12

struct match {
	struct candidate best[MARKET_CANDIDATES_MAX];
	size_t count;
	size_t asked; /* all orders of the vertical; with bids, those that bid */
	bool won;     /* best[0] fits */
	enum reason
	    summary; /* when nobody fits: of the recorded misses the one nearest to a sale */
};

/* Tells v's pacer who could have the lead. */
void match_run(struct vertical *v, const struct lead_view *lead, int64_t now_ms, struct match *ret);
/* One order by itself: would it take the lead? */
bool match_fits(const struct order *o, const struct lead_view *lead, int64_t now_ms);

#endif
