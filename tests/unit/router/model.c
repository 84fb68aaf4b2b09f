#include "model.h"

#include <string.h>

#define NEAR 40

uint64_t model_used(const struct model *m, int order)
{
	uint64_t n = 0;

	for (int i = 0; i < m->take_count; i++)
		n += m->takes[i].order == order && !m->takes[i].given_back;
	return n;
}

static void share(const struct model *m, int order, uint64_t *taken, uint64_t *goal)
{
	const struct model_terms *t = &m->orders[order].terms;

	*taken = model_used(m, order);
	if (t->quantity)
		*goal = t->quantity;
	else if (t->cap_total)
		*goal = t->cap_total;
	else if (t->cap_day)
		*goal = t->cap_day, *taken = model_used_in(m, order, 'd');
	else if (t->cap_hour)
		*goal = t->cap_hour, *taken = model_used_in(m, order, 'h');
	else
		*goal = 1, *taken = 1;
}

/* What counts of the price while a rule lowers the advertiser. */
static int64_t counted(const struct model *m, const struct model_lead *l, int order)
{
	int64_t price = model_price(m, order, l);
	int advertiser = m->orders[order].terms.advertiser;

	if (m->now >= m->lowered_until[advertiser])
		return price;
	return price - price * m->lower_bp[advertiser] / 10000;
}

/* Is a the better one? Orders are named by letters in the order of their numbers, so that the number is the last word. */
static bool better(const struct model *m, const struct model_lead *l, int a, int b)
{
	const struct model_terms *x = &m->orders[a].terms, *y = &m->orders[b].terms;
	int64_t price_a = counted(m, l, a), price_b = counted(m, l, b);
	uint64_t taken_a, goal_a, taken_b, goal_b;

	if (price_a != price_b)
		return price_a > price_b;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	if (!x->weight != !y->weight)
		return x->weight > 0;
	if (x->weight) {
		taken_a = model_used_in(m, a, 'd') * y->weight;
		taken_b = model_used_in(m, b, 'd') * x->weight;
		if (taken_a != taken_b)
			return taken_a < taken_b;
	}
	share(m, a, &taken_a, &goal_a);
	share(m, b, &taken_b, &goal_b);
	if (taken_a * goal_b != taken_b * goal_a)
		return taken_a * goal_b < taken_b * goal_a;
	return a < b;
}

static int group_of(const char *code)
{
	if (strcmp(code, "fits") == 0)
		return 0;
	return model_nearness(code) >= NEAR ? 1 : 2;
}

/* All of the vertical, the best first: those that fit, the near misses, the far ones. */
static void list(const struct model *m, const struct model_lead *l, struct model_decision *d)
{
	for (int i = 0; i < MODEL_ORDERS; i++) {
		int at = d->listed;

		if (!d->codes[i])
			continue;
		while (at > 0) {
			int other = d->rank[at - 1];
			int mine = group_of(d->codes[i]), its = group_of(d->codes[other]);

			if (mine > its || (mine == its && better(m, l, other, i)))
				break;
			d->rank[at] = other;
			at--;
		}
		d->rank[at] = i;
		d->listed++;
	}
}

static void summarise(const struct model_lead *l, struct model_decision *d)
{
	int nearest = 0;

	d->summary = l->has_bids ? "no_bid" : "no_orders";
	for (int i = 0; i < d->listed; i++) {
		const char *code = d->codes[d->rank[i]];

		if (model_nearness(code) <= nearest)
			continue;
		nearest = model_nearness(code);
		d->summary = code;
	}
}

static void look(const struct model *m, const struct model_lead *l, struct model_decision *d)
{
	*d = (struct model_decision){.winner = -1};
	for (int i = 0; i < MODEL_ORDERS; i++) {
		const struct model_order *o = &m->orders[i];

		if (!o->known || o->removed || o->terms.vertical != l->vertical ||
		    (l->has_bids && l->bids[i] == 0))
			continue;
		d->codes[i] = model_ask(m, i, l);
	}
	list(m, l, d);
	if (d->listed > 0 && group_of(d->codes[d->rank[0]]) == 0)
		d->winner = d->rank[0];
	if (d->winner < 0)
		summarise(l, d);
	for (int i = 0; i < MODEL_ORDERS; i++) {
		if (d->codes[i] && group_of(d->codes[i]) == 0)
			d->codes[i] = i == d->winner ? "won" : "outbid";
	}
	if (d->winner < 0)
		return;
	d->price = model_price(m, d->winner, l);
	d->payout = model_payout(m, d->winner, l, d->price);
}

static void take(struct model *m, int lead, const struct model_decision *d)
{
	struct model_lead *l = &m->leads[lead];
	const struct model_terms *t = &m->orders[d->winner].terms;
	struct model_hold *h = &l->holds[l->hold_count++];

	*h = (struct model_hold){.order = d->winner, .state = 'o', .take = -1};
	if (l->test)
		return;
	h->take = m->take_count++;
	m->takes[h->take] =
	    (struct model_take){.order = d->winner,
				.lead = lead,
				.webmaster = l->webmaster,
				.at = m->now,
				.price = d->price,
				.by_webmaster = t->cap_webmaster_day || t->cap_webmaster_total};
}

static int holders(const struct model_lead *l)
{
	int n = 0;

	for (int i = 0; i < l->hold_count; i++)
		n += l->holds[i].state != 'b';
	return n;
}

static bool room_for_one_more(const struct model *m, const struct model_lead *l)
{
	for (int i = 0; i < l->hold_count; i++) {
		uint32_t limit = m->orders[l->holds[i].order].terms.share_limit;

		if (l->holds[i].state != 'b' && (uint32_t)holders(l) >= (limit > 1 ? limit : 1))
			return false;
	}
	return holders(l) < MODEL_SHARES;
}

static void close_if_over(struct model_lead *l)
{
	l->open = l->waits;
	for (int i = 0; i < l->hold_count; i++)
		l->open |= l->holds[i].state == 'o';
}

static void decide(struct model *m, int lead, bool may_wait, struct model_decisions *ret)
{
	struct model_lead *l = &m->leads[lead];
	const struct model_card *card = &m->cards[l->vertical];
	struct model_decision d = {.winner = -1};
	bool sold = false;

	while (room_for_one_more(m, l)) {
		look(m, l, &d);
		if (d.winner < 0)
			break;
		ret->items[ret->count++] = d;
		take(m, lead, &d);
		sold = true;
	}
	if (sold) {
		l->waits = false;
	} else if (holders(l) == 0 && may_wait && card->wait_ms > 0) {
		if (!l->waits)
			l->waits_until = m->now + card->wait_ms;
		l->waits = true;
	} else if (holders(l) == 0) {
		l->waits = false;
		ret->items[ret->count++] = d;
	}
	close_if_over(l);
}

void model_lead(struct model *m, int lead, struct model_decisions *ret)
{
	m->leads[lead].open = true;
	decide(m, lead, true, ret);
}

void model_due(struct model *m, int lead, struct model_decisions *ret)
{
	decide(m, lead, m->now < m->leads[lead].waits_until, ret);
}

void model_settle(struct model *m, int lead, int order, uint32_t round, enum model_settle what,
		  struct model_decisions *ret)
{
	struct model_lead *l = &m->leads[lead];
	struct model_hold *h;

	if (!l->open || round >= (uint32_t)l->hold_count)
		return;
	h = &l->holds[round];
	if (h->order != order || h->state != 'o')
		return;
	if (what == MODEL_DELIVERED || what == MODEL_UNRESOLVED) {
		h->state = 'k';
		close_if_over(l);
		return;
	}
	h->state = 'b';
	if (h->take >= 0)
		m->takes[h->take].given_back = true;
	decide(m, lead, true, ret);
}

void model_return(struct model *m, int order, int64_t price)
{
	m->orders[order].returned++;
	m->orders[order].returned_minor += price;
}

bool model_anybody_fits(const struct model *m, int lead)
{
	struct model_decision d;

	look(m, &m->leads[lead], &d);
	return d.winner >= 0;
}

void model_order(struct model *m, int order, uint64_t revision, const struct model_terms *t)
{
	struct model_order *o = &m->orders[order];

	if (o->known && (revision <= o->revision || t->vertical != o->terms.vertical))
		return;
	o->known = true;
	o->removed = false;
	o->revision = revision;
	o->terms = *t;
}

void model_remove(struct model *m, int order, uint64_t revision)
{
	struct model_order *o = &m->orders[order];

	if (!o->known || revision <= o->revision)
		return;
	o->removed = true;
	o->revision = revision;
}
