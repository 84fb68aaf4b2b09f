/* model: one market once more, slow and obvious, for the few kinds of orders that setup.c makes: price, priority, total and hourly cap,
 * country, paused, budgets, shared sale, what an advertiser may spend, and one that is held. Shares nothing with the router. */
#ifndef PUNNET_SIM_MODEL_H
#define PUNNET_SIM_MODEL_H

#include "logs.h"
#include "router/core/market.h"

#define MODEL_ORDERS 32
#define MODEL_LEADS  512
#define MODEL_TAKES  2048

struct model_order {
	char id[16], advertiser[16];
	uint64_t revision;
	int64_t price_minor;
	int32_t priority;
	uint64_t total, hour;
	int64_t budget_day_minor, budget_total_minor, returned_minor;
	uint32_t share; /* 1 = alone */
	int not_with;   /* an advertiser; -1 = none */
	bool only_ru, paused;
};

struct model_take {
	int order;
	int64_t at_ms, price_minor;
	bool given_back;
};

struct model_lead {
	struct lead_id id;
	bool ru, open;
	bool kept[MODEL_ORDERS];  /* settled, and not given back */
	int orders[MODEL_ORDERS]; /* by round */
	int takes[MODEL_ORDERS];
	int rounds;
};

struct model {
	int32_t partition;
	int64_t now_ms;
	struct marks marks;
	struct model_order orders[MODEL_ORDERS];
	int order_count;
	struct model_lead leads[MODEL_LEADS];
	int lead_count;
	struct model_take takes[MODEL_TAKES];
	int take_count;
	int64_t held_until_ms[SIM_ADVERTISERS];
	struct {
		bool limited;
		int64_t limit_minor;
		uint64_t revision;
	} funds[SIM_ADVERTISERS];
};

void model_start(struct model *m, int32_t partition);
/* Takes one record, and says whether the core's decisions about it are its own. */
bool model_agrees(struct model *m, const struct bus_record *r, const Punnet__V1__MarketEvent *e,
		  const struct decisions *found);

#endif
