#include <string.h>

#include "model.h"

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* --- clocks --- */

static int64_t local(const struct model_terms *t, int64_t at)
{
	return at + (at >= t->shift_at ? t->clock_after : t->clock_before) * MINUTE;
}

/* Days since 2026-12-01 by the order's clock; the test stays within a few months of it. */
static int64_t day_of(const struct model_terms *t, int64_t at)
{
	return (local(t, at) - MODEL_START_MS + 10 * DAY) / DAY - 10;
}

static int month_of(int64_t day)
{
	static const int lengths[] = {31, 31, 28, 31, 30, 31, 30, 31};
	int month = 0;

	if (day < 0)
		return -1;
	while (day >= lengths[month])
		day -= lengths[month++];
	return month;
}

/* The first day was a Tuesday. */
static int64_t week_of(int64_t day)
{
	return (day + 1 + 70) / 7;
}

static bool same_period(const struct model_terms *t, char period, int64_t a, int64_t b)
{
	int64_t x = day_of(t, a), y = day_of(t, b);

	switch (period) {
	case 'h':
		/* An hour is the same if it began at the same moment: one that the clock shows twice is two. */
		return a - local(t, a) % HOUR == b - local(t, b) % HOUR;
	case 'd':
		return x == y;
	case 'w':
		return week_of(x) == week_of(y);
	default:
		return month_of(x) == month_of(y);
	}
}

static bool inside(const struct model_terms *t, const struct model_span *s, int64_t now)
{
	int64_t day = day_of(t, now), minute = local(t, now) / MINUTE % (24 * 60);
	int64_t of_week = (day + 1 + 70) % 7 * 24 * 60 + minute;

	return s->until && of_week >= s->from && of_week < s->until;
}

static bool is_open(const struct model_terms *t, int64_t now)
{
	if (!t->open[0].until && !t->open[1].until)
		return true;
	return inside(t, &t->open[0], now) || inside(t, &t->open[1], now);
}

/* --- what was taken --- */

uint64_t model_used_in(const struct model *m, int order, char period)
{
	const struct model_terms *terms = &m->orders[order].terms;
	uint64_t n = 0;

	for (int i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		n += t->order == order && !t->given_back &&
		     same_period(terms, period, t->at, m->now);
	}
	return n;
}

static int64_t spent_today(const struct model *m, int order)
{
	int64_t sum = 0;

	for (int i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		if (t->order == order && !t->given_back &&
		    same_period(&m->orders[order].terms, 'd', t->at, m->now))
			sum += t->price;
	}
	return sum;
}

static int64_t spent(const struct model *m, int order)
{
	int64_t sum = -m->orders[order].returned_minor;

	for (int i = 0; i < m->take_count; i++) {
		if (m->takes[i].order == order && !m->takes[i].given_back)
			sum += m->takes[i].price;
	}
	return sum;
}

static int64_t spent_by_advertiser(const struct model *m, int advertiser)
{
	int64_t sum = 0;

	for (int i = 0; i < MODEL_ORDERS; i++) {
		if (m->orders[i].known && m->orders[i].terms.advertiser == advertiser)
			sum += spent(m, i);
	}
	return sum;
}

static uint64_t from_webmaster(const struct model *m, int order, int webmaster, bool today)
{
	uint64_t n = 0;

	for (int i = 0; i < m->take_count; i++) {
		const struct model_take *t = &m->takes[i];

		n += t->order == order && t->webmaster == webmaster && !t->given_back &&
		     t->by_webmaster &&
		     (!today || same_period(&m->orders[order].terms, 'd', t->at, m->now));
	}
	return n;
}

/* --- money --- */

int64_t model_price(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_terms *t = &m->orders[order].terms;
	int64_t price = t->price, bp = 0;

	if (l->has_bids)
		return l->bids[order];
	if (l->region == 0)
		bp += t->region_bp;
	if (t->night.until && inside(t, &t->night, m->now))
		bp += t->night_bp;
	price += price * bp / 10000;
	return price > t->floor ? price : t->floor;
}

static int named(const struct model_rate *r)
{
	return (r->webmaster >= 0 ? 8 : 0) + (r->order >= 0 ? 4 : 0) + (r->top ? 2 : 0) +
	       (r->gold ? 1 : 0);
}

int64_t model_payout(const struct model *m, int order, const struct model_lead *l, int64_t price)
{
	const struct model_card *c = &m->cards[l->vertical];
	const struct model_rate *best = NULL;

	for (int i = 0; i < c->rate_count; i++) {
		const struct model_rate *r = &c->rates[i];

		if (m->now < r->from || (r->until != 0 && m->now >= r->until) ||
		    (r->order >= 0 && r->order != order) ||
		    (r->webmaster >= 0 && r->webmaster != l->webmaster) ||
		    (r->gold && !(c->gold >> l->webmaster & 1)) ||
		    (r->top && !(c->top >> l->webmaster & 1)))
			continue;
		if (!best || named(r) > named(best))
			best = r;
	}
	if (best && best->fixed)
		return best->fixed;
	return price * (best ? best->share_bp : c->share_bp) / 10000;
}

static const char *ask_money(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_card *c = &m->cards[l->vertical];
	int64_t price = model_price(m, order, l), payout = model_payout(m, order, l, price);
	int64_t margin = price * c->margin_bp / 10000;

	/* A share of nothing pays nothing, and that is agreed; a share that rounds to nothing is not. */
	if (price <= 0 || (payout == 0 && model_payout(m, order, l, 1000000) > 0))
		return "price";
	if (price - payout < (margin > c->margin ? margin : c->margin))
		return "margin";
	return NULL;
}

/* --- wishes --- */

static bool on(uint32_t set, int bit)
{
	return bit >= 0 && (set >> bit & 1);
}

static const char *ask_wishes(const struct model *m, const struct model_terms *t,
			      const struct model_lead *l)
{
	if (t->countries && !on(t->countries, l->country))
		return "country";
	if ((t->regions && !on(t->regions, l->region)) || on(t->regions_not, l->region))
		return "place";
	if (on(t->webmasters_not, l->webmaster) ||
	    (t->wants_gold && !(m->cards[l->vertical].gold >> l->webmaster & 1)))
		return "source";
	if ((t->score_max && l->score > t->score_max) || (t->lines && !on(t->lines, l->line)))
		return "quality";
	if ((t->age_min || t->age_max) && (l->age < 0 || (t->age_min && l->age < t->age_min) ||
					   (t->age_max && l->age > t->age_max)))
		return "fields";
	if (!t->takes_own && on(l->customer_of, t->advertiser))
		return "own_customer";
	return NULL;
}

static const char *ask_sharing(const struct model *m, const struct model_terms *t,
			       const struct model_lead *l)
{
	uint32_t holders = 0;

	for (int i = 0; i < l->hold_count; i++)
		holders += l->holds[i].state != 'b';
	for (int i = 0; i < l->hold_count; i++) {
		const struct model_terms *h = &m->orders[l->holds[i].order].terms;

		if (l->holds[i].state == 'b')
			continue;
		if (t->share_limit <= 1 || h->share_limit <= 1)
			return "exclusive";
		if (t->advertiser == h->advertiser || on(t->not_with, h->advertiser) ||
		    on(h->not_with, t->advertiser))
			return "not_with";
		if (holders >= t->share_limit || holders >= h->share_limit)
			return "shares_gone";
	}
	return NULL;
}

static const char *ask_caps(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_terms *t = &m->orders[order].terms;
	int64_t price = model_price(m, order, l);
	uint64_t used = model_used(m, order);

	if ((t->quantity && used >= t->quantity) || (t->cap_total && used >= t->cap_total))
		return "cap_total";
	if (t->budget_total && spent(m, order) + price > t->budget_total)
		return "budget_total";
	if (m->limited[t->advertiser] &&
	    spent_by_advertiser(m, t->advertiser) + price > m->funds[t->advertiser])
		return "funds";
	if (!is_open(t, m->now))
		return "schedule";
	if (t->cap_month && model_used_in(m, order, 'm') >= t->cap_month)
		return "cap_month";
	if (t->cap_week && model_used_in(m, order, 'w') >= t->cap_week)
		return "cap_week";
	if (t->cap_day && model_used_in(m, order, 'd') >= t->cap_day)
		return "cap_day";
	if (t->budget_day && spent_today(m, order) + price > t->budget_day)
		return "budget_day";
	if ((t->cap_webmaster_total &&
	     from_webmaster(m, order, l->webmaster, false) >= t->cap_webmaster_total) ||
	    (t->cap_webmaster_day &&
	     from_webmaster(m, order, l->webmaster, true) >= t->cap_webmaster_day))
		return "cap_webmaster";
	if (t->cap_hour && model_used_in(m, order, 'h') >= t->cap_hour)
		return "cap_hour";
	return NULL;
}

const char *model_ask(const struct model *m, int order, const struct model_lead *l)
{
	const struct model_terms *t = &m->orders[order].terms;
	const char *code;

	for (int i = 0; i < l->hold_count; i++) {
		if (l->holds[i].order == order)
			return "already_offered";
	}
	if (t->until && m->now >= t->until)
		return "ended";
	if (t->paused)
		return "paused";
	if (m->now < t->from)
		return "not_started";
	if (m->now < m->held_until[t->advertiser])
		return "advertiser_held";
	code = ask_wishes(m, t, l);
	if (!code)
		code = ask_money(m, order, l);
	if (!code)
		code = ask_sharing(m, t, l);
	if (!code)
		code = ask_caps(m, order, l);
	return code ? code : "fits";
}

int model_nearness(const char *code)
{
	static const struct {
		const char *code;
		int nearness;
	} all[] = {{"already_offered", 70}, {"ended", 10},           {"paused", 10},
		   {"not_started", 10},     {"advertiser_held", 15}, {"country", 20},
		   {"place", 21},           {"source", 22},          {"quality", 23},
		   {"fields", 24},          {"own_customer", 25},    {"price", 30},
		   {"margin", 31},          {"exclusive", 65},       {"not_with", 65},
		   {"shares_gone", 65},     {"cap_total", 40},       {"budget_total", 41},
		   {"funds", 42},           {"schedule", 45},        {"cap_month", 47},
		   {"cap_week", 48},        {"cap_day", 50},         {"budget_day", 51},
		   {"cap_webmaster", 55},   {"cap_hour", 60}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i].code, code) == 0)
			return all[i].nearness;
	}
	return 0;
}
