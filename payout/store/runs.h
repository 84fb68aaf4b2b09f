/* runs: webmasters are paid in runs, in two steps. A proposal takes every lead that is payable by then and in no other run, and
 * keeps it for itself; another person confirms it, and the payments are booked; or it is cancelled, and the leads are free again.
 * A lead is in one run at most, so nothing is paid twice. Results as in operations.h. */
#ifndef PUNNET_PAYOUT_RUNS_H
#define PUNNET_PAYOUT_RUNS_H

#include "payout/store/operations.h"

enum run_state { /* stored; never renumber */
		 RUN_PROPOSED = 1,
		 RUN_CONFIRMED = 2,
		 RUN_CANCELLED = 3,
};

/* How a webmaster is paid. Texts are the caller's. */
struct payee {
	const char *aff_id, *method; /* "sepa": by pain.001; else the operator's own word */
	const char *name, *iban, *bic, *country;
	char currency[4];        /* of the payment */
	int64_t threshold_minor; /* in it; what is below waits for the next run */
	int64_t every_days;      /* between two payments at least; 0 = every run */
};

/* NULL: nobody knows how to pay this one. */
typedef const struct payee *(*payee_fn)(void *ctx, const char *aff_id);
/* A webmaster's money that stays out of the run, and why. */
typedef void (*left_out_fn)(void *ctx, const char *aff_id, const struct money *amount,
			    const char *why);

struct proposal {
	int64_t until_ms, now_ms;
	const char *who;
	payee_fn payee;
	left_out_fn left_out;
	void *ctx;
};

/* *ret_run 0: nobody is to be paid, and there is no run. */
_must_use_ enum result store_run_propose(struct store *s, const struct proposal *p,
					 int64_t *ret_run, struct error *ret_error);
/* Nobody confirms their own proposal, unless `alone` says that there is nobody else. */
_must_use_ enum result store_run_confirm(struct store *s, int64_t run, const char *who, bool alone,
					 int64_t now_ms, struct error *ret_error);
_must_use_ enum result store_run_cancel(struct store *s, int64_t run, const char *who,
					int64_t now_ms, struct error *ret_error);

#endif
