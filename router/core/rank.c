/* rank: see rank.h. What only an even score and priority ask for is worked out then, and not before. */
#include "rank.h"

#include "base/money.h"
#include "holds.h"

struct ratio {
	uint64_t taken, of;
};

static int compare_ratio(struct ratio a, struct ratio b)
{
	unsigned __int128 left = (unsigned __int128)a.taken * b.of;
	unsigned __int128 right = (unsigned __int128)b.taken * a.of;

	return (left > right) - (left < right);
}

/* The share of its goal that an order has: of its quantity, else its total cap, else today's, else this hour's. */
static struct ratio goal_share(const struct order *o, int64_t now_ms)
{
	uint64_t total = terms_limit(o->terms, LIMIT_TOTAL);
	uint64_t taken = o->reserved + o->delivered;

	if (o->terms->quantity > 0)
		return (struct ratio){taken, o->terms->quantity};
	if (total > 0)
		return (struct ratio){taken, total};
	if (order_cap(o, WINDOW_DAY) > 0)
		return (struct ratio){order_taken(o, WINDOW_DAY, now_ms), order_cap(o, WINDOW_DAY)};
	if (order_cap(o, WINDOW_HOUR) > 0)
		return (struct ratio){order_taken(o, WINDOW_HOUR, now_ms),
				      order_cap(o, WINDOW_HOUR)};
	/* A promise to fill goes before none: no goal stands as filled. */
	return (struct ratio){1, 1};
}

static int compare_weight(const struct candidate *a, const struct candidate *b)
{
	uint32_t x = a->order->terms->weight, y = b->order->terms->weight;

	if (x == 0 || y == 0)
		return (x == 0) - (y == 0);
	return compare_ratio((struct ratio){order_taken(a->order, WINDOW_DAY, a->now_ms), x},
			     (struct ratio){order_taken(b->order, WINDOW_DAY, b->now_ms), y});
}

#ifdef PUNNET_FAULTS
static bool lowering_is_off;

void rank_lowering_switch_off(bool off)
{
	lowering_is_off = off;
}
#else
#define lowering_is_off false
#endif

int64_t rank_price(const struct order *o, int64_t price_minor, int64_t now_ms)
{
	if (!hold_lowers(o->hold, now_ms) || lowering_is_off)
		return price_minor;
	return price_minor - money_share_bp(price_minor, o->hold->lower_bp);
}

int64_t rank_score(const struct order *o, int64_t price_minor, int64_t now_ms)
{
	return pace_score(o, rank_price(o, price_minor, now_ms));
}

struct rank_key rank_bound(const struct order *o)
{
	return (struct rank_key){pace_score_most(o->terms->price_most_minor), o->terms->priority};
}

struct rank_key rank_key_of(const struct candidate *c)
{
	return (struct rank_key){c->score, c->order->terms->priority};
}

int rank_key_compare(struct rank_key a, struct rank_key b)
{
	/* 1: the higher score */
	if (a.score != b.score)
		return a.score > b.score ? -1 : 1;
	/* 2: the higher priority */
	return (a.priority < b.priority) - (a.priority > b.priority);
}

int candidate_compare(const struct candidate *a, const struct candidate *b)
{
	int order = rank_key_compare(rank_key_of(a), rank_key_of(b));

	if (order != 0)
		return order;
	/* 3: what its weight asks for */
	order = compare_weight(a, b);
	if (order != 0)
		return order;
	/* 4: the smaller share of its goal filled */
	order = compare_ratio(goal_share(a->order, a->now_ms), goal_share(b->order, b->now_ms));
	if (order != 0)
		return order;
	/* 5, the last: the order id, byte by byte; ids are unique */
	return strcmp(a->order->terms->order_id, b->order->terms->order_id);
}
