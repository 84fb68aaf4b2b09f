/* model: the market once more, slow and obvious: flat arrays, one pass for every question, no index, no shared code with
 * the router. The random test holds the two against each other.
 *
 * It does not pace, and its markets have no quantity by a deadline: pacing is arithmetic on all leads before, and what would say
 * it once more would be the same code. pace_test.c asks what pacing promises, exact.h whether it does the same everywhere. */
#ifndef PUNNET_TEST_MODEL_H
#define PUNNET_TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_ORDERS      12
#define MODEL_LEADS       256
#define MODEL_TAKES       2048
#define MODEL_ADVERTISERS 4
#define MODEL_WEBMASTERS  4
#define MODEL_HOLDS       16
#define MODEL_SHARES      8
#define MODEL_START_MS    1796083200000LL /* 2026-12-01T00:00:00Z, a Tuesday */

struct model_span {
	int from, until; /* minutes of the week; until 0 = there is none */
};

struct model_terms {
	int vertical, advertiser;
	int64_t price, floor;
	uint64_t quantity, cap_hour, cap_day, cap_week, cap_month, cap_total;
	uint64_t cap_webmaster_day, cap_webmaster_total;
	int64_t budget_day, budget_total;
	int64_t from, until;
	int priority;
	uint32_t weight;
	int clock_before, clock_after; /* minutes ahead of UTC, before and from shift_at on */
	int64_t shift_at;
	bool paused, takes_own, wants_gold;
	uint32_t countries, regions, regions_not; /* bit sets; 0 = any */
	uint32_t webmasters_not;
	int age_min, age_max; /* 0 = none */
	int score_max;        /* 0 = none */
	uint32_t lines;       /* bit set of kinds of line; 0 = any */
	uint32_t share_limit, not_with;
	struct model_span open[2];
	int region_bp, night_bp; /* for region 0; for the span `night` */
	struct model_span night;
};

struct model_order {
	bool known, removed;
	uint64_t revision;
	struct model_terms terms;
	uint64_t delivered, returned;
	int64_t returned_minor;
};

/* One place that was taken, with the moment: windows are counted from these, not kept. */
struct model_take {
	int order, lead, webmaster;
	int64_t at, price;
	bool given_back, by_webmaster;
};

struct model_hold {
	int order;
	char state; /* 'o'ut, 'k'ept, 'b'ack */
	int take;   /* -1: a test lead's */
};

struct model_lead {
	bool open, test, waits;
	int vertical, country, region, age, webmaster, score, line; /* -1 = it doesn't say */
	uint32_t customer_of;
	bool has_bids;
	int64_t bids[MODEL_ORDERS]; /* 0 = none */
	int64_t waits_until;
	struct model_hold holds[MODEL_HOLDS];
	int hold_count;
};

struct model_rate {
	int order, webmaster; /* -1 = any */
	bool gold, top;
	int64_t share_bp, fixed, from, until; /* until 0 = open end */
};

struct model_card {
	int64_t share_bp, margin, margin_bp, wait_ms;
	uint32_t gold, top; /* bit sets of webmasters */
	struct model_rate rates[4];
	int rate_count;
};

struct model {
	struct model_order orders[MODEL_ORDERS];
	struct model_lead leads[MODEL_LEADS];
	struct model_take takes[MODEL_TAKES];
	int take_count;
	int64_t now;
	struct model_card cards[2];
	bool limited[MODEL_ADVERTISERS];
	int64_t funds[MODEL_ADVERTISERS];
	int64_t held_until[MODEL_ADVERTISERS];
	int64_t lowered_until[MODEL_ADVERTISERS];
	uint32_t lower_bp[MODEL_ADVERTISERS];
};

struct model_decision {
	int winner; /* -1 = unsold */
	int64_t price, payout;
	const char *summary;             /* of an unsold one */
	const char *codes[MODEL_ORDERS]; /* of each order; NULL = not asked */
	int rank[MODEL_ORDERS];          /* orders as the record lists them */
	int listed;
};

struct model_decisions {
	struct model_decision items[MODEL_SHARES];
	int count;
};

enum model_settle { MODEL_DELIVERED = 1, MODEL_REFUSED, MODEL_UNDELIVERABLE, MODEL_UNRESOLVED };

/* The lead is filled in beforehand. */
void model_lead(struct model *m, int lead, struct model_decisions *ret);
void model_settle(struct model *m, int lead, int order, uint32_t round, enum model_settle what,
		  struct model_decisions *ret);
void model_due(struct model *m, int lead, struct model_decisions *ret);
void model_return(struct model *m, int order, int64_t price);
void model_order(struct model *m, int order, uint64_t revision, const struct model_terms *t);
void model_remove(struct model *m, int order, uint64_t revision);
uint64_t model_used(const struct model *m, int order); /* reserved + delivered */
bool model_anybody_fits(const struct model *m, int lead);

/* model_ask.c: what one order says to one lead: "fits", or the code of why not. */
const char *model_ask(const struct model *m, int order, const struct model_lead *l);
int64_t model_price(const struct model *m, int order, const struct model_lead *l);
int64_t model_payout(const struct model *m, int order, const struct model_lead *l, int64_t price);
uint64_t model_used_in(const struct model *m, int order, char period); /* 'h', 'd', 'w', 'm' */
int model_nearness(const char *code);

#endif
