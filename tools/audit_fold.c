/* audit_fold: the market log folded a second time, by the auditor's own arithmetic: who may have taken what, when. */
#include "audit_tables.h"

#define SHARE_BP_DEFAULT 7000 /* of a vertical whose rate was never published */

static const int64_t window_ms[2] = {MS_PER_HOUR, MS_PER_DAY};

/* What the order's clock shows more than UTC. */
static int64_t clock_ahead_ms(const struct audit *a, const struct a_terms *t, int64_t now_ms)
{
	int64_t minutes = t->utc_offset_minutes;

	for (uint32_t i = 0; i < t->shift_count; i++) {
		const struct audit_shift *s = &a->shifts.items[t->first_shift + i];

		if (i == 0 || s->from_ms <= now_ms)
			minutes = s->offset_minutes;
	}
	return minutes * MS_PER_MIN;
}

/* An hour is named by the moment at which it began, a day by its date: a day may have 23 hours, or 25. */
static int64_t window_name(const struct audit *a, const struct a_terms *t, size_t kind,
			   int64_t now_ms)
{
	int64_t local = now_ms + clock_ahead_ms(a, t, now_ms), len = window_ms[kind];
	int64_t rest = (local % len + len) % len;

	return kind == 0 ? now_ms - rest : local - rest;
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

/* Where the card has lines of its own, the record says which one it was, and the sum must follow from it. */
static int64_t payout_due(const struct audit *a, const struct a_decision *d,
			  const struct a_terms *t)
{
	const struct a_vertical *v = &a->verticals.items[t->vertical];

	if (v->has_lines && d->basis_fixed_minor > 0)
		return d->basis_fixed_minor;
	if (v->has_lines)
		return money_share_bp(d->price_minor, d->basis_share_bp);
	return money_share_bp(d->price_minor, v->share_bp == NONE ? SHARE_BP_DEFAULT : v->share_bp);
}

static void check_terms(struct audit *a, const struct a_decision *d, const struct a_terms *t,
			int64_t now_ms)
{
	const char *wrong = NULL;

	if (t->removed || t->paused || (t->from_ms && now_ms < t->from_ms) ||
	    (t->until_ms && now_ms >= t->until_ms))
		wrong = "the order was not open";
	else if (d->price_minor < t->price_least_minor || d->price_minor > t->price_most_minor ||
		 strcmp(d->currency, t->currency) != 0)
		wrong = "not the order's price";
	else if (d->payout_minor != payout_due(a, d, t) || d->payout_minor > d->price_minor)
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
		d->window_start[k] = window_name(a, t, k, now_ms);
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

static bool is_held(const struct audit *a, const struct a_lead *l)
{
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next) {
		if (a->decisions.items[i].held)
			return true;
	}
	return false;
}

static bool may_wait(const struct audit *a, uint32_t order)
{
	const struct a_order *o = order == NONE ? NULL : &a->orders.items[order];

	/* Of a lead that nobody took the vertical is not known here: any that waits will do. */
	if (o && o->terms != NONE)
		return a->verticals.items[a->terms.items[o->terms].vertical].waits;
	for (size_t i = 0; i < a->verticals.count; i++) {
		if (a->verticals.items[i].waits)
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
	d->held = true;
	take_place(a, d, a->markets[p].time_ms);
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
	if (d && d->market_offset > e->offset && may_wait(a, order))
		d = NULL;
	if (!d) {
		if (audit_is_ahead(a, AUDIT_MARKET, p, e->offset))
			return false;
		if (may_wait(a, order)) {
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
		give_back(a, about);
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
		a->verticals.items[e->about] = (struct a_vertical){
		    .share_bp = e->value,
		    .has_lines = e->settlement & 1,
		    .waits = e->settlement & 2,
		};
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
