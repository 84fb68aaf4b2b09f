/* status: what became of a webmaster's leads and money, as events for his tracker. They leave through the outbox, numbered and in
 * order like all feedback; delivery sends them. Pure. */
#ifndef PUNNET_PAYOUT_STATUS_H
#define PUNNET_PAYOUT_STATUS_H

#include "settle.h"

#define STATUS_TOPIC "status.events"

/* "delivered", "approved", "returned"; NULL: the tracker hears nothing of this state. */
const char *status_event_name(enum life_state s);
/* A life has come to its state; written when the webmaster wants to hear of it (settlement.wants). */
void status_publish(struct settlement *s, const struct lead_id *lead_id, const struct life *l,
		    int64_t at_ms);

#define STATUS_PAID_NAME "paid"
/* A payment was booked; delivery drops what nobody wants to hear. */
struct payment {
	const char *aff_id, *reference;
	struct money amount;
	int64_t at_ms;
};
void status_publish_paid(struct settlement *s, const struct payment *p);

#endif
