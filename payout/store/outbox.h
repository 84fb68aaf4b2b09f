/* outbox: what is settled and not yet published, a part of the store; see store.h. */
#ifndef PUNNET_PAYOUT_OUTBOX_H
#define PUNNET_PAYOUT_OUTBOX_H

#include "payout/store/store.h"

/* The rows of a settlement, inside its transaction; may only queue. */
_must_use_ enum result outbox_write(struct store *s, const struct settlement *t,
				    struct error *ret_error);

#endif
