/* decision: a match made into the records that leave the router, and into the running digest. */
#ifndef PUNNET_ROUTER_DECISION_H
#define PUNNET_ROUTER_DECISION_H

#include "match.h"

/* What a decision is about. The messages are borrowed by the decision. */
struct offer {
	const struct lead_id *id;
	const Punnet__V1__LeadAdmitted *admitted;
	uint32_t round;
	uint32_t step;   /* of the decisions that the record causes */
	uint64_t offset; /* of the market record that is decided upon */
	const struct lead_view *view;
};

/* Moves the market's digest on. */
struct decision decision_make(struct market *m, const struct match *match,
			      const struct offer *offer, struct arena *a);

/* A lead that no order is asked about, and why. Moves the market's digest on. offer->view is not read. */
struct decision decision_refuse(struct market *m, const struct offer *offer, enum reason why,
				struct arena *a);

#endif
