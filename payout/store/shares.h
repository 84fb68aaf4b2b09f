/* shares: how many leads of a month were delivered and returned where that is limited, a part of the store; see store.h. */
#ifndef PUNNET_PAYOUT_SHARES_H
#define PUNNET_PAYOUT_SHARES_H

#include "payout/store/store.h"

/* Fills in what the settlement asks for; the rows are ours until the transaction ends. */
_must_use_ enum result shares_load(struct store *s, struct settlement *t, struct error *ret_error);
_must_use_ enum result shares_write(struct store *s, const struct settlement *t,
				    struct error *ret_error);

#endif
