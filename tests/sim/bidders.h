/* bidders: see bidders.c. */
#ifndef PUNNET_SIM_BIDDERS_H
#define PUNNET_SIM_BIDDERS_H

#include "base/buf.h"

/* A record of the market as it is stored: true: with the bids that came for its lead; false: none did, it stays as it is. */
bool bidders_bid(int32_t partition, struct slice market_event, struct buf *out);

#endif
