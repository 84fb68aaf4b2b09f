/* market: what each kind of event does to the state. See market.h for the contract. */
#include "life.h"

#include "lead/codec.h"

/* --- provenance: leads and settlements come from stages that may repeat themselves --- */

/* Each kind of event comes from one stage. A source that the watermark has no room for could be counted twice: it is
 * put aside like any other record that can't be understood. */
static bool provenance_valid(const struct market *m, const Punnet__V1__Provenance *source,
			     const char *topic)
{
	if (!source || strcmp(source->topic, topic) != 0)
		return false;
	if (m->watermark.count < WATERMARK_SOURCES_MAX)
		return true;
	for (size_t i = 0; i < m->watermark.count; i++) {
		if (m->watermark.seen[i].partition == source->partition &&
		    strcmp(m->watermark.seen[i].topic, topic) == 0)
			return true;
	}
	return false;
}

static bool seen_before(struct market *m, const Punnet__V1__Provenance *source)
{
	struct provenance p = {
	    .topic = source->topic,
	    .partition = source->partition,
	    .offset = source->offset,
	    .step = source->step,
	};

	return !watermark_advance(&m->watermark, &p);
}

/* --- leads --- */

static enum market_answer apply_admitted(struct market *m, const Punnet__V1__MarketEvent *event,
					 struct deciding *d)
{
	const Punnet__V1__LeadAdmitted *admitted = event->admitted;
	struct lead_id *id = arena_alloc(d->arena, sizeof(*id));

	if (!lead_id_from_bytes(event->lead_id.data, event->lead_id.len, id))
		return MARKET_MALFORMED;
	/* Among a million it lies far away. */
	open_lead_fetch(&m->leads, id);
	if (!admitted->lead || !admitted->lead->vertical[0] ||
	    !provenance_valid(m, event->source, "leads.judged"))
		return MARKET_MALFORMED;
	if (seen_before(m, event->source))
		return MARKET_REPEAT;
	if (open_lead_is_there(&m->leads, id))
		return MARKET_NO_MATTER;

	if (admitted->quarantined_until_ms > 0)
		life_wait_for_operator(m, id, admitted, d->arena);
	else
		life_begin(d, id, admitted);
	return MARKET_CHANGED;
}

static struct open_lead *open_lead_of(const struct deciding *d,
				      const Punnet__V1__MarketEvent *event, bool *ret_valid)
{
	struct lead_id id;

	*ret_valid = lead_id_from_bytes(event->lead_id.data, event->lead_id.len, &id);
	return *ret_valid ? open_lead_get(&d->market->leads, &id, d->arena) : NULL;
}

/* A return comes when the lead is long closed: it is about the order. */
static enum market_answer settle_returned(struct market *m, const Punnet__V1__LeadSettled *settled)
{
	struct order *o = market_order(m, slice_cstr(settled->order_id));

	if (!o)
		return MARKET_NO_MATTER;
	order_return(o, settled->price_minor);
	if (settled->price_minor > 0)
		life_account_opened(m, o->account);
	return MARKET_CHANGED;
}

/* The holding that the settlement is about, if it can still be settled. */
static struct holding *holding_of(const struct market *m, const struct open_lead *open,
				  const Punnet__V1__LeadSettled *settled)
{
	struct holding *h;

	if (settled->round >= open->holding_count)
		return NULL;
	h = &open->holdings[settled->round];
	if (h->state != HOLDING_OUT ||
	    strcmp(settled->order_id, order_at(m, h->order)->terms->order_id) != 0)
		return NULL;
	return h;
}

static enum market_answer apply_settled(struct market *m, const Punnet__V1__MarketEvent *event,
					struct deciding *d)
{
	const Punnet__V1__LeadSettled *settled = event->settled;
	struct open_lead *open;
	struct holding *h;
	enum reason why;
	bool valid;

	open = open_lead_of(d, event, &valid);
	if (!valid || !provenance_valid(m, event->source, "payout.outbox") ||
	    settled->settlement < PUNNET__V1__SETTLEMENT__DELIVERED ||
	    settled->settlement > PUNNET__V1__SETTLEMENT__RETURNED || settled->price_minor < 0 ||
	    settled->price_minor > ORDER_PRICE_MAX_MINOR)
		return MARKET_MALFORMED;
	if (seen_before(m, event->source))
		return MARKET_REPEAT;
	if (settled->settlement == PUNNET__V1__SETTLEMENT__RETURNED)
		return settle_returned(m, settled);
	h = open ? holding_of(m, open, settled) : NULL;
	if (!h || settled->settlement > PUNNET__V1__SETTLEMENT__UNRESOLVED)
		return MARKET_NO_MATTER;
	why = settled->settlement == PUNNET__V1__SETTLEMENT__UNDELIVERABLE
		  ? reason_from_code(slice_cstr(settled->reason_code))
		  : REASON_NONE;
	life_settled(d, open, h, settled->settlement, why);
	return MARKET_CHANGED;
}

static enum market_answer apply_quarantine(struct market *m, const Punnet__V1__MarketEvent *event,
					   struct deciding *d)
{
	const Punnet__V1__QuarantineEnded *ended = event->quarantine;
	struct open_lead *open;
	bool valid;

	open = open_lead_of(d, event, &valid);
	if (!valid)
		return MARKET_MALFORMED;
	if (!open || open->waits != WAITS_FOR_OPERATOR ||
	    (ended->expired && m->log_time_ms < open->wait.until_ms))
		return MARKET_NO_MATTER;

	open->waits = WAITS_FOR_NOBODY;
	if (ended->expired ? open->wait.accepts : ended->release)
		life_released(d, open);
	else
		life_refused_by_operator(d, open,
					 ended->expired ? REASON_QUARANTINE_EXPIRED
							: REASON_QUARANTINE_REJECTED);
	return MARKET_CHANGED;
}

static enum market_answer apply_due(const Punnet__V1__MarketEvent *event, struct deciding *d)
{
	struct open_lead *open;
	bool valid;

	open = open_lead_of(d, event, &valid);
	if (!valid)
		return MARKET_MALFORMED;
	return open && life_due(d, open) ? MARKET_CHANGED : MARKET_NO_MATTER;
}

/* --- orders, rates, funds --- */

static enum market_answer order_removed(struct market *m, struct order *o, uint64_t revision)
{
	struct vertical *v;

	if (!o || revision <= o->revision)
		return MARKET_NO_MATTER;
	o->revision = revision;
	o->changed = true;
	v = market_vertical(m, slice_cstr(o->terms->vertical));
	if (!o->removed)
		vertical_remove(v, o);
	o->removed = true;
	pace_terms_changed(o, &v->pacer, m->log_time_ms);
	return MARKET_CHANGED;
}

/* The operator's tool doesn't let an order change its advertiser, its vertical or its currency: what it took would lose its
 * meaning. */
static bool same_trade(const struct order *o, const Punnet__V1__OrderTerms *terms)
{
	return strcmp(o->terms->vertical, terms->vertical) == 0 &&
	       strcmp(o->terms->advertiser_id, terms->advertiser_id) == 0 &&
	       strcmp(o->terms->currency, terms->price->currency) == 0;
}

/* Out of the index before its terms change, and in again after. */
static void take_terms(struct market *m, struct order *o, struct terms *terms)
{
	struct vertical *v = market_vertical(m, slice_cstr(terms->vertical));

	if (o->indexed)
		vertical_remove(v, o);
	if (o->terms != terms)
		terms_free(o->terms, &m->pool);
	o->terms = terms;
	o->account = market_account(m, terms->advertiser_id, terms->currency);
	pace_terms_changed(o, &v->pacer, m->log_time_ms);
	vertical_add(v, o);
}

static enum market_answer apply_order(struct market *m, const Punnet__V1__OrderChanged *changed)
{
	const Punnet__V1__OrderTerms *terms = changed->terms;
	struct terms *made;
	struct order *o;

	if (!terms || !terms->order_id[0])
		return MARKET_MALFORMED;
	o = market_order(m, slice_cstr(terms->order_id));
	if (changed->removed)
		return order_removed(m, o, changed->revision);
	if (terms_fault(terms))
		return MARKET_MALFORMED;
	if (o && (changed->revision <= o->revision || !same_trade(o, terms)))
		return MARKET_NO_MATTER;

	made = market_terms(m, terms);
	if (!o) {
		o = market_order_add(m, made);
		o->begin_ms = m->log_time_ms;
	}
	o->removed = false;
	take_terms(m, o, made);
	o->hold = hold_of(&m->holds, slice_cstr(terms->advertiser_id));
	o->revision = changed->revision;
	o->changed = true;
	life_order_opened(m, o);
	return MARKET_CHANGED;
}

static enum market_answer apply_rate(struct market *m, const Punnet__V1__RateChanged *rate)
{
	_cleanup_(buf_free) struct buf packed = {0};

	if (card_fault(rate))
		return MARKET_MALFORMED;
	codec_pack(&rate->base, &packed);
	assert(!packed.failed);
	if (!vertical_set_card(market_vertical(m, slice_cstr(rate->vertical)), buf_slice(&packed)))
		assert(!"a card that was just packed can be read");
	life_all_due(m);
	return MARKET_CHANGED;
}

static enum market_answer apply_funds(struct market *m, const Punnet__V1__FundsChanged *funds)
{
	struct account *a;

	if (!funds->advertiser_id[0] || !funds->currency[0] || funds->credit_minor < 0 ||
	    funds->credit_minor > ACCOUNT_MAX_MINOR || funds->paid_in_minor > ACCOUNT_MAX_MINOR ||
	    funds->paid_in_minor < -ACCOUNT_MAX_MINOR)
		return MARKET_MALFORMED;
	a = market_account(m, funds->advertiser_id, funds->currency);
	if (funds->revision <= a->revision)
		return MARKET_NO_MATTER;
	a->revision = funds->revision;
	a->limited = !funds->unlimited;
	a->paid_in_minor = funds->paid_in_minor;
	a->credit_minor = funds->credit_minor;
	life_account_opened(m, a);
	return MARKET_CHANGED;
}

static enum market_answer apply_held(struct market *m, const Punnet__V1__AdvertiserHeld *held)
{
	bool changed = false;

	if (!hold_apply(&m->holds, held, m->log_time_ms, &changed))
		return MARKET_MALFORMED;
	return changed ? MARKET_CHANGED : MARKET_NO_MATTER;
}

/* What boards say of them is another thing now. */
static void tell_of_orders(struct market *m, const struct hold *hold)
{
	struct order *o;

	for (size_t i = 0; (o = market_order_at(m, i)); i++)
		o->changed |= o->hold == hold;
}

static enum market_answer apply_lowered(struct market *m,
					const Punnet__V1__AdvertiserLowered *lowered)
{
	bool changed = false;

	if (!hold_lower(&m->holds, lowered, m->log_time_ms, &changed))
		return MARKET_MALFORMED;
	if (changed)
		tell_of_orders(m, hold_of(&m->holds, slice_cstr(lowered->advertiser_id)));
	return changed ? MARKET_CHANGED : MARKET_NO_MATTER;
}

enum market_answer market_apply(struct market *m, const Punnet__V1__MarketEvent *event,
				int64_t append_time_ms, uint64_t offset, struct arena *a,
				struct decisions *ret)
{
	struct deciding d = {.market = m, .offset = offset, .arena = a, .ret = ret};

	ret->count = 0;
	m->log_time_ms = MAX_OF(m->log_time_ms, append_time_ms);
	if (!event)
		return MARKET_MALFORMED;

	switch (event->event_case) {
	case PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED:
		return apply_admitted(m, event, &d);
	case PUNNET__V1__MARKET_EVENT__EVENT_ORDER:
		return apply_order(m, event->order);
	case PUNNET__V1__MARKET_EVENT__EVENT_RATE:
		return apply_rate(m, event->rate);
	case PUNNET__V1__MARKET_EVENT__EVENT_SETTLED:
		return apply_settled(m, event, &d);
	case PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE:
		return apply_quarantine(m, event, &d);
	case PUNNET__V1__MARKET_EVENT__EVENT_FUNDS:
		return apply_funds(m, event->funds);
	case PUNNET__V1__MARKET_EVENT__EVENT_DUE:
		return apply_due(event, &d);
	case PUNNET__V1__MARKET_EVENT__EVENT_HELD:
		return apply_held(m, event->held);
	case PUNNET__V1__MARKET_EVENT__EVENT_LOWERED:
		return apply_lowered(m, event->lowered);
	default:
		return MARKET_MALFORMED;
	}
}
