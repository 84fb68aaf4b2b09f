/* model: the market once more, slow and obvious: flat arrays, one pass for every question, no index, no shared code with
 * the router. The random test holds the two against each other. */
#ifndef PUNNET_TEST_MODEL_H
#define PUNNET_TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_ORDERS 12
#define MODEL_LEADS  256
#define MODEL_TAKES  1024

struct model_terms {
	int vertical;
	int64_t price;
	uint64_t quantity, cap_hour, cap_day, cap_total;
	int64_t from, until;
	int priority, clock_minutes;
	bool paused;
	uint32_t countries; /* bit set; 0 = any */
};

struct model_order {
	bool known, removed;
	uint64_t revision;
	struct model_terms terms;
	uint64_t delivered, returned;
};

/* One place that was taken, with the moment: windows are counted from these, not kept. */
struct model_take {
	int order, lead;
	int64_t at;
	bool given_back, delivered;
};

struct model_lead {
	bool open, test;
	int vertical, country; /* -1 = unknown */
	uint32_t round, asked; /* bit set of orders */
	int order;             /* who has it */
};

struct model {
	struct model_order orders[MODEL_ORDERS];
	struct model_lead leads[MODEL_LEADS];
	struct model_take takes[MODEL_TAKES];
	size_t take_count;
	int64_t now;
	uint32_t share_bp[2];
};

struct model_decision {
	bool made;
	int winner; /* -1 = unsold */
	int64_t price, payout;
	const char *codes[MODEL_ORDERS]; /* of each order; NULL = not asked */
};

enum model_settle { MODEL_DELIVERED = 1, MODEL_REFUSED, MODEL_UNDELIVERABLE, MODEL_UNRESOLVED };

struct model_decision model_lead(struct model *m, int lead, int vertical, int country, bool test);
struct model_decision model_settle(struct model *m, int lead, int order, uint32_t round,
				   enum model_settle what);
void model_order(struct model *m, int order, uint64_t revision, const struct model_terms *t);
void model_remove(struct model *m, int order, uint64_t revision);
uint64_t model_used(const struct model *m, int order); /* reserved + delivered */

#endif
