/* lines: the sums of verdicts, a part of the store; see store.h. */
#ifndef PUNNET_PAYOUT_LINES_H
#define PUNNET_PAYOUT_LINES_H

#include "payout/store/store.h"

/* What the settlement counted, inside its transaction; may only queue. */
_must_use_ enum result lines_write(struct store *s, const struct settlement *t,
				   struct error *ret_error);

#endif
