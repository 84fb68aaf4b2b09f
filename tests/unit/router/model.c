#include "model.h"

#define HOUR 3600000LL

static int64_t period_of(const struct model_order *o, int64_t at, int64_t length)
{
	int64_t local = at + o->terms.clock_minutes * 60000LL;

	return local / length; /* times are after 1970 here */
}

static uint64_t used_in(const struct model *m, int order, int64_t length)
{
	const struct model_order *o = &m->orders[order];
	uint64_t n = 0;

	for (size_t i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		if (t->order == order && !t->given_back &&
		    period_of(o, t->at, length) == period_of(o, m->now, length))
			n++;
	}
	return n;
}

uint64_t model_used(const struct model *m, int order)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->take_count; i++)
		n += m->takes[i].order == order && !m->takes[i].given_back;
	return n;
}

static const char *ask(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_order *o = &m->orders[order];
	const struct model_terms *t = &o->terms;
	uint64_t used = model_used(m, order);
	int64_t payout = t->price * m->share_bp[t->vertical] / 10000;

	if (l->asked >> order & 1)
		return "already_offered";
	if (t->until && m->now >= t->until)
		return "ended";
	if (t->paused)
		return "paused";
	if (m->now < t->from)
		return "not_started";
	if (t->countries && (l->country < 0 || !(t->countries >> l->country & 1)))
		return "country";
	if (t->price <= 0 || (payout == 0 && m->share_bp[t->vertical] > 0))
		return "price";
	if ((t->quantity && used >= t->quantity) || (t->cap_total && used >= t->cap_total))
		return "cap_total";
	if (t->cap_day && used_in(m, order, 24 * HOUR) >= t->cap_day)
		return "cap_day";
	if (t->cap_hour && used_in(m, order, HOUR) >= t->cap_hour)
		return "cap_hour";
	return "fits";
}

static void share(const struct model *m, int order, uint64_t *taken, uint64_t *goal)
{
	const struct model_terms *t = &m->orders[order].terms;

	*taken = model_used(m, order);
	if (t->quantity)
		*goal = t->quantity;
	else if (t->cap_total)
		*goal = t->cap_total;
	else if (t->cap_day)
		*goal = t->cap_day, *taken = used_in(m, order, 24 * HOUR);
	else if (t->cap_hour)
		*goal = t->cap_hour, *taken = used_in(m, order, HOUR);
	else
		*goal = 1, *taken = 1;
}

/* Is a the better one? Orders are named by letters in the order of their numbers, so that the number is the last word. */
static bool better(const struct model *m, int a, int b)
{
	const struct model_terms *x = &m->orders[a].terms, *y = &m->orders[b].terms;
	uint64_t taken_a, goal_a, taken_b, goal_b;

	if (x->price != y->price)
		return x->price > y->price;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	share(m, a, &taken_a, &goal_a);
	share(m, b, &taken_b, &goal_b);
	if (taken_a * goal_b != taken_b * goal_a)
		return taken_a * goal_b < taken_b * goal_a;
	return a < b;
}

static bool is_fit(const char *code)
{
	return code && code[0] == 'f';
}

static struct model_decision decide(struct model *m, int lead)
{
	struct model_lead *l = &m->leads[lead];
	struct model_decision d = {.made = true, .winner = -1};

	for (int i = 0; i < MODEL_ORDERS; i++) {
		const struct model_order *o = &m->orders[i];

		if (!o->known || o->removed || o->terms.vertical != l->vertical)
			continue;
		d.codes[i] = ask(m, i, l);
		if (is_fit(d.codes[i]) && (d.winner < 0 || better(m, i, d.winner)))
			d.winner = i;
	}
	for (int i = 0; i < MODEL_ORDERS; i++) {
		if (is_fit(d.codes[i]))
			d.codes[i] = i == d.winner ? "won" : "outbid";
	}
	l->open = d.winner >= 0;
	if (d.winner < 0)
		return d;
	l->order = d.winner;
	l->asked |= 1u << d.winner;
	d.price = m->orders[d.winner].terms.price;
	d.payout = d.price * m->share_bp[l->vertical] / 10000;
	if (!l->test)
		m->takes[m->take_count++] =
		    (struct model_take){.order = d.winner, .lead = lead, .at = m->now};
	return d;
}

struct model_decision model_lead(struct model *m, int lead, int vertical, int country, bool test)
{
	m->leads[lead] =
	    (struct model_lead){.test = test, .vertical = vertical, .country = country};
	return decide(m, lead);
}

struct model_decision model_settle(struct model *m, int lead, int order, uint32_t round,
				   enum model_settle what)
{
	struct model_lead *l = &m->leads[lead];

	if (!l->open || l->order != order || l->round != round)
		return (struct model_decision){0};
	l->open = false;
	for (size_t i = 0; i < m->take_count; i++) {
		struct model_take *t = &m->takes[i];

		if (t->lead != lead || t->order != order)
			continue;
		t->delivered = what == MODEL_DELIVERED;
		t->given_back = what == MODEL_REFUSED || what == MODEL_UNDELIVERABLE;
	}
	if (what == MODEL_DELIVERED || what == MODEL_UNRESOLVED)
		return (struct model_decision){0};
	l->round++;
	return decide(m, lead);
}

void model_order(struct model *m, int order, uint64_t revision, const struct model_terms *t)
{
	struct model_order *o = &m->orders[order];

	if (o->known && (revision <= o->revision || t->vertical != o->terms.vertical))
		return;
	o->known = true;
	o->removed = false;
	o->revision = revision;
	o->terms = *t;
}

void model_remove(struct model *m, int order, uint64_t revision)
{
	struct model_order *o = &m->orders[order];

	if (!o->known || revision <= o->revision)
		return;
	o->removed = true;
	o->revision = revision;
}
