/* story: what happens to one lead, line by line, and what each line must lead to. */
#ifndef PUNNET_TEST_STORY_H
#define PUNNET_TEST_STORY_H

#include "payout/core/settle.h"

#define DAY(n) ((int64_t)(n)*MS_PER_DAY)
#define PRICE  45000
#define PAYOUT 31500

struct line {
	int day;
	enum life_event event;
	uint32_t round;         /* of a delivery outcome */
	const char *advertiser; /* "a" or "b" */
	const char *verdict_id; /* "v1"; with a reason: "v1 no_answer" */
	enum life_state state;  /* of the round that is watched, after this line */
	enum ignored ignored;   /* what this line added to the ignored outcomes */
	enum feedback feedback; /* the last feedback that this line caused */
	int64_t hold, payable, margin, receivable; /* balances after this line */
};

struct world {
	struct arena arena;
	struct settlement t;
	struct lead_id lead;
	bool shared, is_test;
	uint32_t watched;
	struct contract contract;
};

void world_begin(struct world *w); /* 14 days of hold, 7 of returns */
void world_end(struct world *w);
struct outcome outcome_of(const struct world *w, const struct line *l, uint64_t offset);
int64_t balance(const struct world *w, const char *account);
void play(struct world *w, const struct line *lines, size_t count);

#define STORY(w, ...)                                                                              \
	play((w), (struct line[]){__VA_ARGS__}, ARRAY_LEN(((struct line[]){__VA_ARGS__})))
#define NO_MONEY 0, 0, 0, 0
#define CREDITED -PAYOUT, 0, -(PRICE - PAYOUT), PRICE
#define PAYABLE  0, -PAYOUT, -(PRICE - PAYOUT), PRICE

#endif
