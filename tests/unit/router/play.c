#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#include "router/core/decision_write.h"

void play_start(struct play *p)
{
	*p = (struct play){.market = market_new(0)};
}

void play_stop(struct play *p)
{
	market_free(p->market);
	arena_free(&p->arena);
	*p = (struct play){0};
}

void play_cut(struct play *p)
{
	_cleanup_(buf_free) struct buf first = {0}, second = {0};
	const char *why = "";
	struct market *copy;

	market_encode(p->market, &first);
	copy = market_decode(buf_slice(&first), 0, &why);
	if (!copy) {
		fprintf(stderr, "a state can't be read back: %s\n", why);
		abort();
	}
	market_encode(copy, &second);
	if (!slice_equal(buf_slice(&first), buf_slice(&second))) {
		fprintf(stderr, "a state that was read back has other bytes\n");
		abort();
	}
	market_free(p->market);
	p->market = copy;
}

/* Whatever comes and is decided in a test, its record must be what protobuf-c makes of it. */
static void check_written(const struct play *p, const Punnet__V1__MarketEvent *event)
{
	_cleanup_(buf_free) struct buf mine = {0}, theirs = {0};

	if (event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED &&
	    event->admitted->lead) {
		admitted_write(event->admitted, &mine);
		codec_pack(&event->admitted->base, &theirs);
		if (mine.failed || !slice_equal(buf_slice(&mine), buf_slice(&theirs))) {
			fprintf(stderr, "a lead is not written as protobuf-c writes it\n");
			abort();
		}
	}

	for (size_t i = 0; i < p->decisions.count; i++) {
		const struct decision *d = &p->decisions.items[i];

		buf_reset(&mine);
		buf_reset(&theirs);
		decision_write(d, &mine);
		codec_pack(d->routed ? &d->routed->base : &d->unsold->base, &theirs);
		if (mine.failed || !slice_equal(buf_slice(&mine), buf_slice(&theirs))) {
			fprintf(stderr, "a decision is not written as protobuf-c writes it\n");
			abort();
		}
	}
}

enum market_answer play_event(struct play *p, int64_t now_ms, const Punnet__V1__MarketEvent *event)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	Punnet__V1__MarketEvent *copy;
	enum market_answer answer;

	if (p->cut_everywhere)
		play_cut(p);
	arena_reset(&p->arena);
	/* Over the wire and back, as in life. */
	codec_pack(&event->base, &bytes);
	copy = codec_unpack(&p->arena, &punnet__v1__market_event__descriptor, buf_slice(&bytes));
	assert(copy);
	answer = market_apply(p->market, copy, now_ms, p->next_offset++, &p->arena, &p->decisions);
	if (p->tap)
		p->tap(p->tap_ctx, copy, now_ms, p->next_offset - 1, &p->decisions);
	check_written(p, copy);
	return answer;
}

static Punnet__V1__Provenance provenance(const char *topic, uint64_t *next, uint64_t wanted)
{
	Punnet__V1__Provenance s = PUNNET__V1__PROVENANCE__INIT;

	s.topic = (char *)topic;
	s.offset = wanted == UINT64_MAX ? (*next)++ : wanted;
	return s;
}

enum market_answer play_order(struct play *p, int64_t now_ms, const struct play_order *o)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Caps caps = PUNNET__V1__CAPS__INIT;
	Punnet__V1__Budget budget = PUNNET__V1__BUDGET__INIT;

	caps.week = o->more_caps.week;
	caps.month = o->more_caps.month;
	caps.webmaster_day = o->more_caps.webmaster_day;
	caps.webmaster_total = o->more_caps.webmaster_total;
	budget.day_minor = o->budget.day_minor;
	budget.total_minor = o->budget.total_minor;
	price.amount_minor = o->price_minor;
	price.currency = (char *)(o->currency ? o->currency : "RUB");
	caps.hour = o->cap_hour;
	caps.day = o->cap_day;
	caps.total = o->cap_total;
	terms.order_id = (char *)o->id;
	terms.advertiser_id = (char *)(o->advertiser ? o->advertiser : "bank");
	terms.share_limit = o->share_limit;
	terms.weight = o->weight;
	terms.floor_minor = o->floor_minor;
	terms.budget = &budget;
	terms.takes_own_customers = o->takes_own_customers;
	terms.even = o->even;
	terms.not_with = (char **)o->not_with;
	terms.n_not_with = o->not_with_count;
	terms.where = (Punnet__V1__Criterion **)o->where;
	terms.n_where = o->where_count;
	terms.modifiers = (Punnet__V1__PriceModifier **)o->modifiers;
	terms.n_modifiers = o->modifier_count;
	terms.open = o->open;
	terms.n_open = o->open_count;
	terms.clock = o->clock;
	terms.vertical = (char *)o->vertical;
	terms.price = &price;
	terms.quantity = o->quantity;
	terms.from_ms = o->from_ms;
	terms.until_ms = o->until_ms;
	terms.caps = &caps;
	terms.sharing = o->shared ? PUNNET__V1__SHARING__SHARED : PUNNET__V1__SHARING__EXCLUSIVE;
	terms.priority = o->priority;
	terms.utc_offset_minutes = o->utc_offset_minutes;
	terms.paused = o->paused;
	terms.n_countries = o->country_count;
	terms.countries = (char **)o->countries;
	terms.delivery_json = (char *)"{\"channel\":\"webhook\"}";
	changed.terms = &terms;
	changed.revision = o->revision;
	changed.removed = o->removed;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	return play_event(p, now_ms, &event);
}

enum market_answer play_rate(struct play *p, int64_t now_ms, const char *vertical, uint32_t bp)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__RateChanged rate = PUNNET__V1__RATE_CHANGED__INIT;

	rate.vertical = (char *)vertical;
	rate.payout_share_bp = bp;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = &rate;
	return play_event(p, now_ms, &event);
}

enum market_answer play_card(struct play *p, int64_t now_ms, Punnet__V1__RateChanged *card)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = card;
	return play_event(p, now_ms, &event);
}

enum market_answer play_funds(struct play *p, int64_t now_ms, Punnet__V1__FundsChanged *funds)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_FUNDS;
	event.funds = funds;
	return play_event(p, now_ms, &event);
}

static enum market_answer play_hold(struct play *p, int64_t now_ms, const char *advertiser_id,
				    int64_t until_ms, bool by_rule)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__AdvertiserHeld held = PUNNET__V1__ADVERTISER_HELD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)"delivery";
	held.advertiser_id = (char *)advertiser_id;
	held.until_ms = until_ms;
	held.by_rule = by_rule;
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_HELD;
	event.held = &held;
	return play_event(p, now_ms, &event);
}

enum market_answer play_held(struct play *p, int64_t now_ms, const char *advertiser_id,
			     int64_t until_ms)
{
	return play_hold(p, now_ms, advertiser_id, until_ms, false);
}

enum market_answer play_held_by_rule(struct play *p, int64_t now_ms, const char *advertiser_id,
				     int64_t until_ms)
{
	return play_hold(p, now_ms, advertiser_id, until_ms, true);
}

enum market_answer play_lowered(struct play *p, int64_t now_ms, const char *advertiser_id,
				int64_t until_ms, uint32_t lower_bp)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__AdvertiserLowered lowered = PUNNET__V1__ADVERTISER_LOWERED__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)"operator";
	lowered.advertiser_id = (char *)advertiser_id;
	lowered.until_ms = until_ms;
	lowered.lower_bp = lower_bp;
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_LOWERED;
	event.lowered = &lowered;
	return play_event(p, now_ms, &event);
}

enum market_answer play_due(struct play *p, int64_t now_ms, const struct lead_id *id)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadDue due = PUNNET__V1__LEAD_DUE__INIT;

	event.lead_id = codec_lead_id(id);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_DUE;
	event.due = &due;
	return play_event(p, now_ms, &event);
}

void play_contact(Punnet__V1__SealedContact *ret)
{
	punnet__v1__sealed_contact__init(ret);
	ret->key_day = 20000;
	ret->nonce = (ProtobufCBinaryData){.len = 5, .data = (uint8_t *)"nonce"};
	ret->box = (ProtobufCBinaryData){.len = 6, .data = (uint8_t *)"sealed"};
	ret->phone = (ProtobufCBinaryData){.len = 5, .data = (uint8_t *)"phone"};
	ret->email = (ProtobufCBinaryData){.len = 5, .data = (uint8_t *)"email"};
	ret->mailbox = (ProtobufCBinaryData){.len = 7, .data = (uint8_t *)"mailbox"};
}

enum market_answer play_lead(struct play *p, int64_t now_ms, const struct play_lead *l)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact contact;
	Punnet__V1__Provenance source =
	    provenance("leads.judged", &p->next_judged, l->judged_offset);

	lead.vertical = (char *)l->vertical;
	lead.country = (char *)(l->country ? l->country : "");
	lead.aff_id = (char *)(l->aff_id ? l->aff_id : "w17");
	lead.region = (char *)(l->region ? l->region : "");
	lead.sub1 = (char *)(l->sub1 ? l->sub1 : "");
	lead.fields = (Punnet__V1__Field **)l->fields;
	lead.n_fields = l->field_count;
	admitted.facts = (Punnet__V1__Fact **)l->facts;
	admitted.n_facts = l->fact_count;
	admitted.bids = (Punnet__V1__Bid **)l->bids;
	admitted.n_bids = l->bid_count;
	lead.is_test = l->is_test;
	play_contact(&contact);
	admitted.lead = &lead;
	admitted.contact = &contact;
	admitted.score = l->score;
	admitted.quarantined_until_ms = l->waits_until_ms;
	admitted.quarantine_accepts = l->waits_accepts;
	event.lead_id = codec_lead_id(&l->id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	return play_event(p, now_ms, &event);
}

enum market_answer play_quarantine(struct play *p, int64_t now_ms, const struct lead_id *id,
				   bool release, bool expired)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__QuarantineEnded ended = PUNNET__V1__QUARANTINE_ENDED__INIT;

	ended.release = release;
	ended.expired = expired;
	event.lead_id = codec_lead_id(id);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE;
	event.quarantine = &ended;
	return play_event(p, now_ms, &event);
}

static enum market_answer settle(struct play *p, int64_t now_ms, const struct lead_id *id,
				 Punnet__V1__LeadSettled *settled, uint64_t outbox)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = provenance("payout.outbox", &p->next_outbox, outbox);

	event.lead_id = codec_lead_id(id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	event.settled = settled;
	return play_event(p, now_ms, &event);
}

enum market_answer play_settle(struct play *p, int64_t now_ms, const struct lead_id *id,
			       Punnet__V1__Settlement settlement, uint32_t round,
			       const char *order_id, uint64_t outbox)
{
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;

	settled.settlement = settlement;
	settled.round = round;
	settled.order_id = (char *)order_id;
	return settle(p, now_ms, id, &settled, outbox);
}

enum market_answer play_undeliverable(struct play *p, int64_t now_ms, const struct lead_id *id,
				      uint32_t round, const char *order_id, const char *reason_code)
{
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;

	settled.settlement = PUNNET__V1__SETTLEMENT__UNDELIVERABLE;
	settled.round = round;
	settled.order_id = (char *)order_id;
	settled.reason_code = (char *)reason_code;
	return settle(p, now_ms, id, &settled, UINT64_MAX);
}

enum market_answer play_return(struct play *p, int64_t now_ms, const struct lead_id *id,
			       uint32_t round, const char *order_id, int64_t price_minor)
{
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;

	settled.settlement = PUNNET__V1__SETTLEMENT__RETURNED;
	settled.round = round;
	settled.order_id = (char *)order_id;
	settled.price_minor = price_minor;
	return settle(p, now_ms, id, &settled, UINT64_MAX);
}

const Punnet__V1__DecisionRecord *play_record(const struct play *p)
{
	const struct decision *d = &p->decisions.items[0];

	if (p->decisions.count == 0)
		return NULL;
	return d->routed ? d->routed->decision : d->unsold->decision;
}

const Punnet__V1__Assignment *play_assignment(const struct play *p)
{
	const struct decision *d = &p->decisions.items[0];

	return p->decisions.count > 0 && d->routed ? d->routed->assignment : NULL;
}

struct order *play_find(const struct play *p, const char *order_id)
{
	struct order *o;

	for (size_t i = 0; (o = market_order_at(p->market, i)); i++) {
		if (strcmp(o->terms->order_id, order_id) == 0)
			return o;
	}
	return NULL;
}

struct lead_id play_lead_id(uint64_t n)
{
	struct lead_id id = {{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80}};

	for (int i = 0; i < 7; i++)
		id.bytes[15 - i] = n >> (8 * i) & 0xff;
	return id;
}
