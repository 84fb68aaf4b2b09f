/* kv_redis_gather: a batch's claims, trails and sources, as arguments and back. See kv_scripts.h for their form.
 *
 * In a cluster the claims of a lead that are taken together stand in the shard of their scope, and all others where their keys
 * say. Two rounds are made then: what belongs to no group first, so that a lead whose `always` claim is another's takes none
 * of the group. On one server both are one round.
 *
 * In a cluster every call raises the watermarks of its leads' partitions, not only one that counts: a master that fell, and
 * whose replica has not all that was claimed, is then known by them. The first round is over in all shards when the second
 * begins, so a watermark still says what is counted. */
#include <stdlib.h>

#include "base/hash.h"
#include "clock.h"
#include "fault.h"
#include "kv_redis.h"

#define FLAG_ALWAYS   1
#define FLAG_BUCKET   2
#define FLAG_SETS_END 4
#define FLAG_BEFORE   8
#define HEAD_BYTES    4
#define ENDS_PER_CALL 16u
#define SHAPE_CLAIM   9
#define SHAPE_TRAIL   8
#define LEAD_ARG_MAX                                                                               \
	(KV_CLAIM_BYTES + HEAD_BYTES + KV_CLAIMS_PER_LEAD * (SHAPE_CLAIM + KV_FIELD_BYTES) +       \
	 KV_TRAILS_PER_LEAD * (SHAPE_TRAIL + KV_VISIT_BYTES))

/* Which claims a round is about. */
enum part { PART_ALL, PART_ALONE, PART_GROUPS };

struct batch {
	struct kv_lead *leads;
	size_t count;
	enum part part;
	int64_t now_ms;
};

/* What one lead asks of one shard. */
struct ask {
	struct kv_claim *claims[KV_CLAIMS_PER_LEAD];
	struct kv_trail *trails[KV_TRAILS_PER_LEAD];
	size_t claim_count, trail_count;
};

static void collect(const struct kv_redis *r, const struct batch *b, struct kv_lead *lead,
		    unsigned shard, struct ask *ret)
{
	ret->claim_count = ret->trail_count = 0;
	for (size_t i = 0; i < lead->claim_count; i++) {
		struct kv_claim *c = &lead->claims[i];

		if (b->part != PART_ALL && c->always != (b->part == PART_ALONE))
			continue;
		if (kv_shard_of_claim(&r->layout, c->key, c->group, c->always) == shard)
			ret->claims[ret->claim_count++] = c;
	}
	for (size_t i = 0; b->part != PART_GROUPS && i < lead->trail_count; i++) {
		if (kv_shard_of_key(&r->layout, lead->trails[i].key) == shard)
			ret->trails[ret->trail_count++] = &lead->trails[i];
	}
}

/* --- one lead --- */

static uint8_t *put_u64(uint8_t *at, uint64_t n)
{
	kv_encode_u64(n, at);
	return at + 8;
}

static uint8_t *write_shape_claim(struct kv_redis *r, const struct batch *b, unsigned shard,
				  const struct kv_claim *claim, const struct kv_place *p,
				  uint8_t *at)
{
	uint8_t flags = claim->always ? FLAG_ALWAYS : 0;

	if (p->bucket)
		flags |= kv_bucket_needs_end(r, shard, p, b->now_ms) ? FLAG_SETS_END : FLAG_BUCKET;
	if (p->before.len > 0)
		flags |= FLAG_BEFORE;
	*at++ = flags;
	return put_u64(at, (uint64_t)(p->bucket ? p->ends_ms : claim->ttl_ms));
}

static void add_claim_keys(struct kv_call *c, struct kv_claim *claim, const struct kv_place *p)
{
	kv_words_slice(&c->keys, p->now);
	if (p->before.len > 0)
		kv_words_slice(&c->keys, p->before);
	c->claims = kv_room(c->claims, &c->claim_cap, c->claim_count, sizeof(*c->claims));
	c->claims[c->claim_count++] = claim;
	/* What the answer does not speak of, its lead has newly taken. */
	claim->held = true;
}

static void add_trail(struct kv_redis *r, unsigned shard, struct kv_lead *lead,
		      struct kv_trail *trail)
{
	struct kv_call *c = &r->calls[shard];

	kv_words_slice(&c->keys, kv_count_key(&r->layout, shard, 't', trail->key, 0, &r->arena));
	c->trails = kv_room(c->trails, &c->trail_cap, c->trail_count, sizeof(*c->trails));
	c->trail_leads =
	    kv_room(c->trail_leads, &c->trail_lead_cap, c->trail_count, sizeof(*c->trail_leads));
	c->trail_leads[c->trail_count] = lead;
	c->trails[c->trail_count++] = trail;
	trail->count = 0;
}

static bool is_counted(struct kv_redis *r, unsigned shard, const struct kv_lead *lead)
{
	return !fault_on("watermarks_blind") &&
	       lead->self.raw_offset < kv_belief(r, shard, lead->partition)->counted;
}

static void add_lead(struct kv_redis *r, const struct batch *b, struct kv_lead *lead,
		     unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	struct kv_place places[KV_CLAIMS_PER_LEAD];
	struct ask ask;
	uint8_t *arg, *at;

	collect(r, b, lead, shard, &ask);
	if (ask.claim_count + ask.trail_count == 0)
		return;
	c->used = true;
	arg = arena_alloc(&r->arena, LEAD_ARG_MAX);
	kv_claim_encode(&lead->self, lead->now_ms, arg);
	at = arg + KV_CLAIM_BYTES;
	*at++ = lead->candidate;
	*at++ = is_counted(r, shard, lead);
	*at++ = (uint8_t)ask.claim_count;
	*at++ = (uint8_t)ask.trail_count;
	for (size_t i = 0; i < ask.claim_count; i++) {
		kv_place_claim(&r->layout, shard, ask.claims[i]->key, ask.claims[i]->ttl_ms,
			       b->now_ms, &r->arena, &places[i]);
		at = write_shape_claim(r, b, shard, ask.claims[i], &places[i], at);
		add_claim_keys(c, ask.claims[i], &places[i]);
		ask.claims[i]->owner = lead->self;
		ask.claims[i]->claimed_at_ms = lead->now_ms;
	}
	for (size_t i = 0; i < ask.trail_count; i++)
		at = put_u64(at, (uint64_t)ask.trails[i]->ttl_ms);
	for (size_t i = 0; i < ask.claim_count; i++) {
		if (places[i].bucket) {
			memcpy(at, places[i].field, KV_FIELD_BYTES);
			at += KV_FIELD_BYTES;
		}
	}
	for (size_t i = 0; i < ask.trail_count; i++) {
		struct kv_visit own = {kv_record_digest(&lead->self),
				       lead->now_ms,
				       {ask.trails[i]->marks[0], ask.trails[i]->marks[1]}};

		add_trail(r, shard, lead, ask.trails[i]);
		kv_visit_encode(&own, at);
		at += KV_VISIT_BYTES;
	}
	if (ask.trail_count > 0 || r->layout.shards > 1)
		kv_round_mark(r, shard, lead->partition, lead->self.raw_offset);
	kv_words_add(&c->args, arg, (size_t)(at - arg));
}

/* --- sources --- */

/* What a source gets from the leads of the batch that were not counted yet. */
struct raise {
	struct kv_source *source;
	struct kv_hour hour;
	struct kv_day day;
};

static void add_source_keys(struct kv_redis *r, unsigned shard, const struct kv_source *s)
{
	struct kv_call *c = &r->calls[shard];
	const struct kv_layout *l = &r->layout;
	int64_t day = s->hour / 24;

	kv_words_slice(&c->keys, kv_count_key(l, shard, 'h', s->key, s->hour, &r->arena));
	kv_words_slice(&c->keys, kv_count_key(l, shard, 'h', s->key, s->hour - 1, &r->arena));
	kv_words_slice(&c->keys, kv_count_key(l, shard, 'd', s->key, day, &r->arena));
	kv_words_slice(&c->keys, kv_count_key(l, shard, 'd', s->key, day - 1, &r->arena));
}

static void add_subs(struct kv_words *w, struct arena *a, size_t byte, uint8_t bits)
{
	for (size_t i = 0; i < 8; i++) {
		if (!(bits & 0x80 >> i))
			continue;
		kv_words_slice(w, SLICE("SET"));
		kv_words_slice(w, SLICE("u1"));
		kv_words_slice(w,
			       slice_cstr(arena_printf(a, "%zu", KV_DAY_SUBS_BIT + byte * 8 + i)));
		kv_words_slice(w, SLICE("1"));
	}
}

/* The arguments of the two BITFIELDs, each after its count. */
static void add_raise(struct kv_redis *r, struct kv_call *c, const struct raise *raise)
{
	struct arena *a = &r->arena;
	size_t at = kv_words_begin(&c->args);

	for (size_t m = 0; m < 60; m++) {
		if (raise->hour.leads[m] > 0)
			kv_words_increment(&c->args, a, "u16", m, raise->hour.leads[m]);
	}
	kv_words_end(&c->args, at, a);

	at = kv_words_begin(&c->args);
	for (size_t h = 0; h < 24; h++) {
		if (raise->day.leads[h] > 0)
			kv_words_increment(&c->args, a, "u32", h, raise->day.leads[h]);
	}
	for (size_t byte = 0; byte < KV_SUBS_BYTES; byte++) {
		if (raise->day.subs[byte])
			add_subs(&c->args, a, byte, raise->day.subs[byte]);
	}
	kv_words_end(&c->args, at, a);
}

/* Each source has one, which it names by its place. */
static struct raise *raise_of(struct raise *all, size_t *count, struct kv_source *s)
{
	if (s->place == KV_NO_PLACE) {
		s->place = (uint32_t)*count;
		all[(*count)++] = (struct raise){.source = s};
	}
	return &all[s->place];
}

static void raise_lead(struct kv_redis *r, struct kv_lead *lead, unsigned shard, struct raise *to)
{
	size_t bit = kv_sub_bit(lead->sub);

	lead->counted = is_counted(r, shard, lead);
	kv_round_mark(r, shard, lead->partition, lead->self.raw_offset);
	if (lead->counted)
		return;
	to->hour.leads[kv_minute_of(lead->now_ms)]++;
	to->day.leads[lead->source->hour % 24]++;
	to->day.subs[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static void add_sources(struct kv_redis *r, const struct batch *b)
{
	struct raise *all = arena_alloc(&r->arena, b->count * sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; i < b->count; i++) {
		if (b->leads[i].source)
			b->leads[i].source->place = KV_NO_PLACE;
	}
	for (size_t i = 0; i < b->count; i++) {
		struct kv_lead *lead = &b->leads[i];

		if (lead->source)
			raise_lead(r, lead, kv_shard_of_key(&r->layout, lead->source->key),
				   raise_of(all, &count, lead->source));
	}
	for (size_t i = 0; i < count; i++) {
		unsigned shard = kv_shard_of_key(&r->layout, all[i].source->key);
		struct kv_call *c = &r->calls[shard];

		c->used = true;
		add_source_keys(r, shard, all[i].source);
		add_raise(r, c, &all[i]);
		c->sources =
		    kv_room(c->sources, &c->source_cap, c->source_count, sizeof(*c->sources));
		c->sources[c->source_count++] = all[i].source;
	}
}

/* --- building --- */

/* A bucket that lost its last claim lost its end, too; so all of them are given theirs again in turn, a few a call. */
static void add_ends(struct kv_redis *r, const struct batch *b, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	uint32_t mask = (1u << r->layout.bucket_bits) - 1;

	if (!c->used)
		return;
	for (uint32_t i = 0; i < ENDS_PER_CALL; i++)
		kv_words_slice(&c->keys, kv_bucket_key(&r->layout, shard, (r->next_end + i) & mask,
						       b->now_ms, &r->arena));
}

static void build_shard(struct kv_redis *r, const struct batch *b, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];
	size_t at;

	kv_words_slice(&c->args, slice_cstr(arena_printf(&r->arena, "%u", ENDS_PER_CALL)));
	kv_words_slice(&c->args, slice_cstr(arena_printf(&r->arena, "%lld",
							 (long long)kv_ends_ms(b->now_ms))));
	at = kv_words_begin(&c->args);
	for (size_t i = 0; i < b->count; i++)
		add_lead(r, b, &b->leads[i], shard);
	kv_words_end(&c->args, at, &r->arena);
}

static void build(struct kv_redis *r, void *ctx)
{
	struct batch *b = ctx;

	for (unsigned s = 0; s < r->layout.shards; s++)
		build_shard(r, b, s);
	if (b->part != PART_GROUPS)
		add_sources(r, b);
	for (unsigned s = 0; s < r->layout.shards; s++)
		add_ends(r, b, s);
	r->next_end += ENDS_PER_CALL;
}

/* --- answers --- */

static struct slice text_of(const redisReply *e)
{
	return e->type == REDIS_REPLY_STRING ? slice_of(e->str, e->len) : (struct slice){0};
}

/* Pairs of a place (from 1) and a value. */
static bool is_pairs(const redisReply *list, size_t places)
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
	if (!is_pairs(list, c->claim_count))
		return false;
	for (size_t i = 0; i < list->elements && !fault_on("claims_blind"); i += 2) {
		struct kv_claim *claim = c->claims[list->element[i]->integer - 1];
		const redisReply *value = list->element[i + 1];

		claim->held = value->type != REDIS_REPLY_NIL;
		if (claim->held &&
		    !kv_claim_decode(text_of(value), &claim->owner, &claim->claimed_at_ms))
			return false;
		if (!claim->held) {
			claim->claimed_at_ms = 0;
			claim->owner = (struct lead_record){.raw_offset = 0};
		}
	}
	return true;
}

static bool read_trails(struct kv_call *c, const redisReply *list)
{
	if (!is_pairs(list, c->trail_count))
		return false;
	for (size_t i = 0; i < list->elements; i += 2) {
		size_t at = (size_t)list->element[i]->integer - 1;

		if (!kv_trail_decode(text_of(list->element[i + 1]), c->trails[at]))
			return false;
		kv_trail_cut(c->trails[at], &c->trail_leads[at]->self);
	}
	return true;
}

static bool read_sources(struct kv_call *c, const redisReply *list)
{
	if (list->type != REDIS_REPLY_ARRAY || list->elements != 4 * c->source_count)
		return false;
	for (size_t i = 0; i < c->source_count; i++) {
		const redisReply *const *v = (const redisReply *const *)list->element + 4 * i;

		kv_hour_decode(text_of(v[0]), &c->sources[i]->now);
		kv_hour_decode(text_of(v[1]), &c->sources[i]->before);
		kv_day_decode(text_of(v[2]), &c->sources[i]->today);
		kv_day_decode(text_of(v[3]), &c->sources[i]->yesterday);
	}
	return true;
}

static bool read_reply(struct kv_call *c)
{
	const redisReply *reply = c->reply;

	return reply->elements == 5 && read_claims(c, reply->element[2]) &&
	       read_trails(c, reply->element[3]) && read_sources(c, reply->element[4]);
}

static bool read_replies(struct kv_redis *r)
{
	for (unsigned s = 0; s < r->layout.shards; s++)
		if (r->calls[s].reply && !read_reply(&r->calls[s]))
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
	struct batch b = {.leads = leads, .count = count, .now_ms = clock_now_ms()};
	bool was[KV_LEADS_PER_GATHER];
	enum result result;

	if (r->lost)
		return error_set(ret_error, RESULT_AGAIN, "redis: the state has to be restored");
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
