/* model: see model.h. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#define NOBODY          (-1)
#define HOLD_MOST_MS    (10 * MS_PER_MIN)
#define LOWERED_MOST_MS (7 * MS_PER_DAY)

void model_start(struct model *m, int32_t partition)
{
	memset(m, 0, sizeof(*m));
	m->partition = partition;
}

static int order_find(const struct model *m, const char *id);

static int best_of(const struct model *m, const struct model_lead *l)
{
	int best = NOBODY;

	for (int i = 0; i < m->order_count; i++)
		if (model_wants(m, i, l) && (best == NOBODY || model_better(m, l, i, best)))
			best = i;
	return best;
}

/* In a market with paced orders: whom the router chose, if he may have it; nobody, if all that want it are paced. */
static int chosen(const struct model *m, const struct model_lead *l, size_t number)
{
	const struct decisions *found = m->found;
	int order = NOBODY, best = NOBODY;

	if (number < found->count && found->items[number].routed)
		order = order_find(m, found->items[number].routed->assignment->order_id);
	if (order != NOBODY)
		return model_wants(m, order, l) ? order : best_of(m, l);
	for (int i = 0; i < m->order_count; i++)
		if (m->orders[i].quantity == 0 && model_wants(m, i, l))
			best = i;
	return best;
}

static int winner(const struct model *m, const struct model_lead *l, size_t number)
{
	return m->paced ? chosen(m, l, number) : best_of(m, l);
}

/* Somebody who may have the lead pays more, and stands lower. */
static bool is_passed_over(const struct model *m, const struct model_lead *l, int winner)
{
	for (int i = 0; i < m->order_count; i++)
		if (model_wants(m, i, l) && model_price(m, i, l) > model_price(m, winner, l))
			return true;
	return false;
}

static void count_sale(const struct model *m, const struct model_lead *l, int order)
{
	if (m->orders[order].quantity > 0)
		occurs(OCCURS_PACED_SALE);
	if (l->bid_count > 0)
		occurs(OCCURS_BID_SALE);
	if (!m->paced && is_passed_over(m, l, order))
		occurs(OCCURS_LOWERED);
}

static void take_it(struct model *m, struct model_lead *l, int order)
{
	assert(m->take_count < MODEL_TAKES && l->rounds < MODEL_ORDERS);
	count_sale(m, l, order);
	m->takes[m->take_count] = (struct model_take){
	    .order = order, .at_ms = m->now_ms, .price_minor = model_price(m, order, l)};
	l->takes[l->rounds] = m->take_count++;
	l->orders[l->rounds++] = order;
}

static void wait_for_buyer(struct model *m, struct model_lead *l)
{
	if (l->waits == MODEL_WAITS_FOR_BUYER)
		return;
	l->waits = MODEL_WAITS_FOR_BUYER;
	l->until_ms = m->now_ms + m->buyer_wait_ms;
	occurs(OCCURS_WAITED);
}

/* To as many as share it. The number of decisions; of none that somebody has, or that waits, nothing is said. */
static int decide(struct model *m, struct model_lead *l, bool may_wait, int ret[MODEL_ORDERS])
{
	bool waited = l->waits == MODEL_WAITS_FOR_BUYER;
	int best, count = 0;

	while ((best = winner(m, l, (size_t)count)) != NOBODY) {
		take_it(m, l, best);
		ret[count++] = best;
	}
	if (count > 0)
		l->waits = MODEL_WAITS_NOT;
	if (count > 0 && waited)
		occurs(OCCURS_SOLD_LATE);
	if (count > 0 || model_holders(m, l) > 0)
		return count;
	if (may_wait && m->buyer_wait_ms > 0) {
		wait_for_buyer(m, l);
		return 0;
	}
	if (waited)
		occurs(OCCURS_UNSOLD_LATE);
	l->waits = MODEL_WAITS_NOT;
	l->open = false;
	ret[0] = NOBODY;
	return 1;
}

/* --- events --- */

static int on_admitted(struct model *m, const Punnet__V1__MarketEvent *e, int ret[MODEL_ORDERS])
{
	struct model_lead *l = &m->leads[m->lead_count++];

	assert(m->lead_count <= MODEL_LEADS);
	*l = (struct model_lead){.open = true,
				 .ru = strcmp(e->admitted->lead->country, "RU") == 0,
				 .bids = e->admitted->bids,
				 .bid_count = e->admitted->n_bids};
	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &l->id))
		return 0;
	if (e->admitted->quarantined_until_ms == 0)
		return decide(m, l, true, ret);
	l->waits = MODEL_WAITS_FOR_OPERATOR;
	l->until_ms = e->admitted->quarantined_until_ms;
	l->let_go = e->admitted->quarantine_accepts;
	return 0;
}

static struct model_lead *waiting(struct model *m, const Punnet__V1__MarketEvent *e,
				  enum model_wait what)
{
	struct lead_id id;

	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &id))
		return NULL;
	for (int i = 0; i < m->lead_count; i++)
		if (m->leads[i].open && m->leads[i].waits == what &&
		    lead_id_equal(&m->leads[i].id, &id))
			return &m->leads[i];
	return NULL;
}

/* The first end counts; that of a time that ran out only when it has. */
static int on_quarantine(struct model *m, const Punnet__V1__MarketEvent *e, int ret[MODEL_ORDERS])
{
	struct model_lead *l = waiting(m, e, MODEL_WAITS_FOR_OPERATOR);
	int count;

	if (!l || (e->quarantine->expired && m->now_ms < l->until_ms))
		return 0;
	l->waits = MODEL_WAITS_NOT;
	if (e->quarantine->expired)
		occurs(OCCURS_EXPIRED);
	if (e->quarantine->expired ? l->let_go : e->quarantine->release) {
		count = decide(m, l, true, ret);
		if (count > 0 && ret[0] != NOBODY && !e->quarantine->expired)
			occurs(OCCURS_RELEASED);
		return count;
	}
	l->open = false;
	ret[0] = NOBODY;
	return 1;
}

/* It counts when the router takes it for due: then somebody wants the lead, or its wait is over. */
static int on_due(struct model *m, const Punnet__V1__MarketEvent *e, int ret[MODEL_ORDERS])
{
	struct model_lead *l = waiting(m, e, MODEL_WAITS_FOR_BUYER);

	if (!l || m->found->count == 0)
		return 0;
	return decide(m, l, m->now_ms < l->until_ms, ret);
}

static int order_find(const struct model *m, const char *id)
{
	for (int i = 0; i < m->order_count; i++)
		if (strcmp(m->orders[i].id, id) == 0)
			return i;
	return NOBODY;
}

static int on_settled(struct model *m, const Punnet__V1__MarketEvent *e, int ret[MODEL_ORDERS])
{
	const Punnet__V1__LeadSettled *s = e->settled;
	int order = order_find(m, s->order_id);
	struct lead_id id;

	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &id))
		return 0;
	if (s->settlement == PUNNET__V1__SETTLEMENT__RETURNED && order != NOBODY)
		m->orders[order].returned_minor += s->price_minor;
	for (int i = 0; i < m->lead_count; i++) {
		struct model_lead *l = &m->leads[i];

		if (!lead_id_equal(&l->id, &id) || !l->open || (int)s->round >= l->rounds ||
		    order != l->orders[s->round] || !model_holds(m, l, (int)s->round) ||
		    l->kept[s->round])
			continue;
		switch (s->settlement) {
		case PUNNET__V1__SETTLEMENT__DELIVERED:
		case PUNNET__V1__SETTLEMENT__UNRESOLVED:
			l->kept[s->round] = true;
			return 0;
		case PUNNET__V1__SETTLEMENT__REFUSED:
		case PUNNET__V1__SETTLEMENT__UNDELIVERABLE:
			m->takes[l->takes[s->round]].given_back = true;
			return decide(m, l, true, ret);
		default:
			return 0;
		}
	}
	return 0;
}

static void on_funds(struct model *m, const Punnet__V1__FundsChanged *f)
{
	int who = model_advertiser(f->advertiser_id);

	if (f->revision <= m->funds[who].revision)
		return;
	m->funds[who].revision = f->revision;
	m->funds[who].limited = !f->unlimited;
	m->funds[who].limit_minor = f->paid_in_minor + f->credit_minor;
}

static void on_lowered(struct model *m, const Punnet__V1__AdvertiserLowered *l)
{
	int who = model_advertiser(l->advertiser_id);

	m->lowered[who].until_ms = MIN_OF(l->until_ms, m->now_ms + LOWERED_MOST_MS);
	m->lowered[who].bp = l->lower_bp;
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
	*o = (struct model_order){
	    .revision = c->revision,
	    .returned_minor = o->returned_minor,
	    .budget_day_minor = t->budget ? t->budget->day_minor : 0,
	    .budget_total_minor = t->budget ? t->budget->total_minor : 0,
	    .share = t->sharing == PUNNET__V1__SHARING__SHARED ? t->share_limit : 1,
	    .not_with = t->n_not_with ? model_advertiser(t->not_with[0]) : -1,
	    .price_minor = t->price->amount_minor,
	    .priority = t->priority,
	    .total = t->caps ? t->caps->total : 0,
	    .hour = t->caps ? t->caps->hour : 0,
	    .day = t->caps ? t->caps->day : 0,
	    .week = t->caps ? t->caps->week : 0,
	    .month = t->caps ? t->caps->month : 0,
	    .webmaster_day = t->caps ? t->caps->webmaster_day : 0,
	    .webmaster_total = t->caps ? t->caps->webmaster_total : 0,
	    .quantity = t->quantity,
	    .until_ms = t->until_ms,
	    .only_ru = t->n_countries > 0,
	    .paused = t->paused};
	(void)snprintf(o->id, sizeof(o->id), "%s", t->order_id);
	(void)snprintf(o->advertiser, sizeof(o->advertiser), "%s", t->advertiser_id);
	m->paced |= t->quantity > 0;
}

static int take(struct model *m, const Punnet__V1__MarketEvent *e, int ret[MODEL_ORDERS])
{
	switch (e->event_case) {
	case PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED:
		return marks_pass(&m->marks, e->source) ? on_admitted(m, e, ret) : 0;
	case PUNNET__V1__MARKET_EVENT__EVENT_SETTLED:
		return marks_pass(&m->marks, e->source) ? on_settled(m, e, ret) : 0;
	case PUNNET__V1__MARKET_EVENT__EVENT_ORDER:
		on_order(m, e->order);
		return 0;
	case PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE:
		return on_quarantine(m, e, ret);
	case PUNNET__V1__MARKET_EVENT__EVENT_DUE:
		return on_due(m, e, ret);
	case PUNNET__V1__MARKET_EVENT__EVENT_RATE:
		m->buyer_wait_ms = e->rate->buyer_wait_ms;
		m->payout_bp = e->rate->payout_share_bp;
		m->margin_minor = e->rate->margin_floor_minor;
		return 0;
	case PUNNET__V1__MARKET_EVENT__EVENT_FUNDS:
		on_funds(m, e->funds);
		return 0;
	case PUNNET__V1__MARKET_EVENT__EVENT_HELD:
		m->held_until_ms[model_advertiser(e->held->advertiser_id)] =
		    MIN_OF(e->held->until_ms, m->now_ms + HOLD_MOST_MS);
		return 0;
	case PUNNET__V1__MARKET_EVENT__EVENT_LOWERED:
		on_lowered(m, e->lowered);
		return 0;
	default:
		return 0;
	}
}

static bool differ(const struct model *m, const struct bus_record *r, const char *found,
		   const char *want)
{
	return fault("market/%d at %lld: the router decided %s, the model %s", m->partition,
		     (long long)r->offset, found, want);
}

static bool agrees(const struct model *m, const struct bus_record *r, const struct decision *found,
		   int want, int64_t price_minor)
{
	const Punnet__V1__Assignment *a = found->routed ? found->routed->assignment : NULL;
	const char *name = want == NOBODY ? "nobody" : m->orders[want].id;

	if (!a || want == NOBODY)
		return (!a && want == NOBODY) || differ(m, r, a ? a->order_id : "nobody", name);
	if (strcmp(a->order_id, name) != 0)
		return differ(m, r, a->order_id, name);
	return a->price->amount_minor == price_minor || differ(m, r, "another price", name);
}

bool model_agrees(struct model *m, const struct bus_record *r, const Punnet__V1__MarketEvent *e,
		  const struct decisions *found)
{
	int want[MODEL_ORDERS], count;

	m->now_ms = MAX_OF(m->now_ms, r->timestamp_ms);
	m->found = found;
	count = take(m, e, want);
	if ((int)found->count != count)
		return fault("market/%d at %lld (event %d, settlement %d): the router decided %zu "
			     "times, the model %d, %s first",
			     m->partition, (long long)r->offset, (int)e->event_case,
			     e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED
				 ? (int)e->settled->settlement
				 : 0,
			     found->count, count,
			     count == 0          ? "nothing"
			     : want[0] == NOBODY ? "nobody"
						 : m->orders[want[0]].id);
	for (int i = 0; i < count; i++) {
		const struct model_take *t = &m->takes[MAX_OF(m->take_count - count + i, 0)];

		if (!agrees(m, r, &found->items[i], want[i], t->price_minor))
			return false;
	}
	return true;
}

bool model_ended(const struct model *m)
{
	char text[LEAD_ID_TEXT_LEN + 1];

	for (int i = 0; i < m->lead_count; i++) {
		if (m->leads[i].waits == MODEL_WAITS_NOT)
			continue;
		lead_id_text(&m->leads[i].id, text);
		return fault("market/%d: lead %s still waits for %s", m->partition, text,
			     m->leads[i].waits == MODEL_WAITS_FOR_BUYER ? "a buyer"
									: "an operator");
	}
	return true;
}
