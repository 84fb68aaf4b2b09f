/* kv_redis_gather: a batch's claims, trails and sources, as arguments and back. See kv_scripts.h for their form.
 *
 * In a cluster the claims of a lead that are taken together stand in the shard of their scope, and all others where their keys
 * say. Two rounds are made then: what belongs to no group first, so that a lead whose `always` claim is another's takes none
 * of the group. On one server both are one round.
 *
 * In a cluster every call raises the watermarks of its leads' partitions, not only one that counts: a master that fell, and
 * whose replica has not all that was claimed, is then known by them. The first round is over in all shards when the second
 * begins, so a watermark still says what is counted. */
#include "fault.h"
#include "kv_redis.h"

#define FLAG_ALWAYS    1
#define FLAG_BUCKET    2
#define FLAG_BEFORE    8
#define FLAG_SPAN      16 /* times the span of a page */
#define HEAD_BYTES     2
#define BUCKETS_A_CALL 16u
#define PAGES_A_CALL   4u
#define PAGE_REST_MS   (2 * MS_PER_MIN) /* for clocks that lag */
#define PAGES_OF_ALL   (KV_PAGE_KINDS * KV_SPANS * KV_PAGES)
#define SHAPE_CLAIM    9
#define SHAPE_NUMBER   2 /* bytes */
#define SHAPE_MAX      (HEAD_BYTES + KV_CLAIMS_PER_LEAD * SHAPE_CLAIM)
/* Of one page in one HMGET: Lua can't unpack many more. */
#define FIELDS_MAX 3500

_Static_assert(KV_LEADS_PER_GATHER <= FIELDS_MAX,
	       "and a digest sends a batch's fields to many pages");

/* Which claims a round is about. */
enum part { PART_ALL, PART_ALONE, PART_GROUPS };

struct batch {
	struct kv_lead *leads;
	size_t count;
	enum part part;
	bool past; /* what was judged long ago is put back: nobody hears the answers */
	int64_t now_ms;
};

/* The claims of a lead that one shard is asked for. */
static size_t collect(const struct kv_redis *r, const struct batch *b, struct kv_lead *lead,
		      unsigned shard, struct kv_claim *ret[KV_CLAIMS_PER_LEAD])
{
	size_t count = 0;

	for (size_t i = 0; i < lead->claim_count; i++) {
		struct kv_claim *c = &lead->claims[i];

		if (b->part != PART_ALL && c->always != (b->part == PART_ALONE))
			continue;
		if (kv_shard_of_claim(&r->layout, c->key, c->group, c->always) == shard)
			ret[count++] = c;
	}
	return count;
}

/* --- one lead --- */

static uint8_t *put_u64(uint8_t *at, uint64_t n)
{
	kv_encode_u64(n, at);
	return at + 8;
}

static uint8_t *write_shape_claim(const struct kv_claim *claim, const struct kv_place *p,
				  uint8_t *at)
{
	*at++ = (uint8_t)((claim->always ? FLAG_ALWAYS : 0) |
			  (p->bucket ? FLAG_BUCKET : FLAG_SPAN * p->cell.span) |
			  (p->before.len > 0 ? FLAG_BEFORE : 0));
	return put_u64(at, (uint64_t)p->ends_ms);
}

/* Where the claim is to be looked for. */
static void add_claim(struct kv_redis *r, struct kv_call *c, struct kv_claim *claim,
		      const struct kv_place *p)
{
	const struct kv_cell *cell = &p->cell;

	c->claims = room_for_one(c->claims, c->claim_count, &c->claim_cap, sizeof(*c->claims));
	c->claims[c->claim_count++] = claim;
	if (p->bucket) {
		kv_words_slice(&c->buckets, p->now);
		if (p->before.len > 0)
			kv_words_slice(&c->buckets, p->before);
		kv_words_slice(&c->leads,
			       arena_dup(&r->arena, slice_of(p->field, sizeof(p->field))));
		return;
	}

	struct slice field = arena_dup(&r->arena, slice_of(cell->field, sizeof(cell->field)));

	kv_words_slice(&c->sections[KV_PAGE_CLAIMS][cell->span][cell->page].fields, field);
	kv_words_slice(&c->leads, field);
}

bool kv_is_counted(struct kv_redis *r, unsigned shard, const struct kv_lead *lead)
{
	return !fault_on("watermarks_blind") &&
	       lead->self.raw_offset < kv_belief(r, shard, lead->partition)->counted;
}

bool kv_is_judged(struct kv_redis *r, unsigned shard, uint32_t partition, uint64_t raw_offset)
{
	return !fault_on("watermarks_blind") && raw_offset < kv_belief(r, shard, partition)->judged;
}

/* Nearly all leads of a batch have one of two shapes. */
static size_t number_of_shape(struct kv_call *c, const uint8_t *shape, size_t len)
{
	for (size_t i = 0; i < c->shapes.count; i++) {
		if (c->shapes.len[i] == len && memcmp(c->shapes.data[i], shape, len) == 0)
			return i + 1;
	}
	kv_words_add(&c->shapes, shape, len);
	return c->shapes.count;
}

static void set_shape(struct kv_redis *r, const struct batch *b, struct kv_call *c,
		      const uint8_t *shape, size_t len)
{
	size_t number = number_of_shape(c, shape, len);

	if (!c->shape_of)
		c->shape_of = arena_alloc(&r->arena, SHAPE_NUMBER * b->count);
	c->shape_of[SHAPE_NUMBER * c->lead_count] = (uint8_t)(number >> 8);
	c->shape_of[SHAPE_NUMBER * c->lead_count + 1] = (uint8_t)number;
}

static void add_lead(struct kv_redis *r, const struct batch *b, struct kv_lead *lead,
		     unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	struct kv_claim *claims[KV_CLAIMS_PER_LEAD];
	struct kv_place places[KV_CLAIMS_PER_LEAD];
	size_t count = collect(r, b, lead, shard, claims);
	uint8_t *value, *shape, *at;

	if (count == 0)
		return;
	c->used = true;
	value = arena_alloc(&r->arena, KV_CLAIM_BYTES);
	kv_claim_encode(&lead->self, lead->now_ms, value);
	at = shape = arena_alloc(&r->arena, SHAPE_MAX);
	*at++ = lead->candidate;
	*at++ = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		kv_place_claim(&r->layout, shard, claims[i]->key, claims[i]->ttl_ms, b->now_ms,
			       &r->arena, &places[i]);
		at = write_shape_claim(claims[i], &places[i], at);
		/* What the answer does not speak of, its lead has newly taken. */
		claims[i]->held = true;
		claims[i]->owner = lead->self;
		claims[i]->claimed_at_ms = lead->now_ms;
	}
	kv_words_add(&c->leads, value, KV_CLAIM_BYTES);
	set_shape(r, b, c, shape, (size_t)(at - shape));
	for (size_t i = 0; i < count; i++)
		add_claim(r, c, claims[i], &places[i]);
	c->lead_count++;
	if (r->layout.shards > 1)
		kv_round_mark(r, shard, lead->partition, lead->self.raw_offset);
}

/* --- building --- */

static void add_page_keys(struct kv_redis *r, const struct batch *b, unsigned shard,
			  enum kv_page_kind kind, enum kv_span span, unsigned page)
{
	int64_t generation = kv_page_generation(span, b->now_ms);
	struct kv_words *keys = &r->calls[shard].keys;

	kv_words_slice(keys,
		       kv_page_key(&r->layout, shard, kind, span, page, generation, &r->arena));
	kv_words_slice(keys,
		       kv_page_key(&r->layout, shard, kind, span, page, generation - 1, &r->arena));
}

static void add_number(struct kv_redis *r, struct kv_words *w, size_t n)
{
	kv_words_slice(w, slice_cstr(arena_printf(&r->arena, "%zu", n)));
}

/* A page and what is asked of it. */
static void add_section(struct kv_redis *r, const struct batch *b, unsigned shard,
			enum kv_page_kind kind, enum kv_span span, unsigned page)
{
	struct kv_call *c = &r->calls[shard];
	const struct kv_section *s = &c->sections[kind][span][page];

	assert(s->fields.count <= FIELDS_MAX);
	add_page_keys(r, b, shard, kind, span, page);
	if (kind == KV_PAGE_CLAIMS) {
		add_number(r, &c->args, span);
		add_number(r, &c->args, page);
	} else {
		add_number(r, &c->args,
			   kv_visit_bytes(kind == KV_PAGE_WIDE_TRAILS) * KV_VISITS_MAX);
	}
	add_number(r, &c->args, s->fields.count);
	kv_words_append(&c->args, &s->fields);
	kv_words_append(&c->args, &s->more);
}

static size_t add_sections(struct kv_redis *r, const struct batch *b, unsigned shard,
			   enum kv_page_kind kind)
{
	struct kv_call *c = &r->calls[shard];
	size_t count = 0;

	for (enum kv_span s = 0; s < KV_SPANS; s++) {
		for (unsigned p = 0; p < KV_PAGES; p++) {
			if (c->sections[kind][s][p].fields.count == 0)
				continue;
			add_section(r, b, shard, kind, s, p);
			count++;
		}
	}
	return count;
}

/* Buckets and pages have no end when they are begun, and lose it with their last claim: so all of them are given theirs in turn,
 * a few a call, long before it comes. A page that nobody reads any more goes without being waited for. */
static void add_ends(struct kv_redis *r, const struct batch *b, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	uint32_t mask = (1u << r->layout.bucket_bits) - 1;

	add_number(r, &c->args, BUCKETS_A_CALL);
	add_number(r, &c->args, (size_t)(kv_ends_ms(b->now_ms) + kv_redis_behind_ms(r)));
	for (uint32_t i = 0; i < BUCKETS_A_CALL; i++)
		kv_words_slice(&c->keys, kv_bucket_key(&r->layout, shard, (r->next_end + i) & mask,
						       b->now_ms, &r->arena));
	for (uint32_t i = 0; i < PAGES_A_CALL; i++) {
		uint32_t n = (r->next_page + i) % PAGES_OF_ALL;
		enum kv_page_kind kind = n % KV_PAGE_KINDS;
		enum kv_span span = n / KV_PAGE_KINDS % KV_SPANS;
		unsigned page = n / KV_PAGE_KINDS / KV_SPANS;
		int64_t g = kv_page_generation(span, b->now_ms);

		kv_words_slice(&c->keys,
			       kv_page_key(&r->layout, shard, kind, span, page, g, &r->arena));
		kv_words_slice(&c->keys,
			       kv_page_key(&r->layout, shard, kind, span, page,
					   kv_page_generation(span, b->now_ms - PAGE_REST_MS) - 2,
					   &r->arena));
		add_number(r, &c->args,
			   (size_t)(kv_page_ends_ms(span, b->now_ms) + kv_redis_behind_ms(r)));
	}
}

static void build_shard(struct kv_redis *r, const struct batch *b, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	size_t at;

	if (!c->used)
		return;
	add_number(r, &c->args, (size_t)b->now_ms);
	at = kv_words_begin(&c->args);
	kv_words_set(&c->args, at, add_sections(r, b, shard, KV_PAGE_CLAIMS), &r->arena);
	at = kv_words_begin(&c->args);
	kv_words_set(&c->args, at,
		     add_sections(r, b, shard, KV_PAGE_TRAILS) +
			 add_sections(r, b, shard, KV_PAGE_WIDE_TRAILS),
		     &r->arena);
	add_number(r, &c->args, c->lead_count);
	kv_words_add(&c->args, c->shape_of, SHAPE_NUMBER * c->lead_count);
	add_number(r, &c->args, c->shapes.count);
	kv_words_append(&c->args, &c->shapes);
	kv_words_append(&c->args, &c->leads);
	kv_words_append(&c->keys, &c->buckets);
	kv_redis_sources_add(r, shard);
	add_ends(r, b, shard);
}

static void build(struct kv_redis *r, void *ctx)
{
	struct batch *b = ctx;

	for (size_t i = 0; i < b->count; i++) {
		for (unsigned s = 0; s < r->layout.shards; s++)
			add_lead(r, b, &b->leads[i], s);
	}
	if (b->part != PART_GROUPS) {
		kv_redis_trails_build(r, b->leads, b->count);
		kv_redis_sources_build(r, b->leads, b->count, b->past);
	}
	for (unsigned s = 0; s < r->layout.shards; s++)
		build_shard(r, b, s);
	r->next_end += BUCKETS_A_CALL;
	r->next_page = (r->next_page + PAGES_A_CALL) % PAGES_OF_ALL;
}

/* --- answers --- */

bool kv_reply_is_pairs(const redisReply *list, size_t places)
{
	if (list->type != REDIS_REPLY_ARRAY || list->elements % 2)
		return false;
	for (size_t i = 0; i < list->elements; i += 2) {
		const redisReply *place = list->element[i];

		if (place->type != REDIS_REPLY_INTEGER || place->integer < 1 ||
		    (size_t)place->integer > places)
			return false;
	}
	return true;
}

static bool read_claims(struct kv_call *c, const redisReply *list)
{
	if (!kv_reply_is_pairs(list, c->claim_count))
		return false;
	for (size_t i = 0; i < list->elements && !fault_on("claims_blind"); i += 2) {
		struct kv_claim *claim = c->claims[list->element[i]->integer - 1];
		const redisReply *value = list->element[i + 1];

		claim->held = value->type != REDIS_REPLY_NIL;
		if (claim->held &&
		    !kv_claim_decode(kv_reply_text(value), &claim->owner, &claim->claimed_at_ms))
			return false;
		if (!claim->held) {
			claim->claimed_at_ms = 0;
			claim->owner = (struct lead_record){.raw_offset = 0};
		}
	}
	return true;
}

static bool read_reply(struct kv_redis *r, struct kv_call *c)
{
	const redisReply *reply = c->reply;

	return reply->elements == 5 && read_claims(c, reply->element[2]) &&
	       kv_redis_trails_read(r, c, reply->element[3]) &&
	       kv_redis_sources_read(c, reply->element[4]);
}

static bool read_replies(struct kv_redis *r)
{
	for (unsigned s = 0; s < r->layout.shards; s++)
		if (r->calls[s].reply && !read_reply(r, &r->calls[s]))
			return false;
	return true;
}

/* Whose reject an earlier call has counted, as far as this process knows. */
static void mark_judged(struct kv_redis *r, struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct kv_lead *lead = &b->leads[i];

		if (lead->source)
			lead->judged = lead->self.raw_offset <
				       kv_belief(r, kv_shard_of_key(&r->layout, lead->source->key),
						 lead->partition)
					   ->judged;
	}
}

static enum result round_of(struct kv_redis *r, struct batch *b, enum part part,
			    struct error *ret_error)
{
	enum result result;

	b->part = part;
	result = kv_round(r, KV_SCRIPT_GATHER, build, b, ret_error);
	if (result != RESULT_OK)
		return result;
	bool good = read_replies(r);
	if (good && part != PART_GROUPS)
		kv_redis_trails_answer(r, b->leads, b->count);
	kv_round_end(r);
	if (good)
		return RESULT_OK;
	return error_set(ret_error, RESULT_BAD,
			 "redis: a key under \"%s\" holds what is not a claim or a count",
			 r->layout.prefix);
}

/* A lead whose `always` claim is another's takes none of its group. */
static void withdraw(struct batch *b, bool *ret_was)
{
	for (size_t i = 0; i < b->count; i++) {
		struct kv_lead *lead = &b->leads[i];

		ret_was[i] = lead->candidate;
		for (size_t c = 0; c < lead->claim_count; c++) {
			const struct kv_claim *claim = &lead->claims[c];

			if (claim->always && claim->held &&
			    !lead_record_equal(&claim->owner, &lead->self))
				lead->candidate = false;
		}
	}
}

static void forget_answers(struct kv_lead *leads, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; c < leads[i].claim_count; c++)
			leads[i].claims[c].held = false;
	}
}

enum result kv_redis_gather(struct kv *k, struct kv_lead *leads, size_t count,
			    struct error *ret_error)
{
	struct kv_redis *r = kv_redis_of(k);
	struct batch b = {.leads = leads, .count = count};
	bool was[KV_LEADS_PER_GATHER];
	enum result result;

	if (r->lost)
		return error_set(ret_error, RESULT_AGAIN, "redis: the state has to be restored");
	for (size_t i = 0; i < count; i++)
		b.now_ms = kv_redis_now_ms(r, leads[i].now_ms);
	arena_reset(&r->answers);
	if (r->layout.shards == 1) {
		result = round_of(r, &b, PART_ALL, ret_error);
	} else {
		result = round_of(r, &b, PART_ALONE, ret_error);
		withdraw(&b, was);
		if (result == RESULT_OK)
			result = round_of(r, &b, PART_GROUPS, ret_error);
		for (size_t i = 0; i < count; i++)
			leads[i].candidate = was[i];
	}
	if (result == RESULT_OK)
		mark_judged(r, &b);
	else
		forget_answers(leads, count);
	return result;
}

enum result kv_redis_put_back(struct kv *k, struct kv_lead *leads, size_t count,
			      struct error *ret_error)
{
	struct kv_redis *r = kv_redis_of(k);
	struct batch b = {.leads = leads, .count = count, .past = true};
	enum result result;

	/* In a cluster a lead's second round depends on what its first one answers. */
	if (r->layout.shards > 1)
		return kv_gather_and_close(k, leads, count, ret_error);
	if (r->lost)
		return error_set(ret_error, RESULT_AGAIN, "redis: the state has to be restored");
	for (size_t i = 0; i < count; i++)
		b.now_ms = kv_redis_now_ms(r, leads[i].now_ms);
	result = kv_round(r, KV_SCRIPT_PUT_BACK, build, &b, ret_error);
	if (result == RESULT_OK)
		kv_round_end(r);
	forget_answers(leads, count);
	return result;
}
