/* model: a second, slow telling of what becomes of leads and money, written from docs/lead-life.md and not from the table. It shares
 * nothing with the core but the numbers of events and states. */
#ifndef PUNNET_TEST_MODEL_H
#define PUNNET_TEST_MODEL_H

#include "payout/core/settle.h"

#define MODEL_OFFERS_MAX   8 /* rounds of a lead */
#define MODEL_VERDICTS_MAX 24
#define MODEL_ADVERTISERS  6
#define MODEL_WEBMASTERS   9
#define MODEL_CURRENCIES   3
#define MODEL_MONTHS       40

/* What an outcome says, as the generator made it. */
struct told {
	uint32_t lead;
	enum life_event event;
	uint32_t round;
	int advertiser, verdict_number;
	const char *reason;
	int64_t said_ms, logged_ms;
};

/* Of one lead and round always the same: nobody changes a promise. */
struct promise {
	int advertiser, webmaster, currency;
	int64_t price, payout;
	bool exclusive, is_test;
};

extern const char *const model_currencies[MODEL_CURRENCIES];
struct promise promise_of(uint32_t lead, uint32_t round);
/* What is agreed in an epoch; terms change between them. */
struct contract model_contract(int advertiser, int epoch);

struct model_balance {
	int64_t receivable[MODEL_ADVERTISERS][MODEL_CURRENCIES];
	int64_t hold[MODEL_WEBMASTERS][MODEL_CURRENCIES],
	    payable[MODEL_WEBMASTERS][MODEL_CURRENCIES];
	int64_t margin[MODEL_CURRENCIES], vat[MODEL_CURRENCIES], borne[MODEL_CURRENCIES];
	int64_t credits, approvals, reversals, bearings;
};

struct model; /* opaque */
struct model *model_new(uint32_t leads);
void model_free(struct model *m);
void model_take(struct model *m, const struct told *t, int epoch);
const struct model_balance *model_balance(const struct model *m);
/* LIFE_NONE when there is no such round. */
enum life_state model_state(const struct model *m, uint32_t lead, uint32_t round);
int64_t model_waiting(const struct model *m); /* verdicts */

#endif
