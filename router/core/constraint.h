/* constraint: one rule that an order puts on the leads it takes. A constraint is one file in router/constraints/ and one
 * line in constraints.def; docs/adding-a-constraint.md walks through it.
 *
 * Three-valued: FIT, MISS (with the code of why, and when it ends by itself), UNKNOWN (the lead doesn't say). What
 * UNKNOWN means is the table's choice. Pure: no clock but `now_ms`, which is log time. */
#ifndef PUNNET_ROUTER_CONSTRAINT_H
#define PUNNET_ROUTER_CONSTRAINT_H

#include "base/arena.h"
#include "lead/reasons.h"
#include "price.h"

#define NEARNESS_NEAR                                                                              \
	40 /* and above: a lead that the order would take at another moment, or alone */

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
	/* No lead has a say in it: what misses one misses all until `until_ms`, or until the order or what it took
	 * changes. */
	bool standing;
	/* Orders with other terms fit in any case, and need not be asked. NULL: all are asked. */
	bool (*concerns)(const struct terms *terms);
	/* Other leads fit all orders, and are not asked about. NULL: all are. */
	bool (*touches)(const struct lead_view *lead);
};

/* Fills the miss; returns MISS. */
enum fit miss_set(struct miss *m, enum reason code, int64_t until_ms, const char *detail);
/* The same with a detail to be formatted, which is only done where somebody will read it. */
#define miss_say(m, code, until_ms, ...)                                                           \
	miss_set(m, code, until_ms, (m)->words ? arena_printf((m)->words, __VA_ARGS__) : NULL)
/* "18 of 20": for what is counted. It is worded for each full order that is recorded: no format is read for it. */
enum fit miss_count(struct miss *m, enum reason code, int64_t until_ms, uint64_t taken,
		    uint64_t of);
/* "450.00 of 500.00 RUB are taken": for what is counted in money. */
enum fit miss_money(struct miss *m, enum reason code, int64_t until_ms, int64_t left_minor,
		    const struct order *order);

/* The order's criteria of one group; the first that is not met is the miss. */
enum fit criteria_ask(const struct order *order, const struct lead_view *lead,
		      enum criterion_group group, enum reason code, struct miss *ret_miss);
/* A cap of one of the windows. */
enum fit cap_ask(const struct order *order, enum window_kind kind, enum reason code, int64_t now_ms,
		 struct miss *ret_miss);

/* The table of constraints.def, in the order in which they are asked. */
enum constraint_id {
#define CONSTRAINT(name, nearness, unknown) CONSTRAINT_##name,
#include "router/constraints/constraints.def"
#undef CONSTRAINT
	CONSTRAINTS
};

struct answer {
	enum fit fit;      /* FIT or MISS */
	uint32_t nearness; /* of a miss: how near to a sale it is */
	bool standing;
};

/* Those that concern such terms: a bit 1 << constraint_id each. To be set in them before an order is asked. */
uint32_t constraints_concerning(const struct terms *terms);
/* Those that such a lead can miss at all. */
uint32_t constraints_touched_by(const struct lead_view *lead);
/* The one that asks for the criteria of a group, and for nothing else. */
static inline uint32_t constraint_of_group(enum criterion_group group)
{
	static const uint8_t ids[CRITERION_GROUPS] = {
	    [GROUP_COUNTRY] = CONSTRAINT_country, [GROUP_PLACE] = CONSTRAINT_place,
	    [GROUP_SOURCE] = CONSTRAINT_source,   [GROUP_QUALITY] = CONSTRAINT_quality,
	    [GROUP_FIELDS] = CONSTRAINT_fields,
	};

	return 1u << ids[group];
}
/* Asks these in turn; the first miss is the answer. */
struct answer constraints_ask_some(uint32_t which, const struct order *order,
				   const struct lead_view *lead, int64_t now_ms,
				   struct miss *ret_miss);
/* Asks all that concern the order. */
struct answer constraints_ask(const struct order *order, const struct lead_view *lead,
			      int64_t now_ms, struct miss *ret_miss);
const char *constraint_name(enum constraint_id id);
#ifdef PUNNET_FAULTS
/* Test builds only: this constraint is passed over (CONSTRAINTS: none is). What then holds no longer must be found. */
void constraint_switch_off(enum constraint_id id);
#endif

#endif
