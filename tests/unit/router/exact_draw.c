/* exact_draw: orders of all kinds that change, leads, funds, settlements; as bytes of the log. */
#include "exact.h"

#include <stdio.h>

#include "lead/codec.h"

#define LOWERED_MOST_MS (2LL * MS_PER_DAY)
#define LIVES_MS        (20LL * MS_PER_DAY) /* of an order with an end, at most */

static const char *const countries[EXACT_COUNTRIES] = {"RU", "KZ", "BY"};
static const char *const webmasters[EXACT_WEBMASTERS] = {"w0", "w1", "w2", "w3",
							 "w4", "w5", "w6", "w7"};
static const char *const advertisers[EXACT_ADVERTISERS] = {"a0", "a1", "a2", "a3", "a4", "a5"};

const char *order_name(int order)
{
	static char names[EXACT_ORDERS][8];

	snprintf(names[order], sizeof(names[order]), "o%02d", order);
	return names[order];
}

static uint64_t some(struct rng *r, uint32_t per_10000, uint64_t least, uint64_t most)
{
	return rng_chance(r, per_10000) ? least + rng_below(r, most - least) : 0;
}

static void draw_limits(struct rng *r, struct exact_terms *t, int64_t now_ms)
{
	t->cap_hour = some(r, 3000, 1, 12);
	t->cap_day = some(r, 3000, 5, 120);
	t->cap_week = some(r, 2000, 20, 600);
	t->cap_month = some(r, 2000, 50, 2000);
	t->cap_total = some(r, 1500, 100, 5000);
	t->budget_day = (int64_t)some(r, 1500, 10000, 400000);
	t->budget_total = (int64_t)some(r, 1000, 100000, 9000000);
	if (t->by_webmaster) {
		t->cap_webmaster_day = 1 + rng_below(r, 20);
		t->cap_webmaster_total = some(r, 5000, 50, 1000);
	}
	t->from_ms = rng_chance(r, 500) ? now_ms + (int64_t)rng_below(r, MS_PER_DAY) : 0;
	t->until_ms = t->paced || rng_chance(r, 1000)
			  ? now_ms + MS_PER_DAY + (int64_t)rng_below(r, LIVES_MS)
			  : 0;
	t->quantity = t->paced ? 50 + rng_below(r, 3000) : some(r, 500, 100, 8000);
}

static void draw_terms(struct exact_draw *d, int order, int64_t now_ms)
{
	struct exact_terms *t = &d->orders[order];
	struct rng *r = &d->rng;

	*t = (struct exact_terms){.known = true,
				  .advertiser = order % EXACT_ADVERTISERS,
				  .paced = order % 8 == 7,
				  .by_webmaster = order % 5 == 1,
				  .offset_minutes = order % 3 * 180 - 180,
				  .not_with = -1,
				  .revision = ++d->revision};
	t->removed = rng_chance(r, 300);
	t->paused = rng_chance(r, 700);
	t->price = 1000 + (int64_t)rng_below(r, 40) * 100;
	t->priority = (int)rng_below(r, 3);
	t->shared = rng_chance(r, 4000);
	t->share_limit = t->shared ? 2 + (uint32_t)rng_below(r, 3) : 0;
	if (rng_chance(r, 2000))
		t->not_with = (int)rng_below(r, EXACT_ADVERTISERS);
	t->countries = (uint32_t)rng_below(r, 1 << EXACT_COUNTRIES);
	draw_limits(r, t, now_ms);
}

static void pack(Punnet__V1__MarketEvent *event, struct buf *out)
{
	buf_reset(out);
	codec_pack(&event->base, out);
	assert(!out->failed);
}

static void put_order(const struct exact_terms *t, int order, struct buf *out)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Caps caps = PUNNET__V1__CAPS__INIT;
	Punnet__V1__Budget budget = PUNNET__V1__BUDGET__INIT;
	char *in[EXACT_COUNTRIES], *not_with[1];

	caps.hour = t->cap_hour, caps.day = t->cap_day, caps.week = t->cap_week;
	caps.month = t->cap_month, caps.total = t->cap_total;
	caps.webmaster_day = t->cap_webmaster_day;
	caps.webmaster_total = t->cap_webmaster_total;
	budget.day_minor = t->budget_day, budget.total_minor = t->budget_total;
	price.amount_minor = t->price, price.currency = (char *)"RUB";
	terms.order_id = (char *)order_name(order);
	terms.advertiser_id = (char *)advertisers[t->advertiser];
	terms.vertical = (char *)EXACT_VERTICAL;
	terms.price = &price, terms.caps = &caps, terms.budget = &budget;
	terms.priority = t->priority, terms.paused = t->paused;
	terms.quantity = t->quantity, terms.from_ms = t->from_ms, terms.until_ms = t->until_ms;
	terms.sharing = t->shared ? PUNNET__V1__SHARING__SHARED : PUNNET__V1__SHARING__EXCLUSIVE;
	terms.share_limit = t->share_limit, terms.utc_offset_minutes = t->offset_minutes;
	terms.countries = in;
	for (int i = 0; i < EXACT_COUNTRIES; i++) {
		if (t->countries >> i & 1)
			in[terms.n_countries++] = (char *)countries[i];
	}
	if (t->not_with >= 0) {
		not_with[0] = (char *)advertisers[t->not_with];
		terms.not_with = not_with, terms.n_not_with = 1;
	}
	terms.delivery_json = (char *)"{}";
	changed.terms = &terms, changed.revision = t->revision, changed.removed = t->removed;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	pack(&event, out);
}

void draw_order(struct exact_draw *d, int order, int64_t now_ms, struct buf *out)
{
	draw_terms(d, order, now_ms);
	put_order(&d->orders[order], order, out);
}

void draw_funds(struct exact_draw *d, int advertiser, struct buf *out)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;

	d->paid_in[advertiser] += (int64_t)rng_below(&d->rng, 3000000);
	funds.advertiser_id = (char *)advertisers[advertiser];
	funds.currency = (char *)"RUB";
	funds.paid_in_minor = d->paid_in[advertiser];
	funds.revision = ++d->revision;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_FUNDS;
	event.funds = &funds;
	pack(&event, out);
}

struct exact_lowered draw_lowered(struct exact_draw *d, int64_t now_ms, struct buf *out)
{
	struct exact_lowered l = {.advertiser = (int)rng_below(&d->rng, EXACT_ADVERTISERS),
				  .bp = 1 + (uint32_t)rng_below(&d->rng, 9000)};
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__AdvertiserLowered lowered = PUNNET__V1__ADVERTISER_LOWERED__INIT;

	if (rng_chance(&d->rng, 8000))
		l.until_ms = now_ms + (int64_t)rng_below(&d->rng, LOWERED_MOST_MS);
	lowered.advertiser_id = (char *)advertisers[l.advertiser];
	lowered.until_ms = l.until_ms;
	lowered.lower_bp = l.bp;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_LOWERED;
	event.lowered = &lowered;
	pack(&event, out);
	return l;
}

void draw_card(struct buf *out)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__RateChanged rate = PUNNET__V1__RATE_CHANGED__INIT;

	rate.vertical = (char *)EXACT_VERTICAL;
	rate.payout_share_bp = 7000;
	rate.buyer_wait_ms = 20 * MS_PER_MIN;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = &rate;
	pack(&event, out);
}

static struct lead_id id_of(uint64_t n)
{
	struct lead_id id = {{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80}};

	for (int i = 0; i < 7; i++)
		id.bytes[15 - i] = n >> (8 * i) & 0xff;
	return id;
}

struct exact_lead draw_lead(struct exact_draw *d, struct buf *out)
{
	struct exact_lead l = {.id = id_of(++d->next_lead),
			       .country = (int)rng_below(&d->rng, EXACT_COUNTRIES),
			       .webmaster = (int)rng_below(&d->rng, EXACT_WEBMASTERS),
			       .test = rng_chance(&d->rng, 100)};
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	lead.vertical = (char *)EXACT_VERTICAL;
	lead.country = (char *)countries[l.country];
	lead.aff_id = (char *)webmasters[l.webmaster];
	lead.is_test = l.test;
	source.topic = (char *)"leads.judged";
	source.offset = d->next_judged++;
	admitted.lead = &lead;
	event.lead_id = codec_lead_id(&l.id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	pack(&event, out);
	return l;
}

void draw_settled(struct exact_draw *d, const struct lead_id *id, uint32_t round, int order,
		  Punnet__V1__Settlement what, int64_t price, struct buf *out)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	settled.settlement = what;
	settled.round = round;
	settled.order_id = (char *)order_name(order);
	settled.price_minor = price;
	source.topic = (char *)"payout.outbox";
	source.offset = d->next_outbox++;
	event.lead_id = codec_lead_id(id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	event.settled = &settled;
	pack(&event, out);
}

void draw_due(const struct lead_id *id, struct buf *out)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadDue due = PUNNET__V1__LEAD_DUE__INIT;

	event.lead_id = codec_lead_id(id);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_DUE;
	event.due = &due;
	pack(&event, out);
}
