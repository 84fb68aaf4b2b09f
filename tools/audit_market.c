/* audit_market: what stands in the market log and in the router's output, taken for the fold of audit_fold.c. */
#include "audit_tables.h"

/* --- taking --- */

struct a_event *audit_event_add(struct audit *a, struct audit_at at, int64_t time_ms,
				enum event_kind kind)
{
	struct a_market *m = &a->markets[at.partition];
	struct a_event *e;

	assert(at.partition < AUDIT_PARTITIONS_MAX);
	if (!m->begun) {
		m->begun = true;
		m->whole = at.offset == 0;
		m->position = at.offset;
		a->cut |= !m->whole;
	}
	m->end = at.offset + 1;
	e = VECTOR_ADD(m->events);
	*e = (struct a_event){.offset = at.offset, .time_ms = time_ms, .kind = kind};
	return e;
}

void audit_market_other(struct audit *a, struct audit_at at, int64_t time_ms)
{
	(void)audit_event_add(a, at, time_ms, EVENT_OTHER);
}

void audit_admitted(struct audit *a, struct audit_at at, int64_t time_ms, struct audit_at judged,
		    const struct lead_id *id, int64_t waits_until_ms)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_OTHER);
	struct a_market *m = &a->markets[at.partition];
	struct a_lead *l = audit_lead(a, id);

	assert(judged.partition < AUDIT_PARTITIONS_MAX);
	if (judged.offset < m->judged_seen[judged.partition])
		return; /* a repeat falls away */
	m->judged_seen[judged.partition] = judged.offset + 1;
	if (audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		return;
	if (!l && a->cut)
		return;
	if (!l || l->judged_offset != judged.offset ||
	    !(l->flags & (waits_until_ms ? LEAD_QUARANTINED : LEAD_ACCEPTED))) {
		audit_found(a->line, AUDIT_ACCEPTED_ADMITTED, FOUND_WRONG,
			    "market/%u@%lld: lead %s was not accepted at leads.judged/%u@%lld",
			    at.partition, (long long)at.offset, audit_text(id), judged.partition,
			    (long long)judged.offset);
		return;
	}
	if (l->flags & LEAD_ADMITTED) {
		audit_found(a->line, AUDIT_ACCEPTED_ADMITTED, FOUND_TWICE,
			    "market/%u@%lld: lead %s stands at %u@%lld already", at.partition,
			    (long long)at.offset, audit_text(id), l->market_partition,
			    (long long)l->market_offset);
		return;
	}
	l->flags |= LEAD_ADMITTED;
	audit_sum(a, SIDE_ADMITTED, id, 0);
	audit_sum(a, SIDE_TO_DECIDE, id, 0);
	l->market_partition = (uint16_t)at.partition;
	l->market_offset = at.offset;
	audit_count(&a->line[AUDIT_ACCEPTED_ADMITTED], &l->id);
	e->kind = waits_until_ms ? EVENT_WAIT : EVENT_ADMITTED;
	e->about = (uint32_t)(l - a->leads.items);
	l->waits_until_ms = waits_until_ms;
}

void audit_wait_ended(struct audit *a, struct audit_at at, int64_t time_ms,
		      const struct lead_id *id, bool expired)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_OTHER);
	struct a_lead *l = audit_lead(a, id);

	if (!l || audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		return; /* an operator may name a lead that never was: it changes nothing */
	e->kind = EVENT_WAIT_ENDED;
	e->about = (uint32_t)(l - a->leads.items);
	e->value = expired;
}

void audit_due(struct audit *a, struct audit_at at, int64_t time_ms, const struct lead_id *id)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_OTHER);
	struct a_lead *l = audit_lead(a, id);

	if (!l)
		return;
	e->kind = EVENT_DUE;
	e->about = (uint32_t)(l - a->leads.items);
}

void audit_settled(struct audit *a, struct audit_at at, int64_t time_ms,
		   const struct audit_settled *s)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_OTHER);
	struct a_market *m = &a->markets[at.partition];
	struct a_lead *l = audit_lead(a, &s->id);

	assert(s->outbox.partition < AUDIT_PARTITIONS_MAX);
	if (s->outbox.offset < m->outbox_seen[s->outbox.partition])
		return;
	m->outbox_seen[s->outbox.partition] = s->outbox.offset + 1;
	if (!l && s->settlement == AUDIT_RETURNED && audit_is_forgotten(a, &s->id)) {
		e->kind = EVENT_RETURN;
		e->value = audit_order_of(a, s->order_id);
		e->amount = s->price_minor;
		return;
	}
	if (!l || s->settlement <= AUDIT_NOT_SETTLED || s->settlement > AUDIT_RETURNED) {
		if (!l && !a->cut && !audit_is_forgotten(a, &s->id))
			audit_found(a->line, AUDIT_FEEDBACK, FOUND_WRONG,
				    "market/%u@%lld: lead %s was never received", at.partition,
				    (long long)at.offset, audit_text(&s->id));
		return;
	}
	e->kind = EVENT_SETTLED;
	e->about = (uint32_t)(l - a->leads.items);
	e->value = audit_order_of(a, s->order_id);
	e->round = (uint16_t)s->round;
	e->settlement = (uint8_t)s->settlement;
	e->amount = s->price_minor;
}

/* What is decided again after a crash must be what was decided before. */
static void decided_again(struct audit *a, enum audit_topic topic, const struct audit_decision *d,
			  const struct a_decision *was, uint32_t order)
{
	if (!was)
		return;
	if (was->order != order || was->price_minor != d->price.amount_minor ||
	    was->payout_minor != d->payout_minor || was->market_offset != d->market.offset)
		audit_found(a->line, AUDIT_ADMITTED_DECIDED, FOUND_WRONG,
			    "%s/%u@%lld: lead %s round %u was decided otherwise before",
			    audit_topic_name(topic), d->at.partition, (long long)d->at.offset,
			    audit_text(&d->id), d->round);
}

void audit_decided(struct audit *a, const struct audit_decision *d)
{
	enum audit_topic topic = d->order_id ? AUDIT_ROUTED : AUDIT_UNSOLD;
	uint32_t p = d->at.partition, m = d->market.partition;
	uint32_t order = d->order_id ? audit_order_of(a, d->order_id) : NONE;
	struct a_lead *l = audit_lead(a, &d->id);
	struct a_decision *new, *was = audit_find(a, l, d->round);
	bool unsold = !d->order_id;

	assert(p < AUDIT_PARTITIONS_MAX && m < AUDIT_PARTITIONS_MAX);
	if (d->market.offset < a->decided[unsold][p][m].offset ||
	    (d->market.offset == a->decided[unsold][p][m].offset &&
	     d->step <= a->decided[unsold][p][m].step)) {
		decided_again(a, topic, d, was, order);
		return;
	}
	a->decided[unsold][p][m].offset = d->market.offset;
	a->decided[unsold][p][m].step = d->step;
	if (!l) {
		if (!a->cut)
			audit_found(a->line, AUDIT_ADMITTED_DECIDED, FOUND_WRONG,
				    "%s/%u@%lld: lead %s was never received",
				    audit_topic_name(topic), p, (long long)d->at.offset,
				    audit_text(&d->id));
		return;
	}
	if (was) {
		audit_found(a->line, AUDIT_ADMITTED_DECIDED, FOUND_TWICE,
			    "%s/%u@%lld: lead %s round %u is decided twice",
			    audit_topic_name(topic), p, (long long)d->at.offset, audit_text(&d->id),
			    d->round);
		return;
	}
	new = VECTOR_ADD(a->decisions);
	*new = (struct a_decision){.lead = (uint32_t)(l - a->leads.items),
				   .next = l->first,
				   .order = order,
				   .round = (uint16_t)d->round,
				   .partition = (uint16_t)p,
				   .offset = d->at.offset,
				   .market_partition = (uint16_t)m,
				   .market_offset = d->market.offset,
				   .price_minor = d->price.amount_minor,
				   .payout_minor = d->payout_minor,
				   .basis_share_bp = d->basis_share_bp,
				   .basis_fixed_minor = d->basis_fixed_minor,
				   .party = audit_name_of(a, d->advertiser_id),
				   .webmaster = audit_name_of(a, d->aff_id),
				   .exclusive = d->exclusive,
				   .is_test = d->is_test};
	memcpy(new->currency, d->price.currency, sizeof(new->currency));
	l->first = (uint32_t)a->decisions.count - 1;
	if (order != NONE)
		audit_sum(a, SIDE_ROUTED, &l->id,
			  audit_sale(d->round, order, d->price.amount_minor, d->payout_minor));
	if (d->round == 0)
		audit_sum(a, SIDE_DECIDED, &l->id, 0);
	if (d->round == 0 && order == NONE)
		audit_word(a, AUDIT_DECIDING, d->reason ? d->reason : "unsold", 1);
	if (d->round == 0)
		audit_count(&a->line[AUDIT_ADMITTED_DECIDED], &l->id);
	else
		audit_count(&a->line[AUDIT_OFFERED_ON], &l->id);
}
