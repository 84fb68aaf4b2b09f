/* order: windows and counters. All arithmetic is on integers; time comes as an argument. */
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

void order_free(struct order *o)
{
	if (!o)
		return;
	if (o->terms)
		punnet__v1__order_terms__free_unpacked(o->terms, NULL);
	buf_free(&o->packed);
	free(o);
}

bool order_set_terms(struct order *o, struct slice packed)
{
	Punnet__V1__OrderTerms *terms = punnet__v1__order_terms__unpack(
	    NULL, packed.len, (const uint8_t *)(packed.data ? packed.data : ""));

	if (!terms)
		return false;
	if (o->terms)
		punnet__v1__order_terms__free_unpacked(o->terms, NULL);
	o->terms = terms;
	buf_reset(&o->packed);
	buf_append_slice(&o->packed, packed);
	assert(!o->packed.failed);
	return true;
}

bool order_terms_valid(const Punnet__V1__OrderTerms *terms)
{
	if (!terms || !terms->order_id[0] || !terms->vertical[0] || !terms->price)
		return false;
	return terms->utc_offset_minutes >= -ORDER_UTC_OFFSET_MAX_MIN &&
	       terms->utc_offset_minutes <= ORDER_UTC_OFFSET_MAX_MIN;
}

static int64_t window_length(enum window_kind kind)
{
	return kind == WINDOW_HOUR ? MS_PER_HOUR : MS_PER_DAY;
}

int64_t order_window_start(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	int64_t shift = o->terms->utc_offset_minutes * MS_PER_MIN;
	int64_t rest = (now_ms + shift) % window_length(kind);

	if (rest < 0)
		rest += window_length(kind);
	return now_ms - rest;
}

int64_t order_window_end(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	return order_window_start(o, kind, now_ms) + window_length(kind);
}

uint64_t order_taken(const struct order *o, enum window_kind kind, int64_t now_ms)
{
	const struct window *w = &o->windows[kind];

	return w->start_ms == order_window_start(o, kind, now_ms) ? w->taken : 0;
}

uint64_t order_cap_hour(const struct order *o)
{
	return o->terms->caps ? o->terms->caps->hour : 0;
}

uint64_t order_cap_day(const struct order *o)
{
	return o->terms->caps ? o->terms->caps->day : 0;
}

uint64_t order_cap_total(const struct order *o)
{
	uint64_t cap = o->terms->caps ? o->terms->caps->total : 0;
	uint64_t quantity = o->terms->quantity;

	if (cap == 0 || quantity == 0)
		return MAX_OF(cap, quantity);
	return MIN_OF(cap, quantity);
}

struct reservation order_reserve(struct order *o, int64_t now_ms)
{
	struct reservation r = {.price_minor = o->terms->price->amount_minor};

	o->reserved++;
	o->changed = true;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		struct window *w = &o->windows[k];
		int64_t start = order_window_start(o, k, now_ms);

		if (w->start_ms != start)
			*w = (struct window){.start_ms = start};
		w->taken++;
		r.window_start_ms[k] = start;
	}
	return r;
}

void order_give_back(struct order *o, const struct reservation *r)
{
	assert(o->reserved > 0);
	o->reserved--;
	o->changed = true;
	for (int k = 0; k < WINDOW_KINDS; k++) {
		struct window *w = &o->windows[k];

		/* Another window has begun since: the place was in one that is over. */
		if (w->start_ms == r->window_start_ms[k] && w->taken > 0)
			w->taken--;
	}
}

void order_deliver(struct order *o, const struct reservation *r)
{
	int64_t spent;

	assert(o->reserved > 0);
	o->reserved--;
	o->delivered++;
	o->changed = true;
	if (money_add(o->spent_minor, r->price_minor, &spent))
		o->spent_minor = spent;
}
