/* life: a lead in the market, from its first offer to its last: sold, shared, given back, offered on, waiting for a buyer.
 *
 * What is decided here takes places in orders at once. A lead is closed when nobody can still say anything about it. */
#ifndef PUNNET_ROUTER_LIFE_H
#define PUNNET_ROUTER_LIFE_H

#include "state.h"

/* What the events hand over. */
struct deciding {
	struct market *market;
	uint64_t offset; /* of the market record */
	struct arena *arena;
	struct decisions *ret;
};

/* A lead that the market hears of for the first time. id and admitted must live as long as the arena. */
void life_begin(struct deciding *d, const struct lead_id *id,
		const Punnet__V1__LeadAdmitted *admitted);
/* It is held with no order until an operator, or time, ends it. */
void life_wait_for_operator(struct market *m, const struct lead_id *id,
			    const Punnet__V1__LeadAdmitted *admitted, struct arena *a);
/* The lead is taken out of the market's, in an arena that lives as long as the decisions; what comes of it is put back. */
void life_released(struct deciding *d, struct open_lead *l);
void life_refused_by_operator(struct deciding *d, struct open_lead *l, enum reason why);
/* why: of what could not be delivered. An erased person's lead, and one whose contact is destroyed, is offered to nobody else. */
void life_settled(struct deciding *d, struct open_lead *l, struct holding *h,
		  Punnet__V1__Settlement settlement, enum reason why);
/* Log time may have come for a lead that waits for a buyer; false: it has not. */
_must_use_ bool life_due(struct deciding *d, struct open_lead *l);

/* The order opened, or may take more than before: leads that wait and that it would take are due. */
void life_order_opened(struct market *m, struct order *o);
void life_account_opened(struct market *m, const struct account *account); /* so did its orders */
void life_all_due(struct market *m); /* whatever they wait for, it may have come */

/* All that constraints may know of the lead, but whom it was offered to. Lives in the arena, and borrows from the rest. */
struct lead_view life_view(const struct market *m, const struct vertical *v,
			   const Punnet__V1__LeadAdmitted *admitted, struct arena *a);

#endif
