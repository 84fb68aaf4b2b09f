/* kv_redis_trails: the trails of a batch. Leads of a batch often follow the same subject (a webmaster, a block of names): each
 * subject is asked for once, gets all visits of the batch at once, and what stood before a lead among them is known here. */
#include "kv_redis.h"

#define ENTRIES_SHARE 2 /* slots of the index by entries */

/* One subject in this call. */
struct kv_trail_entry {
	struct kv_cell cell;
	uint32_t place; /* among the call's trails */
	bool wide;
	uint8_t *more; /* encoded visits that are added */
	size_t more_count, more_cap;
	struct slice had; /* what was there: the reply's */
	struct kv_visit *visits;
	size_t visit_count;
};

/* Finds a subject's entry: open addressing; the digest in the field is its hash. */
struct index {
	struct kv_trail_entry **slots;
	size_t mask;
};

static struct index index_of(struct kv_redis *r, const struct kv_lead *leads, size_t count)
{
	size_t trails = 1, slots = 1;

	for (size_t i = 0; i < count; i++)
		trails += leads[i].trail_count;
	while (slots < trails * ENTRIES_SHARE)
		slots *= 2;
	return (struct index){arena_calloc(&r->arena, slots, sizeof(struct kv_trail_entry *)),
			      slots - 1};
}

static struct kv_trail_entry **slot_of(const struct index *x, const struct kv_cell *cell)
{
	uint64_t hash;
	size_t i;

	memcpy(&hash, cell->field, sizeof(hash));
	for (i = hash & x->mask; x->slots[i]; i = (i + 1) & x->mask) {
		if (memcmp(x->slots[i]->cell.field, cell->field, sizeof(cell->field)) == 0)
			break;
	}
	return &x->slots[i];
}

static struct kv_trail_entry *entry_of(struct kv_redis *r, struct kv_call *c, const struct index *x,
				       const struct kv_trail *trail)
{
	struct kv_cell cell = kv_cell_of(trail->key, trail->ttl_ms);
	struct kv_trail_entry **slot = slot_of(x, &cell), *e = *slot;

	if (e) {
		assert(e->wide == trail->wide && e->cell.span == cell.span);
		return e;
	}
	e = *slot = arena_calloc(&r->arena, 1, sizeof(*e));
	e->cell = cell;
	e->wide = trail->wide;
	e->place = (uint32_t)c->trail_count;
	c->trails = room_for_one(c->trails, c->trail_count, &c->trail_cap, sizeof(*c->trails));
	c->trails[c->trail_count++] = e;
	return e;
}

static struct kv_visit own_visit(uint64_t record, const struct kv_lead *lead,
				 const struct kv_trail *trail)
{
	struct kv_visit own = {.record = record, .at_ms = lead->now_ms};

	memcpy(own.marks, trail->marks, sizeof(own.marks));
	return own;
}

static void add_visit(struct kv_redis *r, struct kv_trail_entry *e, const struct kv_visit *own)
{
	size_t bytes = kv_visit_bytes(e->wide);

	if (e->more_count == e->more_cap) {
		size_t cap = MAX_OF((size_t)1, e->more_cap * 4);
		uint8_t *more = arena_alloc(&r->arena, cap * KV_VISIT_BYTES);

		if (e->more_count > 0)
			memcpy(more, e->more, e->more_count * bytes);
		e->more = more;
		e->more_cap = cap;
	}
	kv_visit_encode(own, e->wide, e->more + e->more_count++ * bytes);
}

static void add_to_section(struct kv_call *c, const struct kv_trail_entry *e)
{
	enum kv_page_kind kind = e->wide ? KV_PAGE_WIDE_TRAILS : KV_PAGE_TRAILS;
	struct kv_section *s = &c->sections[kind][e->cell.span][e->cell.page];
	size_t kept = MIN_OF(e->more_count, (size_t)KV_VISITS_MAX);
	size_t bytes = kv_visit_bytes(e->wide);

	kv_words_add(&s->fields, e->cell.field, sizeof(e->cell.field));
	kv_words_add(&s->more, kept > 0 ? e->more + (e->more_count - kept) * bytes : NULL,
		     kept * bytes);
}

void kv_redis_trails_build(struct kv_redis *r, struct kv_lead *leads, size_t count)
{
	struct index x = index_of(r, leads, count);

	for (size_t i = 0; i < count; i++) {
		struct kv_lead *lead = &leads[i];
		uint64_t record = kv_record_digest(&lead->self);

		for (size_t t = 0; t < lead->trail_count; t++) {
			struct kv_trail *trail = &lead->trails[t];
			struct kv_visit own = own_visit(record, lead, trail);
			unsigned shard = kv_shard_of_key(&r->layout, trail->key);
			struct kv_trail_entry *e = entry_of(r, &r->calls[shard], &x, trail);

			trail->place = e->place;
			trail->adds = !kv_is_counted(r, shard, lead);
			if (trail->adds)
				add_visit(r, e, &own);
			kv_round_mark(r, shard, lead->partition, lead->self.raw_offset);
			r->calls[shard].used = true;
		}
	}
	for (unsigned s = 0; s < r->layout.shards; s++) {
		struct kv_call *c = &r->calls[s];

		for (size_t i = 0; i < c->trail_count; i++)
			add_to_section(c, c->trails[i]);
	}
}

/* --- answers --- */

/* The script answers in the order of the sections: their first entries, and so on. */
static struct kv_trail_entry **in_order_of_sections(struct kv_redis *r, const struct kv_call *c)
{
	struct kv_trail_entry **ret =
	    arena_alloc(&r->arena, (c->trail_count + 1) * sizeof(struct kv_trail_entry *));
	size_t starts[KV_PAGE_KINDS][KV_SPANS][KV_PAGES], at = 0;

	for (int k = KV_PAGE_TRAILS; k < KV_PAGE_KINDS; k++) {
		for (int s = 0; s < KV_SPANS; s++) {
			for (int p = 0; p < KV_PAGES; p++) {
				starts[k][s][p] = at;
				at += c->sections[k][s][p].fields.count;
			}
		}
	}
	for (size_t i = 0; i < c->trail_count; i++) {
		struct kv_trail_entry *e = c->trails[i];

		ret[starts[e->wide ? KV_PAGE_WIDE_TRAILS : KV_PAGE_TRAILS][e->cell.span]
			  [e->cell.page]++] = e;
	}
	return ret;
}

bool kv_redis_trails_read(struct kv_redis *r, struct kv_call *c, const redisReply *list)
{
	struct kv_trail_entry **entries = in_order_of_sections(r, c);

	if (!kv_reply_is_pairs(list, c->trail_count))
		return false;
	for (size_t i = 0; i < list->elements; i += 2) {
		const redisReply *value = list->element[i + 1];

		if (value->type != REDIS_REPLY_STRING)
			return false;
		entries[list->element[i]->integer - 1]->had = slice_of(value->str, value->len);
	}
	for (size_t i = 0; i < c->trail_count; i++) {
		struct kv_trail_entry *e = c->trails[i];

		e->visit_count = 0;
		e->visits = arena_alloc(&r->answers,
					((e->had.len > 0 ? KV_VISITS_MAX : 0) + e->more_count + 1) *
					    sizeof(*e->visits));
		if (e->had.len > 0 && !kv_trail_decode(e->had, e->wide, e->visits, &e->visit_count))
			return false;
	}
	return true;
}

/* In the leads' order: each adds its own visit after it was answered. */
void kv_redis_trails_answer(struct kv_redis *r, struct kv_lead *leads, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct kv_lead *lead = &leads[i];
		uint64_t record = kv_record_digest(&lead->self);

		for (size_t t = 0; t < lead->trail_count; t++) {
			struct kv_trail *trail = &lead->trails[t];
			unsigned shard = kv_shard_of_key(&r->layout, trail->key);
			struct kv_trail_entry *e = r->calls[shard].trails[trail->place];

			kv_trail_answer(trail, e->visits, e->visit_count, record);
			if (trail->adds)
				e->visits[e->visit_count++] = own_visit(record, lead, trail);
		}
	}
}
