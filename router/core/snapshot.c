/* snapshot: the state as bytes, and back.
 *
 * Varints, length-prefixed bytes, and the maps in their own order, so that a decoded market goes on exactly as the one
 * that was encoded. Reading trusts nothing: every index, length and count is checked, and what doesn't add up (an open
 * lead without its reservation, two orders of one id) is refused as a whole. */
#include <stdlib.h>

#include "state.h"

#define MAGIC "punnet-market"

/* --- writing --- */

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

static void put_order(struct buf *out, const struct order *o)
{
	put_bytes(out, buf_slice(&o->packed));
	put_number(out, o->revision);
	put_number(out, o->removed);
	put_number(out, o->reserved);
	put_number(out, o->delivered);
	put_number(out, o->returned);
	put_signed(out, o->spent_minor);
	for (int k = 0; k < WINDOW_KINDS; k++) {
		put_signed(out, o->windows[k].start_ms);
		put_number(out, o->windows[k].taken);
	}
}

static void put_lead(struct buf *out, const struct open_lead *l)
{
	buf_append(out, l->id.bytes, sizeof(l->id.bytes));
	put_bytes(out, buf_slice(&l->lead));
	put_bytes(out, buf_slice(&l->contact));
	put_number(out, l->is_test);
	put_number(out, l->waits_accepts);
	put_signed(out, l->waits_until_ms);
	put_signed(out, l->score);
	put_number(out, l->round);
	put_signed(out, l->reservation.price_minor);
	for (int k = 0; k < WINDOW_KINDS; k++)
		put_signed(out, l->reservation.window_start_ms[k]);
	put_number(out, l->offered_count);
	for (size_t i = 0; i < l->offered_count; i++)
		put_number(out, l->offered[i]);
}

void market_encode(const struct market *m, struct buf *out)
{
	_cleanup_(buf_free) struct buf watermark = {0}, holds = {0};
	struct slice key;
	void *value;

	buf_append_cstr(out, MAGIC);
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
		put_number(out, ((struct vertical *)value)->share_bp);
	}
	put_number(out, map_count(&m->orders));
	for (size_t i = 0; map_at(&m->orders, i, &key, &value); i++)
		put_order(out, value);
	put_number(out, map_count(&m->leads));
	for (size_t i = 0; map_at(&m->leads, i, &key, &value); i++)
		put_lead(out, value);
	if (watermark.failed || holds.failed)
		out->failed = true;
}

/* --- reading: after the first fault everything reads as zero, and `why` stays --- */

struct reader {
	struct slice rest;
	const char *why;
	struct arena words;
};

static void fault(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	r->rest.len = 0;
}

static uint64_t get_number(struct reader *r)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (r->rest.len == 0)
			break;
		byte = (uint8_t)*r->rest.data++;
		r->rest.len--;
		if (shift == 63 && byte > 1)
			break;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return n;
	}
	fault(r, "a number does not end");
	return 0;
}

static int64_t get_signed(struct reader *r)
{
	uint64_t n = get_number(r);

	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static uint64_t get_number_to(struct reader *r, uint64_t most)
{
	uint64_t n = get_number(r);

	if (n <= most)
		return n;
	fault(r, "a number is above its limit");
	return 0;
}

static struct slice get_raw(struct reader *r, uint64_t len)
{
	struct slice s;

	if (len > r->rest.len) {
		fault(r, "cut short");
		return (struct slice){0};
	}
	s = slice_of(r->rest.data, len);
	r->rest.data += len;
	r->rest.len -= len;
	return s;
}

static struct slice get_bytes(struct reader *r)
{
	return get_raw(r, get_number(r));
}

/* Every element takes at least a byte, so that a false count can't make us allocate. */
static size_t get_count(struct reader *r)
{
	return get_number_to(r, r->rest.len);
}

static void get_vertical(struct reader *r, struct market *m)
{
	struct slice name = get_bytes(r);
	uint32_t share_bp = (uint32_t)get_number_to(r, SHARE_BP_MAX);

	if (!r->why && (name.len == 0 || map_get(&m->verticals, name)))
		fault(r, "a vertical stands there twice, or without a name");
	if (!r->why)
		market_vertical(m, name)->share_bp = share_bp;
}

static void get_order(struct reader *r, struct market *m)
{
	struct slice packed = get_bytes(r);
	Punnet__V1__OrderTerms *terms =
	    r->why ? NULL : codec_unpack(&r->words, &punnet__v1__order_terms__descriptor, packed);
	struct order *o;

	if (!terms || !order_terms_valid(terms) || market_order(m, slice_cstr(terms->order_id))) {
		fault(r, "an order can't be read, or stands there twice");
		return;
	}
	o = market_order_add(m, slice_cstr(terms->order_id));
	if (!order_set_terms(o, packed))
		fault(r, "an order's terms can't be read");
	o->hold = hold_of(&m->holds, slice_cstr(terms->advertiser_id));
	o->revision = get_number(r);
	o->removed = get_number_to(r, 1);
	o->reserved = get_number(r);
	o->delivered = get_number(r);
	o->returned = get_number(r);
	o->spent_minor = get_signed(r);
	for (int k = 0; k < WINDOW_KINDS; k++) {
		o->windows[k].start_ms = get_signed(r);
		o->windows[k].taken = get_number(r);
	}
	o->changed = true;
	if (r->why)
		return;
	if (!map_get(&m->verticals, slice_cstr(terms->vertical)))
		fault(r, "an order stands in a vertical that is not there");
	else if (!o->removed)
		vertical_add(market_vertical(m, slice_cstr(terms->vertical)), o);
	arena_reset(&r->words);
}

static void get_offered(struct reader *r, struct market *m, struct open_lead *l)
{
	size_t count = get_count(r);

	for (size_t i = 0; i < count && !r->why; i++) {
		struct order *o = market_order_at(m, get_number(r));

		if (!r->why && !o)
			fault(r, "a lead was offered to an order that is not there");
		if (!r->why)
			open_lead_offer(l, o);
	}
	if (!r->why && l->waits_until_ms == 0 &&
	    (!l->order || l->offered_count != (size_t)l->round + 1))
		fault(r, "an open lead is with nobody");
	if (!r->why && (l->waits_until_ms < 0 || (l->waits_until_ms > 0 && (l->order || l->round))))
		fault(r, "a lead that waits is with somebody");
}

static bool lead_readable(struct reader *r, const struct open_lead *l)
{
	Punnet__V1__Lead *lead =
	    codec_unpack(&r->words, &punnet__v1__lead__descriptor, buf_slice(&l->lead));
	bool ok = lead && lead->is_test == l->is_test && lead->vertical[0] &&
		  (!l->order || strcmp(lead->vertical, l->order->terms->vertical) == 0);

	if (ok && l->contact.len > 0)
		ok = codec_unpack(&r->words, &punnet__v1__sealed_contact__descriptor,
				  buf_slice(&l->contact)) != NULL;
	arena_reset(&r->words);
	return ok;
}

/* taken[i]: how many reservations of order i the open leads hold. */
static void get_lead(struct reader *r, struct market *m, uint64_t *taken)
{
	struct slice raw = get_raw(r, sizeof(struct lead_id));
	struct open_lead *l;
	struct lead_id id;

	if (r->why || !lead_id_from_bytes(raw.data, raw.len, &id) || map_get(&m->leads, raw)) {
		fault(r, "a lead stands there twice");
		return;
	}
	l = open_lead_new(&id);
	map_put(&m->leads, raw, l);
	buf_append_slice(&l->lead, get_bytes(r));
	buf_append_slice(&l->contact, get_bytes(r));
	l->is_test = get_number_to(r, 1);
	l->waits_accepts = get_number_to(r, 1);
	l->waits_until_ms = get_signed(r);
	l->score = (int32_t)get_signed(r);
	l->round = (uint32_t)get_number_to(r, UINT32_MAX);
	l->reservation.price_minor = get_signed(r);
	for (int k = 0; k < WINDOW_KINDS; k++)
		l->reservation.window_start_ms[k] = get_signed(r);
	get_offered(r, m, l);
	if (r->why)
		return;
	if (!lead_readable(r, l)) {
		fault(r, "an open lead can't be read");
		return;
	}
	m->waiting += l->waits_until_ms > 0;
	if (l->order && !l->is_test && ++taken[l->order->index] > l->order->reserved)
		fault(r, "more open leads than reservations");
}

static void get_state(struct reader *r, struct market *m)
{
	struct slice watermark;
	uint64_t *taken;

	m->log_time_ms = get_signed(r);
	m->digest = get_number(r);
	watermark = get_bytes(r);
	if (!r->why && !watermark_read(watermark, &m->watermark))
		fault(r, "the watermark can't be read");
	if (!holds_decode(&m->holds, get_bytes(r)))
		fault(r, "the holds can't be read");
	for (size_t i = get_count(r); i > 0 && !r->why; i--)
		get_vertical(r, m);
	for (size_t i = get_count(r); i > 0 && !r->why; i--)
		get_order(r, m);
	taken = calloc(map_count(&m->orders) + 1, sizeof(*taken));
	if (!taken)
		abort();
	for (size_t i = get_count(r); i > 0 && !r->why; i--)
		get_lead(r, m, taken);
	free(taken);
	if (!r->why && r->rest.len > 0)
		fault(r, "there is more after its end");
}

struct market *market_decode(struct slice bytes, uint32_t partition, const char **ret_why)
{
	struct reader r = {.rest = bytes};
	struct market *m = market_new(partition);

	if (!slice_starts_with(bytes, MAGIC))
		fault(&r, "not a market's state");
	get_raw(&r, sizeof(MAGIC) - 1);
	if (get_number(&r) != MARKET_FORMAT)
		fault(&r, "another format");
	if (get_number(&r) != partition)
		fault(&r, "the state of another partition");
	if (!r.why)
		get_state(&r, m);
	arena_free(&r.words);
	if (!r.why)
		return m;
	market_free(m);
	*ret_why = r.why;
	return NULL;
}
