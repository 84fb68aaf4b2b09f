/* match: linear over the vertical's orders; only the best MARKET_CANDIDATES_MAX are kept in order, so that a long tail of
 * orders costs one comparison each. */
#include "match.h"

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The share of its goal that an order has: of its quantity, else its total cap, else today's, else this hour's. */
static void fill_share(struct candidate *c, int64_t now_ms)
{
	const struct order *o = c->order;
	uint64_t total = o->terms->caps ? o->terms->caps->total : 0;

	c->taken = o->reserved + o->delivered;
	if (o->terms->quantity > 0) {
		c->goal = o->terms->quantity;
	} else if (total > 0) {
		c->goal = total;
	} else if (order_cap_day(o) > 0) {
		c->goal = order_cap_day(o);
		c->taken = order_taken(o, WINDOW_DAY, now_ms);
	} else if (order_cap_hour(o) > 0) {
		c->goal = order_cap_hour(o);
		c->taken = order_taken(o, WINDOW_HOUR, now_ms);
	} else {
		/* A promise to fill goes before none: no goal stands as filled. */
		c->goal = 1;
		c->taken = 1;
	}
}

static int compare_share(const struct candidate *a, const struct candidate *b)
{
	unsigned __int128 left = (unsigned __int128)a->taken * b->goal;
	unsigned __int128 right = (unsigned __int128)b->taken * a->goal;

	return (left > right) - (left < right);
}

int candidate_compare(const struct candidate *a, const struct candidate *b)
{
	const Punnet__V1__OrderTerms *x = a->order->terms, *y = b->order->terms;
	int order;

	/* 0: what fits stands before what doesn't */
	if (a->fits != b->fits)
		return a->fits ? -1 : 1;
	/* 1: the higher price */
	if (x->price->amount_minor != y->price->amount_minor)
		return x->price->amount_minor > y->price->amount_minor ? -1 : 1;
	/* 2: the higher priority */
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	/* 3: the smaller share of its goal filled */
	order = compare_share(a, b);
	if (order != 0)
		return order;
	/* 4, the last: the order id, byte by byte; ids are unique */
	order = strcmp(x->order_id, y->order_id);
	return order != 0 ? order : compare_u64(a->order->index, b->order->index);
}

static void keep_best(struct match *m, const struct candidate *c)
{
	size_t at = m->count;

	if (at == MARKET_CANDIDATES_MAX) {
		if (candidate_compare(c, &m->best[at - 1]) > 0)
			return;
		at--;
	} else {
		m->count++;
	}
	while (at > 0 && candidate_compare(c, &m->best[at - 1]) < 0) {
		m->best[at] = m->best[at - 1];
		at--;
	}
	m->best[at] = *c;
}

void match_run(const struct vertical *v, const struct lead_view *lead, int64_t now_ms,
	       struct match *ret)
{
	uint32_t nearest = 0;

	ret->count = 0;
	ret->asked = v->order_count;
	ret->summary = REASON_ROUTE_NO_ORDERS;
	for (size_t i = 0; i < v->order_count; i++) {
		struct candidate c = {.order = v->orders[i]};
		uint32_t nearness = 0;

		c.fits = constraints_ask(c.order, lead, now_ms, &c.miss, &nearness) == FIT;
		fill_share(&c, now_ms);
		keep_best(ret, &c);
		if (!c.fits && nearness > nearest) {
			nearest = nearness;
			ret->summary = c.miss.code;
		}
	}
	ret->won = ret->count > 0 && ret->best[0].fits;
}
