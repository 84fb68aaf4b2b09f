/* audit_market: the market log folded a second time, by the auditor's own arithmetic: who may have taken what, when. */
#include "audit_tables.h"

#define SHARE_BP_DEFAULT 7000 /* of a vertical whose rate was never published */

static const int64_t window_ms[2] = {MS_PER_HOUR, MS_PER_DAY};

/* --- taking --- */

static struct a_event *event_add(struct audit *a, struct audit_at at, int64_t time_ms,
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
	e = VECTOR_ADD(m->events);
	*e = (struct a_event){.offset = at.offset, .time_ms = time_ms, .kind = kind};
	return e;
}

void audit_market_other(struct audit *a, struct audit_at at, int64_t time_ms)
{
	(void)event_add(a, at, time_ms, EVENT_OTHER);
}

void audit_admitted(struct audit *a, struct audit_at at, int64_t time_ms, struct audit_at judged,
		    const struct lead_id *id, int64_t waits_until_ms)
{
	struct a_event *e = event_add(a, at, time_ms, EVENT_OTHER);
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
	struct a_event *e = event_add(a, at, time_ms, EVENT_OTHER);
	struct a_lead *l = audit_lead(a, id);

	if (!l || audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		return; /* an operator may name a lead that never was: it changes nothing */
	e->kind = EVENT_WAIT_ENDED;
	e->about = (uint32_t)(l - a->leads.items);
	e->value = expired;
}

void audit_order(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_terms *t)
{
	struct a_event *e = event_add(a, at, time_ms, EVENT_ORDER);
	struct a_terms *terms = VECTOR_ADD(a->terms);

	*terms = (struct a_terms){.order = audit_order_of(a, t->order_id),
				  .vertical = audit_vertical_of(a, t->vertical),
				  .revision = t->revision,
				  .quantity = t->quantity,
				  .cap_hour = t->cap_hour,
				  .cap_day = t->cap_day,
				  .cap_total = t->cap_total,
				  .price_minor = t->price.amount_minor,
				  .from_ms = t->from_ms,
				  .until_ms = t->until_ms,
				  .utc_offset_minutes = t->utc_offset_minutes,
				  .paused = t->paused,
				  .removed = t->removed};
	memcpy(terms->currency, t->price.currency, sizeof(terms->currency));
	e->about = (uint32_t)a->terms.count - 1;
	if (audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		e->kind = EVENT_OTHER;
}

void audit_rate(struct audit *a, struct audit_at at, int64_t time_ms, const char *vertical,
		uint32_t payout_share_bp)
{
	struct a_event *e = event_add(a, at, time_ms, EVENT_RATE);

	e->about = audit_vertical_of(a, vertical);
	e->value = payout_share_bp;
	if (payout_share_bp > 10000 || audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		e->kind = EVENT_OTHER;
}

void audit_settled(struct audit *a, struct audit_at at, int64_t time_ms,
		   const struct audit_settled *s)
{
	struct a_event *e = event_add(a, at, time_ms, EVENT_OTHER);
	struct a_market *m = &a->markets[at.partition];
	struct a_lead *l = audit_lead(a, &s->id);

	assert(s->outbox.partition < AUDIT_PARTITIONS_MAX);
	if (s->outbox.offset < m->outbox_seen[s->outbox.partition])
		return;
	m->outbox_seen[s->outbox.partition] = s->outbox.offset + 1;
	if (!l || s->settlement <= AUDIT_NOT_SETTLED || s->settlement > AUDIT_RETURNED) {
		if (!l && !a->cut)
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
				   .exclusive = d->exclusive,
				   .is_test = d->is_test};
	memcpy(new->currency, d->price.currency, sizeof(new->currency));
	l->first = (uint32_t)a->decisions.count - 1;
	if (d->round == 0)
		audit_count(&a->line[AUDIT_ADMITTED_DECIDED], &l->id);
	else
		audit_count(&a->line[AUDIT_OFFERED_ON], &l->id);
}

/* --- folding --- */

static int64_t window_start(const struct a_terms *t, size_t kind, int64_t now_ms)
{
	int64_t shift = t->utc_offset_minutes * MS_PER_MIN, len = window_ms[kind];
	int64_t rest = ((now_ms + shift) % len + len) % len;

	return now_ms - rest;
}

static const char *over_cap(const struct a_order *o, const struct a_terms *t)
{
	if ((t->cap_total && o->taken > t->cap_total) || (t->quantity && o->taken > t->quantity))
		return "the total";
	if (t->cap_hour && o->windows[0].taken > t->cap_hour)
		return "the hour's cap";
	if (t->cap_day && o->windows[1].taken > t->cap_day)
		return "the day's cap";
	return NULL;
}

static void check_terms(struct audit *a, const struct a_decision *d, const struct a_terms *t,
			int64_t now_ms)
{
	uint32_t share = a->verticals.items[t->vertical].share_bp;
	int64_t payout = money_share_bp(t->price_minor, share == NONE ? SHARE_BP_DEFAULT : share);
	const char *wrong = NULL;

	if (t->removed || t->paused || (t->from_ms && now_ms < t->from_ms) ||
	    (t->until_ms && now_ms >= t->until_ms))
		wrong = "the order was not open";
	else if (d->price_minor != t->price_minor || strcmp(d->currency, t->currency) != 0)
		wrong = "not the order's price";
	else if (d->payout_minor != payout)
		wrong = "not the vertical's payout";
	if (wrong)
		audit_found(a->line, AUDIT_TERMS, FOUND_WRONG,
			    "leads.routed/%u@%lld: lead %s round %u: %s", d->partition,
			    (long long)d->offset, audit_text(&a->leads.items[d->lead].id), d->round,
			    wrong);
	else
		audit_count(&a->line[AUDIT_TERMS], &a->leads.items[d->lead].id);
}

static void take_place(struct audit *a, struct a_decision *d, int64_t now_ms)
{
	struct a_order *o = &a->orders.items[d->order];
	const struct a_terms *t = o->terms == NONE ? NULL : &a->terms.items[o->terms];
	const struct lead_id *id = &a->leads.items[d->lead].id;
	const char *over;

	if (!t) {
		if (a->markets[d->market_partition].whole)
			audit_found(a->line, AUDIT_TERMS, FOUND_WRONG,
				    "leads.routed/%u@%lld: lead %s: the market knows no such order",
				    d->partition, (long long)d->offset, audit_text(id));
		return;
	}
	check_terms(a, d, t, now_ms);
	if (d->is_test)
		return;
	o->taken++;
	for (size_t k = 0; k < 2; k++) {
		d->window_start[k] = window_start(t, k, now_ms);
		if (o->windows[k].start_ms != d->window_start[k])
			o->windows[k] = (struct a_window){.start_ms = d->window_start[k]};
		o->windows[k].taken++;
	}
	over = over_cap(o, t);
	if (over)
		audit_found(a->line, AUDIT_CAPS, FOUND_WRONG,
			    "market/%u@%lld: lead %s goes over %s of its order",
			    d->market_partition, (long long)d->market_offset, audit_text(id), over);
	else
		audit_count(&a->line[AUDIT_CAPS], id);
}

static void give_back(struct audit *a, const struct a_decision *d)
{
	struct a_order *o = &a->orders.items[d->order];

	if (d->is_test || o->terms == NONE)
		return;
	o->taken--;
	for (size_t k = 0; k < 2; k++)
		if (o->windows[k].start_ms == d->window_start[k] && o->windows[k].taken)
			o->windows[k].taken--;
}

/* The decision that a market record must have caused. false: it is not there, and may still come. */
static bool decide(struct audit *a, uint32_t p, const struct a_event *e, uint32_t round,
		   enum audit_invariant i)
{
	struct a_lead *l = &a->leads.items[e->about];
	struct a_decision *d = audit_find(a, l, round);

	if (!d) {
		if (audit_is_ahead(a, AUDIT_MARKET, p, e->offset))
			return false;
		l->open = NONE;
		audit_found(a->line, i, FOUND_LOST,
			    "market/%u@%lld: lead %s: no decision in round %u", p,
			    (long long)e->offset, audit_text(&l->id), round);
		return true;
	}
	d->folded = true;
	l->open = NONE;
	if (d->market_partition != p || d->market_offset != e->offset)
		audit_found(
		    a->line, i, FOUND_WRONG,
		    "market/%u@%lld: lead %s: round %u was decided on another record, %u@%lld", p,
		    (long long)e->offset, audit_text(&l->id), round, d->market_partition,
		    (long long)d->market_offset);
	if (d->order == NONE)
		return true;
	l->open = (uint32_t)(d - a->decisions.items);
	take_place(a, d, a->markets[p].time_ms);
	return true;
}

static bool fold_settled(struct audit *a, uint32_t p, const struct a_event *e)
{
	struct a_lead *l = &a->leads.items[e->about];
	struct a_decision *about = audit_find(a, l, e->round);
	struct a_decision *open = l->open == NONE ? NULL : &a->decisions.items[l->open];

	if (about)
		about->settled |= (uint8_t)(1u << e->settlement);
	if (!open || open->round != e->round || open->order != e->value ||
	    e->settlement == AUDIT_APPROVED || e->settlement == AUDIT_RETURNED)
		return true;
	if (e->settlement == AUDIT_DELIVERED || e->settlement == AUDIT_UNRESOLVED) {
		l->open = NONE;
		return true;
	}
	/* Given back before the next decision: the same order's place is free for it. */
	if (!open->explained) {
		open->explained = true;
		give_back(a, open);
	}
	return decide(a, p, e, e->round + 1u, AUDIT_OFFERED_ON);
}

static void fold_order(struct audit *a, const struct a_event *e)
{
	const struct a_terms *t = &a->terms.items[e->about];
	struct a_order *o = &a->orders.items[t->order];
	const struct a_terms *was = o->terms == NONE ? NULL : &a->terms.items[o->terms];
	struct a_terms *removed;

	if (was && t->revision <= was->revision)
		return;
	if (t->removed) {
		if (!was)
			return;
		removed = &a->terms.items[o->terms];
		removed->removed = true;
		removed->revision = t->revision;
		return;
	}
	/* An order keeps its vertical and its currency; the router takes no such change. */
	if (was && (was->vertical != t->vertical || strcmp(was->currency, t->currency) != 0))
		return;
	o->terms = e->about;
}

/* Whatever the end says of the lead, it is decided upon this very record. */
static bool fold_wait_ended(struct audit *a, uint32_t p, const struct a_event *e)
{
	struct a_lead *l = &a->leads.items[e->about];

	if (!(l->flags & LEAD_WAITS) || (e->value && a->markets[p].time_ms < l->waits_until_ms))
		return true;
	if (!decide(a, p, e, 0, AUDIT_ADMITTED_DECIDED))
		return false;
	l->flags &= (uint16_t)~LEAD_WAITS;
	return true;
}

static bool fold_event(struct audit *a, uint32_t p, const struct a_event *e)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_ADMITTED:
		return decide(a, p, e, 0, AUDIT_ADMITTED_DECIDED);
	case EVENT_SETTLED:
		return fold_settled(a, p, e);
	case EVENT_WAIT:
		a->leads.items[e->about].flags |= LEAD_WAITS;
		return true;
	case EVENT_WAIT_ENDED:
		return fold_wait_ended(a, p, e);
	case EVENT_ORDER:
		fold_order(a, e);
		return true;
	case EVENT_RATE:
		a->verticals.items[e->about].share_bp = e->value;
		return true;
	case EVENT_OTHER:
		return true;
	}
	return true;
}

static void fold_partition(struct audit *a, uint32_t p)
{
	struct a_market *m = &a->markets[p];

	while (m->folded < m->events.count) {
		const struct a_event *e = &m->events.items[m->folded];

		m->time_ms = MAX_OF(m->time_ms, e->time_ms);
		if (!fold_event(a, p, e))
			break;
		m->position = e->offset + 1;
		m->folded++;
	}
	if (m->folded == m->events.count)
		m->folded = m->events.count = 0;
}

void audit_fold(struct audit *a)
{
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
		if (a->markets[p].begun)
			fold_partition(a, p);
}
