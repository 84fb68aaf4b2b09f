/* order: terms made ready, windows and counters. All arithmetic is on integers; time comes as an argument. */
#include "order.h"

#include <stdlib.h>

#include "base/money.h"

struct order *order_new(uint32_t index)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	o->index = index;
	return o;
}

static void criteria_free(struct criterion *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		criterion_free(&all[i]);
	free(all);
}

static void terms_free(struct order *o)
{
	criteria_free(o->where, o->where_count);
	for (size_t i = 0; i < o->modifier_count; i++)
		criteria_free(o->modifiers[i].where, o->modifiers[i].where_count);
	free(o->modifiers);
	if (o->terms)
		punnet__v1__order_terms__free_unpacked(o->terms, NULL);
	o->where = NULL;
	o->modifiers = NULL;
	o->terms = NULL;
	o->where_count = o->modifier_count = 0;
}

void order_free(struct order *o)
{
	struct slice key;
	void *value;

	if (!o)
		return;
	terms_free(o);
	for (size_t i = 0; map_at(&o->webmasters, i, &key, &value); i++)
		free(value);
	map_free(&o->webmasters);
	buf_free(&o->packed);
	free(o);
}

/* --- terms --- */

static void *some(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (!p)
		abort();
	return p;
}

static struct criterion *make_criteria(Punnet__V1__Criterion **terms, size_t count,
				       struct attributes *a)
{
	struct criterion *all = some(count, sizeof(*all));

	for (size_t i = 0; i < count; i++)
		criterion_make(&all[i], terms[i], a);
	return all;
}

/* The list of countries is a criterion like any other, and stands first. */
static void make_where(struct order *o, struct attributes *a)
{
	const Punnet__V1__OrderTerms *t = o->terms;

	o->countries = (Punnet__V1__Criterion)PUNNET__V1__CRITERION__INIT;
	o->countries.name = (char *)"country";
	o->countries.values = t->countries;
	o->countries.n_values = t->n_countries;
	o->where = some(t->n_where + 1, sizeof(*o->where));
	if (t->n_countries > 0)
		criterion_make(&o->where[o->where_count++], &o->countries, a);
	for (size_t i = 0; i < t->n_where; i++)
		criterion_make(&o->where[o->where_count++], t->where[i], a);
	o->groups = 0;
	for (size_t i = 0; i < o->where_count; i++)
		o->groups |= 1u << o->where[i].group;
}

static void make_modifiers(struct order *o, struct attributes *a)
{
	const Punnet__V1__OrderTerms *t = o->terms;
	int64_t most_bp = 0;

	o->modifiers = some(t->n_modifiers, sizeof(*o->modifiers));
	o->modifier_count = t->n_modifiers;
	for (size_t i = 0; i < t->n_modifiers; i++) {
		const Punnet__V1__PriceModifier *m = t->modifiers[i];

		o->modifiers[i] = (struct modifier){
		    .where = make_criteria(m->where, m->n_where, a),
		    .where_count = m->n_where,
		    .hours = {m->hours, m->n_hours},
		    .plus_bp = m->plus_bp,
		};
		most_bp += MAX_OF(m->plus_bp, 0);
	}
	o->price_most_minor = MAX_OF(
	    t->price->amount_minor + (int64_t)((__int128)t->price->amount_minor * most_bp / 10000),
	    t->floor_minor);
}

bool order_set_terms(struct order *o, struct slice packed, struct attributes *a)
{
	Punnet__V1__OrderTerms *terms = punnet__v1__order_terms__unpack(
	    NULL, packed.len, (const uint8_t *)(packed.data ? packed.data : ""));

	if (!terms)
		return false;
	terms_free(o);
	o->terms = terms;
	make_where(o, a);
	make_modifiers(o, a);
	buf_reset(&o->packed);
	buf_append_slice(&o->packed, packed);
	assert(!o->packed.failed);
	buf_trim(&o->packed);
	return true;
}

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
			fault = week_spans_fault((struct week_spans){m->hours, m->n_hours});
		if (!fault &&
		    (m->plus_bp < ORDER_MODIFIER_BP_LEAST || m->plus_bp > ORDER_MODIFIER_BP_MAX))
			fault = "a price modifier out of its limits";
		if (fault)
			return fault;
	}
	return NULL;
}

const char *order_terms_fault(const Punnet__V1__OrderTerms *t)
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
		fault = week_spans_fault((struct week_spans){t->open, t->n_open});
	if (!fault)
		fault = criteria_fault(t->where, t->n_where);
	return fault ? fault : modifiers_fault(t);
}

struct week_spans order_opening(const struct order *o)
{
	return (struct week_spans){o->terms->open, o->terms->n_open};
}

uint32_t order_share_limit(const struct order *o)
{
	return o->terms->sharing == PUNNET__V1__SHARING__SHARED ? MAX_OF(o->terms->share_limit, 1)
								: 1;
}

/* --- caps and counters --- */

static const struct window *window_now(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	static const struct window empty;
	const struct window *w = &o->windows[kind];

	return w->taken > 0 && w->name == clock_window(o->terms, kind, now_ms) ? w : &empty;
}

uint64_t order_taken(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	return window_now(o, kind, now_ms)->taken;
}

int64_t order_spent_minor(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	return window_now(o, kind, now_ms)->spent_minor;
}

uint64_t order_cap(const struct order *o, enum window_kind kind)
{
	const Punnet__V1__Caps *caps = o->terms->caps;

	if (!caps)
		return 0;
	switch (kind) {
	case WINDOW_HOUR:
		return caps->hour;
	case WINDOW_DAY:
		return caps->day;
	case WINDOW_WEEK:
		return caps->week;
	default:
		return caps->month;
	}
}

uint64_t order_cap_total(const struct order *o)
{
	uint64_t cap = o->terms->caps ? o->terms->caps->total : 0;
	uint64_t quantity = o->terms->quantity;

	if (cap == 0 || quantity == 0)
		return MAX_OF(cap, quantity);
	return MIN_OF(cap, quantity);
}

bool order_counts_webmasters(const struct order *o)
{
	const Punnet__V1__Caps *caps = o->terms->caps;

	return caps && (caps->webmaster_day > 0 || caps->webmaster_total > 0);
}

struct webmaster_count order_webmaster(const struct order *o, const char *aff_id, int64_t now_ms)
{
	const struct webmaster_count *c = map_get(&o->webmasters, slice_cstr(aff_id));
	struct webmaster_count now = {0};

	if (!c)
		return now;
	now = *c;
	if (now.day != clock_window(o->terms, WINDOW_DAY, now_ms))
		now.taken_day = 0;
	return now;
}

int64_t order_budget_left_minor(const struct order *o)
{
	int64_t total = o->terms->budget ? o->terms->budget->total_minor : 0;

	if (total == 0)
		return INT64_MAX;
	return total - (o->reserved_minor + o->spent_minor - o->returned_minor);
}

int64_t account_left_minor(const struct account *a)
{
	if (!a || !a->limited)
		return INT64_MAX;
	return a->paid_in_minor + a->credit_minor - a->taken_minor;
}

bool order_full(const struct order *o, int64_t now_ms)
{
	uint64_t total = order_cap_total(o);
	int64_t day = o->terms->budget ? o->terms->budget->day_minor : 0;

	if ((total > 0 && o->reserved + o->delivered >= total) || order_counts_webmasters(o))
		return true;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		if (order_cap(o, k) > 0 && order_taken(o, k, now_ms) >= order_cap(o, k))
			return true;
	}
	if (day > 0 && day - order_spent_minor(o, WINDOW_DAY, now_ms) < o->price_most_minor)
		return true;
	return order_budget_left_minor(o) < o->price_most_minor ||
	       account_left_minor(o->account) < o->price_most_minor;
}

static void webmaster_take(struct order *o, const char *aff_id, int64_t day)
{
	struct webmaster_count *c = map_get(&o->webmasters, slice_cstr(aff_id));

	if (!c) {
		c = some(1, sizeof(*c));
		map_put(&o->webmasters, slice_cstr(aff_id), c);
	}
	if (c->day != day)
		*c = (struct webmaster_count){.day = day, .taken_total = c->taken_total};
	c->taken_day++;
	c->taken_total++;
}

static void webmaster_give_back(struct order *o, const char *aff_id, int64_t day)
{
	struct webmaster_count *c = map_get(&o->webmasters, slice_cstr(aff_id));

	assert(c && c->taken_total > 0);
	c->taken_total--;
	if (c->day == day && c->taken_day > 0)
		c->taken_day--;
}

struct reservation order_reserve(struct order *o, const char *aff_id, int64_t price_minor,
				 int64_t now_ms)
{
	struct reservation r = {.price_minor = price_minor};

	o->reserved++;
	o->reserved_minor += price_minor;
	o->changed = true;
	if (o->account)
		o->account->taken_minor += price_minor;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		struct window *w = &o->windows[k];
		int64_t name = clock_window(o->terms, k, now_ms);

		if (w->name != name)
			*w = (struct window){.name = name};
		w->taken++;
		w->spent_minor += price_minor;
		r.windows[k] = name;
	}
	r.by_webmaster = order_counts_webmasters(o);
	if (r.by_webmaster)
		webmaster_take(o, aff_id, r.windows[WINDOW_DAY]);
	return r;
}

void order_give_back(struct order *o, const char *aff_id, const struct reservation *r)
{
	assert(o->reserved > 0);
	o->reserved--;
	o->reserved_minor -= r->price_minor;
	o->changed = true;
	if (o->account)
		o->account->taken_minor -= r->price_minor;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		struct window *w = &o->windows[k];

		/* Another window has begun since: the place was in one that is over. */
		if (w->name != r->windows[k] || w->taken == 0)
			continue;
		w->taken--;
		w->spent_minor -= r->price_minor;
	}
	if (r->by_webmaster)
		webmaster_give_back(o, aff_id, r->windows[WINDOW_DAY]);
}

void order_deliver(struct order *o, const struct reservation *r)
{
	assert(o->reserved > 0);
	o->reserved--;
	o->reserved_minor -= r->price_minor;
	o->delivered++;
	o->spent_minor += r->price_minor;
	o->changed = true;
}

void order_return(struct order *o, int64_t price_minor)
{
	o->returned++;
	o->returned_minor += price_minor;
	if (o->account)
		o->account->taken_minor -= price_minor;
	o->changed = true;
}
