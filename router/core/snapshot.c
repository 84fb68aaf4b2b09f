/* snapshot: the state as bytes.
 *
 * Varints, length-prefixed bytes, and the maps in their own order, so that a decoded market goes on exactly as the one
 * that was encoded. snapshot_read.c is the way back. */
#include "state.h"

static void put_number(struct buf *b, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_append_char(b, (char)((n & 0x7f) | 0x80));
	buf_append_char(b, (char)n);
}

/* Small negative numbers stay small: the sign goes to the lowest bit. */
static void put_signed(struct buf *b, int64_t n)
{
	put_number(b, ((uint64_t)n << 1) ^ (uint64_t)(n >> 63));
}

static void put_bytes(struct buf *b, struct slice s)
{
	put_number(b, s.len);
	buf_append_slice(b, s);
}

static void put_webmasters(struct buf *out, const struct order *o)
{
	struct slice key;
	void *value;

	put_number(out, o->webmasters ? map_count(o->webmasters) : 0);
	for (size_t i = 0; o->webmasters && map_at(o->webmasters, i, &key, &value); i++) {
		const struct webmaster_count *c = value;

		put_bytes(out, key);
		put_signed(out, c->day);
		put_number(out, c->taken_day);
		put_number(out, c->taken_total);
	}
}

static void put_pace(struct buf *out, const struct pace *p)
{
	put_number(out, p != NULL);
	if (!p)
		return;
	put_number(out, (uint64_t)p->scarcity);
	put_number(out, (uint64_t)p->worth);
	put_number(out, p->learned);
	put_number(out, p->fits);
	put_number(out, p->fits_from);
	put_number(out, p->plan_from);
	put_number(out, p->could);
	put_signed(out, p->lean);
	put_number(out, p->rated_at);
	put_number(out, p->need);
	put_number(out, p->reach);
	put_number(out, p->kept);
	put_number(out, (uint64_t)p->step);
	put_number(out, (uint64_t)p->pull);
	put_number(out, (uint64_t)p->kept_pull);
	put_number(out, p->step_shift);
	put_number(out, p->ready);
	put_number(out, p->state);
	put_signed(out, p->since_ms);
}

static void put_clock(struct buf *out, const struct pace_clock *c)
{
	put_signed(out, c->first_ms);
	put_signed(out, c->hour);
	put_number(out, c->in_hour);
	put_number(out, c->leads);
	put_number(out, c->whole);
	put_number(out, c->hours);
	put_number(out, c->seen);
	put_number(out, c->expected);
	for (int h = 0; h < PACE_WEEK_HOURS; h++) {
		put_number(out, c->rate[h]);
		put_number(out, c->weeks[h]);
	}
}

static void put_pacer(struct buf *out, const struct pacer *p)
{
	put_number(out, p->leads);
	put_number(out, p->sampled);
	put_clock(out, &p->clock);
	for (uint64_t i = 0; i < p->sampled && i < PACE_SAMPLE_LEADS; i++) {
		const struct pace_lead *l = &p->sample[i];

		put_number(out, l->count);
		for (uint32_t k = 0; k < l->count; k++) {
			put_number(out, l->bids[k].order->index);
			put_signed(out, l->bids[k].price_minor);
		}
	}
}

static void put_order(struct buf *out, const struct order *o)
{
	put_bytes(out, terms_packed(o->terms));
	put_number(out, o->revision);
	put_number(out, o->removed);
	put_signed(out, o->begin_ms);
	put_number(out, o->reserved);
	put_number(out, o->delivered);
	put_number(out, o->returned);
	put_signed(out, o->reserved_minor);
	put_signed(out, o->spent_minor);
	put_signed(out, o->returned_minor);
	put_signed(out, o->day_minor);
	for (int k = 0; k < WINDOW_KINDS; k++) {
		put_signed(out, o->windows[k].name);
		put_number(out, o->windows[k].taken);
	}
	put_webmasters(out, o);
	put_pace(out, o->pace);
}

static void put_account(struct buf *out, struct slice key, const struct account *a)
{
	put_bytes(out, key);
	put_number(out, a->limited);
	put_signed(out, a->paid_in_minor);
	put_signed(out, a->credit_minor);
	put_number(out, a->revision);
	put_signed(out, a->taken_minor);
}

static void put_holding(struct buf *out, const struct holding *h)
{
	put_number(out, h->order);
	put_number(out, h->state);
	/* Of what was given back nothing is asked any more. */
	if (h->state == HOLDING_BACK)
		return;
	put_signed(out, h->price_minor);
	put_number(out, h->by_webmaster);
	put_signed(out, h->hour);
	put_signed(out, h->day);
}

static void put_lead(struct buf *out, const struct open_leads *all, const struct open_lead *l,
		     struct buf *packed)
{
	buf_append(out, l->id.bytes, sizeof(l->id.bytes));
	buf_reset(packed);
	open_lead_packed(all, l, packed);
	put_bytes(out, buf_slice(packed));
	put_number(out, l->waits);
	if (l->waits != WAITS_FOR_NOBODY) {
		put_number(out, l->wait.accepts);
		put_signed(out, l->wait.until_ms);
		put_signed(out, l->wait.retry_ms);
	}
	put_number(out, l->holding_count);
	for (size_t i = 0; i < l->holding_count; i++)
		put_holding(out, &l->holdings[i]);
}

static void put_leads(struct buf *out, const struct open_leads *all)
{
	_cleanup_(arena_free) struct arena a = {0};
	_cleanup_(buf_free) struct buf packed = {0};
	const struct open_lead *l;

	put_number(out, table_count(&all->blocks));
	for (size_t i = 0; (l = open_lead_at(all, i, &a)); i++) {
		put_lead(out, all, l, &packed);
		arena_reset(&a);
	}
	if (packed.failed)
		out->failed = true;
}

void market_encode(const struct market *m, struct buf *out)
{
	_cleanup_(buf_free) struct buf watermark = {0}, holds = {0};
	struct slice key;
	void *value;

	buf_append_cstr(out, MARKET_MAGIC);
	put_number(out, MARKET_FORMAT);
	put_number(out, m->partition);
	put_signed(out, m->log_time_ms);
	put_number(out, m->digest);
	watermark_write(&m->watermark, &watermark);
	put_bytes(out, buf_slice(&watermark));
	holds_encode(&m->holds, m->log_time_ms, &holds);
	put_bytes(out, buf_slice(&holds));
	put_number(out, map_count(&m->verticals));
	for (size_t i = 0; map_at(&m->verticals, i, &key, &value); i++) {
		put_bytes(out, key);
		put_bytes(out, buf_slice(&((struct vertical *)value)->packed));
	}
	put_number(out, map_count(&m->accounts));
	for (size_t i = 0; map_at(&m->accounts, i, &key, &value); i++)
		put_account(out, key, value);
	put_number(out, table_count(&m->orders));
	for (size_t i = 0; i < table_count(&m->orders); i++)
		put_order(out, table_at(&m->orders, i));
	for (size_t i = 0; map_at(&m->verticals, i, &key, &value); i++)
		put_pacer(out, &((struct vertical *)value)->pacer);
	put_leads(out, &m->leads);
	if (watermark.failed || holds.failed)
		out->failed = true;
}
