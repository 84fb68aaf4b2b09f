/* model: see model.h. */
#include "model.h"

#include <stdlib.h>

struct offer {
	uint32_t round;
	struct promise p;
	enum life_state state;
	int64_t vat, until_ms, delivered_ms;
	uint32_t share_bp;
	bool borne;
};

struct verdict_told {
	struct told t;
	int64_t at_ms;
	bool waits;
};

struct lead {
	struct offer offers[MODEL_OFFERS_MAX];
	struct verdict_told verdicts[MODEL_VERDICTS_MAX];
	size_t offer_count, verdict_count;
};

struct model {
	struct lead *leads;
	uint32_t count;
	struct model_balance b;
	int64_t delivered[MODEL_ADVERTISERS][MODEL_MONTHS],
	    returned[MODEL_ADVERTISERS][MODEL_MONTHS];
	int64_t first_month;
};

const char *const model_currencies[MODEL_CURRENCIES] = {"RUB", "EUR", "JPY"};

static uint32_t mix(uint32_t a, uint32_t b)
{
	uint64_t x = ((uint64_t)a << 32 | b) * 0x9E3779B97F4A7C15u;

	x ^= x >> 29;
	x *= 0xBF58476D1CE4E5B9u;
	return (uint32_t)(x >> 32);
}

struct promise promise_of(uint32_t lead, uint32_t round)
{
	uint32_t of_lead = mix(lead, 77), of_round = mix(lead, round);
	struct promise p = {
	    .advertiser = (int)(of_round % MODEL_ADVERTISERS),
	    .webmaster = (int)(of_lead % MODEL_WEBMASTERS),
	    .currency =
		(int)(of_round / 7 % MODEL_CURRENCIES), /* it may change from round to round */
	    .price = 100 + of_round % 90000,
	    .exclusive = of_lead % 5 != 0,
	    .is_test = of_lead % 31 == 0};

	p.payout = of_round % 50 == 0 ? 0 : of_round % 51 == 0 ? p.price : p.price * 7 / 10;
	return p;
}

struct contract model_contract(int advertiser, int epoch)
{
	static const uint32_t vats[] = {0, 2000, 1900, 777};
	static const uint32_t shares[] = {0, 300, 1500};
	int n = advertiser + epoch;

	return (struct contract){.hold_ms = (8 + n % 20) * MS_PER_DAY,
				 .return_window_ms = (1 + n % 8) * MS_PER_DAY,
				 .vat_bp = vats[n % 4],
				 .returns_max_bp = shares[n % 3],
				 .own_cause_borne = n % 2 == 0};
}

struct model *model_new(uint32_t leads)
{
	struct model *m = calloc(1, sizeof(*m));

	assert(m);
	m->leads = calloc(leads, sizeof(*m->leads));
	m->count = leads;
	m->first_month = -1;
	assert(m->leads);
	return m;
}

void model_free(struct model *m)
{
	free(m->leads);
	free(m);
}

const struct model_balance *model_balance(const struct model *m)
{
	return &m->b;
}

static bool was_sold(const struct offer *o)
{
	return o->state == LIFE_DELIVERED || o->state == LIFE_APPROVED ||
	       o->state == LIFE_RETURNED || o->state == LIFE_WAIVED;
}

/* --- money --- */

static void sale(struct model *m, const struct offer *o, int64_t sign)
{
	const struct promise *p = &o->p;

	m->b.receivable[p->advertiser][p->currency] += sign * (p->price + o->vat);
	m->b.margin[p->currency] -= sign * (p->price - p->payout);
	m->b.vat[p->currency] -= sign * o->vat;
}

static void credit(struct model *m, struct offer *o)
{
	o->state = LIFE_DELIVERED;
	if (o->p.is_test)
		return;
	sale(m, o, 1);
	m->b.hold[o->p.webmaster][o->p.currency] -= o->p.payout;
	m->b.credits++;
}

static void approve(struct model *m, struct offer *o)
{
	o->state = LIFE_APPROVED;
	if (o->p.is_test)
		return;
	m->b.hold[o->p.webmaster][o->p.currency] += o->p.payout;
	m->b.payable[o->p.webmaster][o->p.currency] -= o->p.payout;
	m->b.approvals++;
}

static void reverse(struct model *m, struct offer *o)
{
	o->state = LIFE_RETURNED;
	if (o->p.is_test)
		return;
	sale(m, o, -1);
	m->b.hold[o->p.webmaster][o->p.currency] += o->p.payout;
	m->b.reversals++;
}

static void bear(struct model *m, struct offer *o)
{
	if (o->state == LIFE_DELIVERED)
		approve(m, o);
	o->state = LIFE_WAIVED;
	if (o->p.is_test)
		return;
	sale(m, o, -1);
	m->b.borne[o->p.currency] += o->p.payout;
	m->b.bearings++;
}

/* --- verdicts --- */

static int64_t *cell(struct model *m, int64_t of[MODEL_ADVERTISERS][MODEL_MONTHS],
		     const struct offer *o)
{
	int64_t month;

	if (m->first_month < 0)
		m->first_month = month_of(o->delivered_ms);
	month = month_of(o->delivered_ms) - m->first_month;
	assert(month >= 0 && month < MODEL_MONTHS);
	return &of[o->p.advertiser][month];
}

static bool share_is_used_up(struct model *m, const struct offer *o)
{
	int64_t delivered = *cell(m, m->delivered, o), returned = *cell(m, m->returned, o);

	if (delivered < 100)
		delivered = 100;
	return (double)(returned + 1) > (double)delivered * o->share_bp / 10000 + 1e-9;
}

static void give_back(struct model *m, struct offer *o, const struct verdict_told *v)
{
	bool buyers =
	    strcmp(v->t.reason, "no_answer") == 0 || strcmp(v->t.reason, "out_of_stock") == 0;

	if (o->state != LIFE_DELIVERED || v->at_ms > o->until_ms || (buyers && !o->borne))
		return;
	if (o->share_bp > 0 && !o->p.is_test) {
		if (share_is_used_up(m, o))
			return;
		++*cell(m, m->returned, o);
	}
	if (buyers)
		bear(m, o);
	else
		reverse(m, o);
}

static void hear(struct model *m, struct lead *l, struct verdict_told *v)
{
	struct offer *mine = NULL;
	bool sold_alone = false;

	for (size_t i = 0; i < l->offer_count; i++) {
		struct offer *o = &l->offers[i];

		if (was_sold(o) && o->p.advertiser == v->t.advertiser &&
		    (!mine || o->round < mine->round))
			mine = o;
		sold_alone = sold_alone || (was_sold(o) && o->p.exclusive);
	}
	v->waits = !mine && !sold_alone;
	if (!mine)
		return;
	if (v->t.event == EVENT_APPROVED && mine->state == LIFE_DELIVERED)
		approve(m, mine);
	else if (v->t.event == EVENT_RETURNED)
		give_back(m, mine, v);
	else if (v->t.event == EVENT_WAIVED &&
		 (mine->state == LIFE_DELIVERED || mine->state == LIFE_APPROVED))
		bear(m, mine);
}

static void verdict(struct model *m, struct lead *l, const struct told *t)
{
	struct verdict_told *v;

	for (size_t i = 0; i < l->verdict_count; i++)
		if (l->verdicts[i].t.advertiser == t->advertiser &&
		    l->verdicts[i].t.verdict_number == t->verdict_number)
			return; /* its id was used */
	assert(l->verdict_count < MODEL_VERDICTS_MAX);
	v = &l->verdicts[l->verdict_count++];
	*v = (struct verdict_told){.t = *t, .at_ms = MAX_OF(t->said_ms, t->logged_ms)};
	hear(m, l, v);
}

/* --- deliveries --- */

static struct offer *offer_of(struct lead *l, uint32_t round)
{
	for (size_t i = 0; i < l->offer_count; i++)
		if (l->offers[i].round == round)
			return &l->offers[i];
	return NULL;
}

static bool comes_too_late(const struct lead *l, const struct told *t, const struct promise *p)
{
	for (size_t i = 0; i < l->offer_count; i++) {
		const struct offer *o = &l->offers[i];

		if (o->round == t->round || !(o->p.exclusive || p->exclusive))
			continue;
		if (o->round > t->round || (t->event == EVENT_DELIVERED && was_sold(o)))
			return true;
	}
	return false;
}

static void delivery(struct model *m, struct lead *l, const struct told *t, int epoch)
{
	struct promise p = promise_of(t->lead, t->round);
	struct contract c = model_contract(p.advertiser, epoch);
	struct offer *o = offer_of(l, t->round);

	if (o && !(o->state == LIFE_UNRESOLVED && t->event == EVENT_DELIVERED))
		return;
	if (comes_too_late(l, t, &p))
		return;
	if (!o) {
		assert(l->offer_count < MODEL_OFFERS_MAX);
		o = &l->offers[l->offer_count++];
		*o = (struct offer){.round = t->round, .p = p};
	}
	if (t->event != EVENT_DELIVERED) {
		o->state = t->event == EVENT_REFUSED         ? LIFE_REFUSED
			   : t->event == EVENT_UNDELIVERABLE ? LIFE_UNDELIVERABLE
							     : LIFE_UNRESOLVED;
		return;
	}
	o->vat = p.price * c.vat_bp / 10000;
	o->delivered_ms = t->said_ms;
	o->until_ms = t->said_ms + c.return_window_ms;
	o->share_bp = c.returns_max_bp;
	o->borne = c.own_cause_borne;
	credit(m, o);
	if (o->share_bp > 0 && !p.is_test)
		++*cell(m, m->delivered, o);
	for (size_t i = 0; i < l->verdict_count; i++)
		if (l->verdicts[i].waits)
			hear(m, l, &l->verdicts[i]);
}

static void due(struct model *m, struct lead *l, int64_t logged_ms)
{
	for (size_t i = 0; i < l->offer_count; i++)
		if (l->offers[i].state == LIFE_DELIVERED && logged_ms > l->offers[i].until_ms)
			approve(m, &l->offers[i]);
	for (size_t i = 0; i < l->verdict_count; i++)
		if (l->verdicts[i].waits && logged_ms > l->verdicts[i].at_ms + 30 * MS_PER_DAY)
			l->verdicts[i].waits = false;
}

void model_take(struct model *m, const struct told *t, int epoch)
{
	struct lead *l = &m->leads[t->lead];

	assert(t->lead < m->count);
	if (t->event == EVENT_DUE)
		due(m, l, t->logged_ms);
	else if (t->event >= EVENT_APPROVED)
		verdict(m, l, t);
	else
		delivery(m, l, t, epoch);
}

enum life_state model_state(const struct model *m, uint32_t lead, uint32_t round)
{
	struct offer *o = offer_of(&m->leads[lead], round);

	return o ? o->state : LIFE_NONE;
}

int64_t model_waiting(const struct model *m)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < m->count; i++)
		for (size_t v = 0; v < m->leads[i].verdict_count; v++)
			n += m->leads[i].verdicts[v].waits;
	return n;
}
