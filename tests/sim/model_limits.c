/* model_limits: which order may have a lead, and which of two goes before. See model.h. */
#include <string.h>

#include "model.h"

/* --- what was taken --- */

enum model_window { EVER, HOUR, DAY, WEEK, MONTH };

/* 1 January 1970 was a Thursday; a seed plays within December 2026. */
static int64_t window_of(enum model_window w, int64_t ms)
{
	switch (w) {
	case HOUR:
		return ms / MS_PER_HOUR;
	case DAY:
		return ms / MS_PER_DAY;
	case WEEK:
		return (ms / MS_PER_DAY + 3) / 7;
	default:
		return 0;
	}
}

static uint64_t used(const struct model *m, int order, enum model_window w)
{
	uint64_t n = 0;

	for (int i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		n += t->order == order && !t->given_back &&
		     window_of(w, t->at_ms) == window_of(w, m->now_ms);
	}
	return n;
}

static bool below(const struct model *m, int order, enum model_window w, uint64_t cap)
{
	return cap == 0 || used(m, order, w) < cap;
}

/* There is one webmaster. */
static bool has_room(const struct model *m, int order)
{
	const struct model_order *o = &m->orders[order];

	return below(m, order, EVER, o->total) && below(m, order, EVER, o->quantity) &&
	       below(m, order, HOUR, o->hour) && below(m, order, DAY, o->day) &&
	       below(m, order, WEEK, o->week) && below(m, order, MONTH, o->month) &&
	       below(m, order, DAY, o->webmaster_day) && below(m, order, EVER, o->webmaster_total);
}

int model_advertiser(const char *id)
{
	for (int i = 0; i < SIM_ADVERTISERS; i++)
		if (strcmp(advertiser_ids[i], id) == 0)
			return i;
	return 0;
}

static bool had_it(const struct model_lead *l, int order)
{
	for (int i = 0; i < l->rounds; i++)
		if (l->orders[i] == order)
			return true;
	return false;
}

/* --- money --- */

static int64_t spent(const struct model *m, int order, bool today)
{
	int64_t sum = today ? 0 : -m->orders[order].returned_minor;

	for (int i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		if (t->order == order && !t->given_back &&
		    (!today || t->at_ms / MS_PER_DAY == m->now_ms / MS_PER_DAY))
			sum += t->price_minor;
	}
	return sum;
}

int64_t model_price(const struct model *m, int order, const struct model_lead *l)
{
	for (size_t i = 0; i < l->bid_count; i++)
		if (strcmp(l->bids[i]->order_id, m->orders[order].id) == 0)
			return l->bids[i]->amount_minor;
	return l->bid_count > 0 ? 0 : m->orders[order].price_minor;
}

/* The webmaster gets something of it, and the network keeps what it has to. */
static bool pays(const struct model *m, int order, const struct model_lead *l)
{
	int64_t price = model_price(m, order, l), payout = price * m->payout_bp / 10000;

	return payout > 0 && price - payout >= m->margin_minor;
}

static bool may_spend(const struct model *m, int order, int64_t price_minor)
{
	const struct model_order *o = &m->orders[order];
	int who = model_advertiser(o->advertiser);
	int64_t sum = price_minor;

	if (o->budget_day_minor && spent(m, order, true) + price_minor > o->budget_day_minor)
		return false;
	if (o->budget_total_minor && spent(m, order, false) + price_minor > o->budget_total_minor)
		return false;
	for (int i = 0; i < m->order_count; i++)
		if (model_advertiser(m->orders[i].advertiser) == who)
			sum += spent(m, i, false);
	return !m->funds[who].limited || sum <= m->funds[who].limit_minor;
}

/* --- who has it --- */

bool model_holds(const struct model *m, const struct model_lead *l, int round)
{
	return !m->takes[l->takes[round]].given_back;
}

uint32_t model_holders(const struct model *m, const struct model_lead *l)
{
	uint32_t n = 0;

	for (int i = 0; i < l->rounds; i++)
		n += model_holds(m, l, i);
	return n;
}

static bool may_share(const struct model *m, const struct model_order *o,
		      const struct model_lead *l)
{
	uint32_t n = model_holders(m, l);

	for (int i = 0; i < l->rounds; i++) {
		const struct model_order *other = &m->orders[l->orders[i]];
		int mine = model_advertiser(o->advertiser),
		    theirs = model_advertiser(other->advertiser);

		if (!model_holds(m, l, i))
			continue;
		if (mine == theirs || o->not_with == theirs || other->not_with == mine ||
		    n >= o->share || n >= other->share)
			return false;
	}
	return true;
}

bool model_wants(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_order *o = &m->orders[order];

	return !had_it(l, order) && !o->paused && (l->ru || !o->only_ru) &&
	       m->now_ms >= m->held_until_ms[model_advertiser(o->advertiser)] &&
	       (o->until_ms == 0 || m->now_ms < o->until_ms) && has_room(m, order) &&
	       pays(m, order, l) && may_spend(m, order, model_price(m, order, l)) &&
	       may_share(m, o, l);
}

/* Of the total cap, else of the day's, else of the hour's; an order without any stands as if it were full. */
static void filled(const struct model *m, int order, uint64_t *ret_taken, uint64_t *ret_of)
{
	const struct model_order *o = &m->orders[order];

	*ret_taken = *ret_of = 1;
	if (o->total > 0) {
		*ret_taken = used(m, order, EVER);
		*ret_of = o->total;
	} else if (o->day > 0) {
		*ret_taken = used(m, order, DAY);
		*ret_of = o->day;
	} else if (o->hour > 0) {
		*ret_taken = used(m, order, HOUR);
		*ret_of = o->hour;
	}
}

/* What counts of the price. */
static int64_t counted(const struct model *m, int order, const struct model_lead *l)
{
	int who = model_advertiser(m->orders[order].advertiser);
	int64_t price = model_price(m, order, l);

	return m->now_ms < m->lowered[who].until_ms ? price - price * m->lowered[who].bp / 10000
						    : price;
}

bool model_better(const struct model *m, const struct model_lead *l, int a, int b)
{
	const struct model_order *x = &m->orders[a], *y = &m->orders[b];
	int64_t price_x = counted(m, a, l), price_y = counted(m, b, l);
	uint64_t taken_x, of_x, taken_y, of_y;

	if (price_x != price_y)
		return price_x > price_y;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	filled(m, a, &taken_x, &of_x);
	filled(m, b, &taken_y, &of_y);
	if (taken_x * of_y != taken_y * of_x)
		return taken_x * of_y < taken_y * of_x;
	return strcmp(x->id, y->id) < 0;
}
