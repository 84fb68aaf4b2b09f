/* life: what an assignment can go through, as one table of (state, event). Pure.
 *
 * A life belongs to one (lead_id, round). States DELIVERED, APPROVED, RETURNED and WAIVED are "sold":
 * money moved for them. */
#ifndef PUNNET_PAYOUT_LIFE_H
#define PUNNET_PAYOUT_LIFE_H

#include "base/slice.h"

enum life_state { /* stored in the ledger; never renumber */
		  LIFE_NONE = 0,
		  LIFE_DELIVERED = 1,
		  LIFE_APPROVED = 2,
		  LIFE_RETURNED = 3,
		  LIFE_REFUSED = 4,
		  LIFE_UNDELIVERABLE = 5,
		  LIFE_UNRESOLVED = 6,
		  LIFE_WAIVED = 7, /* the webmaster is paid, the buyer is not charged */
		  LIFE_STATE_COUNT,
};

enum life_event { /* the numbers of punnet.v1.OutcomeKind; stored in the ledger */
		  EVENT_NONE = 0,
		  EVENT_DELIVERED = 1,
		  EVENT_REFUSED = 2,
		  EVENT_UNDELIVERABLE = 3,
		  EVENT_UNRESOLVED = 4,
		  EVENT_APPROVED = 5,
		  EVENT_RETURNED = 6,
		  EVENT_SOLD = 7,
		  EVENT_UNREACHABLE = 8,
		  EVENT_DUE = 9,     /* the log's time has passed something of this lead */
		  EVENT_WAIVED = 10, /* the network takes a sold lead's loss on itself */
		  EVENT_COUNT,
};

enum life_step { STEP_MOVE, STEP_AGAIN, STEP_RECORD, STEP_WAIT, STEP_IGNORE };

enum transfer_event { /* part of a transfer's id; never renumber */
		      TRANSFER_NONE = 0,
		      TRANSFER_CREDIT = 1,
		      TRANSFER_APPROVE = 2,
		      TRANSFER_REVERSE = 3,
		      TRANSFER_BEAR = 4,
		      TRANSFER_EVENT_COUNT,
};

enum feedback { /* the numbers of punnet.v1.Settlement */
		FEEDBACK_NONE = 0,
		FEEDBACK_DELIVERED = 1,
		FEEDBACK_REFUSED = 2,
		FEEDBACK_UNDELIVERABLE = 3,
		FEEDBACK_UNRESOLVED = 4,
		FEEDBACK_APPROVED = 5,
		FEEDBACK_RETURNED = 6,
};

enum ignored {
	IGNORED_NONE,
#define IGNORED(name, code, text) IGNORED_##name,
#include "ignored.def"
#undef IGNORED
	IGNORED_COUNT
};

struct life_rule {
	enum life_step step;
	enum life_state to;
	enum transfer_event transfer;
	enum feedback feedback;
	enum ignored ignored;
};

/* Never NULL: the table holds every pair. event must not be EVENT_NONE. */
const struct life_rule *life_rule(enum life_state from, enum life_event event);
bool life_is_sold(enum life_state s);
bool event_is_verdict(enum life_event e); /* an advertiser or, to waive, the operator said it */

const char *life_state_name(enum life_state s);         /* "delivered"; "?" for what is no state */
const char *life_event_name(enum life_event e);         /* "approved" */
const char *transfer_event_name(enum transfer_event t); /* "credit", "approve", "reverse", "bear" */
const char *ignored_code(enum ignored i);               /* "window_over"; "" for none */
const char *ignored_text(enum ignored i);

#endif
