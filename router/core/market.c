/* market: what each kind of event does to the state. See market.h for the contract. */
#include "decision.h"

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

/* --- offering a lead --- */

/* Decides, and takes a place in the order that won. `open` is NULL for a lead that comes for the first time. */
static struct decision offer(struct market *m, struct offer *about, struct open_lead *open,
			     struct order **ret_winner, struct arena *a)
{
	struct vertical *v = market_vertical(m, slice_cstr(about->lead->vertical));
	struct lead_view view = {.lead = about->lead, .payout_share_bp = v->share_bp};
	struct match match;
	struct decision d;

	if (open) {
		view.offered = open->offered;
		view.offered_count = open->offered_count;
	}
	about->view = &view;
	match_run(v, &view, m->log_time_ms, &match);
	d = decision_make(m, &match, about, a);
	*ret_winner = match.won ? match.best[0].order : NULL;
	return d;
}

static void take_place(struct market *m, struct open_lead *open, struct order *winner)
{
	open_lead_offer(open, winner);
	open->reservation = (struct reservation){0};
	/* A test lead goes the way of all leads, and takes no place away from one. */
	if (!open->is_test)
		open->reservation = order_reserve(winner, m->log_time_ms);
}

static struct open_lead *lead_open(struct market *m, const struct lead_id *id,
				   const Punnet__V1__LeadAdmitted *admitted)
{
	struct open_lead *open = open_lead_new(id);

	codec_pack(&admitted->lead->base, &open->lead);
	if (admitted->contact)
		codec_pack(&admitted->contact->base, &open->contact);
	assert(!open->lead.failed && !open->contact.failed);
	open->is_test = admitted->lead->is_test;
	open->score = admitted->score;
	map_put(&m->leads, slice_of(id->bytes, sizeof(id->bytes)), open);
	return open;
}

static void lead_close(struct market *m, struct open_lead *open)
{
	map_remove(&m->leads, slice_of(open->id.bytes, sizeof(open->id.bytes)));
	open_lead_free(open);
}

static void lead_wait(struct market *m, struct open_lead *open,
		      const Punnet__V1__LeadAdmitted *admitted)
{
	open->waits_until_ms = admitted->quarantined_until_ms;
	open->waits_accepts = admitted->quarantine_accepts;
	m->waiting++;
}

/* What the market carried for a lead that is decided upon after its first event. The messages are made in the arena. */
static struct offer offer_of(const struct open_lead *open, uint64_t offset, struct arena *a)
{
	struct lead_id *id = arena_alloc(a, sizeof(*id));
	struct offer about = {.id = id, .round = open->round, .offset = offset};

	*id = open->id;
	about.lead = codec_unpack(a, &punnet__v1__lead__descriptor, buf_slice(&open->lead));
	assert(about.lead);
	if (open->contact.len > 0) {
		about.contact = codec_unpack(a, &punnet__v1__sealed_contact__descriptor,
					     buf_slice(&open->contact));
		assert(about.contact);
	}
	return about;
}

/* --- the events --- */

static enum market_answer apply_admitted(struct market *m, const Punnet__V1__MarketEvent *event,
					 uint64_t offset, struct arena *a, struct decisions *ret)
{
	const Punnet__V1__LeadAdmitted *admitted = event->admitted;
	struct lead_id *id = arena_alloc(a, sizeof(*id));
	struct offer about;
	struct order *winner;

	if (!admitted->lead || !admitted->lead->vertical[0] ||
	    !provenance_valid(m, event->source, "leads.judged") ||
	    !lead_id_from_bytes(event->lead_id.data, event->lead_id.len, id))
		return MARKET_MALFORMED;
	if (seen_before(m, event->source))
		return MARKET_REPEAT;
	if (map_get(&m->leads, slice_of(id->bytes, sizeof(id->bytes))))
		return MARKET_NO_MATTER;

	if (admitted->quarantined_until_ms > 0) {
		lead_wait(m, lead_open(m, id, admitted), admitted);
		return MARKET_CHANGED;
	}
	about = (struct offer){
	    .id = id, .lead = admitted->lead, .contact = admitted->contact, .offset = offset};
	ret->items[ret->count++] = offer(m, &about, NULL, &winner, a);
	if (winner)
		take_place(m, lead_open(m, id, admitted), winner);
	return MARKET_CHANGED;
}

/* The buyer didn't take it: to the next one, who was not asked yet. */
static void offer_on(struct market *m, struct open_lead *open, uint64_t offset, struct arena *a,
		     struct decisions *ret)
{
	struct offer about;
	struct order *winner;

	open->round++;
	about = offer_of(open, offset, a);
	ret->items[ret->count++] = offer(m, &about, open, &winner, a);
	if (winner)
		take_place(m, open, winner);
	else
		lead_close(m, open);
}

static enum market_answer settle_returned(struct market *m, const Punnet__V1__LeadSettled *settled)
{
	struct order *o = market_order(m, slice_cstr(settled->order_id));

	if (!o)
		return MARKET_NO_MATTER;
	o->returned++;
	o->changed = true;
	return MARKET_CHANGED;
}

static enum market_answer settle_open(struct market *m, struct open_lead *open,
				      const Punnet__V1__LeadSettled *settled, uint64_t offset,
				      struct arena *a, struct decisions *ret)
{
	if (!open->order || settled->round != open->round ||
	    strcmp(settled->order_id, open->order->terms->order_id) != 0)
		return MARKET_NO_MATTER;

	switch (settled->settlement) {
	case PUNNET__V1__SETTLEMENT__DELIVERED:
		if (!open->is_test)
			order_deliver(open->order, &open->reservation);
		lead_close(m, open);
		return MARKET_CHANGED;
	case PUNNET__V1__SETTLEMENT__REFUSED:
	case PUNNET__V1__SETTLEMENT__UNDELIVERABLE:
		if (!open->is_test)
			order_give_back(open->order, &open->reservation);
		offer_on(m, open, offset, a, ret);
		return MARKET_CHANGED;
	case PUNNET__V1__SETTLEMENT__UNRESOLVED:
		/* It may be at the buyer: the place stays taken, and nobody else is offered the lead. */
		lead_close(m, open);
		return MARKET_CHANGED;
	default:
		return MARKET_NO_MATTER;
	}
}

static enum market_answer apply_settled(struct market *m, const Punnet__V1__MarketEvent *event,
					uint64_t offset, struct arena *a, struct decisions *ret)
{
	const Punnet__V1__LeadSettled *settled = event->settled;
	struct open_lead *open;
	struct lead_id id;

	if (!provenance_valid(m, event->source, "payout.outbox") ||
	    !lead_id_from_bytes(event->lead_id.data, event->lead_id.len, &id) ||
	    settled->settlement < PUNNET__V1__SETTLEMENT__DELIVERED ||
	    settled->settlement > PUNNET__V1__SETTLEMENT__RETURNED)
		return MARKET_MALFORMED;
	if (seen_before(m, event->source))
		return MARKET_REPEAT;
	/* A return comes when the lead is long closed: it is about the order. */
	if (settled->settlement == PUNNET__V1__SETTLEMENT__RETURNED)
		return settle_returned(m, settled);
	open = map_get(&m->leads, slice_of(id.bytes, sizeof(id.bytes)));
	return open ? settle_open(m, open, settled, offset, a, ret) : MARKET_NO_MATTER;
}

/* Into the market like any lead that was accepted; whom it was offered to is nobody yet. */
static void release(struct market *m, struct open_lead *open, uint64_t offset, struct arena *a,
		    struct decisions *ret)
{
	struct offer about = offer_of(open, offset, a);
	struct order *winner;

	ret->items[ret->count++] = offer(m, &about, NULL, &winner, a);
	if (winner)
		take_place(m, open, winner);
	else
		lead_close(m, open);
}

static enum market_answer apply_quarantine(struct market *m, const Punnet__V1__MarketEvent *event,
					   uint64_t offset, struct arena *a, struct decisions *ret)
{
	const Punnet__V1__QuarantineEnded *ended = event->quarantine;
	struct open_lead *open;
	struct offer about;
	struct lead_id id;

	if (!lead_id_from_bytes(event->lead_id.data, event->lead_id.len, &id))
		return MARKET_MALFORMED;
	open = map_get(&m->leads, slice_of(id.bytes, sizeof(id.bytes)));
	if (!open || open->waits_until_ms == 0 ||
	    (ended->expired && m->log_time_ms < open->waits_until_ms))
		return MARKET_NO_MATTER;

	open->waits_until_ms = 0;
	m->waiting--;
	if (ended->expired ? open->waits_accepts : ended->release) {
		release(m, open, offset, a, ret);
		return MARKET_CHANGED;
	}
	about = offer_of(open, offset, a);
	ret->items[ret->count++] = decision_refuse(
	    m, &about, ended->expired ? REASON_QUARANTINE_EXPIRED : REASON_QUARANTINE_REJECTED, a);
	lead_close(m, open);
	return MARKET_CHANGED;
}

static enum market_answer order_removed(struct market *m, struct order *o, uint64_t revision)
{
	if (!o || revision <= o->revision)
		return MARKET_NO_MATTER;
	o->revision = revision;
	o->changed = true;
	if (!o->removed)
		vertical_remove(market_vertical(m, slice_cstr(o->terms->vertical)), o);
	o->removed = true;
	return MARKET_CHANGED;
}

/* The operator's tool doesn't let an order change its vertical or its currency; its counters would lose their meaning. */
static bool same_trade(const struct order *o, const Punnet__V1__OrderTerms *terms)
{
	return strcmp(o->terms->vertical, terms->vertical) == 0 &&
	       strcmp(o->terms->price->currency, terms->price->currency) == 0;
}

static enum market_answer apply_order(struct market *m, const Punnet__V1__OrderChanged *changed)
{
	const Punnet__V1__OrderTerms *terms = changed->terms;
	_cleanup_(buf_free) struct buf packed = {0};
	struct order *o;
	bool fresh;

	if (!terms || !terms->order_id[0])
		return MARKET_MALFORMED;
	o = market_order(m, slice_cstr(terms->order_id));
	if (changed->removed)
		return order_removed(m, o, changed->revision);
	if (!order_terms_valid(terms))
		return MARKET_MALFORMED;
	if (o && (changed->revision <= o->revision || !same_trade(o, terms)))
		return MARKET_NO_MATTER;

	codec_pack(&terms->base, &packed);
	assert(!packed.failed);
	fresh = !o;
	if (!o)
		o = market_order_add(m, slice_cstr(terms->order_id));
	if (!order_set_terms(o, buf_slice(&packed)))
		assert(!"terms that were just packed can be read");
	o->hold = hold_of(&m->holds, slice_cstr(terms->advertiser_id));
	if (fresh || o->removed)
		vertical_add(market_vertical(m, slice_cstr(terms->vertical)), o);
	o->removed = false;
	o->revision = changed->revision;
	o->changed = true;
	return MARKET_CHANGED;
}

static enum market_answer apply_rate(struct market *m, const Punnet__V1__RateChanged *rate)
{
	if (!rate->vertical[0] || rate->payout_share_bp > SHARE_BP_MAX)
		return MARKET_MALFORMED;
	market_vertical(m, slice_cstr(rate->vertical))->share_bp = rate->payout_share_bp;
	return MARKET_CHANGED;
}

static enum market_answer apply_held(struct market *m, const Punnet__V1__AdvertiserHeld *held)
{
	bool changed = false;

	if (!hold_apply(&m->holds, held, m->log_time_ms, &changed))
		return MARKET_MALFORMED;
	return changed ? MARKET_CHANGED : MARKET_NO_MATTER;
}

enum market_answer market_apply(struct market *m, const Punnet__V1__MarketEvent *event,
				int64_t append_time_ms, uint64_t offset, struct arena *a,
				struct decisions *ret)
{
	ret->count = 0;
	m->log_time_ms = MAX_OF(m->log_time_ms, append_time_ms);
	if (!event)
		return MARKET_MALFORMED;

	switch (event->event_case) {
	case PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED:
		return apply_admitted(m, event, offset, a, ret);
	case PUNNET__V1__MARKET_EVENT__EVENT_ORDER:
		return apply_order(m, event->order);
	case PUNNET__V1__MARKET_EVENT__EVENT_RATE:
		return apply_rate(m, event->rate);
	case PUNNET__V1__MARKET_EVENT__EVENT_SETTLED:
		return apply_settled(m, event, offset, a, ret);
	case PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE:
		return apply_quarantine(m, event, offset, a, ret);
	case PUNNET__V1__MARKET_EVENT__EVENT_HELD:
		return apply_held(m, event->held);
	default:
		return MARKET_MALFORMED;
	}
}
