/* audit_gaps: what went to rest leaves no gaps in the tables. Everything that points at a lead or a decision moves with it. */
#include <stdlib.h>

#include "audit_tables.h"

void *audit_shrink(void *items, size_t count, size_t *cap, size_t size)
{
	void *smaller;

	if (count == 0) {
		free(items);
		*cap = 0;
		return NULL;
	}
	smaller = realloc(items, count * size);
	if (!smaller)
		return items;
	*cap = count;
	return smaller;
}
static bool is_of_a_lead(const struct a_event *e)
{
	return e->kind == EVENT_ADMITTED || e->kind == EVENT_SETTLED || e->kind == EVENT_WAIT ||
	       e->kind == EVENT_WAIT_ENDED || e->kind == EVENT_DUE;
}

void audit_mark_busy(struct audit *a, struct a_market *m)
{
	if (m->folded > 0)
		memmove(m->events.items, m->events.items + m->folded,
			(m->events.count - m->folded) * sizeof(*m->events.items));
	m->events.count -= m->folded;
	m->folded = 0;
	for (size_t i = 0; i < m->events.count; i++)
		if (is_of_a_lead(&m->events.items[i]))
			a->leads.items[m->events.items[i].about].flags |= LEAD_BUSY;
}

static void move_decisions(struct audit *a, const uint32_t *to_lead, uint32_t *ret_to)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->decisions.count; i++) {
		ret_to[i] = NONE;
		if (to_lead[a->decisions.items[i].lead] == NONE)
			continue;
		a->decisions.items[kept] = a->decisions.items[i];
		ret_to[i] = (uint32_t)kept++;
	}
	a->decisions.count = kept;
	for (size_t i = 0; i < kept; i++) {
		struct a_decision *d = &a->decisions.items[i];

		d->lead = to_lead[d->lead];
		d->next = d->next == NONE ? NONE : ret_to[d->next];
	}
}

static size_t move_leads(struct audit *a, uint32_t *ret_to)
{
	size_t kept = 0, bids = 0;

	for (size_t i = 0; i < a->leads.count; i++) {
		struct a_lead *l = &a->leads.items[i];

		ret_to[i] = NONE;
		if (l->flags & LEAD_OVER)
			continue;
		l->flags &= (uint16_t)~LEAD_BUSY;
		/* Leads that came later may be described sooner: their bids may lie anywhere. */
		bids += l->bid_count;
		ret_to[i] = (uint32_t)kept;
		a->leads.items[kept++] = *l;
	}
	a->leads.count = kept;
	return bids;
}

static void move_bids(struct audit *a, size_t count)
{
	struct a_bid *bids;
	size_t next = 0;

	if (a->bids.count == 0)
		return;
	bids = calloc(count + 1, sizeof(*bids));
	if (!bids)
		abort();
	for (size_t i = 0; i < a->leads.count; i++) {
		struct a_lead *l = &a->leads.items[i];

		memcpy(bids + next, a->bids.items + l->first_bid, l->bid_count * sizeof(*bids));
		l->first_bid = (uint32_t)next;
		next += l->bid_count;
	}
	free(a->bids.items);
	a->bids.items = bids;
	a->bids.count = next;
	a->bids.cap = count + 1;
}

/* What is judged already is not looked up by its place any more. */
static void move_places(struct audit *a, const uint32_t *to_lead, uint32_t p)
{
	size_t judged = (size_t)MAX_OF(a->raw_seen[p] - a->raw_base[p], 0);
	size_t gone = MIN_OF(judged, a->raw_at[p].count);

	if (a->raw_base[p] < 0)
		return;
	for (size_t i = gone; i < a->raw_at[p].count; i++) {
		uint32_t lead = a->raw_at[p].items[i];

		a->raw_at[p].items[i - gone] = lead == NONE ? NONE : to_lead[lead];
	}
	a->raw_at[p].count -= gone;
	a->raw_base[p] += (int64_t)gone;
	SHRINK(a->raw_at[p]);
}

void audit_close_gaps(struct audit *a)
{
	uint32_t *to_lead = calloc(a->leads.count + 1, sizeof(*to_lead));
	uint32_t *to_decision = calloc(a->decisions.count + 1, sizeof(*to_decision));
	size_t bids;

	if (!to_lead || !to_decision)
		abort();
	bids = move_leads(a, to_lead);
	move_bids(a, bids);
	move_decisions(a, to_lead, to_decision);
	for (size_t i = 0; i < a->leads.count; i++)
		if (a->leads.items[i].first != NONE)
			a->leads.items[i].first = to_decision[a->leads.items[i].first];
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++) {
		struct a_market *m = &a->markets[p];

		move_places(a, to_lead, p);
		for (size_t i = 0; i < m->events.count; i++)
			if (is_of_a_lead(&m->events.items[i]))
				m->events.items[i].about = to_lead[m->events.items[i].about];
		SHRINK(m->events);
	}
	free(to_lead);
	free(to_decision);
	SHRINK(a->leads);
	SHRINK(a->decisions);
	audit_slots_fit(a, a->leads.count * 2);
}
