/* learn: see learn.h.
 *
 * The past is asked of ghosts: orders with the same criteria and without a time, a goal or a ceiling. What an order could have
 * had is not what it would have had room for. */
#include "learn.h"

#include <stdlib.h>

#include "life.h"
#include "match.h"

struct ghost {
	struct order self;
	struct terms terms;
};

struct learner {
	struct market *market;
	struct ghost *ghosts; /* by the orders' indexes */
	struct arena arena;   /* of the lead at hand */
};

static void ghost_of(const struct order *o, struct ghost *ret)
{
	ret->terms = *o->terms;
	ret->terms.limit_mask = 0;
	ret->terms.from_ms = ret->terms.until_ms = 0;
	ret->terms.quantity = 0;
	ret->terms.paused = false;
	ret->self = *o;
	ret->self.terms = &ret->terms;
	ret->self.account = NULL;
	ret->self.reserved = ret->self.delivered = 0;
	ret->self.pace = NULL;
}

struct learner *learner_new(struct market *m)
{
	struct learner *l = calloc(1, sizeof(*l));
	struct order *o;

	if (!l)
		abort();
	l->market = m;
	l->ghosts = calloc(market_orders(m) + 1, sizeof(*l->ghosts));
	if (!l->ghosts)
		abort();
	for (size_t i = 0; (o = market_order_at(m, i)); i++)
		ghost_of(o, &l->ghosts[i]);
	return l;
}

void learner_lead(struct learner *l, const Punnet__V1__LeadAdmitted *admitted, int64_t at_ms)
{
	struct vertical *v = market_vertical(l->market, slice_cstr(admitted->lead->vertical));
	struct lead_view view = life_view(l->market, v, admitted, &l->arena);
	struct order *o;

	pace_start(&v->pacer);
	for (size_t i = 0; (o = market_order_at(l->market, i)); i++) {
		const struct order *ghost = &l->ghosts[i].self;

		if (!o->removed && slice_is(v->name, o->terms->vertical) &&
		    match_fits(ghost, &view, at_ms))
			pace_fits(&v->pacer, o, price_of(ghost, &view, at_ms));
	}
	pace_learn_past(&v->pacer, at_ms);
	arena_reset(&l->arena);
}

void learner_end(struct learner *l)
{
	struct slice key;
	struct order *o;
	void *value;

	for (size_t i = 0; (o = market_order_at(l->market, i)); i++)
		pace_unseen(o, &market_vertical(l->market, slice_cstr(o->terms->vertical))->pacer);
	for (size_t i = 0; map_at(&l->market->verticals, i, &key, &value); i++)
		pace_settle(&((struct vertical *)value)->pacer, l->market->log_time_ms);
	arena_free(&l->arena);
	free(l->ghosts);
	free(l);
}
