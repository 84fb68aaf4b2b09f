/* audit_fold: the market log folded a second time, by the auditor's own arithmetic: who may have taken what, when. */
#include "audit_tables.h"

static bool is_held(const struct audit *a, const struct a_lead *l)
{
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next) {
		if (a->decisions.items[i].held)
			return true;
	}
	return false;
}

static bool waits(const struct audit *a, uint32_t vertical)
{
	uint32_t card = a->verticals.items[vertical].card;

	return card != NONE && a->cards.items[card].waits;
}

static bool may_wait(const struct audit *a, const struct a_lead *l, uint32_t order)
{
	const struct a_order *o = order == NONE ? NULL : &a->orders.items[order];

	/* Of a lead that nobody took the vertical may not be known here: any that waits will do. */
	if (l->vertical != UNKNOWN)
		return waits(a, l->vertical);
	if (o && o->terms != NONE)
		return waits(a, a->terms.items[o->terms].vertical);
	for (size_t i = 0; i < a->verticals.count; i++) {
		if (waits(a, (uint32_t)i))
			return true;
	}
	return false;
}

static void fold_decision(struct audit *a, uint32_t p, struct a_lead *l, struct a_decision *d)
{
	d->folded = true;
	l->flags &= (uint16_t)~LEAD_WAITS_BUYER;
	if (d->order == NONE)
		return;
	l->rounds++;
	audit_place_take(a, d, a->markets[p].time_ms);
	d->held = true;
}

/* A shared lead goes to several at once: further rounds on the same record. */
static void fold_shares(struct audit *a, uint32_t p, const struct a_event *e, struct a_lead *l)
{
	struct a_decision *d;

	while ((d = audit_find(a, l, l->rounds)) && !d->folded && d->order != NONE &&
	       d->market_partition == p && d->market_offset == e->offset)
		fold_decision(a, p, l, d);
}

/* The decision that a market record must have caused. false: it is not there, and may still come. `order`: who had it. */
static bool decide(struct audit *a, uint32_t p, const struct a_event *e, uint32_t order,
		   enum audit_invariant i)
{
	struct a_lead *l = &a->leads.items[e->about];
	struct a_decision *d = audit_find(a, l, l->rounds);

	/* What was decided upon a later record was not decided here: it waited in between. */
	if (d && d->market_offset > e->offset && may_wait(a, l, order))
		d = NULL;
	if (!d) {
		if (audit_is_ahead(a, AUDIT_MARKET, p, e->offset))
			return false;
		if (may_wait(a, l, order)) {
			l->flags |= LEAD_WAITS_BUYER;
			return true;
		}
		audit_found(a->line, i, FOUND_LOST,
			    "market/%u@%lld: lead %s: no decision in round %u", p,
			    (long long)e->offset, audit_text(&l->id), l->rounds);
		return true;
	}
	if (d->market_partition != p || d->market_offset != e->offset)
		audit_found(
		    a->line, i, FOUND_WRONG,
		    "market/%u@%lld: lead %s: round %u was decided on another record, %u@%lld", p,
		    (long long)e->offset, audit_text(&l->id), l->rounds, d->market_partition,
		    (long long)d->market_offset);
	fold_decision(a, p, l, d);
	if (d->order != NONE)
		fold_shares(a, p, e, l);
	return true;
}

static bool fold_settled(struct audit *a, uint32_t p, const struct a_event *e)
{
	struct a_lead *l = &a->leads.items[e->about];
	struct a_decision *about = audit_find(a, l, e->round);

	if (about)
		about->settled |= (uint8_t)(1u << e->settlement);
	if (e->settlement == AUDIT_RETURNED)
		audit_place_return(a, p, about, e->value, e->amount);
	if (!about || !about->folded || about->order != e->value ||
	    e->settlement == AUDIT_APPROVED || e->settlement == AUDIT_RETURNED)
		return true;
	if (about->closed)
		return true;
	if (e->settlement == AUDIT_DELIVERED || e->settlement == AUDIT_UNRESOLVED) {
		about->closed = true;
		return true;
	}
	/* Given back before the next decision: the same order's place is free for it. */
	if (about->held)
		audit_place_give_back(a, about);
	about->held = false;
	if (is_held(a, l)) {
		/* Others have it: it goes to one more who shares it, or to nobody. */
		if (audit_is_ahead(a, AUDIT_MARKET, p, e->offset))
			return false;
		fold_shares(a, p, e, l);
		about->closed = true;
		return true;
	}
	if (!decide(a, p, e, about->order, AUDIT_OFFERED_ON))
		return false;
	about->closed = true;
	return true;
}

/* It was offered again, or will be: a decision is told by the record it names. */
static bool fold_due(struct audit *a, uint32_t p, const struct a_event *e)
{
	struct a_lead *l = &a->leads.items[e->about];
	struct a_decision *d;

	if (!(l->flags & LEAD_WAITS_BUYER))
		return true;
	if (audit_is_ahead(a, AUDIT_MARKET, p, e->offset))
		return false;
	d = audit_find(a, l, l->rounds);
	if (!d || d->folded || d->market_partition != p || d->market_offset != e->offset)
		return true;
	fold_decision(a, p, l, d);
	if (d->order != NONE)
		fold_shares(a, p, e, l);
	return true;
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
	if (!decide(a, p, e, NONE, AUDIT_ADMITTED_DECIDED))
		return false;
	l->flags &= (uint16_t)~LEAD_WAITS;
	return true;
}

static bool fold_event(struct audit *a, uint32_t p, const struct a_event *e)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_ADMITTED:
		return decide(a, p, e, NONE, AUDIT_ADMITTED_DECIDED);
	case EVENT_SETTLED:
		return fold_settled(a, p, e);
	case EVENT_WAIT:
		a->leads.items[e->about].flags |= LEAD_WAITS;
		return true;
	case EVENT_WAIT_ENDED:
		return fold_wait_ended(a, p, e);
	case EVENT_DUE:
		return fold_due(a, p, e);
	case EVENT_ORDER:
		fold_order(a, e);
		return true;
	case EVENT_RATE:
		a->verticals.items[e->about].card = e->value;
		return true;
	case EVENT_FUNDS:
		audit_purse_set(a, p, &a->funds.items[e->about]);
		return true;
	case EVENT_HELD:
		audit_hold_set(a, p, e->about, e->amount, a->markets[p].time_ms);
		return true;
	case EVENT_RETURN:
		audit_place_return(a, p, NULL, e->value, e->amount);
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

bool audit_is_folding(const struct audit *a)
{
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
		if (a->markets[p].folded < a->markets[p].events.count)
			return true;
	return false;
}

void audit_fold(struct audit *a)
{
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
		if (a->markets[p].begun)
			fold_partition(a, p);
}
