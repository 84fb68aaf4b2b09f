#include "model_world.h"

static const char *const verticals[] = {"credit_card", "osago"};
static const char *const countries[] = {"RU", "KZ", "BY"};
static const char *const regions[] = {"Moscow", "Tver", "Omsk"};
static const char *const webmasters[] = {"w1", "w2", "w3", "w4"};
static const char *const lines[] = {"mobile", "voip", "fixed_line"};

static uint64_t maybe(struct both *b, uint32_t percent, uint64_t limit)
{
	return chance(b, percent) ? 1 + some(b, limit) : 0;
}

/* --- terms --- */

static Punnet__V1__Criterion *criterion(struct both *b, struct play_order *o, const char *name,
					Punnet__V1__CriterionKind kind)
{
	Punnet__V1__Criterion *c = arena_alloc(&b->words, sizeof(*c));

	punnet__v1__criterion__init(c);
	c->name = (char *)name;
	c->kind = kind;
	c->values = arena_calloc(&b->words, 4, sizeof(*c->values));
	if (o)
		o->where[o->where_count++] = c;
	return c;
}

static void list_criterion(struct both *b, struct play_order *o, const char *name, bool in,
			   uint32_t set, const char *const *names, int count)
{
	Punnet__V1__Criterion *c;

	if (set == 0)
		return;
	c = criterion(b, o, name, in ? 0 : PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN);
	c->unknown_fits = !in;
	for (int i = 0; i < count; i++) {
		if (set >> i & 1)
			c->values[c->n_values++] = (char *)names[i];
	}
}

static void range_criterion(struct both *b, struct play_order *o, const char *name, int min,
			    int max)
{
	Punnet__V1__Criterion *c;

	if (!min && !max)
		return;
	c = criterion(b, o, name, PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN);
	c->has_min = min != 0;
	c->has_max = max != 0;
	c->min_millionths = min * MILLIONTHS;
	c->max_millionths = max * MILLIONTHS;
}

static void put_where(struct both *b, struct play_order *o, const struct model_terms *t)
{
	static const char *const gold[] = {"gold"};

	list_criterion(b, o, "region", true, t->regions, regions, 3);
	list_criterion(b, o, "region", false, t->regions_not, regions, 3);
	list_criterion(b, o, "webmaster", false, t->webmasters_not, webmasters, MODEL_WEBMASTERS);
	list_criterion(b, o, "source_class", true, t->wants_gold, gold, 1);
	list_criterion(b, o, "fact.phone_line", true, t->lines, lines, 3);
	range_criterion(b, o, "score", 0, t->score_max);
	range_criterion(b, o, "age", t->age_min, t->age_max);
}

static Punnet__V1__WeekSpan *span(struct both *b, const struct model_span *s)
{
	Punnet__V1__WeekSpan *w = arena_alloc(&b->words, sizeof(*w));

	punnet__v1__week_span__init(w);
	w->from_minute = (uint32_t)s->from;
	w->until_minute = (uint32_t)s->until;
	return w;
}

static void put_open(struct both *b, struct play_order *o, const struct model_terms *t)
{
	o->open = arena_calloc(&b->words, 2, sizeof(*o->open));
	for (int i = 0; i < 2; i++) {
		if (t->open[i].until)
			o->open[o->open_count++] = span(b, &t->open[i]);
	}
}

static void put_modifiers(struct both *b, struct play_order *o, const struct model_terms *t)
{
	for (int i = 0; i < 2; i++) {
		Punnet__V1__PriceModifier *m = arena_alloc(&b->words, sizeof(*m));

		punnet__v1__price_modifier__init(m);
		if (i == 0 && t->region_bp) {
			m->where = arena_calloc(&b->words, 1, sizeof(*m->where));
			m->where[m->n_where++] = criterion(b, NULL, "region", 0);
			m->where[0]->values[m->where[0]->n_values++] = (char *)regions[0];
			m->plus_bp = t->region_bp;
		} else if (i == 1 && t->night.until) {
			m->hours = arena_calloc(&b->words, 1, sizeof(*m->hours));
			m->hours[m->n_hours++] = span(b, &t->night);
			m->plus_bp = t->night_bp;
		} else {
			continue;
		}
		o->modifiers[o->modifier_count++] = m;
	}
}

static void put_clock(struct both *b, struct play_order *o, const struct model_terms *t)
{
	Punnet__V1__Clock *c = arena_alloc(&b->words, sizeof(*c));

	punnet__v1__clock__init(c);
	c->shifts = arena_calloc(&b->words, 2, sizeof(*c->shifts));
	for (int i = 0; i < 2; i++) {
		Punnet__V1__ClockShift *s = arena_alloc(&b->words, sizeof(*s));

		punnet__v1__clock_shift__init(s);
		s->from_ms = i ? t->shift_at : MODEL_START_MS;
		s->offset_minutes = i ? t->clock_after : t->clock_before;
		c->shifts[c->n_shifts++] = s;
	}
	o->clock = c;
}

static void put_terms(struct both *b, struct play_order *o, const struct model_terms *t)
{
	o->advertiser = advertiser_ids[t->advertiser];
	o->price_minor = t->price;
	o->floor_minor = t->floor;
	o->quantity = t->quantity;
	o->cap_hour = t->cap_hour;
	o->cap_day = t->cap_day;
	o->cap_total = t->cap_total;
	o->more_caps.week = t->cap_week;
	o->more_caps.month = t->cap_month;
	o->more_caps.webmaster_day = t->cap_webmaster_day;
	o->more_caps.webmaster_total = t->cap_webmaster_total;
	o->budget.day_minor = t->budget_day;
	o->budget.total_minor = t->budget_total;
	o->from_ms = t->from;
	o->until_ms = t->until;
	o->priority = t->priority;
	o->weight = t->weight;
	o->paused = t->paused;
	o->takes_own_customers = t->takes_own;
	o->shared = t->share_limit > 1;
	o->share_limit = t->share_limit;
	for (int i = 0; i < 3; i++) {
		if (t->countries >> i & 1)
			o->countries[o->country_count++] = countries[i];
	}
	for (int i = 0; i < MODEL_ADVERTISERS; i++) {
		if (t->not_with >> i & 1)
			o->not_with[o->not_with_count++] = advertiser_ids[i];
	}
	put_where(b, o, t);
	put_open(b, o, t);
	put_modifiers(b, o, t);
	put_clock(b, o, t);
}

static void draw_limits(struct both *b, struct model_terms *t)
{
	t->quantity = maybe(b, 20, 30);
	t->cap_hour = maybe(b, 25, 4);
	t->cap_day = maybe(b, 25, 8);
	t->cap_week = maybe(b, 15, 12);
	t->cap_month = maybe(b, 15, 16);
	t->cap_total = maybe(b, 20, 30);
	t->cap_webmaster_day = maybe(b, 10, 3);
	t->cap_webmaster_total = maybe(b, 10, 5);
	t->budget_day = (int64_t)maybe(b, 15, 600);
	t->budget_total = (int64_t)maybe(b, 15, 1500);
	t->share_limit = chance(b, 40) ? 2 + (uint32_t)some(b, 2) : 1;
	t->not_with = chance(b, 20) ? (uint32_t)some(b, 16) : 0;
}

static void draw_wishes(struct both *b, struct model_terms *t)
{
	t->countries = (uint32_t)maybe(b, 30, 7);
	t->regions = (uint32_t)maybe(b, 20, 7);
	t->regions_not = (uint32_t)maybe(b, 10, 7);
	t->webmasters_not = (uint32_t)maybe(b, 15, 15);
	t->wants_gold = chance(b, 10);
	t->score_max = (int)maybe(b, 15, 60);
	t->lines = (uint32_t)maybe(b, 15, 7);
	t->age_min = (int)maybe(b, 15, 60);
	t->age_max = chance(b, 15) ? t->age_min + 1 + (int)some(b, 40) : 0;
	t->takes_own = chance(b, 30);
}

static void draw_hours(struct both *b, struct model_terms *t, int order)
{
	/* A clock never changes: what was taken by another one has no name in it. */
	t->clock_before = (order - 6) * 30;
	t->clock_after = t->clock_before + (order % 3 - 1) * 60;
	t->shift_at = MODEL_START_MS + (order + 1) * 7 * MS_PER_HOUR;
	if (chance(b, 25)) {
		t->open[0].from = (int)some(b, 5000);
		t->open[0].until = t->open[0].from + 60 + (int)some(b, 2000);
		t->open[1].from = t->open[0].until + (int)some(b, 500);
		t->open[1].until = t->open[1].from + 60 + (int)some(b, 2400); /* at most 10,020 */
	}
	t->region_bp = chance(b, 25) ? (int)some(b, 8000) - 4000 : 0;
	if (chance(b, 15)) {
		t->night = (struct model_span){(int)some(b, 5000), 5000 + (int)some(b, 5000)};
		t->night_bp = (int)some(b, 8000) - 4000;
	}
}

/* --- events --- */

void draw_order(struct both *b, bool fresh)
{
	int i = (int)some(b, MODEL_ORDERS);
	struct model_terms t = {
	    .vertical = i % 2,
	    .advertiser = i / 2 % MODEL_ADVERTISERS,
	    .price = (int64_t)some(b, 6) * 25,
	    .floor = (int64_t)maybe(b, 10, 100),
	    .priority = (int)some(b, 3) - 1,
	    .weight = (uint32_t)maybe(b, 30, 3),
	    .paused = chance(b, 8),
	};
	uint64_t revision = 1 + some(b, 40);
	struct play_order o = {.id = order_ids[i], .vertical = verticals[t.vertical]};

	o.revision = revision;
	if (!fresh && chance(b, 10)) {
		o.removed = true;
		model_remove(&b->model, i, revision);
		(void)play_order(&b->play, b->model.now, &o);
		return;
	}
	draw_limits(b, &t);
	draw_wishes(b, &t);
	draw_hours(b, &t, i);
	if (chance(b, 12))
		t.from = b->model.now + (int64_t)some(b, 4 * MS_PER_HOUR);
	if (chance(b, 12))
		t.until = b->model.now + (int64_t)some(b, 24 * MS_PER_HOUR);
	if (t.until)
		t.quantity = 0; /* a quantity by a deadline is paced, and the model paces nothing */
	put_terms(b, &o, &t);
	model_order(&b->model, i, revision, &t);
	(void)play_order(&b->play, b->model.now, &o);
}

static void draw_rate(struct both *b, int vertical, struct model_rate *r,
		      Punnet__V1__RateChanged *to)
{
	Punnet__V1__PayoutRate *p = arena_alloc(&b->words, sizeof(*p));

	do {
		r->order = chance(b, 40) ? (int)some(b, MODEL_ORDERS / 2) * 2 + vertical : -1;
		r->webmaster = chance(b, 40) ? (int)some(b, MODEL_WEBMASTERS) : -1;
		r->gold = chance(b, 40);
		r->top = chance(b, 40);
	} while (r->order < 0 && r->webmaster < 0 && !r->gold && !r->top);
	r->fixed = (int64_t)maybe(b, 30, 80);
	r->share_bp = r->fixed ? 0 : (int64_t)some(b, 10001);
	r->from = chance(b, 20) ? b->model.now + (int64_t)some(b, 4 * MS_PER_HOUR) : 0;
	r->until = chance(b, 20) ? b->model.now + (int64_t)some(b, 8 * MS_PER_HOUR) : 0;
	punnet__v1__payout_rate__init(p);
	p->from_ms = r->from;
	p->until_ms = r->until;
	p->order_id = (char *)(r->order >= 0 ? order_ids[r->order] : "");
	p->aff_id = (char *)(r->webmaster >= 0 ? webmasters[r->webmaster] : "");
	p->source_class = (char *)(r->gold ? "gold" : "");
	p->tier = (char *)(r->top ? "top" : "");
	p->share_bp = (uint32_t)r->share_bp;
	p->fixed_minor = r->fixed;
	to->rates[to->n_rates++] = p;
}

static void draw_tiers(struct both *b, uint32_t top, Punnet__V1__RateChanged *card)
{
	card->tier_holders = arena_calloc(&b->words, MODEL_WEBMASTERS, sizeof(*card->tier_holders));
	for (int i = 0; i < MODEL_WEBMASTERS; i++) {
		Punnet__V1__TierHolder *h = arena_alloc(&b->words, sizeof(*h));

		if (!(top >> i & 1))
			continue;
		punnet__v1__tier_holder__init(h);
		h->aff_id = (char *)webmasters[i];
		h->tier = (char *)"top";
		card->tier_holders[card->n_tier_holders++] = h;
	}
}

void draw_card(struct both *b)
{
	int vertical = (int)some(b, 2);
	struct model_card *c = &b->model.cards[vertical];
	Punnet__V1__RateChanged card = PUNNET__V1__RATE_CHANGED__INIT;

	*c = (struct model_card){.share_bp = 5000 + (int64_t)some(b, 5001),
				 .margin = (int64_t)maybe(b, 30, 30),
				 .margin_bp = (int64_t)maybe(b, 20, 3000),
				 .wait_ms = (int64_t)maybe(b, 50, 6 * MS_PER_HOUR),
				 .gold = (uint32_t)some(b, 16),
				 .top = (uint32_t)some(b, 16),
				 .rate_count = (int)maybe(b, 50, 4)};
	card.vertical = (char *)verticals[vertical];
	card.payout_share_bp = (uint32_t)c->share_bp;
	card.margin_floor_minor = c->margin;
	card.margin_floor_bp = (uint32_t)c->margin_bp;
	card.buyer_wait_ms = c->wait_ms;
	card.rates = arena_calloc(&b->words, 4, sizeof(*card.rates));
	card.sources = arena_calloc(&b->words, MODEL_WEBMASTERS, sizeof(*card.sources));
	for (int i = 0; i < c->rate_count; i++)
		draw_rate(b, vertical, &c->rates[i], &card);
	for (int i = 0; i < MODEL_WEBMASTERS; i++) {
		Punnet__V1__SourceClass *s = arena_alloc(&b->words, sizeof(*s));

		if (!(c->gold >> i & 1))
			continue;
		punnet__v1__source_class__init(s);
		s->aff_id = (char *)webmasters[i];
		s->source_class = (char *)"gold";
		card.sources[card.n_sources++] = s;
	}
	draw_tiers(b, c->top, &card);
	(void)play_card(&b->play, b->model.now, &card);
}

static void put_fact(struct both *b, struct play_lead *l, const char *name, const char *text)
{
	Punnet__V1__Fact *f = arena_alloc(&b->words, sizeof(*f));

	punnet__v1__fact__init(f);
	f->name = (char *)name;
	f->value_case = PUNNET__V1__FACT__VALUE_TEXT;
	f->text = (char *)text;
	l->facts[l->fact_count++] = f;
}

static void put_age(struct both *b, struct play_lead *l, int age)
{
	Punnet__V1__Field *f = arena_alloc(&b->words, sizeof(*f));

	punnet__v1__field__init(f);
	f->name = (char *)"age";
	f->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
	f->integer = age;
	l->fields[l->field_count++] = f;
}

static void put_customers(struct both *b, struct play_lead *l, uint32_t owners)
{
	struct buf text = {0};

	for (int i = 0; i < MODEL_ADVERTISERS; i++) {
		if (owners >> i & 1)
			buf_printf(&text, "%s%s", text.len ? "," : "", advertiser_ids[i]);
	}
	put_fact(b, l, "customer_of", text.len ? arena_cstr(&b->words, buf_slice(&text)) : "none");
	buf_free(&text);
}

static void put_bids(struct both *b, struct play_lead *l, struct model_lead *m)
{
	m->has_bids = true;
	for (int i = m->vertical; i < MODEL_ORDERS && l->bid_count < ARRAY_LEN(l->bids); i += 2) {
		Punnet__V1__Bid *bid = arena_alloc(&b->words, sizeof(*bid));

		if (l->bid_count > 0 && chance(b, 50))
			continue;
		punnet__v1__bid__init(bid);
		bid->order_id = (char *)order_ids[i];
		bid->amount_minor = m->bids[i] = 1 + (int64_t)some(b, 100);
		l->bids[l->bid_count++] = bid;
	}
}

void draw_lead(struct both *b)
{
	int n = b->leads++;
	struct model_lead *m = &b->model.leads[n];
	struct play_lead l = {.id = play_lead_id((uint64_t)n), .judged_offset = UINT64_MAX};

	*m = (struct model_lead){.test = chance(b, 10),
				 .vertical = (int)some(b, 2),
				 .country = (int)some(b, 4) - 1,
				 .region = (int)some(b, 4) - 1,
				 .age = chance(b, 80) ? 1 + (int)some(b, 99) : -1,
				 .webmaster = (int)some(b, MODEL_WEBMASTERS),
				 .score = (int)some(b, 80),
				 .line = (int)some(b, 4) - 1,
				 .customer_of = chance(b, 30) ? (uint32_t)some(b, 16) : 0};
	l.vertical = verticals[m->vertical];
	l.country = m->country < 0 ? NULL : countries[m->country];
	l.region = m->region < 0 ? NULL : regions[m->region];
	l.aff_id = webmasters[m->webmaster];
	l.score = m->score;
	l.is_test = m->test;
	if (m->age >= 0)
		put_age(b, &l, m->age);
	if (m->line >= 0)
		put_fact(b, &l, "phone_line", lines[m->line]);
	put_customers(b, &l, m->customer_of);
	if (chance(b, 8))
		put_bids(b, &l, m);
	model_lead(&b->model, n, &b->want);
	(void)play_lead(&b->play, b->model.now, &l);
}

void draw_settlement(struct both *b)
{
	int n = (int)some(b, (uint64_t)b->leads);
	const struct model_lead *l = &b->model.leads[n];
	uint32_t round = l->hold_count && chance(b, 90) ? (uint32_t)some(b, (uint64_t)l->hold_count)
							: (uint32_t)some(b, 3);
	int order = round < (uint32_t)l->hold_count && chance(b, 90) ? l->holds[round].order
								     : (int)some(b, MODEL_ORDERS);
	enum model_settle what = 1 + (int)some(b, 4);
	struct lead_id id = play_lead_id((uint64_t)n);

	model_settle(&b->model, n, order, round, what, &b->want);
	(void)play_settle(&b->play, b->model.now, &id, (Punnet__V1__Settlement)what, round,
			  order_ids[order], UINT64_MAX);
}

void draw_return(struct both *b)
{
	int order = (int)some(b, MODEL_ORDERS);
	int64_t price = (int64_t)some(b, 100);
	struct lead_id id = play_lead_id(some(b, (uint64_t)b->leads));

	if (!b->model.orders[order].known)
		return;
	model_return(&b->model, order, price);
	(void)play_return(&b->play, b->model.now, &id, 0, order_ids[order], price);
}
