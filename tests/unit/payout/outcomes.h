/* outcomes: hand-made records of leads.outcomes, for the tests. */
#ifndef PUNNET_TEST_OUTCOMES_H
#define PUNNET_TEST_OUTCOMES_H

#include "base/arena.h"
#include "payout/shell/batch.h"

#define OUTCOMES_MAX 4000
#define OUTCOMES_T0  1790000000000LL /* when the first one came; a second between two */

struct outcomes {
	struct arena arena;
	struct bus_record records[OUTCOMES_MAX];
	size_t count;
};

struct lead_id outcomes_lead(uint32_t n); /* ordered by n */
void outcomes_add_delivery(struct outcomes *o, uint32_t lead, enum life_event event, uint32_t round,
			   const char *advertiser, int64_t price_minor, int64_t payout_minor);
void outcomes_add_verdict(struct outcomes *o, uint32_t lead, enum life_event event,
			  const char *advertiser, const char *verdict_id);
/* With a reason, and the time of the first call (0: not said). */
void outcomes_add_said(struct outcomes *o, uint32_t lead, enum life_event event,
		       const char *advertiser, const char *verdict_id, const char *reason,
		       int64_t called_at_ms);
void outcomes_add_garbage(struct outcomes *o);
/* A day's mixture, the same for the same seed: leads delivered, refused and offered on, verdicts
 * before and after. */
void outcomes_mixture(struct outcomes *o, uint64_t seed, size_t leads);
void outcomes_free(struct outcomes *o);

/* 14 days of hold, 7 of returns. */
struct contract outcomes_contract(void *ctx, const char *advertiser_id);
/* Settles all records of partition 0 in batches of `size`. */
enum result outcomes_settle(const struct outcomes *o, struct store *s, size_t from, size_t size,
			    struct batch_report *ret_sum, struct error *ret_error);

#endif
