/* life: see life.h. */
#include "life.h"

#include "decision.h"
#include "decision_write.h"
#include "lead/codec.h"

/* --- what is known about a lead --- */

static uint32_t order_index(const void *ctx, const char *order_id)
{
	const struct order *o = market_order(ctx, slice_cstr(order_id));

	return o ? o->index : UINT32_MAX;
}

static struct slice customer_of(const Punnet__V1__LeadAdmitted *admitted)
{
	for (size_t i = 0; i < admitted->n_facts; i++) {
		const Punnet__V1__Fact *f = admitted->facts[i];

		if (f->value_case == PUNNET__V1__FACT__VALUE_TEXT &&
		    strcmp(f->name, "customer_of") == 0)
			return slice_cstr(f->text);
	}
	return (struct slice){0};
}

/* Bids of orders that the market does not know, or that stand there twice, fall away. */
static void take_bids(const struct market *m, struct lead_view *view, struct arena *a)
{
	const Punnet__V1__LeadAdmitted *admitted = view->admitted;

	view->has_bids = true;
	view->bids = arena_alloc(a, MIN_OF(admitted->n_bids, LEAD_BIDS_MAX) * sizeof(*view->bids));
	for (size_t i = 0; i < admitted->n_bids && view->bid_count < LEAD_BIDS_MAX; i++) {
		const Punnet__V1__Bid *bid = admitted->bids[i];
		const struct order *o = market_order(m, slice_cstr(bid->order_id));

		if (!o || price_is_bid(o, view))
			continue;
		view->bids[view->bid_count++] =
		    (struct bid){o->index, MIN_OF(bid->amount_minor, ORDER_PRICE_MAX_MINOR)};
	}
}

struct lead_view life_view(const struct market *m, const struct vertical *v,
			   const Punnet__V1__LeadAdmitted *admitted, struct arena *a)
{
	struct lead_view view = {.lead = admitted->lead,
				 .admitted = admitted,
				 .payout_share_bp = v->share_bp,
				 .card = v->card,
				 .tier = map_get(&v->tiers, slice_cstr(admitted->lead->aff_id)),
				 .orders = (struct order *const *)m->orders.items};
	struct slice source_class = vertical_class(v, admitted->lead->aff_id);

	view.attributes = &v->attributes;
	view.values = lead_values(&v->attributes,
				  &(struct lead_says){.lead = admitted->lead,
						      .admitted = admitted,
						      .source_class = source_class},
				  a);
	if (admitted->n_facts > 0)
		view.customer_of = customer_of(admitted);
	if (admitted->n_bids > 0)
		take_bids(m, &view, a);
	rates_choose(&view, m->log_time_ms, source_class, order_index, m, a);
	return view;
}

/* --- opening and closing --- */

static struct open_lead *lead_open(struct market *m, const struct lead_id *id,
				   const Punnet__V1__LeadAdmitted *admitted, struct arena *a)
{
	struct open_lead *open;

	buf_reset(&m->scratch);
	admitted_write(admitted, &m->scratch);
	assert(!m->scratch.failed);
	open = open_lead_new(&m->leads, id, buf_slice(&m->scratch), a);
	open->is_test = admitted->lead->is_test;
	return open;
}

static void lead_keep(struct market *m, struct open_lead *l)
{
	open_lead_put(&m->leads, &m->pool, l);
}

static void lead_close(struct market *m, const struct open_lead *l)
{
	open_lead_drop(&m->leads, &m->pool, l);
}

static bool is_settled(const struct open_lead *l)
{
	for (size_t i = 0; i < l->holding_count; i++) {
		if (l->holdings[i].state == HOLDING_OUT)
			return false;
	}
	return l->waits == WAITS_FOR_NOBODY;
}

static void keep_or_close(struct market *m, struct open_lead *l)
{
	if (is_settled(l))
		lead_close(m, l);
	else
		lead_keep(m, l);
}

/* --- selling --- */

static void take_place(struct market *m, struct open_lead *open, const struct candidate *winner,
		       const char *aff_id)
{
	struct holding *h = open_lead_hold(open, winner->order->index);

	/* A test lead goes the way of all leads, and takes no place away from one. */
	if (!open->is_test)
		order_reserve(winner->order, h, aff_id, winner->price_minor, m->log_time_ms);
}

/* Whether one more buyer could have it beside those who do: all of them must be ready to share. */
static bool shareable(const struct market *m, const struct open_lead *l)
{
	uint32_t holders = 0, limit = ORDER_SHARE_MAX;

	for (size_t i = 0; i < l->holding_count; i++) {
		if (l->holdings[i].state == HOLDING_BACK)
			continue;
		holders++;
		limit = MIN_OF(limit, order_at(m, l->holdings[i].order)->terms->share_limit);
	}
	return holders < limit;
}

struct sale {
	struct deciding *d;
	struct vertical *vertical;
	struct lead_view view;
	struct offer offer;
	struct open_lead *open; /* NULL: nobody has it yet, and it is not held here */
	bool learns;            /* pacing has still to learn from it */
	struct match match;
};

static void sale_begin(struct sale *s, struct deciding *d, const struct lead_id *id,
		       const Punnet__V1__LeadAdmitted *admitted, struct open_lead *open)
{
	s->d = d;
	s->open = open;
	/* A test lead takes no place; one that was offered before, or waited, was learned from. */
	s->learns = !admitted->lead->is_test &&
		    (!open || (open->holding_count == 0 && open->waits == WAITS_FOR_NOBODY));
	s->vertical = market_vertical(d->market, slice_cstr(admitted->lead->vertical));
	s->view = life_view(d->market, s->vertical, admitted, d->arena);
	s->offer =
	    (struct offer){.id = id, .admitted = admitted, .offset = d->offset, .view = &s->view};
}

static void add_decision(struct sale *s, struct decision decision)
{
	struct decisions *ret = s->d->ret;

	assert(ret->count < MARKET_DECISIONS_MAX);
	ret->items[ret->count++] = decision;
}

static void decide(struct sale *s)
{
	s->offer.round = s->open ? s->open->holding_count : 0;
	s->offer.step = (uint32_t)s->d->ret->count;
	if (s->d->market->observer)
		s->d->market->observer(s->d->market->observer_ctx, &s->view, &s->match,
				       s->d->market->log_time_ms);
	add_decision(s, decision_make(s->d->market, &s->match, &s->offer, s->d->arena));
}

/* From each lead once, when all about it is decided: what was decided must not look different when it is worded. */
static void learn_pace(struct sale *s, const struct order *winner)
{
	if (s->learns)
		pace_learn(&s->vertical->pacer, winner, s->d->market->log_time_ms);
	s->learns = false;
}

/* To as many as share it. Returns whether somebody took it. */
static bool sell(struct sale *s)
{
	struct market *m = s->d->market;
	bool sold = false;

	while (!s->open || shareable(m, s->open)) {
		s->view.holdings = s->open ? s->open->holdings : NULL;
		s->view.holding_count = s->open ? s->open->holding_count : 0;
		match_run(s->vertical, &s->view, m->log_time_ms, &s->match);
		if (!s->match.won)
			break;
		decide(s);
		if (!s->open)
			s->open = lead_open(m, s->offer.id, s->offer.admitted, s->d->arena);
		take_place(m, s->open, &s->match.best[0], s->view.lead->aff_id);
		learn_pace(s, s->match.best[0].order);
		sold = true;
	}
	return sold;
}

/* --- waiting for a buyer --- */

/* When somebody may take it who would not now: the first of the ends that the misses name. */
static int64_t next_chance_ms(const struct match *match, int64_t now_ms, int64_t until_ms)
{
	/* A price that changes with the hour says no end: it is looked at again in any case. */
	int64_t next = MIN_OF(until_ms, now_ms + BUYER_RETRY_MS);

	for (size_t i = 0; i < match->count; i++) {
		int64_t opens = match->best[i].miss.until_ms;

		if (!match->best[i].fits && opens > now_ms)
			next = MIN_OF(next, opens);
	}
	return next;
}

static int64_t buyer_wait_ms(const struct vertical *v)
{
	return v->card ? MIN_OF(v->card->buyer_wait_ms, BUYER_WAIT_MAX_MS) : 0;
}

static bool may_be_waited_for(const struct sale *s)
{
	return buyer_wait_ms(s->vertical) > 0 &&
	       ((s->open && s->open->waits == WAITS_FOR_BUYER) ||
		map_count(&s->d->market->leads.for_buyer) < BUYER_WAITING_MAX);
}

static void wait_for_buyer(struct sale *s)
{
	struct market *m = s->d->market;

	if (!s->open)
		s->open = lead_open(m, s->offer.id, s->offer.admitted, s->d->arena);
	if (s->open->waits != WAITS_FOR_BUYER) {
		s->open->waits = WAITS_FOR_BUYER;
		s->open->wait =
		    (struct lead_wait){.until_ms = m->log_time_ms + buyer_wait_ms(s->vertical)};
	}
	s->open->wait.retry_ms = next_chance_ms(&s->match, m->log_time_ms, s->open->wait.until_ms);
	lead_keep(m, s->open);
}

/* Sold, or waiting, or unsold: one of them, once. */
static void offer(struct sale *s, bool may_wait)
{
	struct market *m = s->d->market;

	if (sell(s)) {
		s->open->waits = WAITS_FOR_NOBODY;
		lead_keep(m, s->open);
		return;
	}
	/* Somebody has it, and shares with nobody who wants it now: that is no unsold lead. */
	if (s->open && open_lead_held(s->open)) {
		keep_or_close(m, s->open);
		return;
	}
	if (may_wait && may_be_waited_for(s)) {
		wait_for_buyer(s);
		learn_pace(s, NULL);
		return;
	}
	decide(s);
	learn_pace(s, NULL);
	if (s->open)
		lead_close(m, s->open);
}

void life_begin(struct deciding *d, const struct lead_id *id,
		const Punnet__V1__LeadAdmitted *admitted)
{
	struct sale s;

	sale_begin(&s, d, id, admitted, NULL);
	offer(&s, true);
}

void life_wait_for_operator(struct market *m, const struct lead_id *id,
			    const Punnet__V1__LeadAdmitted *admitted, struct arena *a)
{
	struct open_lead *open = lead_open(m, id, admitted, a);

	open->waits = WAITS_FOR_OPERATOR;
	open->wait = (struct lead_wait){.until_ms = admitted->quarantined_until_ms,
					.accepts = admitted->quarantine_accepts};
	lead_keep(m, open);
}

static void sale_again(struct sale *s, struct deciding *d, struct open_lead *l)
{
	sale_begin(s, d, &l->id, open_lead_admitted(&d->market->leads, l), l);
}

void life_released(struct deciding *d, struct open_lead *l)
{
	struct sale s;

	sale_again(&s, d, l);
	offer(&s, true);
}

void life_refused_by_operator(struct deciding *d, struct open_lead *l, enum reason why)
{
	struct sale s;

	sale_again(&s, d, l);
	add_decision(&s, decision_refuse(d->market, &s.offer, why, d->arena));
	lead_close(d->market, l);
}

/* What keeps a lead from one buyer in such a way that it keeps it from all: nobody can open its contact any more. */
static bool ends_for_all(enum reason why)
{
	return why == REASON_ERASED || why == REASON_DELIVERY_CONTACT_DESTROYED;
}

/* Nobody is asked any more. Who has it keeps it. */
static void end_for_all(struct sale *s, enum reason why)
{
	struct market *m = s->d->market;

	s->open->waits = WAITS_FOR_NOBODY;
	if (open_lead_held(s->open)) {
		keep_or_close(m, s->open);
		return;
	}
	s->offer.round = s->open->holding_count;
	add_decision(s, decision_refuse(m, &s->offer, why, s->d->arena));
	lead_close(m, s->open);
}

/* The buyer didn't take it: to the next one, who was not asked yet. Its place is free for those that wait, too. */
static void give_back(struct deciding *d, struct open_lead *l, struct holding *h, enum reason why)
{
	struct order *o = order_at(d->market, h->order);
	bool was_full = order_full(o, d->market->log_time_ms);
	struct sale s;

	sale_again(&s, d, l);
	h->state = HOLDING_BACK;
	if (!l->is_test) {
		order_give_back(o, h, s.view.lead->aff_id);
		index_reopen(&s.vertical->index, o);
	}
	if (ends_for_all(why))
		end_for_all(&s, why);
	else
		offer(&s, true);
	if (o->account->limited)
		life_account_opened(d->market, o->account);
	else if (was_full)
		life_order_opened(d->market, o);
}

void life_settled(struct deciding *d, struct open_lead *l, struct holding *h,
		  Punnet__V1__Settlement settlement, enum reason why)
{
	switch (settlement) {
	case PUNNET__V1__SETTLEMENT__DELIVERED:
		if (!l->is_test)
			order_deliver(order_at(d->market, h->order), h);
		h->state = HOLDING_KEPT;
		keep_or_close(d->market, l);
		return;
	case PUNNET__V1__SETTLEMENT__UNRESOLVED:
		/* It may be at the buyer: the place stays taken, and the lead is his. */
		h->state = HOLDING_KEPT;
		keep_or_close(d->market, l);
		return;
	default:
		give_back(d, l, h, why);
	}
}

bool life_due(struct deciding *d, struct open_lead *l)
{
	int64_t now_ms = d->market->log_time_ms;
	struct sale s;

	if (l->waits != WAITS_FOR_BUYER || now_ms < l->wait.retry_ms)
		return false;
	sale_again(&s, d, l);
	offer(&s, now_ms < l->wait.until_ms);
	return true;
}

/* --- openings --- */

static bool would_take(struct market *m, const struct order *o, const struct open_lead *l)
{
	const Punnet__V1__LeadAdmitted *admitted = open_lead_admitted(&m->leads, l);
	const struct vertical *v;
	struct lead_view view;

	if (strcmp(admitted->lead->vertical, o->terms->vertical) != 0)
		return false;
	v = market_vertical(m, slice_cstr(o->terms->vertical));
	view = life_view(m, v, admitted, l->arena);
	view.holdings = l->holdings;
	view.holding_count = l->holding_count;
	return match_fits(o, &view, m->log_time_ms);
}

void life_order_opened(struct market *m, struct order *o)
{
	struct arena a = {0};
	struct lead_id id;
	struct slice key;
	void *value;

	for (size_t i = 0; !o->removed && map_at(&m->leads.for_buyer, i, &key, &value); i++) {
		struct lead_wait *w = value;

		if (w->retry_ms > m->log_time_ms && lead_id_from_bytes(key.data, key.len, &id) &&
		    would_take(m, o, open_lead_get(&m->leads, &id, &a)))
			w->retry_ms = m->log_time_ms;
		arena_reset(&a);
	}
	arena_free(&a);
}

void life_account_opened(struct market *m, const struct account *account)
{
	struct order *o;

	for (size_t i = 0; market_waiting_for_buyers(m) > 0 && (o = market_order_at(m, i)); i++) {
		if (o->account == account)
			life_order_opened(m, o);
	}
}

void life_all_due(struct market *m)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&m->leads.for_buyer, i, &key, &value); i++) {
		struct lead_wait *w = value;

		w->retry_ms = MIN_OF(w->retry_ms, m->log_time_ms);
	}
}
