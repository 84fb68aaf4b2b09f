/* operations: money that no lead moves, a part of the store: funds, rates, runs of payments. They come from the operator's tool
 * while payout settles; each is one transaction, which waits its turn at partition 0 of leads.outcomes, whose outbox tells the
 * market of funds.
 *
 * Results as in store.h; RESULT_BAD: refused, and the error says why. */
#ifndef PUNNET_PAYOUT_OPERATIONS_H
#define PUNNET_PAYOUT_OPERATIONS_H

#include "payout/core/operation.h"
#include "payout/store/store.h"

#define OPERATIONS_TOPIC "leads.outcomes"

/* ret_repeat: it was booked before, and nothing was done. The same id with another body is RESULT_BAD. */
_must_use_ enum result store_operate(struct store *s, const struct operation *o, bool *ret_repeat,
				     struct error *ret_error);

/* A rate holds from a moment on; it is recorded once and never changed. */
struct rate {
	char from[4], into[4];
	int64_t num, den, since_ms;
	const char *who;
};
_must_use_ enum result store_rate_add(struct store *s, const struct rate *r,
				      struct error *ret_error);
/* The newest that holds at at_ms; num 0 when there is none. */
_must_use_ enum result store_rate(struct store *s, const char *from, const char *into,
				  int64_t at_ms, struct rate *ret, struct error *ret_error);

/* --- for runs.c --- */

/* Inside the transaction that operations_begin() opened; t collects transfers and outbox rows. */
struct operating {
	struct store *store;
	struct arena arena;
	struct settlement t;
	struct store_cursor cursor;
	struct map
	    moved; /* account and currency -> what t's transfers move: not in the balances yet */
};
_must_use_ enum result operations_begin(struct operating *op, struct store *s,
					struct error *ret_error);
_must_use_ enum result operations_add(struct operating *op, const struct operation *o,
				      bool *ret_repeat, struct error *ret_error);
/* Commits when r is RESULT_OK, else rolls back; returns what became of it. */
_must_use_ enum result operations_end(struct operating *op, enum result r, struct error *ret_error);

#endif
