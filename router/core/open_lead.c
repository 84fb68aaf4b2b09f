/* open_lead: see open_lead.h.
 *
 * A block: the id; in varints the length of what is kept, the number of offers with the mark of a test lead, and the offers; then
 * what is kept. An order that gave the lead back is only remembered as one that had it. */
#include "open_lead.h"

#include <stdlib.h>

#include "kept.h"
#include "lead/codec.h"
#include "lead/wire.h"
#include "lead/wire_read.h"

#define HOLDINGS_FIRST  2
#define MINUTES_PER_DAY (24 * 60)
#define STATE_BITS      2

static struct slice block_key(const void *block)
{
	return slice_of(block, sizeof(struct lead_id));
}

static struct slice id_key(const struct lead_id *id)
{
	return slice_of((const char *)id->bytes, sizeof(id->bytes));
}

static void waits_free(struct map *waits)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(waits, i, &key, &value); i++)
		free(value);
	map_free(waits);
}

void open_leads_free(struct open_leads *all)
{
	table_free(&all->blocks);
	waits_free(&all->for_operator);
	waits_free(&all->for_buyer);
	map_free(&all->words);
	buf_free(&all->scratch);
}

/* --- blocks --- */

static void put_number(struct buf *b, uint64_t n)
{
	char bytes[WIRE_VARINT_MAX];

	buf_append(b, bytes, (size_t)(wire_put_varint(bytes, n) - bytes));
}

static void put_signed(struct buf *b, int64_t n)
{
	put_number(b, (uint64_t)n << 1 ^ (uint64_t)(n >> 63));
}

static uint64_t take_number(struct wire_walk *w)
{
	uint64_t n;

	if (!wire_take_varint(w, &n))
		assert(!"a block is whole");
	return n;
}

static int64_t take_signed(struct wire_walk *w)
{
	return wire_unzigzag(take_number(w));
}

/* The day begins within hours of the hour. */
static void put_holding(struct buf *b, const struct holding *h)
{
	put_number(b, h->order);
	put_number(b, h->state | (unsigned)h->by_webmaster << STATE_BITS);
	if (h->state == HOLDING_BACK)
		return;
	put_signed(b, h->price_minor);
	put_signed(b, h->hour);
	put_signed(b, (int64_t)h->day - h->hour / MINUTES_PER_DAY);
}

static struct holding take_holding(struct wire_walk *w)
{
	struct holding h = {.order = (uint32_t)take_number(w)};
	uint64_t state = take_number(w);

	h.state = state & ((1u << STATE_BITS) - 1);
	if (h.state == HOLDING_BACK)
		return h;
	h.by_webmaster = state >> STATE_BITS;
	h.price_minor = take_signed(w);
	h.hour = (int32_t)take_signed(w);
	h.day = (int32_t)(take_signed(w) + h.hour / MINUTES_PER_DAY);
	return h;
}

static char *block_make(struct open_leads *all, struct pool *pool, const struct open_lead *l,
			size_t *ret_len)
{
	struct buf *b = &all->scratch;
	char *block;

	buf_reset(b);
	buf_append(b, l->id.bytes, sizeof(l->id.bytes));
	put_number(b, l->kept.len);
	put_number(b, (uint64_t)l->holding_count << 1 | l->is_test);
	for (size_t i = 0; i < l->holding_count; i++)
		put_holding(b, &l->holdings[i]);
	buf_append_slice(b, l->kept);
	assert(!b->failed);
	block = pool_take(pool, b->len);
	memcpy(block, b->data, b->len);
	*ret_len = b->len;
	return block;
}

static struct lead_wait *wait_of(const struct map *waits, const struct lead_id *id)
{
	return map_count(waits) > 0 ? map_get(waits, id_key(id)) : NULL;
}

static void read_wait(const struct open_leads *all, struct open_lead *l)
{
	const struct lead_wait *w = wait_of(&all->for_buyer, &l->id);

	l->waits = w ? WAITS_FOR_BUYER : WAITS_FOR_NOBODY;
	if (!w) {
		w = wait_of(&all->for_operator, &l->id);
		l->waits = w ? WAITS_FOR_OPERATOR : WAITS_FOR_NOBODY;
	}
	if (w)
		l->wait = *w;
}

static struct open_lead *block_read(const struct open_leads *all, char *block, struct arena *a)
{
	struct open_lead *l = arena_calloc(a, 1, sizeof(*l));
	size_t known = sizeof(l->id) + 2 * WIRE_VARINT_MAX, kept_len;
	struct wire_walk w = {block + sizeof(l->id), block + known};
	uint64_t count;

	memcpy(&l->id, block, sizeof(l->id));
	kept_len = take_number(&w);
	count = take_number(&w);
	l->is_test = count & 1;
	l->arena = a;
	l->holding_cap = l->holding_count = count >> 1;
	l->holdings = arena_alloc(a, l->holding_cap * sizeof(*l->holdings));
	for (size_t i = 0; i < l->holding_count; i++) {
		w.end = w.at + 5 * WIRE_VARINT_MAX;
		l->holdings[i] = take_holding(&w);
	}
	l->kept = slice_of(w.at, kept_len);
	l->block = block;
	l->block_len = (size_t)(w.at - block) + kept_len;
	read_wait(all, l);
	return l;
}

/* --- getting and putting --- */

void open_lead_fetch(const struct open_leads *all, const struct lead_id *id)
{
	table_fetch(&all->blocks, id_key(id));
}

bool open_lead_is_there(const struct open_leads *all, const struct lead_id *id)
{
	return table_get(&all->blocks, block_key, id_key(id)) != NULL;
}

struct open_lead *open_lead_get(const struct open_leads *all, const struct lead_id *id,
				struct arena *a)
{
	char *block = table_get(&all->blocks, block_key, id_key(id));

	return block ? block_read(all, block, a) : NULL;
}

struct open_lead *open_lead_at(const struct open_leads *all, size_t i, struct arena *a)
{
	char *block = table_at(&all->blocks, i);

	return block ? block_read(all, block, a) : NULL;
}

struct open_lead *open_lead_new(struct open_leads *all, const struct lead_id *id,
				struct slice admitted, struct arena *a)
{
	struct open_lead *l = arena_calloc(a, 1, sizeof(*l));

	buf_reset(&all->scratch);
	kept_squeeze(&all->words, admitted, &all->scratch);
	assert(!all->scratch.failed);
	l->id = *id;
	l->arena = a;
	l->kept = arena_dup(a, buf_slice(&all->scratch));
	return l;
}

static void put_wait(struct map *waits, const struct open_lead *l, bool on)
{
	struct lead_wait *w = wait_of(waits, &l->id);

	if (!on) {
		if (w)
			free(map_remove(waits, id_key(&l->id)));
		return;
	}
	if (!w) {
		w = malloc(sizeof(*w));
		if (!w)
			abort();
		map_put(waits, id_key(&l->id), w);
	}
	*w = l->wait;
}

void open_lead_put(struct open_leads *all, struct pool *pool, struct open_lead *l)
{
	size_t len;
	char *block = block_make(all, pool, l, &len);

	if (l->block)
		table_replace(&all->blocks, block_key, block);
	else
		table_add(&all->blocks, block_key, block);
	/* What is kept moves with the block. */
	pool_give(pool, l->block, l->block_len);
	l->kept.data = block + len - l->kept.len;
	l->block = block;
	l->block_len = len;
	put_wait(&all->for_operator, l, l->waits == WAITS_FOR_OPERATOR);
	put_wait(&all->for_buyer, l, l->waits == WAITS_FOR_BUYER);
}

void open_lead_drop(struct open_leads *all, struct pool *pool, const struct open_lead *l)
{
	put_wait(&all->for_operator, l, false);
	put_wait(&all->for_buyer, l, false);
	if (!l->block)
		return;
	table_remove(&all->blocks, block_key, id_key(&l->id));
	pool_give(pool, l->block, l->block_len);
}

/* --- one lead --- */

void open_lead_packed(const struct open_leads *all, const struct open_lead *l, struct buf *out)
{
	kept_whole(&all->words, l->kept, out);
}

const Punnet__V1__LeadAdmitted *open_lead_admitted(struct open_leads *all,
						   const struct open_lead *l)
{
	const Punnet__V1__LeadAdmitted *admitted;

	buf_reset(&all->scratch);
	open_lead_packed(all, l, &all->scratch);
	assert(!all->scratch.failed);
	admitted = codec_unpack(l->arena, &punnet__v1__lead_admitted__descriptor,
				buf_slice(&all->scratch));
	assert(admitted && admitted->lead);
	return admitted;
}

struct holding *open_lead_hold(struct open_lead *l, uint32_t order)
{
	struct holding *more;

	if (l->holding_count == l->holding_cap) {
		l->holding_cap = MAX_OF(2 * l->holding_cap, (size_t)HOLDINGS_FIRST);
		more = arena_alloc(l->arena, l->holding_cap * sizeof(*more));
		if (l->holding_count > 0)
			memcpy(more, l->holdings, l->holding_count * sizeof(*more));
		l->holdings = more;
	}
	l->holdings[l->holding_count] = (struct holding){.order = order, .state = HOLDING_OUT};
	return &l->holdings[l->holding_count++];
}

bool open_lead_held(const struct open_lead *l)
{
	for (size_t i = 0; i < l->holding_count; i++) {
		if (l->holdings[i].state != HOLDING_BACK)
			return true;
	}
	return false;
}
