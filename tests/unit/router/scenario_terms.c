/* scenario_terms: the longer terms of orders, what leads say, rate cards and funds.
 *
 *   order …     advertiser=bank-b  cap_week=5  cap_month=9  cap_webmaster_day=2  cap_webmaster_total=3  budget_day=900.00
 *               budget_total=1800.00  share=3  not_with=bank-b,bank-c  weight=2  floor=300.00  re_sales
 *               where.region=in:Tver,Moscow  where.age=between:21..65  where.sub1=not_in?:x  (? fits a lead that doesn't say)
 *               plus=1500:region=in:Moscow  plus=-2000:hours=daily/22:00-06:00  zone=Europe/Berlin  open=mon-fri/09:00-18:00
 *   lead …      region=Tver  webmaster=w18  sub1=x  score=55  age=30  fact.phone_line=voip  bid.A=450.00  list.cars=a+b
 *   10:00:02 rate credit_card 6500 margin=50.00 margin_bp=1000 wait=01:00:00 class.w17=gold tier.w17=top
 *               pay=order:A,webmaster:w17,class:gold,share:8000   pay=webmaster:w18,fixed:100.00
 *   10:00:02 funds bank RUB 900.00 [credit=100.00] [revision=7] [unlimited]
 *   10:00:03 held bank 10:05:00   held_by_rule bank +2d/10:00:00   lowered bank 20% 11:00:00    until then */
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"
#include "tools/order_week.h"

#define CLOCKS_UNTIL_MS (DAY_MS + 800 * MS_PER_DAY)

static char *copy(struct stage *s, const char *text)
{
	return arena_cstr(&s->words, slice_cstr(text));
}

static void spaces(char *text)
{
	for (; *text; text++) {
		if (*text == '/')
			*text = ' ';
	}
}

static int64_t millionths(struct stage *s, const char *text)
{
	int64_t n = 0;

	if (!number_parse(slice_cstr(text), &n))
		fail(s, "expected a number", text);
	return n;
}

static void between(struct stage *s, Punnet__V1__Criterion *c, char *value)
{
	char *most = strstr(value, "..");

	if (!most)
		fail(s, "expected MIN..MAX", value);
	*most = '\0';
	most += 2;
	c->has_min = value[0] != '\0';
	c->has_max = most[0] != '\0';
	c->min_millionths = c->has_min ? millionths(s, value) : 0;
	c->max_millionths = c->has_max ? millionths(s, most) : 0;
}

/* "region=in:Tver,Moscow" */
static Punnet__V1__Criterion *criterion(struct stage *s, const char *name, char *value)
{
	static const char *const kinds[] = {"in",      "not_in",  "between",
					    "has_any", "has_all", "has_none"};
	Punnet__V1__Criterion *c = arena_alloc(&s->words, sizeof(*c));
	char *rest = strchr(value, ':'), *save = NULL;
	size_t kind = 0;

	if (!rest)
		fail(s, "expected NAME=KIND:VALUES", value);
	*rest++ = '\0';
	punnet__v1__criterion__init(c);
	c->name = copy(s, name);
	if (value[strlen(value) - 1] == '?') {
		c->unknown_fits = true;
		value[strlen(value) - 1] = '\0';
	}
	while (kind < ARRAY_LEN(kinds) && strcmp(kinds[kind], value) != 0)
		kind++;
	c->kind = (Punnet__V1__CriterionKind)kind;
	if (kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN) {
		between(s, c, rest);
		return c;
	}
	c->values = arena_calloc(&s->words, 16, sizeof(*c->values));
	for (char *v = strtok_r(rest, ",", &save); v && c->n_values < 16;
	     v = strtok_r(NULL, ",", &save))
		c->values[c->n_values++] = copy(s, v);
	return c;
}

static void opening(struct stage *s, char *value, struct week *w)
{
	char *save = NULL;

	spaces(value);
	for (char *v = strtok_r(value, ",", &save); v; v = strtok_r(NULL, ",", &save)) {
		const char *fault = week_add(w, slice_cstr(v), &s->words);

		if (fault)
			fail(s, v, fault);
	}
}

static void modifier(struct stage *s, struct play_order *o, char *value)
{
	Punnet__V1__PriceModifier *m = arena_alloc(&s->words, sizeof(*m));
	char *what = strchr(value, ':'), *is = what ? strchr(what, '=') : NULL;
	struct week week = {0};

	if (!is || o->modifier_count == ARRAY_LEN(o->modifiers))
		fail(s, "expected plus=BP:NAME=KIND:VALUES", value);
	*what++ = '\0';
	*is++ = '\0';
	punnet__v1__price_modifier__init(m);
	m->plus_bp = atoi(value);
	if (strcmp(what, "hours") == 0) {
		opening(s, is, &week);
		m->hours = week.spans;
		m->n_hours = week.count;
	} else {
		m->where = arena_alloc(&s->words, sizeof(*m->where));
		m->where[m->n_where++] = criterion(s, what, is);
	}
	o->modifiers[o->modifier_count++] = m;
}

static bool number_term(struct play_order *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t *to;
	} all[] = {
	    {"cap_week", &o->more_caps.week},
	    {"cap_month", &o->more_caps.month},
	    {"cap_webmaster_day", &o->more_caps.webmaster_day},
	    {"cap_webmaster_total", &o->more_caps.webmaster_total},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (strcmp(all[i].name, name) != 0)
			continue;
		*all[i].to = strtoull(value, NULL, 10);
		return true;
	}
	return false;
}

static bool money_term(struct stage *s, struct play_order *o, const char *name, const char *value)
{
	int64_t *to = strcmp(name, "budget_day") == 0     ? &o->budget.day_minor
		      : strcmp(name, "budget_total") == 0 ? &o->budget.total_minor
		      : strcmp(name, "floor") == 0        ? &o->floor_minor
							  : NULL;

	if (to)
		*to = minor(s, value);
	return to != NULL;
}

static void not_with(struct stage *s, struct play_order *o, char *value)
{
	char *save = NULL;

	for (char *v = strtok_r(value, ",", &save); v && o->not_with_count < ARRAY_LEN(o->not_with);
	     v = strtok_r(NULL, ",", &save))
		o->not_with[o->not_with_count++] = copy(s, v);
}

bool scenario_term(struct stage *s, struct play_order *o, const char *name, char *value)
{
	struct week week = {0};

	if (number_term(o, name, value) || money_term(s, o, name, value))
		return true;
	if (strcmp(name, "advertiser") == 0) {
		o->advertiser = value;
	} else if (strcmp(name, "share") == 0) {
		o->shared = true;
		o->share_limit = (uint32_t)atoi(value);
	} else if (strcmp(name, "weight") == 0) {
		o->weight = (uint32_t)atoi(value);
	} else if (strcmp(name, "not_with") == 0) {
		not_with(s, o, value);
	} else if (strncmp(name, "where.", 6) == 0 && o->where_count < ARRAY_LEN(o->where)) {
		o->where[o->where_count++] = criterion(s, name + 6, value);
	} else if (strcmp(name, "plus") == 0) {
		modifier(s, o, value);
	} else if (strcmp(name, "open") == 0) {
		opening(s, value, &week);
		o->open = week.spans;
		o->open_count = week.count;
	} else if (strcmp(name, "zone") == 0) {
		o->clock = zone_clock(value, DAY_MS, CLOCKS_UNTIL_MS, &s->words);
		if (!o->clock)
			fail(s, "no such zone", value);
	} else {
		return false;
	}
	return true;
}

/* --- leads --- */

static Punnet__V1__Field *field(struct stage *s, const char *name, char *value)
{
	Punnet__V1__Field *f = arena_alloc(&s->words, sizeof(*f));
	struct buf json = {0};
	char *save = NULL;
	int64_t n;

	punnet__v1__field__init(f);
	f->name = (char *)name;
	if (strncmp(name, "list.", 5) == 0) {
		f->name = (char *)name + 5;
		for (char *v = strtok_r(value, "+", &save); v; v = strtok_r(NULL, "+", &save))
			buf_printf(&json, "%c\"%s\"", json.len ? ',' : '[', v);
		buf_append_char(&json, ']');
		f->value_case = PUNNET__V1__FIELD__VALUE_JSON;
		f->json = copy(s, buf_cstr(&json));
		buf_free(&json);
	} else if (slice_to_int64(slice_cstr(value), &n)) {
		f->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		f->integer = n;
	} else {
		bool decimal = number_parse(slice_cstr(value), &n);

		f->value_case =
		    decimal ? PUNNET__V1__FIELD__VALUE_DECIMAL : PUNNET__V1__FIELD__VALUE_TEXT;
		*(decimal ? &f->decimal : &f->text) = value;
	}
	return f;
}

static Punnet__V1__Fact *fact(struct stage *s, const char *name, char *value)
{
	Punnet__V1__Fact *f = arena_alloc(&s->words, sizeof(*f));
	int64_t n;

	punnet__v1__fact__init(f);
	f->name = (char *)name;
	if (slice_to_int64(slice_cstr(value), &n)) {
		f->value_case = PUNNET__V1__FACT__VALUE_NUMBER;
		f->number = n;
	} else {
		f->value_case = PUNNET__V1__FACT__VALUE_TEXT;
		f->text = value;
	}
	return f;
}

static Punnet__V1__Bid *bid(struct stage *s, const char *order, const char *value)
{
	Punnet__V1__Bid *b = arena_alloc(&s->words, sizeof(*b));

	punnet__v1__bid__init(b);
	b->order_id = (char *)order;
	b->amount_minor = minor(s, value);
	return b;
}

bool scenario_says(struct stage *s, struct play_lead *l, char *word)
{
	char *value = strchr(word, '=');

	if (!value || l->field_count == ARRAY_LEN(l->fields) ||
	    l->fact_count == ARRAY_LEN(l->facts) || l->bid_count == ARRAY_LEN(l->bids))
		return false;
	*value++ = '\0';
	if (strcmp(word, "region") == 0)
		l->region = value;
	else if (strcmp(word, "webmaster") == 0)
		l->aff_id = value;
	else if (strcmp(word, "sub1") == 0)
		l->sub1 = value;
	else if (strcmp(word, "score") == 0)
		l->score = atoi(value);
	else if (strncmp(word, "fact.", 5) == 0)
		l->facts[l->fact_count++] = fact(s, word + 5, value);
	else if (strncmp(word, "bid.", 4) == 0)
		l->bids[l->bid_count++] = bid(s, word + 4, value);
	else
		l->fields[l->field_count++] = field(s, word, value);
	return true;
}

/* --- rates and funds --- */

static Punnet__V1__PayoutRate *rate_line(struct stage *s, char *value)
{
	Punnet__V1__PayoutRate *r = arena_alloc(&s->words, sizeof(*r));
	char *save = NULL;

	punnet__v1__payout_rate__init(r);
	for (char *v = strtok_r(value, ",", &save); v; v = strtok_r(NULL, ",", &save)) {
		char *is = strchr(v, ':');

		if (!is)
			fail(s, "expected NAME:VALUE", v);
		*is++ = '\0';
		if (strcmp(v, "order") == 0)
			r->order_id = is;
		else if (strcmp(v, "webmaster") == 0)
			r->aff_id = is;
		else if (strcmp(v, "class") == 0)
			r->source_class = is;
		else if (strcmp(v, "tier") == 0)
			r->tier = is;
		else if (strcmp(v, "share") == 0)
			r->share_bp = (uint32_t)atoi(is);
		else if (strcmp(v, "from") == 0)
			r->from_ms = clock_time(s, is);
		else if (strcmp(v, "until") == 0)
			r->until_ms = clock_time(s, is);
		else
			r->fixed_minor = minor(s, is);
	}
	return r;
}

static void rate_word(struct stage *s, Punnet__V1__RateChanged *card, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		fail(s, "expected NAME=VALUE", word);
	*value++ = '\0';
	if (strcmp(word, "margin") == 0) {
		card->margin_floor_minor = minor(s, value);
	} else if (strcmp(word, "margin_bp") == 0) {
		card->margin_floor_bp = (uint32_t)atoi(value);
	} else if (strcmp(word, "wait") == 0) {
		card->buyer_wait_ms = clock_time(s, value) - DAY_MS;
	} else if (strcmp(word, "pay") == 0) {
		card->rates[card->n_rates++] = rate_line(s, value);
	} else if (strncmp(word, "class.", 6) == 0) {
		Punnet__V1__SourceClass *c = arena_alloc(&s->words, sizeof(*c));

		punnet__v1__source_class__init(c);
		c->aff_id = word + 6;
		c->source_class = value;
		card->sources[card->n_sources++] = c;
	} else if (strncmp(word, "tier.", 5) == 0) {
		Punnet__V1__TierHolder *h = arena_alloc(&s->words, sizeof(*h));

		punnet__v1__tier_holder__init(h);
		h->aff_id = word + 5;
		h->tier = value;
		card->tier_holders[card->n_tier_holders++] = h;
	} else {
		fail(s, "no such part of a rate card", word);
	}
}

void scenario_rate(struct stage *s, char **w, size_t n)
{
	Punnet__V1__RateChanged card = PUNNET__V1__RATE_CHANGED__INIT;

	card.vertical = w[1];
	card.payout_share_bp = (uint32_t)atoi(w[2]);
	card.rates = arena_calloc(&s->words, n, sizeof(*card.rates));
	card.sources = arena_calloc(&s->words, n, sizeof(*card.sources));
	card.tier_holders = arena_calloc(&s->words, n, sizeof(*card.tier_holders));
	for (size_t i = 3; i < n; i++)
		rate_word(s, &card, w[i]);
	(void)play_card(&s->play, s->now_ms, &card);
}

void scenario_funds(struct stage *s, char **w, size_t n)
{
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;

	funds.advertiser_id = w[1];
	funds.currency = w[2];
	funds.paid_in_minor = minor(s, w[3]);
	funds.revision = ++s->revision;
	for (size_t i = 4; i < n; i++) {
		if (strncmp(w[i], "credit=", 7) == 0)
			funds.credit_minor = minor(s, w[i] + 7);
		else if (strncmp(w[i], "revision=", 9) == 0)
			funds.revision = strtoull(w[i] + 9, NULL, 10);
		else if (strcmp(w[i], "unlimited") == 0)
			funds.unlimited = true;
		else
			fail(s, "no such part of funds", w[i]);
	}
	(void)play_funds(&s->play, s->now_ms, &funds);
}

bool scenario_advertiser(struct stage *s, char **w, size_t n)
{
	int percent;

	if (n >= 3 && strcmp(w[0], "held") == 0) {
		(void)play_held(&s->play, s->now_ms, w[1], clock_time(s, w[2]));
	} else if (n >= 3 && strcmp(w[0], "held_by_rule") == 0) {
		(void)play_held_by_rule(&s->play, s->now_ms, w[1], clock_time(s, w[2]));
	} else if (n >= 4 && strcmp(w[0], "lowered") == 0) {
		if (sscanf(w[2], "%d%%", &percent) != 1)
			fail(s, "expected a share such as 20%", w[2]);
		(void)play_lowered(&s->play, s->now_ms, w[1], clock_time(s, w[3]),
				   (uint32_t)percent * 100);
	} else {
		return false;
	}
	return true;
}
