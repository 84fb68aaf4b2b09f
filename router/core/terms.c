/* terms: see terms.h. */
#include "terms.h"

#include <stdlib.h>

#include "lead/codec.h"
#include "lead/wire_read.h"

/* Of OrderTerms, PriceModifier and Criterion: where their texts stand in the packed terms. */
#define FIELD_COUNTRIES      11
#define FIELD_DELIVERY       15
#define FIELD_WHERE          16
#define FIELD_MODIFIERS      19
#define FIELD_MODIFIER_WHERE 1
#define FIELD_VALUES         3
#define PART_ALIGN           8

/* --- faults --- */

static const char *criteria_fault(Punnet__V1__Criterion **all, size_t count)
{
	if (count > CRITERIA_MAX)
		return "too many criteria";
	for (size_t i = 0; i < count; i++) {
		const char *fault = criterion_fault(all[i]);

		if (fault)
			return fault;
	}
	return NULL;
}

static const char *modifiers_fault(const Punnet__V1__OrderTerms *t)
{
	if (t->n_modifiers > ORDER_MODIFIERS_MAX)
		return "too many price modifiers";
	for (size_t i = 0; i < t->n_modifiers; i++) {
		const Punnet__V1__PriceModifier *m = t->modifiers[i];
		const char *fault = criteria_fault(m->where, m->n_where);

		if (!fault)
			fault = week_spans_fault(m->hours, m->n_hours);
		if (!fault &&
		    (m->plus_bp < ORDER_MODIFIER_BP_LEAST || m->plus_bp > ORDER_MODIFIER_BP_MAX))
			fault = "a price modifier out of its limits";
		if (fault)
			return fault;
	}
	return NULL;
}

const char *terms_fault(const Punnet__V1__OrderTerms *t)
{
	const char *fault;

	if (!t || !t->order_id[0] || !t->vertical[0] || !t->price)
		return "no id, vertical or price";
	if (t->price->amount_minor > ORDER_PRICE_MAX_MINOR || t->floor_minor < 0 ||
	    t->floor_minor > ORDER_PRICE_MAX_MINOR)
		return "a price out of its limits";
	if (t->n_countries > CRITERIA_VALUES_MAX)
		return "too many countries";
	if (t->n_not_with > ORDER_NOT_WITH_MAX || t->share_limit > ORDER_SHARE_MAX)
		return "too many to share with";
	if (t->budget && (t->budget->day_minor < 0 || t->budget->total_minor < 0))
		return "a budget below zero";
	fault = clock_fault(t);
	if (!fault)
		fault = week_spans_fault(t->open, t->n_open);
	if (!fault)
		fault = criteria_fault(t->where, t->n_where);
	return fault ? fault : modifiers_fault(t);
}

/* --- names --- */

static const char *name_of(struct map *names, const char *text)
{
	char *name = map_get(names, slice_cstr(text));

	if (name)
		return name;
	name = strdup(text);
	if (!name)
		abort();
	map_put(names, slice_cstr(text), name);
	return name;
}

void names_free(struct map *names)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(names, i, &key, &value); i++)
		free(value);
	map_free(names);
}

/* --- laying out --- */

/* What the block holds, one part after the other. Each is used up as it is filled. */
struct parts {
	char *block; /* NULL while it is measured */
	size_t len;
	struct terms *terms;
	struct criterion *criteria;
	struct modifier *modifiers;
	uint64_t *limits;
	struct clock_shift *shifts;
	const char **not_with;
	struct week_span *spans;
	struct criterion_value *values;
	char *order_id, *packed;
};

struct makes {
	const Punnet__V1__OrderTerms *from;
	const Punnet__V1__Criterion *countries;
	struct map *names;
	struct attributes *attributes;
	uint64_t limits[LIMITS];
	size_t limit_count, packed_len;
};

static void *part(struct parts *p, size_t count, size_t size)
{
	void *at = p->block ? p->block + p->len : NULL;

	p->len += (count * size + PART_ALIGN - 1) / PART_ALIGN * PART_ALIGN;
	return at;
}

static size_t values_of(Punnet__V1__Criterion *const *all, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += criterion_values_needed(all[i]);
	return n;
}

static void lay_out(struct parts *p, const struct makes *m)
{
	const Punnet__V1__OrderTerms *t = m->from;
	size_t criteria = t->n_where + (t->n_countries > 0), spans = t->n_open;
	size_t values = criterion_values_needed(m->countries) + values_of(t->where, t->n_where);

	for (size_t i = 0; i < t->n_modifiers; i++) {
		criteria += t->modifiers[i]->n_where;
		spans += t->modifiers[i]->n_hours;
		values += values_of(t->modifiers[i]->where, t->modifiers[i]->n_where);
	}
	/* What every decision reads stands together at the beginning: see TERMS_ASKED. */
	p->terms = part(p, 1, sizeof(*p->terms));
	p->limits = part(p, m->limit_count, sizeof(*p->limits));
	p->order_id = part(p, strlen(t->order_id) + 1, 1);
	p->criteria = part(p, criteria, sizeof(*p->criteria));
	p->modifiers = part(p, t->n_modifiers, sizeof(*p->modifiers));
	p->shifts = part(p, t->clock ? t->clock->n_shifts : 0, sizeof(*p->shifts));
	p->not_with = part(p, t->n_not_with, sizeof(*p->not_with));
	p->spans = part(p, spans, sizeof(*p->spans));
	p->values = part(p, values, sizeof(*p->values));
	p->packed = part(p, m->packed_len, 1);
}

/* --- filling --- */

static void gather_limits(struct makes *m)
{
	const Punnet__V1__Caps *caps = m->from->caps;
	const Punnet__V1__Budget *budget = m->from->budget;

	if (caps) {
		m->limits[LIMIT_HOUR] = caps->hour;
		m->limits[LIMIT_DAY] = caps->day;
		m->limits[LIMIT_WEEK] = caps->week;
		m->limits[LIMIT_MONTH] = caps->month;
		m->limits[LIMIT_TOTAL] = caps->total;
		m->limits[LIMIT_WEBMASTER_DAY] = caps->webmaster_day;
		m->limits[LIMIT_WEBMASTER_TOTAL] = caps->webmaster_total;
	}
	if (budget) {
		m->limits[LIMIT_BUDGET_DAY] = (uint64_t)budget->day_minor;
		m->limits[LIMIT_BUDGET_TOTAL] = (uint64_t)budget->total_minor;
	}
	for (int i = 0; i < LIMITS; i++)
		m->limit_count += m->limits[i] > 0;
}

static void fill_limits(struct parts *p, const struct makes *m)
{
	struct terms *t = p->terms;

	t->limits = p->limits;
	for (int i = 0; i < LIMITS; i++) {
		if (m->limits[i] == 0)
			continue;
		*p->limits++ = m->limits[i];
		t->limit_mask |= (uint16_t)(1u << i);
	}
}

/* The value texts of a criterion stand one behind the other in its message, or those of the countries in the terms: the first
 * one's field. */
static const char *first_text(struct slice message, uint32_t field)
{
	struct wire_walk w = wire_walk_of(message);
	const char *at = w.at;
	struct wire_field f;

	while (wire_take_field(&w, &f) && f.number != field)
		at = w.at;
	return at;
}

/* The i-th message of that number. */
static struct slice message_at(struct slice packed, uint32_t field, size_t i)
{
	struct wire_walk w = wire_walk_of(packed);
	struct wire_field f;

	while (wire_take_field(&w, &f)) {
		if (f.number == field && i-- == 0)
			return f.bytes;
	}
	assert(!"terms lack what was just packed");
	return packed;
}

static struct criterion *add_criterion(struct parts *p, const struct makes *m,
				       const Punnet__V1__Criterion *from, const char *texts)
{
	struct criterion *c = p->criteria++;

	criterion_make(c, from, texts, p->values, m->attributes);
	p->values += criterion_values_needed(from);
	return c;
}

static void fill_where(struct parts *p, const struct makes *m)
{
	const Punnet__V1__OrderTerms *from = m->from;
	struct slice packed = slice_of(p->packed, m->packed_len);
	struct terms *t = p->terms;

	t->where = p->criteria;
	if (from->n_countries > 0)
		add_criterion(p, m, m->countries, first_text(packed, FIELD_COUNTRIES));
	for (size_t i = 0; i < from->n_where; i++)
		add_criterion(p, m, from->where[i],
			      first_text(message_at(packed, FIELD_WHERE, i), FIELD_VALUES));
	t->where_count = (uint32_t)(p->criteria - t->where);
	for (size_t i = 0; i < t->where_count; i++)
		t->groups |= (uint8_t)(1u << t->where[i].group);
}

static struct week_spans add_spans(struct parts *p, Punnet__V1__WeekSpan *const *from, size_t count)
{
	struct week_spans spans = week_spans_make(from, count, p->spans);

	p->spans += count;
	return spans;
}

static void fill_modifier(struct parts *p, const struct makes *m, size_t i)
{
	const Punnet__V1__PriceModifier *from = m->from->modifiers[i];
	struct slice packed = message_at(slice_of(p->packed, m->packed_len), FIELD_MODIFIERS, i);

	p->modifiers[i] = (struct modifier){.where = p->criteria,
					    .where_count = (uint32_t)from->n_where,
					    .hours = add_spans(p, from->hours, from->n_hours),
					    .plus_bp = from->plus_bp};
	for (size_t k = 0; k < from->n_where; k++)
		add_criterion(
		    p, m, from->where[k],
		    first_text(message_at(packed, FIELD_MODIFIER_WHERE, k), FIELD_VALUES));
}

static void fill_price(struct parts *p, const struct makes *m)
{
	const Punnet__V1__OrderTerms *from = m->from;
	int64_t price = from->price->amount_minor, most_bp = 0;
	struct terms *t = p->terms;

	t->modifiers = p->modifiers;
	t->modifier_count = (uint32_t)from->n_modifiers;
	for (size_t i = 0; i < from->n_modifiers; i++) {
		fill_modifier(p, m, i);
		most_bp += MAX_OF(from->modifiers[i]->plus_bp, 0);
	}
	t->price_minor = price;
	t->floor_minor = from->floor_minor;
	t->price_most_minor =
	    MAX_OF(price + (int64_t)((__int128)price * most_bp / 10000), from->floor_minor);
}

static void fill_names(struct parts *p, const struct makes *m)
{
	const Punnet__V1__OrderTerms *from = m->from;
	struct terms *t = p->terms;

	strcpy(p->order_id, from->order_id);
	t->order_id = p->order_id;
	t->advertiser_id = name_of(m->names, from->advertiser_id);
	t->vertical = name_of(m->names, from->vertical);
	t->currency = name_of(m->names, from->price->currency);
	t->not_with = p->not_with;
	t->not_with_count = (uint32_t)from->n_not_with;
	for (size_t i = 0; i < from->n_not_with; i++)
		p->not_with[i] = name_of(m->names, from->not_with[i]);
}

static void fill(struct parts *p, const struct makes *m)
{
	const Punnet__V1__OrderTerms *from = m->from;
	bool shared = from->sharing == PUNNET__V1__SHARING__SHARED;
	struct terms *t = p->terms;

	*t = (struct terms){
	    .quantity = from->quantity,
	    .from_ms = from->from_ms,
	    .until_ms = from->until_ms,
	    .clock = civil_clock_make(from, p->shifts),
	    .open = add_spans(p, from->open, from->n_open),
	    .packed = p->packed,
	    .packed_len = (uint32_t)m->packed_len,
	    .block_len = (uint32_t)p->len,
	    .weight = from->weight,
	    .priority = from->priority,
	    .share_limit = shared ? (uint8_t)MAX_OF(from->share_limit, 1u) : 1,
	    .exclusive = from->sharing == PUNNET__V1__SHARING__EXCLUSIVE,
	    .paused = from->paused,
	    .takes_own_customers = from->takes_own_customers,
	    .even = from->even,
	};
	fill_names(p, m);
	fill_limits(p, m);
	fill_where(p, m);
	fill_price(p, m);
}

struct terms *terms_make(const Punnet__V1__OrderTerms *published, struct pool *pool,
			 struct map *names, struct attributes *a)
{
	Punnet__V1__Criterion countries = PUNNET__V1__CRITERION__INIT;
	struct makes m = {
	    .from = published, .countries = &countries, .names = names, .attributes = a};
	struct buf packed = {0};
	struct parts p = {0};

	/* The list of countries is a criterion like any other. */
	countries.name = (char *)"country";
	countries.values = published->countries;
	countries.n_values = published->n_countries;
	codec_pack(&published->base, &packed);
	assert(!packed.failed && packed.len <= UINT32_MAX);
	m.packed_len = packed.len;
	gather_limits(&m);
	lay_out(&p, &m);
	p = (struct parts){.block = pool_take(pool, p.len)};
	lay_out(&p, &m);
	memcpy(p.packed, packed.data, packed.len);
	fill(&p, &m);
	buf_free(&packed);
	return p.terms;
}

void terms_free(struct terms *t, struct pool *pool)
{
	if (t)
		pool_give(pool, t, t->block_len);
}

/* --- for people, and for delivery --- */

const Punnet__V1__OrderTerms *terms_published(const struct terms *t, struct arena *a)
{
	const Punnet__V1__OrderTerms *published =
	    codec_unpack(a, &punnet__v1__order_terms__descriptor, terms_packed(t));

	assert(published);
	return published;
}

char *terms_delivery_json(const struct terms *t, struct arena *a)
{
	struct slice json;

	return arena_cstr(a, codec_find(terms_packed(t), FIELD_DELIVERY, &json) ? json : SLICE(""));
}
