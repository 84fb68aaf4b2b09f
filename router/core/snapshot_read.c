/* snapshot_read: the bytes of snapshot.c to a state again.
 *
 * Reading trusts nothing: every index, length and count is checked, and what doesn't add up (an open lead without its
 * reservation, two orders of one id) is refused as a whole. After the first fault everything reads as zero, and `why`
 * stays. */
#include <stdlib.h>

#include "decision_write.h"
#include "lead/codec.h"
#include "state.h"

#define SUM_MAX (1LL << 61) /* sums of money and moments: what is added to them does not overflow */

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

static int64_t get_sum(struct reader *r)
{
	int64_t n = get_signed(r);

	if (n >= -SUM_MAX && n <= SUM_MAX)
		return n;
	fault(r, "a sum is above its limit");
	return 0;
}

static int32_t get_window_name(struct reader *r)
{
	int64_t n = get_signed(r);

	if (n >= INT32_MIN && n <= INT32_MAX)
		return (int32_t)n;
	fault(r, "a window's name is above its limit");
	return 0;
}

static void *cleared(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

static void get_vertical(struct reader *r, struct market *m)
{
	struct slice name = get_bytes(r), card = get_bytes(r);
	struct vertical *v;

	if (!r->why && (name.len == 0 || map_get(&m->verticals, name)))
		fault(r, "a vertical stands there twice, or without a name");
	if (r->why)
		return;
	v = market_vertical(m, name);
	if (card.len > 0 && (!vertical_set_card(v, card) || card_fault(v->card) ||
			     !slice_is(name, v->card->vertical)))
		fault(r, "a rate card can't be read");
}

static void get_account(struct reader *r, struct market *m)
{
	struct slice key = get_bytes(r);
	const char *end = key.len > 0 ? memchr(key.data, 0, key.len) : NULL;
	struct account *a;

	if (!end || map_get(&m->accounts, key) ||
	    memchr(end + 1, 0, key.len - (size_t)(end + 1 - key.data))) {
		fault(r, "an account stands there twice, or without a name");
		return;
	}
	a = market_account(
	    m, key.data,
	    arena_cstr(&r->words, slice_of(end + 1, key.len - (size_t)(end + 1 - key.data))));
	a->limited = get_number_to(r, 1);
	a->paid_in_minor = get_sum(r);
	a->credit_minor = get_sum(r);
	a->revision = get_number(r);
	a->taken_minor = get_sum(r);
	arena_reset(&r->words);
}

static void get_webmasters(struct reader *r, struct order *o)
{
	size_t count = get_count(r);

	if (count > 0)
		o->webmasters = cleared(sizeof(*o->webmasters));
	for (size_t i = 0; i < count && !r->why; i++) {
		struct slice aff_id = get_bytes(r);
		struct webmaster_count *c;

		if (r->why || map_get(o->webmasters, aff_id)) {
			fault(r, "a webmaster stands there twice");
			return;
		}
		c = cleared(sizeof(*c));
		map_put(o->webmasters, aff_id, c);
		c->day = get_window_name(r);
		c->taken_day = get_number(r);
		c->taken_total = get_number(r);
	}
}

static int64_t get_lean(struct reader *r)
{
	int64_t n = get_signed(r);

	if (n >= -(int64_t)PACE_MONEY_MAX && n <= (int64_t)PACE_MONEY_MAX)
		return n;
	fault(r, "a lean is above its limit");
	return 0;
}

static void get_pace(struct reader *r, struct order *o)
{
	struct pace *p;

	if (!get_number_to(r, 1)) {
		if (pace_wanted(o))
			fault(r, "an order with a quantity by a deadline is not paced");
		return;
	}
	p = o->pace = cleared(sizeof(*p));
	p->scarcity = (int64_t)get_number_to(r, PACE_MONEY_MAX);
	p->worth = (int64_t)get_number_to(r, PACE_MONEY_MAX);
	p->learned = get_number(r);
	p->fits = get_number(r);
	p->fits_from = get_number(r);
	p->plan_from = get_number(r);
	p->could = get_number(r);
	p->lean = get_lean(r);
	p->rated_at = get_number(r);
	p->need = (uint32_t)get_number_to(r, PACE_SHARE_ONE);
	p->reach = (uint32_t)get_number_to(r, PACE_SHARE_ONE);
	p->kept = (uint32_t)get_number_to(r, PACE_SHARE_ONE);
	p->step = (int64_t)get_number_to(r, PACE_MONEY_MAX);
	p->pull = (int64_t)get_number_to(r, PACE_MONEY_MAX);
	p->kept_pull = (int64_t)get_number_to(r, PACE_MONEY_MAX);
	p->step_shift = (uint8_t)get_number_to(r, PACE_STEP_SHIFT_MAX);
	p->ready = get_number_to(r, 1);
	p->state = (uint8_t)get_number_to(r, PACE_STATES - 1);
	p->since_ms = get_signed(r);
}

static void get_clock(struct reader *r, struct pace_clock *c)
{
	c->first_ms = get_signed(r);
	c->hour = get_signed(r);
	c->in_hour = get_number(r);
	c->leads = get_number(r);
	c->whole = get_number_to(r, 1);
	c->hours = (uint32_t)get_number_to(r, UINT32_MAX);
	c->seen = get_number_to(r, PACE_RATE_MAX);
	c->expected = get_number_to(r, PACE_RATE_MAX);
	for (int h = 0; h < PACE_WEEK_HOURS; h++) {
		c->rate[h] = get_number_to(r, PACE_RATE_MAX);
		c->weeks[h] = (uint8_t)get_number_to(r, PACE_WEEKS_MAX);
	}
	pace_clock_derive(c);
}

static void get_sampled(struct reader *r, const struct market *m, const struct vertical *v,
			struct pace_lead *l)
{
	l->count = (uint32_t)get_number_to(r, PACE_SAMPLE_ORDERS);
	for (uint32_t k = 0; k < l->count && !r->why; k++) {
		struct order *o = market_order_at(m, get_number(r));

		l->bids[k] = (struct pace_bid){o, get_sum(r)};
		if (!r->why && (!o || !slice_is(v->name, o->terms->vertical) ||
				l->bids[k].price_minor > ORDER_PRICE_MAX_MINOR))
			fault(r, "a lead is kept with an order that is not there");
	}
	if (!r->why && l->count == 0)
		fault(r, "a lead is kept with nobody");
}

static void get_pacer(struct reader *r, const struct market *m, struct vertical *v)
{
	struct pacer *p = &v->pacer;
	uint64_t kept;

	p->leads = get_number(r);
	p->sampled = get_number(r);
	get_clock(r, &p->clock);
	kept = MIN_OF(p->sampled, (uint64_t)PACE_SAMPLE_LEADS);
	if (r->why || kept == 0)
		return;
	pacer_make_sample(p);
	for (uint64_t i = 0; i < kept && !r->why; i++)
		get_sampled(r, m, v, &p->sample[i]);
}

static void get_counters(struct reader *r, struct order *o)
{
	o->revision = get_number(r);
	o->removed = get_number_to(r, 1);
	o->begin_ms = get_signed(r);
	o->reserved = get_number(r);
	o->delivered = get_number(r);
	o->returned = get_number(r);
	o->reserved_minor = get_sum(r);
	o->spent_minor = get_sum(r);
	o->returned_minor = get_sum(r);
	o->day_minor = get_sum(r);
	for (int k = 0; k < WINDOW_KINDS; k++) {
		o->windows[k].name = get_window_name(r);
		o->windows[k].taken = (uint32_t)get_number_to(r, UINT32_MAX - 1);
	}
	get_webmasters(r, o);
	get_pace(r, o);
	o->changed = true;
}

static void get_order(struct reader *r, struct market *m)
{
	struct slice packed = get_bytes(r);
	Punnet__V1__OrderTerms *terms =
	    r->why ? NULL : codec_unpack(&r->words, &punnet__v1__order_terms__descriptor, packed);
	struct vertical *v;
	struct order *o;

	if (!terms || terms_fault(terms) || market_order(m, slice_cstr(terms->order_id))) {
		fault(r, "an order can't be read, or stands there twice");
		return;
	}
	v = map_get(&m->verticals, slice_cstr(terms->vertical));
	if (!v) {
		fault(r, "an order stands in a vertical that is not there");
		return;
	}
	o = market_order_add(m, market_terms(m, terms));
	o->account = market_account(m, terms->advertiser_id, terms->price->currency);
	o->hold = hold_of(&m->holds, slice_cstr(terms->advertiser_id));
	get_counters(r, o);
	if (!r->why && !o->removed)
		vertical_add(v, o);
	arena_reset(&r->words);
}

static void get_holding(struct reader *r, struct market *m, struct open_lead *l)
{
	const struct order *o = market_order_at(m, get_number(r));
	struct holding *h;

	if (r->why || !o) {
		fault(r, "a lead was offered to an order that is not there");
		return;
	}
	h = open_lead_hold(l, o->index);
	h->state = (uint8_t)get_number_to(r, HOLDING_BACK);
	if (h->state == HOLDING_BACK)
		return;
	h->price_minor = get_sum(r);
	h->by_webmaster = get_number_to(r, 1);
	h->hour = get_window_name(r);
	h->day = get_window_name(r);
}

/* Somebody must still have a say in it. */
static bool lead_stands(const struct open_lead *l)
{
	bool out = false;

	for (size_t i = 0; i < l->holding_count; i++)
		out |= l->holdings[i].state == HOLDING_OUT;
	switch (l->waits) {
	case WAITS_FOR_OPERATOR:
		return l->holding_count == 0 && l->wait.until_ms > 0;
	case WAITS_FOR_BUYER:
		return !open_lead_held(l) && l->wait.until_ms > 0;
	default:
		return out;
	}
}

static const Punnet__V1__LeadAdmitted *get_admitted(struct reader *r)
{
	struct slice packed = get_bytes(r);
	const Punnet__V1__LeadAdmitted *admitted =
	    r->why ? NULL : codec_unpack(&r->words, &punnet__v1__lead_admitted__descriptor, packed);

	return admitted && admitted->lead && admitted->lead->vertical[0] ? admitted : NULL;
}

/* What a holding took must be there to be given back: each reservation of a webmaster's lead uses up one of his counts. */
static bool webmaster_left(const struct order *o, const char *aff_id)
{
	struct webmaster_count *c =
	    o->webmasters ? map_get(o->webmasters, slice_cstr(aff_id)) : NULL;

	return c && c->open < c->taken_total && ++c->open > 0;
}

/* taken[i]: how many reservations of order i the open leads hold. */
static void check_holdings(struct reader *r, const struct market *m, const struct open_lead *l,
			   const Punnet__V1__LeadAdmitted *admitted, uint64_t *taken)
{
	for (size_t i = 0; i < l->holding_count; i++) {
		const struct holding *h = &l->holdings[i];
		const struct order *o = order_at(m, h->order);

		if (strcmp(o->terms->vertical, admitted->lead->vertical) != 0)
			fault(r, "a lead is with an order of another vertical");
		if (h->state != HOLDING_OUT || l->is_test)
			continue;
		if (++taken[h->order] > o->reserved)
			fault(r, "more open leads than reservations");
		if (h->by_webmaster && !webmaster_left(o, admitted->lead->aff_id))
			fault(r, "more open leads of a webmaster than were counted");
	}
}

static void get_wait(struct reader *r, struct open_lead *l)
{
	l->waits = (enum lead_waits)get_number_to(r, WAITS_FOR_BUYER);
	if (l->waits == WAITS_FOR_NOBODY)
		return;
	l->wait.accepts = get_number_to(r, 1);
	l->wait.until_ms = get_signed(r);
	l->wait.retry_ms = get_signed(r);
}

static struct open_lead *get_open_lead(struct reader *r, struct market *m,
				       const Punnet__V1__LeadAdmitted *admitted,
				       const struct lead_id *id)
{
	struct open_lead *l;

	buf_reset(&m->scratch);
	admitted_write(admitted, &m->scratch);
	assert(!m->scratch.failed);
	l = open_lead_new(&m->leads, id, buf_slice(&m->scratch), &r->words);
	l->is_test = admitted->lead->is_test;
	get_wait(r, l);
	for (size_t i = get_count(r); i > 0 && !r->why; i--)
		get_holding(r, m, l);
	return l;
}

static void get_lead(struct reader *r, struct market *m, uint64_t *taken)
{
	struct slice raw = get_raw(r, sizeof(struct lead_id));
	const Punnet__V1__LeadAdmitted *admitted;
	struct open_lead *l;
	struct lead_id id;

	if (r->why || !lead_id_from_bytes(raw.data, raw.len, &id) ||
	    open_lead_is_there(&m->leads, &id)) {
		fault(r, "a lead stands there twice");
		return;
	}
	admitted = get_admitted(r);
	l = admitted ? get_open_lead(r, m, admitted, &id) : NULL;
	if (r->why)
		return;
	if (!l || !lead_stands(l)) {
		fault(r, "an open lead can't be read, or is with nobody");
		return;
	}
	check_holdings(r, m, l, admitted, taken);
	open_lead_put(&m->leads, &m->pool, l);
	arena_reset(&r->words);
}

static void get_state(struct reader *r, struct market *m)
{
	struct slice watermark, key;
	uint64_t *taken;
	void *value;

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
		get_account(r, m);
	for (size_t i = get_count(r); i > 0 && !r->why; i--)
		get_order(r, m);
	for (size_t i = 0; map_at(&m->verticals, i, &key, &value) && !r->why; i++)
		get_pacer(r, m, value);
	taken = calloc(table_count(&m->orders) + 1, sizeof(*taken));
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
	return market_decode_in(bytes, partition, NULL, ret_why);
}

struct market *market_decode_in(struct slice bytes, uint32_t partition,
				const struct pool_memory *memory, const char **ret_why)
{
	struct reader r = {.rest = bytes};
	struct market *m = market_new_in(partition, memory);

	if (!slice_starts_with(bytes, MARKET_MAGIC))
		fault(&r, "not a market's state");
	get_raw(&r, sizeof(MARKET_MAGIC) - 1);
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
