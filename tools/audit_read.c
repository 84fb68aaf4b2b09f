/* audit_read: protobuf messages as the auditor's own values. See audit_read.h. */
#include "audit_read.h"

#include "proto/dead_letters.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"
#include "proto/market.pb-c.h"

#define SHIFTS_MAX 256 /* of one clock: the market takes no more */

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

static void take_dead(struct audit *a, const Punnet__V1__DeadLetter *m)
{
	if (m && m->source)
		audit_dead_letter(a, m->source->topic, m->source->partition,
				  (int64_t)m->source->offset);
}

static void take_raw(struct audit *a, const struct bus_record *r, const Punnet__V1__RawLead *m)
{
	struct lead_id id;

	audit_raw(a, at_of(r), m && id_of(m->lead_id, &id) ? &id : NULL);
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
	audit_judged(a, &j);
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

static void take_order(struct audit *a, const struct bus_record *r,
		       const Punnet__V1__OrderChanged *m)
{
	const Punnet__V1__OrderTerms *t = m->terms;
	struct audit_shift shifts[SHIFTS_MAX];

	if (!t || !t->order_id[0]) {
		audit_market_other(a, at_of(r), r->timestamp_ms);
		return;
	}
	audit_order(a, at_of(r), r->timestamp_ms,
		    &(struct audit_terms){.order_id = t->order_id,
					  .vertical = t->vertical,
					  .revision = m->revision,
					  .price = money_of(t->price),
					  .price_least_minor = price_extreme(t, -1),
					  .price_most_minor = price_extreme(t, 1),
					  .quantity = t->quantity,
					  .cap_hour = t->caps ? t->caps->hour : 0,
					  .cap_day = t->caps ? t->caps->day : 0,
					  .cap_total = t->caps ? t->caps->total : 0,
					  .from_ms = t->from_ms,
					  .until_ms = t->until_ms,
					  .utc_offset_minutes = t->utc_offset_minutes,
					  .shifts = shifts,
					  .shift_count = shifts_of(t, shifts),
					  .paused = t->paused,
					  .removed = m->removed});
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
		audit_rate(a, at_of(r), time_ms,
			   &(struct audit_rate){.vertical = m->rate->vertical,
						.payout_share_bp = m->rate->payout_share_bp,
						.has_lines = m->rate->n_rates > 0,
						.waits = m->rate->buyer_wait_ms > 0});
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_DUE &&
		   id_of(m->lead_id, &id)) {
		audit_due(a, at_of(r), time_ms, &id);
	} else if (about_lead && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED) {
		audit_admitted(a, at_of(r), time_ms, from(m->source), &id,
			       m->admitted->quarantined_until_ms);
	} else if (m && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE &&
		   id_of(m->lead_id, &id)) {
		audit_wait_ended(a, at_of(r), time_ms, &id, m->quarantine->expired);
	} else if (about_lead && m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED) {
		struct audit_settled s = {.outbox = from(m->source),
					  .id = id,
					  .settlement = (int)m->settled->settlement,
					  .round = m->settled->round,
					  .order_id = m->settled->order_id};

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
	if (m->decision && m->decision->payout) {
		d.basis_share_bp = m->decision->payout->share_bp;
		d.basis_fixed_minor = m->decision->payout->fixed_minor;
	}
	audit_decided(a, &d);
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
	struct audit *a = ctx;

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
