/* model: one market once more, slow and obvious, for the few kinds of orders that setup.c makes: price, priority, caps, country, paused,
 * budgets, shared sale, what an advertiser may spend, and one that is held or lowered; the network's margin; leads that come with bids, or wait for an operator or for a buyer. Shares
 * nothing with the router.
 *
 * Two things it does not work out. When a lead that waits for a buyer is offered again: whenever the router does, it has to find what the
 * model finds, it may give up only when the wait is over, and in the end nobody waits. And how orders are paced: in a market with such
 * an order the router may choose any order that may have the lead, and nobody only where no other order wants it. */
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
	uint64_t total, hour, day, week, month, webmaster_day, webmaster_total;
	uint64_t quantity; /* by until_ms; 0 = not paced */
	int64_t until_ms;
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

enum model_wait { MODEL_WAITS_NOT, MODEL_WAITS_FOR_OPERATOR, MODEL_WAITS_FOR_BUYER };

struct model_lead {
	struct lead_id id;
	bool ru, open;
	Punnet__V1__Bid **bids; /* of the record */
	size_t bid_count;
	enum model_wait waits;
	int64_t until_ms;
	bool let_go;              /* when nobody has decided until then; or by an operator */
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
		int64_t until_ms;
		uint32_t bp;
	} lowered[SIM_ADVERTISERS];
	int64_t buyer_wait_ms, payout_bp, margin_minor;
	bool paced;
	const struct decisions *found; /* about the record at hand */
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
/* When all is over nobody waits. */
bool model_ended(const struct model *m);

/* --- model_limits.c --- */
int model_advertiser(const char *id);
bool model_holds(const struct model *m, const struct model_lead *l, int round);
uint32_t model_holders(const struct model *m, const struct model_lead *l);
/* Whether the order may have the lead now. */
bool model_wants(const struct model *m, int order, const struct model_lead *l);
bool model_better(const struct model *m, const struct model_lead *l, int a, int b);
/* The lead's bid where it has any, 0 where that order has none. */
int64_t model_price(const struct model *m, int order, const struct model_lead *l);

#endif
