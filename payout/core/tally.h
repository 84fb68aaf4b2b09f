/* tally: how many of a webmaster's leads in a vertical were approved and how many returned, day by day. Pure.
 *
 * A verdict is counted where it moves a life, and a life is approved or returned once (life.def): so nothing is counted twice
 * and nothing taken back. A lead that was sold to several counts with each of them; a test lead doesn't count. */
#ifndef PUNNET_PAYOUT_TALLY_H
#define PUNNET_PAYOUT_TALLY_H

#include "settle.h"

struct tally {
	const char *vertical, *aff_id;
	int64_t day; /* of the verdict: days since 1970, UTC */
	int64_t approved, returned;
};

/* Counts a life that went to `to`, if that is a verdict. */
void tally_verdict(struct settlement *s, const struct assignment *terms, enum life_state to,
		   int64_t at_ms);
/* In order of first appearance; NULL past the end. */
const struct tally *tally_at(const struct settlement *s, size_t i);

#endif
