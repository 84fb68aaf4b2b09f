/* terms: what an order wants, as a market works with it: its published terms made ready, in one block of memory.
 *
 * A hundred thousand orders stand in memory at once, so that what most of them leave out takes no room: limits that are not set,
 * modifiers, shifts of the clock. Texts that many orders share are the market's; whatever is only told to people is read from
 * the packed terms when it is asked for. */
#ifndef PUNNET_ROUTER_TERMS_H
#define PUNNET_ROUTER_TERMS_H

#include "base/pool.h"
#include "clock.h"
#include "criteria.h"

#define ORDER_SHARE_MAX     8 /* buyers of a shared lead */
#define ORDER_MODIFIERS_MAX 32
#define ORDER_PRICE_MAX_MINOR                                                                      \
	1000000000000LL /* 1e12: sums of as many leads as there are fit 63 bits */
#define ORDER_NOT_WITH_MAX      64
#define ORDER_MODIFIER_BP_MAX   100000
#define ORDER_MODIFIER_BP_LEAST (-10000)

/* The first ones are those of the windows. */
enum limit {
	LIMIT_HOUR,
	LIMIT_DAY,
	LIMIT_WEEK,
	LIMIT_MONTH,
	LIMIT_TOTAL,
	LIMIT_WEBMASTER_DAY,
	LIMIT_WEBMASTER_TOTAL,
	LIMIT_BUDGET_DAY,
	LIMIT_BUDGET_TOTAL,
	LIMITS
};

struct modifier {
	const struct criterion *where;
	struct week_spans hours;
	uint32_t where_count;
	int32_t plus_bp;
};

struct terms {
	const char *order_id;
	const char *advertiser_id, *vertical,
	    *currency; /* of the market's names: the same text is the same pointer */
	int64_t price_minor, floor_minor;
	int64_t price_most_minor; /* whatever the lead */
	uint64_t quantity;
	int64_t from_ms, until_ms;
	const uint64_t *limits; /* those that are set */
	struct civil_clock clock;
	struct week_spans open;
	const struct criterion *where; /* the list of countries stands first, if there is one */
	const struct modifier *modifiers;
	const char *const *not_with; /* names */
	const char *packed;          /* as published; see terms_packed() */
	uint32_t packed_len, block_len;
	uint32_t where_count, modifier_count, not_with_count;
	uint32_t weight;
	uint32_t constraints; /* that concern it: see constraint.h */
	int32_t priority;
	uint16_t limit_mask; /* bit 1 << limit: it is set */
	uint8_t groups;      /* bit 1 << group: it has criteria of these */
	uint8_t share_limit; /* 1 for an exclusive order */
	bool exclusive, paused, takes_own_customers, even;
};

/* 0 = it is not set. */
static inline uint64_t terms_limit(const struct terms *t, enum limit limit)
{
	unsigned below = t->limit_mask & ((1u << limit) - 1u);

	return t->limit_mask >> limit & 1 ? t->limits[__builtin_popcount(below)] : 0;
}

static inline struct slice terms_packed(const struct terms *t)
{
	return slice_of(t->packed, t->packed_len);
}

/* What keeps a market from working with these terms; NULL when nothing does. Whether they are wise is for whoever publishes
 * them. */
const char *terms_fault(const Punnet__V1__OrderTerms *terms);
/* From terms without a fault. Names and attributes that they say are made. */
struct terms *terms_make(const Punnet__V1__OrderTerms *published, struct pool *pool,
			 struct map *names, struct attributes *a);
void terms_free(struct terms *t, struct pool *pool);
/* As they were published; in the arena. */
const Punnet__V1__OrderTerms *terms_published(const struct terms *t, struct arena *a);
/* Channel settings for delivery; in the arena. */
char *terms_delivery_json(const struct terms *t, struct arena *a);
void names_free(struct map *names);

#endif
