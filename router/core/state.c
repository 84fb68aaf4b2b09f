/* state: making, finding and freeing what a market is made of. */
#include "state.h"

#include <stdlib.h>

#include "lead/codec.h"

static void *made(void *p)
{
	if (!p)
		abort();
	return p;
}

struct market *market_new_in(uint32_t partition, const struct pool_memory *memory)
{
	struct market *m = made(calloc(1, sizeof(*m)));

	m->partition = partition;
	m->pool.memory = memory;
	return m;
}

struct market *market_new(uint32_t partition)
{
	return market_new_in(partition, NULL);
}

void market_hold(struct market *m)
{
	pool_hold(&m->pool);
}

void market_release(struct market *m)
{
	pool_release(&m->pool);
}

static void card_free(struct vertical *v)
{
	if (v->card)
		punnet__v1__rate_changed__free_unpacked(v->card, NULL);
	map_free(&v->classes);
	map_free(&v->tiers);
	v->card = NULL;
}

static void vertical_free(struct vertical *v)
{
	free((char *)v->name.data);
	card_free(v);
	buf_free(&v->packed);
	attributes_free(&v->attributes);
	index_free(&v->index);
	pacer_free(&v->pacer);
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
	for (size_t i = 0; i < table_count(&m->orders); i++)
		order_free(table_at(&m->orders, i));
	holds_free(&m->holds);
	for (size_t i = 0; map_at(&m->accounts, i, &key, &value); i++)
		free(value);
	map_free(&m->verticals);
	open_leads_free(&m->leads);
	table_free(&m->orders);
	map_free(&m->accounts);
	names_free(&m->names);
	pool_free(&m->pool);
	buf_free(&m->scratch);
	for (size_t i = 0; i < ARRAY_LEN(m->code_hashes); i++)
		free(m->code_hashes[i]);
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

bool vertical_set_card(struct vertical *v, struct slice packed)
{
	Punnet__V1__RateChanged *card = punnet__v1__rate_changed__unpack(
	    NULL, packed.len, (const uint8_t *)(packed.data ? packed.data : ""));

	if (!card)
		return false;
	card_free(v);
	v->card = card;
	v->share_bp = card->payout_share_bp;
	for (size_t i = 0; i < card->n_sources; i++)
		map_put(&v->classes, slice_cstr(card->sources[i]->aff_id),
			card->sources[i]->source_class);
	for (size_t i = 0; i < card->n_tier_holders; i++)
		map_put(&v->tiers, slice_cstr(card->tier_holders[i]->aff_id),
			card->tier_holders[i]);
	buf_reset(&v->packed);
	buf_append_slice(&v->packed, packed);
	assert(!v->packed.failed);
	return true;
}

struct slice vertical_class(const struct vertical *v, const char *aff_id)
{
	return slice_cstr(map_get(&v->classes, slice_cstr(aff_id)));
}

void vertical_add(struct vertical *v, struct order *o)
{
	index_add(&v->index, o);
	v->order_count++;
}

void vertical_remove(struct vertical *v, struct order *o)
{
	index_remove(&v->index, o);
	v->order_count--;
}

static struct slice order_key(const void *order)
{
	return slice_cstr(((const struct order *)order)->terms->order_id);
}

struct order *market_order(const struct market *m, struct slice id)
{
	return table_get(&m->orders, order_key, id);
}

struct order *market_order_add(struct market *m, struct terms *terms)
{
	struct order *o = order_new((uint32_t)table_count(&m->orders));

	o->terms = terms;
	table_add(&m->orders, order_key, o);
	return o;
}

struct terms *market_terms(struct market *m, const Punnet__V1__OrderTerms *published)
{
	struct vertical *v = market_vertical(m, slice_cstr(published->vertical));

	struct terms *t = terms_make(published, &m->pool, &m->names, &v->attributes);

	t->constraints = constraints_concerning(t);
	return t;
}

const struct pacer *market_pacer(const struct market *m, const struct order *o)
{
	const struct vertical *v = map_get(&m->verticals, slice_cstr(o->terms->vertical));

	return &v->pacer;
}

struct order *market_order_at(const struct market *m, size_t i)
{
	return table_at(&m->orders, i);
}

struct account *market_account(struct market *m, const char *advertiser_id, const char *currency)
{
	_cleanup_(buf_free) struct buf key = {0};
	struct account *a;

	buf_append(&key, advertiser_id, strlen(advertiser_id) + 1);
	buf_append_cstr(&key, currency);
	assert(!key.failed);
	a = map_get(&m->accounts, buf_slice(&key));
	if (a)
		return a;
	a = made(calloc(1, sizeof(*a)));
	map_put(&m->accounts, buf_slice(&key), a);
	return a;
}

void market_observe(struct market *m, market_observer fn, void *ctx)
{
	m->observer = fn;
	m->observer_ctx = ctx;
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
	return table_count(&m->leads.blocks);
}

size_t market_orders(const struct market *m)
{
	return table_count(&m->orders);
}

size_t market_waiting_leads(const struct market *m)
{
	return map_count(&m->leads.for_operator);
}

size_t market_waiting_for_buyers(const struct market *m)
{
	return map_count(&m->leads.for_buyer);
}

size_t market_waits_over(const struct market *m, enum market_wait what, int64_t now_ms,
			 struct lead_id *ret, size_t most)
{
	const struct map *waits =
	    what == MARKET_WAIT_OPERATOR ? &m->leads.for_operator : &m->leads.for_buyer;
	struct slice id;
	size_t count = 0;
	void *value;

	for (size_t i = 0; count < most && map_at(waits, i, &id, &value); i++) {
		const struct lead_wait *w = value;
		int64_t due_ms = what == MARKET_WAIT_OPERATOR ? w->until_ms : w->retry_ms;

		if (due_ms <= now_ms && lead_id_from_bytes(id.data, id.len, &ret[count]))
			count++;
	}
	return count;
}
