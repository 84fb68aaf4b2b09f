/* outcome: one record of leads.outcomes, read and checked. What can't be settled by any means is
 * told apart here, so that the settling itself never meets it. Texts are NUL-terminated and live in
 * the arena that was given. Pure. */
#ifndef PUNNET_PAYOUT_OUTCOME_H
#define PUNNET_PAYOUT_OUTCOME_H

#include "base/arena.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "life.h"

#define OUTCOME_ID_MAX    128  /* bytes of an id that becomes part of an account's name */
#define OUTCOME_TEXT_MAX  1024 /* bytes of any other text */
#define OUTCOME_ROUND_MAX 65535
#define OUTCOME_PRICE_MAX                                                                          \
	1000000000000000LL /* minor units: with the tax on it still far from an overflow */
#define OUTCOME_SUBS 5

/* What the router promised: one order's taking of one lead at one price. */
struct assignment {
	uint32_t round;
	const char *order_id, *advertiser_id, *aff_id, *vertical;
	int64_t price_minor, payout_minor; /* 0 <= payout <= price */
	char currency[4];
	bool exclusive, is_test;
	const char *sub[OUTCOME_SUBS], *click_id;
	uint32_t market_partition; /* where the decision was taken, and where feedback goes */
	int64_t
	    vat_minor; /* what the buyer owes above the price; not the router's: fixed at delivery */
};

/* What was agreed with an advertiser, as it holds for a lead from its delivery on. */
struct contract {
	int64_t hold_ms, return_window_ms;
	uint32_t vat_bp;
	uint32_t returns_max_bp; /* 0 = no limit */
	bool own_cause_borne;    /* a return for the buyer's own cause is the network's loss */
};

struct outcome {
	struct lead_id lead_id;
	enum life_event event;
	uint32_t partition; /* where it stands in leads.outcomes */
	uint64_t offset;
	int64_t at_ms;
	const char *reason_code;
	struct assignment assignment; /* delivery's outcomes only */
	const char *advertiser_id;    /* verdicts only, as the two below */
	const char *verdict_id;
	struct money amount;  /* `sold` only; currency "" when not given */
	int64_t called_at_ms; /* the advertiser's first call; 0 = not said */
	int64_t logged_at_ms; /* the record's own time: what is due, is so by this clock alone */
	struct contract contract; /* the advertiser's; the caller fills it in for DELIVERED */
};

/* logged_at_ms is the record's own time in the log. A verdict counts from the later of what the
 * advertiser says and that, so that nobody dates a return back into its window. false: ret_why says
 * what is wrong (static text). */
_must_use_ bool outcome_read(struct arena *a, struct slice bytes, uint32_t partition,
			     uint64_t offset, int64_t logged_at_ms, struct outcome *ret,
			     const char **ret_why);

#endif
