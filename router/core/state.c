/* state: making, finding and freeing what a market is made of. */
#include "state.h"

#include <stdlib.h>

static void *made(void *p)
{
	if (!p)
		abort();
	return p;
}

struct market *market_new(uint32_t partition)
{
	struct market *m = made(calloc(1, sizeof(*m)));

	m->partition = partition;
	return m;
}

static void vertical_free(struct vertical *v)
{
	free((char *)v->name.data);
	free(v->orders);
	free(v);
}

void market_free(struct market *m)
{
	struct slice key;
	void *value;

	if (!m)
		return;
	for (size_t i = 0; map_at(&m->verticals, i, &key, &value); i++)
		vertical_free(value);
	for (size_t i = 0; map_at(&m->leads, i, &key, &value); i++)
		open_lead_free(value);
	for (size_t i = 0; map_at(&m->orders, i, &key, &value); i++)
		order_free(value);
	holds_free(&m->holds);
	map_free(&m->verticals);
	map_free(&m->leads);
	map_free(&m->orders);
	free(m);
}

struct vertical *market_vertical(struct market *m, struct slice name)
{
	struct vertical *v = map_get(&m->verticals, name);
	char *copy;

	if (v)
		return v;
	v = made(calloc(1, sizeof(*v)));
	copy = made(malloc(name.len + 1));
	memcpy(copy, name.data, name.len);
	copy[name.len] = '\0';
	v->name = slice_of(copy, name.len);
	v->share_bp = MARKET_SHARE_BP_DEFAULT;
	map_put(&m->verticals, v->name, v);
	return v;
}

void vertical_add(struct vertical *v, struct order *o)
{
	if (v->order_count == v->order_cap) {
		v->order_cap = v->order_cap ? 2 * v->order_cap : 16;
		v->orders = made(reallocarray(v->orders, v->order_cap, sizeof(struct order *)));
	}
	v->orders[v->order_count++] = o;
}

void vertical_remove(struct vertical *v, const struct order *o)
{
	for (size_t i = 0; i < v->order_count; i++) {
		if (v->orders[i] == o) {
			v->orders[i] = v->orders[--v->order_count];
			return;
		}
	}
}

struct order *market_order(const struct market *m, struct slice id)
{
	return map_get(&m->orders, id);
}

struct order *market_order_add(struct market *m, struct slice id)
{
	struct order *o = order_new((uint32_t)map_count(&m->orders));

	assert(!map_get(&m->orders, id));
	map_put(&m->orders, id, o);
	return o;
}

struct order *market_order_at(const struct market *m, size_t i)
{
	struct slice key;
	void *value;

	return map_at(&m->orders, i, &key, &value) ? value : NULL;
}

struct open_lead *open_lead_new(const struct lead_id *id)
{
	struct open_lead *l = made(calloc(1, sizeof(*l)));

	l->id = *id;
	return l;
}

void open_lead_free(struct open_lead *l)
{
	if (!l)
		return;
	buf_free(&l->lead);
	buf_free(&l->contact);
	free(l->offered);
	free(l);
}

void open_lead_offer(struct open_lead *l, struct order *o)
{
	l->offered = made(reallocarray(l->offered, l->offered_count + 1, sizeof(*l->offered)));
	l->offered[l->offered_count++] = o->index;
	l->order = o;
}

int64_t market_log_time_ms(const struct market *m)
{
	return m->log_time_ms;
}

uint64_t market_digest(const struct market *m)
{
	return m->digest;
}

size_t market_open_leads(const struct market *m)
{
	return map_count(&m->leads);
}

size_t market_orders(const struct market *m)
{
	return map_count(&m->orders);
}

size_t market_waiting_leads(const struct market *m)
{
	return m->waiting;
}

size_t market_waits_over(const struct market *m, int64_t now_ms, struct lead_id *ret, size_t most)
{
	struct slice key;
	size_t count = 0;
	void *value;

	for (size_t i = 0; m->waiting > 0 && count < most && map_at(&m->leads, i, &key, &value);
	     i++) {
		const struct open_lead *l = value;

		if (l->waits_until_ms > 0 && l->waits_until_ms <= now_ms)
			ret[count++] = l->id;
	}
	return count;
}
