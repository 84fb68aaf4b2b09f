/* kv_redis_sources: the sums of a batch's sources. Leads of one source and hour are one increment. */
#include "kv_redis.h"

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

/* Which bytes of the day's, and their bits. */
static void add_subs(struct kv_words *w, struct arena *a, const uint8_t subs[KV_SUBS_BYTES])
{
	uint8_t *pairs = arena_alloc(a, 2 * (size_t)KV_SUBS_BYTES), *at = pairs;

	for (size_t byte = 0; byte < KV_SUBS_BYTES; byte++) {
		if (!subs[byte])
			continue;
		*at++ = (uint8_t)byte;
		*at++ = subs[byte];
	}
	kv_words_add(w, pairs, (size_t)(at - pairs));
}

_Static_assert(KV_SUBS_BYTES <= 256, "a byte says which");

/* The day's subs, and the arguments of the two BITFIELDs, each after its count. */
static void add_raise(struct kv_redis *r, struct kv_call *c, const struct raise *raise)
{
	struct arena *a = &r->arena;
	size_t at;

	add_subs(&c->raises, a, raise->day.subs);
	at = kv_words_begin(&c->raises);
	for (size_t m = 0; m < 60; m++) {
		if (raise->hour.leads[m] > 0)
			kv_words_increment(&c->raises, a, "u16", m, raise->hour.leads[m]);
		if (raise->hour.rejected[m] > 0)
			kv_words_increment(&c->raises, a, "u16", 60 + m, raise->hour.rejected[m]);
	}
	kv_words_end(&c->raises, at, a);

	at = kv_words_begin(&c->raises);
	for (size_t h = 0; h < 24; h++) {
		if (raise->day.leads[h] > 0)
			kv_words_increment(&c->raises, a, "u32", h, raise->day.leads[h]);
		if (raise->day.rejected[h] > 0)
			kv_words_increment(&c->raises, a, "u32", 24 + h, raise->day.rejected[h]);
	}
	kv_words_end(&c->raises, at, a);
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

	lead->counted = kv_is_counted(r, shard, lead);
	kv_round_mark(r, shard, lead->partition, lead->self.raw_offset);
	if (lead->counted)
		return;
	to->hour.leads[kv_minute_of(lead->now_ms)]++;
	to->day.leads[lead->source->hour % 24]++;
	to->day.subs[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* Of a lead that is put back the verdict is known at once. */
static void raise_reject(struct kv_redis *r, const struct kv_lead *lead, unsigned shard,
			 struct raise *to)
{
	if (lead->candidate || kv_is_judged(r, shard, lead->partition, lead->self.raw_offset))
		return;
	to->hour.rejected[kv_minute_of(lead->now_ms)]++;
	to->day.rejected[lead->source->hour % 24]++;
}

void kv_redis_sources_build(struct kv_redis *r, struct kv_lead *leads, size_t count, bool past)
{
	struct raise *all = arena_alloc(&r->arena, count * sizeof(*all));
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (leads[i].source)
			leads[i].source->place = KV_NO_PLACE;
	}
	for (size_t i = 0; i < count; i++) {
		struct kv_lead *lead = &leads[i];
		struct raise *to;
		unsigned shard;

		if (!lead->source)
			continue;
		shard = kv_shard_of_key(&r->layout, lead->source->key);
		to = raise_of(all, &used, lead->source);
		raise_lead(r, lead, shard, to);
		if (past)
			raise_reject(r, lead, shard, to);
	}
	for (size_t i = 0; i < used; i++) {
		struct kv_call *c = &r->calls[kv_shard_of_key(&r->layout, all[i].source->key)];

		c->used = true;
		add_raise(r, c, &all[i]);
		c->sources =
		    room_for_one(c->sources, c->source_count, &c->source_cap, sizeof(*c->sources));
		c->sources[c->source_count++] = all[i].source;
	}
}

void kv_redis_sources_add(struct kv_redis *r, unsigned shard)
{
	struct kv_call *c = &r->calls[shard];

	kv_words_slice(&c->args, slice_cstr(arena_printf(&r->arena, "%zu", c->source_count)));
	for (size_t i = 0; i < c->source_count; i++)
		add_source_keys(r, shard, c->sources[i]);
	kv_words_append(&c->args, &c->raises);
}

bool kv_redis_sources_read(struct kv_call *c, const redisReply *list)
{
	if (list->type != REDIS_REPLY_ARRAY || list->elements != 4 * c->source_count)
		return false;
	for (size_t i = 0; i < c->source_count; i++) {
		const redisReply *const *v = (const redisReply *const *)list->element + 4 * i;

		kv_hour_decode(kv_reply_text(v[0]), &c->sources[i]->now);
		kv_hour_decode(kv_reply_text(v[1]), &c->sources[i]->before);
		kv_day_decode(kv_reply_text(v[2]), &c->sources[i]->today);
		kv_day_decode(kv_reply_text(v[3]), &c->sources[i]->yesterday);
	}
	return true;
}
