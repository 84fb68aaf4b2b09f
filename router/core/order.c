/* order: windows and counters. All arithmetic is on integers; time comes as an argument. */
#include "order.h"

#include <stdlib.h>

#include "base/money.h"

static void *some(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

struct order *order_new(uint32_t index)
{
	struct order *o = some(sizeof(*o));

	o->index = index;
	return o;
}

void order_free(struct order *o)
{
	struct slice key;
	void *value;

	if (!o)
		return;
	for (size_t i = 0; o->webmasters && map_at(o->webmasters, i, &key, &value); i++)
		free(value);
	map_free(o->webmasters);
	free(o->webmasters);
	free(o->pace);
	free(o);
}

/* --- caps and counters --- */

static int32_t window_name(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	int64_t name_ms = clock_window(&o->terms->clock, kind, now_ms);

	return (int32_t)(name_ms / (kind == WINDOW_HOUR ? MS_PER_MIN : MS_PER_DAY));
}

uint64_t order_taken(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	const struct window *w = &o->windows[kind];

	return w->taken > 0 && w->name == window_name(o, kind, now_ms) ? w->taken : 0;
}

int64_t order_spent_today_minor(const struct order *o, int64_t now_ms)
{
	return order_taken(o, WINDOW_DAY, now_ms) > 0 ? o->day_minor : 0;
}

uint64_t order_cap(const struct order *o, enum window_kind kind)
{
	return terms_limit(o->terms, (enum limit)kind);
}

uint64_t order_cap_total(const struct order *o)
{
	uint64_t cap = terms_limit(o->terms, LIMIT_TOTAL);
	uint64_t quantity = o->terms->quantity;

	if (cap == 0 || quantity == 0)
		return MAX_OF(cap, quantity);
	return MIN_OF(cap, quantity);
}

bool order_counts_webmasters(const struct order *o)
{
	return terms_limit(o->terms, LIMIT_WEBMASTER_DAY) > 0 ||
	       terms_limit(o->terms, LIMIT_WEBMASTER_TOTAL) > 0;
}

struct webmaster_count order_webmaster(const struct order *o, const char *aff_id, int64_t now_ms)
{
	const struct webmaster_count *c =
	    o->webmasters ? map_get(o->webmasters, slice_cstr(aff_id)) : NULL;
	struct webmaster_count now = {0};

	if (!c)
		return now;
	now = *c;
	if (now.day != window_name(o, WINDOW_DAY, now_ms))
		now.taken_day = 0;
	return now;
}

int64_t order_budget_left_minor(const struct order *o)
{
	int64_t total = (int64_t)terms_limit(o->terms, LIMIT_BUDGET_TOTAL);

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
	int64_t most_minor = o->terms->price_most_minor;
	int64_t day = (int64_t)terms_limit(o->terms, LIMIT_BUDGET_DAY);

	if ((total > 0 && o->reserved + o->delivered >= total) || order_counts_webmasters(o))
		return true;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		if (order_cap(o, k) > 0 && order_taken(o, k, now_ms) >= order_cap(o, k))
			return true;
	}
	if (day > 0 && day - order_spent_today_minor(o, now_ms) < most_minor)
		return true;
	return order_budget_left_minor(o) < most_minor ||
	       account_left_minor(o->account) < most_minor;
}

static void webmaster_take(struct order *o, const char *aff_id, int32_t day)
{
	struct webmaster_count *c;

	if (!o->webmasters)
		o->webmasters = some(sizeof(*o->webmasters));
	c = map_get(o->webmasters, slice_cstr(aff_id));
	if (!c) {
		c = some(sizeof(*c));
		map_put(o->webmasters, slice_cstr(aff_id), c);
	}
	if (c->day != day)
		*c = (struct webmaster_count){.day = day, .taken_total = c->taken_total};
	c->taken_day++;
	c->taken_total++;
}

static void webmaster_give_back(struct order *o, const char *aff_id, int32_t day)
{
	struct webmaster_count *c = map_get(o->webmasters, slice_cstr(aff_id));

	assert(c && c->taken_total > 0);
	c->taken_total--;
	if (c->day == day && c->taken_day > 0)
		c->taken_day--;
}

/* Of the window that a holding's hour and day are in. */
static int32_t held_in(const struct holding *h, enum window_kind kind)
{
	if (kind == WINDOW_HOUR)
		return h->hour;
	return (int32_t)(clock_window_of_day(kind, h->day * MS_PER_DAY) / MS_PER_DAY);
}

static void windows_take(struct order *o, const struct holding *h)
{
	if (o->windows[WINDOW_DAY].name != h->day)
		o->day_minor = 0;
	o->day_minor += h->price_minor;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		struct window *w = &o->windows[k];
		int32_t name = held_in(h, k);

		if (w->name != name)
			*w = (struct window){.name = name};
		assert(w->taken < UINT32_MAX);
		w->taken++;
	}
}

/* Where another window has begun since, the place was in one that is over. */
static void windows_give_back(struct order *o, const struct holding *h)
{
	const struct window *day = &o->windows[WINDOW_DAY];

	if (day->name == h->day && day->taken > 0)
		o->day_minor -= h->price_minor;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		struct window *w = &o->windows[k];

		if (w->name == held_in(h, k) && w->taken > 0)
			w->taken--;
	}
}

void order_reserve(struct order *o, struct holding *h, const char *aff_id, int64_t price_minor,
		   int64_t now_ms)
{
	o->reserved++;
	o->reserved_minor += price_minor;
	o->changed = true;
	if (o->account)
		o->account->taken_minor += price_minor;
	h->price_minor = price_minor;
	h->hour = window_name(o, WINDOW_HOUR, now_ms);
	h->day = window_name(o, WINDOW_DAY, now_ms);
	windows_take(o, h);
	h->by_webmaster = order_counts_webmasters(o);
	if (h->by_webmaster)
		webmaster_take(o, aff_id, h->day);
}

void order_give_back(struct order *o, const struct holding *h, const char *aff_id)
{
	assert(o->reserved > 0);
	o->reserved--;
	o->reserved_minor -= h->price_minor;
	o->changed = true;
	if (o->account)
		o->account->taken_minor -= h->price_minor;
	windows_give_back(o, h);
	if (h->by_webmaster)
		webmaster_give_back(o, aff_id, h->day);
}

void order_deliver(struct order *o, const struct holding *h)
{
	assert(o->reserved > 0);
	o->reserved--;
	o->reserved_minor -= h->price_minor;
	o->delivered++;
	o->spent_minor += h->price_minor;
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
