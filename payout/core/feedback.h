/* feedback: what was settled, as a market event for the router. Pure. */
#ifndef PUNNET_PAYOUT_FEEDBACK_H
#define PUNNET_PAYOUT_FEEDBACK_H

#include "settle.h"

#define FEEDBACK_TOPIC "market"
#define FEEDBACK_SOURCE                                                                            \
	"payout.outbox" /* provenance: this, the outcomes partition, the outbox number */

void feedback_publish(struct settlement *s, const struct lead_id *lead_id,
		      const struct assignment *terms, enum feedback f, const char *reason_code);

/* What an advertiser may spend in a market from now on. */
struct funds {
	const char *advertiser_id, *currency;
	int64_t paid_in_minor, credit_minor;
	bool unlimited;
	uint64_t revision; /* grows with every change of the same funds */
	uint32_t market_partition;
};
void funds_publish(struct settlement *s, const struct funds *f);

#endif
