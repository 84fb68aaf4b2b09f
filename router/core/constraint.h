/* constraint: one rule that an order puts on the leads it takes. A constraint is one file in router/constraints/ and one
 * line in constraints.def; docs/adding-a-constraint.md walks through it.
 *
 * Three-valued: FIT, MISS (with the code of why, and when it ends by itself), UNKNOWN (the lead doesn't say). What
 * UNKNOWN means is the table's choice. Pure: no clock but `now_ms`, which is log time. */
#ifndef PUNNET_ROUTER_CONSTRAINT_H
#define PUNNET_ROUTER_CONSTRAINT_H

#include "base/arena.h"
#include "lead/reasons.h"
#include "order.h"
#include "proto/common.pb-c.h"

enum fit { FIT, MISS, UNKNOWN };

/* What a constraint may know about the lead. */
struct lead_view {
	const Punnet__V1__Lead *lead;
	uint32_t payout_share_bp; /* of its vertical */
	const uint32_t *offered;  /* indexes of the orders that were offered this lead before */
	size_t offered_count;
};

struct miss {
	enum reason code;
	int64_t until_ms;    /* 0 = it does not end by itself */
	struct arena *words; /* NULL while nobody will read the detail */
	const char *detail;  /* "RU is not in [KZ]"; NULL = none */
};

struct constraint {
	const char *name;
	/* ret_miss->words is set by the caller; the rest is filled for MISS and UNKNOWN. */
	enum fit (*fit)(const struct order *order, const struct lead_view *lead, int64_t now_ms,
			struct miss *ret_miss);
};

/* Fills the miss; returns MISS. */
enum fit miss_set(struct miss *m, enum reason code, int64_t until_ms, const char *detail);
/* The same with a detail to be formatted, which is only done where somebody will read it. */
#define miss_say(m, code, until_ms, ...)                                                           \
	miss_set(m, code, until_ms, (m)->words ? arena_printf((m)->words, __VA_ARGS__) : NULL)

/* The table of constraints.def, in the order in which they are asked. */
enum constraint_id {
#define CONSTRAINT(name, nearness, unknown) CONSTRAINT_##name,
#include "router/constraints/constraints.def"
#undef CONSTRAINT
	CONSTRAINTS
};

/* Asks all in turn; FIT, or MISS with the first miss. ret_nearness says how near to a sale the miss is. */
enum fit constraints_ask(const struct order *order, const struct lead_view *lead, int64_t now_ms,
			 struct miss *ret_miss, uint32_t *ret_nearness);

#endif
