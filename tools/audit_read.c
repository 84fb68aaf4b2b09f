/* audit_read: protobuf messages as the auditor's own values. See audit_read.h. */
#include "audit_read.h"

#include "base/hash.h"

#include "proto/dead_letters.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"
#include "proto/market.pb-c.h"

/* The market takes no more of them. */
#define SHIFTS_MAX 256 /* of one clock */
#define SPANS_MAX  256 /* openings of one order */
#define BIDS_MAX   255 /* of one lead */

static struct audit_at at_of(const struct bus_record *r)
{
	return (struct audit_at){(uint32_t)r->partition, r->offset};
}

static struct audit_at from(const Punnet__V1__Provenance *p)
{
	return (struct audit_at){p->partition, (int64_t)p->offset};
}

static bool from_partition_fits(const Punnet__V1__Provenance *p)
{
	return p && p->partition < AUDIT_PARTITIONS_MAX;
}

static bool id_of(ProtobufCBinaryData bytes, struct lead_id *ret)
{
	return lead_id_from_bytes(bytes.data, bytes.len, ret);
}

static struct money money_of(const Punnet__V1__Money *m)
{
	struct money ret = {.amount_minor = m ? m->amount_minor : 0};

	if (m)
		strncpy(ret.currency, m->currency, sizeof(ret.currency) - 1);
	return ret;
}

static uint32_t fold32(uint64_t h)
{
	uint32_t r = (uint32_t)(hash_mix(h) >> 32);

	return r ? r : 1;
}

static struct audit_content content_of(const Punnet__V1__SealedContact *c,
				       const Punnet__V1__Lead *l)
{
	struct audit_content ret = {0};
	uint64_t h;

	if (c && c->box.len > 0) {
		h = hash_fnv1a(0, slice_of(c->box.data, c->box.len));
		h = hash_fnv1a(h, slice_of(c->nonce.data, c->nonce.len));
		ret.contact = fold32(h ^ c->key_day);
	}
	if (l) {
		h = hash_fnv1a(0, slice_cstr(l->vertical));
		h = hash_fnv1a(hash_mix(h), slice_cstr(l->aff_id));
		ret.rest = fold32(h ^ l->is_test);
	}
	return ret;
}

static void take_dead(struct audit *a, const Punnet__V1__DeadLetter *m)
{
	if (m && m->source)
		audit_dead_letter(a, m->source->topic, m->source->partition,
				  (int64_t)m->source->offset);
}

static void take_raw(struct audit *a, const struct bus_record *r, const Punnet__V1__RawLead *m)
{
	struct lead_id id;

	bool readable = m && id_of(m->lead_id, &id);

	audit_raw(a, at_of(r), readable ? &id : NULL);
	if (readable)
		audit_content(a, AUDIT_RAW, at_of(r), &id, content_of(m->contact, m->lead));
}

static void take_judged(struct audit *a, const struct bus_record *r,
			const Punnet__V1__JudgedLead *m)
{
	struct audit_judged j = {.at = at_of(r)};

	if (!m || !from_partition_fits(m->source) || !id_of(m->lead_id, &j.id))
		return; /* what can't be read judges nothing: the raw lead stays without a verdict */
	j.raw = from(m->source);
	j.verdict = (int)m->verdict;
	j.has_reasons = m->n_reasons > 0;
	j.no_ruleset = !m->ruleset[0];
	j.reason = m->n_reasons > 0 ? m->reasons[0]->code : NULL;
	audit_judged(a, &j);
	audit_content(a, AUDIT_JUDGED, at_of(r), &j.id, content_of(m->contact, m->lead));
}

/* What all modifiers of one direction make of the price at most. */
static int64_t price_extreme(const Punnet__V1__OrderTerms *t, int sign)
{
	int64_t price = money_of(t->price).amount_minor, bp = 10000;

	for (size_t i = 0; i < t->n_modifiers; i++) {
		if (t->modifiers[i]->plus_bp * sign > 0)
			bp += t->modifiers[i]->plus_bp;
	}
	/* Rounded outward: it is a bound, and the router rounds what it adds. */
	price = (int64_t)((__int128)price * bp / 10000) + (t->n_modifiers > 0 ? sign : 0);
	return MAX_OF(price, t->floor_minor);
}

static size_t shifts_of(const Punnet__V1__OrderTerms *t, struct audit_shift *ret)
{
	size_t n = t->clock ? MIN_OF(t->clock->n_shifts, SHIFTS_MAX) : 0;

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct audit_shift){t->clock->shifts[i]->from_ms,
					      t->clock->shifts[i]->offset_minutes};
	return n;
}

static size_t spans_of(const Punnet__V1__OrderTerms *t, struct audit_span *ret)
{
	size_t n = MIN_OF(t->n_open, SPANS_MAX);

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct audit_span){t->open[i]->from_minute, t->open[i]->until_minute};
	return n;
}

static void take_limits(const Punnet__V1__OrderTerms *t, struct audit_terms *ret)
{
	const Punnet__V1__Caps *c = t->caps;

	ret->quantity = t->quantity;
	ret->budget_day_minor = t->budget ? t->budget->day_minor : 0;
	ret->budget_total_minor = t->budget ? t->budget->total_minor : 0;
	ret->share_limit =
	    t->sharing == PUNNET__V1__SHARING__SHARED ? MAX_OF(t->share_limit, 1) : 1;
	if (!c)
		return;
	ret->cap_hour = c->hour;
	ret->cap_day = c->day;
	ret->cap_week = c->week;
	ret->cap_month = c->month;
	ret->cap_total = c->total;
	ret->cap_webmaster_day = c->webmaster_day;
	ret->cap_webmaster_total = c->webmaster_total;
}

static void take_order(struct audit *a, const struct bus_record *r,
		       const Punnet__V1__OrderChanged *m)
{
	const Punnet__V1__OrderTerms *t = m->terms;
	struct audit_shift shifts[SHIFTS_MAX];
	struct audit_span spans[SPANS_MAX];
	struct audit_terms terms = {.revision = m->revision, .removed = m->removed};

	if (!t || !t->order_id[0]) {
		audit_market_other(a, at_of(r), r->timestamp_ms);
		return;
	}
	terms.order_id = t->order_id;
	terms.vertical = t->vertical;
	terms.advertiser_id = t->advertiser_id;
	terms.price = money_of(t->price);
	terms.price_least_minor = price_extreme(t, -1);
	terms.price_most_minor = price_extreme(t, 1);
	terms.from_ms = t->from_ms;
	terms.until_ms = t->until_ms;
	terms.utc_offset_minutes = t->utc_offset_minutes;
	terms.shifts = shifts;
	terms.shift_count = shifts_of(t, shifts);
	terms.open = spans;
	terms.open_count = spans_of(t, spans);
	terms.not_with = (const char *const *)t->not_with;
	terms.not_with_count = t->n_not_with;
	terms.countries = (const char *const *)t->countries;
	terms.country_count = t->n_countries;
	terms.paused = t->paused;
	take_limits(t, &terms);
	audit_order(a, at_of(r), r->timestamp_ms, &terms);
}

static void take_rate(struct audit *a, const struct bus_record *r, const Punnet__V1__RateChanged *m)
{
	_cleanup_(arena_free) struct arena words = {0};
	struct audit_rate_line *lines = arena_alloc(&words, (m->n_rates + 1) * sizeof(*lines));
	struct audit_class *classes = arena_alloc(&words, (m->n_sources + 1) * sizeof(*classes));
	struct audit_class *tiers = arena_alloc(&words, (m->n_tier_holders + 1) * sizeof(*tiers));
	struct audit_rate rate = {.vertical = m->vertical,
				  .payout_share_bp = m->payout_share_bp,
				  .has_lines = m->n_rates > 0,
				  .waits = m->buyer_wait_ms > 0,
				  .lines = lines,
				  .line_count = m->n_rates,
				  .classes = classes,
				  .class_count = m->n_sources,
				  .tiers = tiers,
				  .tier_count = m->n_tier_holders,
				  .margin_floor_minor = m->margin_floor_minor,
				  .margin_floor_bp = m->margin_floor_bp};

	for (size_t i = 0; i < m->n_rates; i++)
		lines[i] = (struct audit_rate_line){
		    m->rates[i]->order_id, m->rates[i]->aff_id,   m->rates[i]->source_class,
		    m->rates[i]->tier,     m->rates[i]->share_bp, m->rates[i]->fixed_minor,
		    m->rates[i]->from_ms,  m->rates[i]->until_ms};
	for (size_t i = 0; i < m->n_sources; i++)
		classes[i] =
		    (struct audit_class){m->sources[i]->aff_id, m->sources[i]->source_class};
	for (size_t i = 0; i < m->n_tier_holders; i++)
		tiers[i] =
		    (struct audit_class){m->tier_holders[i]->aff_id, m->tier_holders[i]->tier};
	audit_rate(a, at_of(r), r->timestamp_ms, &rate);
}

static void take_funds(struct audit *a, const struct bus_record *r,
		       const Punnet__V1__FundsChanged *m)
{
	audit_funds(a, at_of(r), r->timestamp_ms,
		    &(struct audit_funds){.advertiser_id = m->advertiser_id,
					  .currency = m->currency,
					  .paid_in_minor = m->paid_in_minor,
					  .credit_minor = m->credit_minor,
					  .revision = m->revision,
					  .unlimited = m->unlimited});
}

static void take_admitted(struct audit *a, const struct bus_record *r,
			  const Punnet__V1__MarketEvent *m, const struct lead_id *id)
{
	const Punnet__V1__LeadAdmitted *lead = m->admitted;
	struct audit_bid bids[BIDS_MAX];
	struct audit_description d = {.bids = bids, .bid_count = MIN_OF(lead->n_bids, BIDS_MAX)};

	audit_admitted(a, at_of(r), r->timestamp_ms, from(m->source), id,
		       lead->quarantined_until_ms);
	if (!lead->lead)
		return;
	d.vertical = lead->lead->vertical;
	d.aff_id = lead->lead->aff_id;
	d.country = lead->lead->country;
	for (size_t i = 0; i < d.bid_count; i++)
		bids[i] = (struct audit_bid){lead->bids[i]->order_id, lead->bids[i]->amount_minor};
	audit_described(a, id, &d);
	audit_content(a, AUDIT_MARKET, at_of(r), id, content_of(lead->contact, lead->lead));
}

static void take_market(struct audit *a, const struct bus_record *r,
			const Punnet__V1__MarketEvent *m)
{
	int64_t time_ms = r->timestamp_ms;
	struct lead_id id;
	bool about_lead = m && from_partition_fits(m->source) && id_of(m->lead_id, &id);

	if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ORDER) {
		take_order(a, r, m->order);
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_RATE) {
		take_rate(a, r, m->rate);
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_FUNDS) {
		take_funds(a, r, m->funds);
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_HELD) {
		audit_held(a, at_of(r), time_ms, m->held->advertiser_id, m->held->until_ms);
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_DUE &&
		   id_of(m->lead_id, &id)) {
		audit_due(a, at_of(r), time_ms, &id);
	} else if (about_lead && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED) {
		take_admitted(a, r, m, &id);
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE &&
		   id_of(m->lead_id, &id)) {
		audit_wait_ended(a, at_of(r), time_ms, &id, m->quarantine->expired);
	} else if (about_lead && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED) {
		struct audit_settled s = {.outbox = from(m->source),
					  .id = id,
					  .settlement = (int)m->settled->settlement,
					  .round = m->settled->round,
					  .order_id = m->settled->order_id,
					  .price_minor = m->settled->price_minor};

		audit_settled(a, at_of(r), time_ms, &s);
	} else {
		audit_market_other(a, at_of(r), time_ms);
	}
}

static void take_routed(struct audit *a, const struct bus_record *r,
			const Punnet__V1__RoutedLead *m)
{
	struct audit_decision d = {.at = at_of(r)};

	if (m && m->retry)
		return; /* the operator's: decided before */
	if (!m || !m->assignment || !from_partition_fits(m->source) || !id_of(m->lead_id, &d.id))
		return; /* without it the lead stays undecided, which is found */
	d.market = from(m->source);
	d.step = m->source->step;
	d.round = m->assignment->round;
	d.order_id = m->assignment->order_id;
	d.price = money_of(m->assignment->price);
	d.payout_minor = money_of(m->assignment->payout).amount_minor;
	d.exclusive = m->assignment->exclusive;
	d.is_test = m->assignment->is_test;
	d.advertiser_id = m->assignment->advertiser_id;
	d.aff_id = m->assignment->aff_id;
	if (m->decision && m->decision->payout) {
		d.basis_share_bp = m->decision->payout->share_bp;
		d.basis_fixed_minor = m->decision->payout->fixed_minor;
	}
	audit_decided(a, &d);
	audit_content(a, AUDIT_ROUTED, at_of(r), &d.id, content_of(m->contact, m->lead));
}

static void take_unsold(struct audit *a, const struct bus_record *r,
			const Punnet__V1__UnsoldLead *m)
{
	struct audit_decision d = {.at = at_of(r)};

	if (!m || !m->decision || !from_partition_fits(m->source) || !id_of(m->lead_id, &d.id))
		return;
	d.market = from(m->source);
	d.step = m->source->step;
	d.round = m->decision->round;
	d.reason = m->reason_code[0] ? m->reason_code : NULL;
	audit_decided(a, &d);
}

static void take_attempt(struct audit *a, const struct bus_record *r,
			 const Punnet__V1__DeliveryAttempt *m)
{
	struct lead_id id;

	if (m && m->assignment && id_of(m->lead_id, &id))
		audit_attempt(a, at_of(r), &id, m->assignment->round, m->final);
}

static void take_outcome(struct audit *a, const struct bus_record *r, const Punnet__V1__Outcome *m)
{
	struct audit_outcome o = {.at = at_of(r)};

	if (m && id_of(m->lead_id, &o.id))
		o.kind = (int)m->kind;
	if (m && m->assignment) {
		o.round = m->assignment->round;
		o.order_id = m->assignment->order_id;
		o.price = money_of(m->assignment->price);
		o.payout_minor = money_of(m->assignment->payout).amount_minor;
	} else if (o.kind <= AUDIT_UNRESOLVED) {
		o.kind = 0; /* of delivery, and without its assignment: payout puts it aside */
	}
	audit_outcome(a, &o);
}

void audit_take(void *ctx, enum scan_topic topic, const struct bus_record *record,
		const void *message)
{
	static const enum audit_topic topics[SCAN_TOPICS] = {
	    [SCAN_RAW] = AUDIT_RAW,           [SCAN_JUDGED] = AUDIT_JUDGED,
	    [SCAN_MARKET] = AUDIT_MARKET,     [SCAN_ROUTED] = AUDIT_ROUTED,
	    [SCAN_UNSOLD] = AUDIT_UNSOLD,     [SCAN_ATTEMPTS] = AUDIT_ATTEMPTS,
	    [SCAN_OUTCOMES] = AUDIT_OUTCOMES,
	};
	struct audit *a = ctx;

	if (topic != SCAN_DEAD)
		audit_seen(a, topics[topic], at_of(record), record->timestamp_ms);
	switch (topic) {
	case SCAN_DEAD:
		take_dead(a, message);
		return;
	case SCAN_RAW:
		take_raw(a, record, message);
		return;
	case SCAN_JUDGED:
		take_judged(a, record, message);
		return;
	case SCAN_MARKET:
		take_market(a, record, message);
		return;
	case SCAN_ROUTED:
		take_routed(a, record, message);
		return;
	case SCAN_UNSOLD:
		take_unsold(a, record, message);
		return;
	case SCAN_ATTEMPTS:
		take_attempt(a, record, message);
		return;
	case SCAN_OUTCOMES:
		take_outcome(a, record, message);
		return;
	case SCAN_TOPICS:
		return;
	}
}
