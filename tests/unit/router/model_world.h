/* model_world: random small markets, played to the router and to the slow model alike. */
#ifndef PUNNET_TEST_MODEL_WORLD_H
#define PUNNET_TEST_MODEL_WORLD_H

#include "base/rng.h"
#include "model.h"
#include "play.h"

struct both {
	struct play play;
	struct model model;
	struct rng rng;
	struct arena words; /* of the event at hand */
	struct model_decisions want;
	int leads;
	char fault[160]; /* where the two differ first; "" = nowhere */
};

void both_start(struct both *b, uint64_t seed);
void both_stop(struct both *b);
void both_step(struct both *b); /* one random event */

/* model_draw.c: a random event of a kind, to both. */
void draw_order(struct both *b, bool fresh);
void draw_card(struct both *b);
void draw_lead(struct both *b);
void draw_settlement(struct both *b);
void draw_return(struct both *b);

/* model_draw_advertiser.c */
void draw_funds(struct both *b);
void draw_hold(struct both *b);
void draw_lowered(struct both *b);

extern const char *const order_ids[MODEL_ORDERS];
extern const char *const advertiser_ids[MODEL_ADVERTISERS];

static inline uint64_t some(struct both *b, uint64_t limit)
{
	return rng_below(&b->rng, limit);
}

static inline bool chance(struct both *b, uint32_t percent)
{
	return rng_chance(&b->rng, percent * 100);
}

#endif
