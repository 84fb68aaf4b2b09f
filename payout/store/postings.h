/* postings: the books, a part of the store; see store.h. */
#ifndef PUNNET_PAYOUT_POSTINGS_H
#define PUNNET_PAYOUT_POSTINGS_H

#include "payout/store/store.h"

/* The transfers of a settlement, inside its transaction; may only queue. */
_must_use_ enum result postings_write(struct store *s, const struct settlement *t,
				      struct error *ret_error);

#endif
