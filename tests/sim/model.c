/* model: see model.h. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#define NOBODY       (-1)
#define NOTHING      (-2) /* no decision is made */
#define HOLD_MOST_MS (10 * MS_PER_MIN)

void model_start(struct model *m, int32_t partition)
{
	memset(m, 0, sizeof(*m));
	m->partition = partition;
}

/* --- what was taken --- */

static uint64_t used(const struct model *m, int order, bool this_hour)
{
	uint64_t n = 0;

	for (int i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		n += t->order == order && !t->given_back &&
		     (!this_hour || t->at_ms / MS_PER_HOUR == m->now_ms / MS_PER_HOUR);
	}
	return n;
}

static int advertiser_of(const char *id)
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

static bool wants(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_order *o = &m->orders[order];

	return !had_it(l, order) && !o->paused && (l->ru || !o->only_ru) &&
	       m->now_ms >= m->held_until_ms[advertiser_of(o->advertiser)] &&
	       (o->total == 0 || used(m, order, false) < o->total) &&
	       (o->hour == 0 || used(m, order, true) < o->hour);
}

/* Of the total cap, else of the hour's; an order without either stands as if it were full. */
static void filled(const struct model *m, int order, uint64_t *ret_taken, uint64_t *ret_of)
{
	const struct model_order *o = &m->orders[order];

	*ret_taken = *ret_of = 1;
	if (o->total > 0) {
		*ret_taken = used(m, order, false);
		*ret_of = o->total;
	} else if (o->hour > 0) {
		*ret_taken = used(m, order, true);
		*ret_of = o->hour;
	}
}

static bool better(const struct model *m, int a, int b)
{
	const struct model_order *x = &m->orders[a], *y = &m->orders[b];
	uint64_t taken_x, of_x, taken_y, of_y;

	if (x->price_minor != y->price_minor)
		return x->price_minor > y->price_minor;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	filled(m, a, &taken_x, &of_x);
	filled(m, b, &taken_y, &of_y);
	if (taken_x * of_y != taken_y * of_x)
		return taken_x * of_y < taken_y * of_x;
	return strcmp(x->id, y->id) < 0;
}

static int decide(struct model *m, struct model_lead *l)
{
	int best = NOBODY;

	for (int i = 0; i < m->order_count; i++)
		if (wants(m, i, l) && (best == NOBODY || better(m, i, best)))
			best = i;
	if (best == NOBODY) {
		l->open = false;
		return best;
	}
	assert(m->take_count < MODEL_TAKES && l->rounds < MODEL_ORDERS);
	m->takes[m->take_count] = (struct model_take){.order = best, .at_ms = m->now_ms};
	l->takes[l->rounds] = m->take_count++;
	l->orders[l->rounds++] = best;
	return best;
}

/* --- events --- */

static int on_admitted(struct model *m, const Punnet__V1__MarketEvent *e)
{
	struct model_lead *l = &m->leads[m->lead_count++];

	assert(m->lead_count <= MODEL_LEADS);
	*l = (struct model_lead){.open = true, .ru = strcmp(e->admitted->lead->country, "RU") == 0};
	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &l->id))
		return NOTHING;
	return decide(m, l);
}

static int order_find(const struct model *m, const char *id)
{
	for (int i = 0; i < m->order_count; i++)
		if (strcmp(m->orders[i].id, id) == 0)
			return i;
	return NOBODY;
}

static int on_settled(struct model *m, const Punnet__V1__MarketEvent *e)
{
	const Punnet__V1__LeadSettled *s = e->settled;
	struct lead_id id;

	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &id))
		return NOTHING;
	for (int i = 0; i < m->lead_count; i++) {
		struct model_lead *l = &m->leads[i];

		if (!lead_id_equal(&l->id, &id) || !l->open || (int)s->round != l->rounds - 1 ||
		    order_find(m, s->order_id) != l->orders[s->round])
			continue;
		switch (s->settlement) {
		case PUNNET__V1__SETTLEMENT__DELIVERED:
		case PUNNET__V1__SETTLEMENT__UNRESOLVED:
			l->open = false;
			return NOTHING;
		case PUNNET__V1__SETTLEMENT__REFUSED:
		case PUNNET__V1__SETTLEMENT__UNDELIVERABLE:
			m->takes[l->takes[s->round]].given_back = true;
			return decide(m, l);
		default:
			return NOTHING;
		}
	}
	return NOTHING;
}

static void on_order(struct model *m, const Punnet__V1__OrderChanged *c)
{
	const Punnet__V1__OrderTerms *t = c->terms;
	int i = order_find(m, t->order_id);
	struct model_order *o;

	if (i == NOBODY) {
		assert(m->order_count < MODEL_ORDERS);
		i = m->order_count++;
	} else if (c->revision <= m->orders[i].revision) {
		return;
	}
	o = &m->orders[i];
	*o = (struct model_order){.revision = c->revision,
				  .price_minor = t->price->amount_minor,
				  .priority = t->priority,
				  .total = t->caps ? t->caps->total : 0,
				  .hour = t->caps ? t->caps->hour : 0,
				  .only_ru = t->n_countries > 0,
				  .paused = t->paused};
	(void)snprintf(o->id, sizeof(o->id), "%s", t->order_id);
	(void)snprintf(o->advertiser, sizeof(o->advertiser), "%s", t->advertiser_id);
}

static int take(struct model *m, const Punnet__V1__MarketEvent *e)
{
	switch (e->event_case) {
	case PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED:
		return marks_pass(&m->marks, e->source) ? on_admitted(m, e) : NOTHING;
	case PUNNET__V1__MARKET_EVENT__EVENT_SETTLED:
		return marks_pass(&m->marks, e->source) ? on_settled(m, e) : NOTHING;
	case PUNNET__V1__MARKET_EVENT__EVENT_ORDER:
		on_order(m, e->order);
		return NOTHING;
	case PUNNET__V1__MARKET_EVENT__EVENT_HELD:
		m->held_until_ms[advertiser_of(e->held->advertiser_id)] =
		    MIN_OF(e->held->until_ms, m->now_ms + HOLD_MOST_MS);
		return NOTHING;
	default:
		return NOTHING;
	}
}

static bool differ(const struct model *m, const struct bus_record *r, const char *found, int want)
{
	return fault("market/%d at %lld: the router decided %s, the model %s", m->partition,
		     (long long)r->offset, found,
		     want == NOTHING  ? "nothing"
		     : want == NOBODY ? "nobody"
				      : m->orders[want].id);
}

bool model_agrees(struct model *m, const struct bus_record *r, const Punnet__V1__MarketEvent *e,
		  const struct decisions *found)
{
	int want;

	m->now_ms = MAX_OF(m->now_ms, r->timestamp_ms);
	want = take(m, e);
	if (found->count == 0)
		return want == NOTHING || differ(m, r, "nothing", want);
	if (found->count > 1)
		return differ(m, r, "more than once", want);
	if (!found->items[0].routed)
		return want == NOBODY || differ(m, r, "nobody", want);
	if (want < 0 ||
	    strcmp(found->items[0].routed->assignment->order_id, m->orders[want].id) != 0)
		return differ(m, r, found->items[0].routed->assignment->order_id, want);
	if (found->items[0].routed->assignment->price->amount_minor != m->orders[want].price_minor)
		return differ(m, r, "another price", want);
	return true;
}
