/* kv_memory_counts: see kv_memory_counts.h. */
#include "kv_memory_counts.h"

#include <stdlib.h>

#define SWEEP_LEAST 65536
#define KEY_ROOM    (KV_KEY_MAX + sizeof(int64_t))
#define HOUR_ENDS   (3 * MS_PER_HOUR) /* after its end; as in Redis */
#define DAY_ENDS    (2 * MS_PER_DAY)

struct entry { /* the first member of what tables hold */
	int64_t ends_ms;
};

struct trail {
	struct entry entry;
	struct kv_visit visits[KV_VISITS_MAX];
	size_t count;
};

struct hour {
	struct entry entry;
	struct kv_hour sums;
};

struct day {
	struct entry entry;
	struct kv_day sums;
};

static void sweep(struct kv_table *t, int64_t now_ms)
{
	for (size_t i = map_count(&t->entries); i-- > 0;) {
		struct slice key;
		void *value;

		if (map_at(&t->entries, i, &key, &value) &&
		    ((struct entry *)value)->ends_ms <= now_ms)
			free(map_remove(&t->entries, key));
	}
	t->sweep_at = MAX_OF((size_t)SWEEP_LEAST, 2 * map_count(&t->entries));
}

/* NULL: nobody put it there, or it has ended. */
static void *find(const struct kv_table *t, struct slice key, int64_t now_ms)
{
	struct entry *e = map_get(&t->entries, key);

	return e && e->ends_ms > now_ms ? e : NULL;
}

/* As it is, or made anew with zeros. */
static void *obtain(struct kv_table *t, struct slice key, size_t size, int64_t now_ms)
{
	struct entry *e = find(t, key, now_ms);

	if (e)
		return e;
	if (map_count(&t->entries) >= MAX_OF((size_t)SWEEP_LEAST, t->sweep_at))
		sweep(t, now_ms);
	e = calloc(1, size);
	assert(e);
	free(map_put(&t->entries, key, e));
	return e;
}

/* --- trails --- */

/* The visits are copied: those that come behind may push them out. */
static void answer_trail(struct kv_memory_counts *c, const struct kv_lead *lead,
			 struct kv_trail *ret)
{
	const struct trail *t = find(&c->trails, ret->key, lead->now_ms);
	struct kv_visit *visits;

	ret->count = 0;
	if (!t)
		return;
	visits = arena_alloc(&c->answers, sizeof(t->visits));
	memcpy(visits, t->visits, t->count * sizeof(*t->visits));
	kv_trail_answer(ret, visits, t->count, kv_record_digest(&lead->self));
}

static void add_visit(struct kv_memory_counts *c, const struct kv_lead *lead,
		      const struct kv_trail *own)
{
	struct trail *t = obtain(&c->trails, own->key, sizeof(*t), lead->now_ms);
	struct kv_visit *v;

	if (t->count == KV_VISITS_MAX)
		memmove(t->visits, t->visits + 1, --t->count * sizeof(*t->visits));
	v = &t->visits[t->count++];
	*v = (struct kv_visit){.record = kv_record_digest(&lead->self), .at_ms = lead->now_ms};
	memcpy(v->marks, own->marks, sizeof(*v->marks) * (own->wide ? KV_MARKS_MAX : 2));
	t->entry.ends_ms = lead->now_ms + own->ttl_ms;
}

static void count_trails(struct kv_memory_counts *c, const struct kv_lead *lead)
{
	for (size_t i = 0; i < lead->trail_count; i++) {
		answer_trail(c, lead, &lead->trails[i]);
		if (!lead->counted)
			add_visit(c, lead, &lead->trails[i]);
	}
}

/* --- sources --- */

static struct slice source_key(const struct kv_source *s, int64_t when, char room[KEY_ROOM])
{
	assert(s->key.len <= KV_KEY_MAX);
	memcpy(room, &when, sizeof(when));
	memcpy(room + sizeof(when), s->key.data, s->key.len);
	return slice_of(room, sizeof(when) + s->key.len);
}

static void answer_hour(const struct kv_table *t, const struct kv_source *s, int64_t hour,
			struct kv_hour *ret)
{
	char room[KEY_ROOM];
	const struct hour *found = find(t, source_key(s, hour, room), s->hour * MS_PER_HOUR);

	*ret = found ? found->sums : (struct kv_hour){.leads = {0}};
}

static void answer_day(const struct kv_table *t, const struct kv_source *s, int64_t day,
		       struct kv_day *ret)
{
	char room[KEY_ROOM];
	const struct day *found = find(t, source_key(s, day, room), s->hour * MS_PER_HOUR);

	*ret = found ? found->sums : (struct kv_day){.leads = {0}};
}

static void answer_source(const struct kv_memory_counts *c, struct kv_source *s)
{
	answer_hour(&c->hours, s, s->hour, &s->now);
	answer_hour(&c->hours, s, s->hour - 1, &s->before);
	answer_day(&c->days, s, s->hour / 24, &s->today);
	answer_day(&c->days, s, s->hour / 24 - 1, &s->yesterday);
}

static struct hour *hour_of(struct kv_memory_counts *c, const struct kv_source *s)
{
	char room[KEY_ROOM];
	struct hour *h =
	    obtain(&c->hours, source_key(s, s->hour, room), sizeof(*h), s->hour * MS_PER_HOUR);

	h->entry.ends_ms = (s->hour + 1) * MS_PER_HOUR + HOUR_ENDS;
	return h;
}

static struct day *day_of(struct kv_memory_counts *c, const struct kv_source *s)
{
	char room[KEY_ROOM];
	int64_t day = s->hour / 24;
	struct day *d =
	    obtain(&c->days, source_key(s, day, room), sizeof(*d), s->hour * MS_PER_HOUR);

	d->entry.ends_ms = (day + 1) * MS_PER_DAY + DAY_ENDS;
	return d;
}

static void add_to_source(struct kv_memory_counts *c, const struct kv_lead *lead)
{
	size_t bit = kv_sub_bit(lead->sub);
	struct day *d = day_of(c, lead->source);

	hour_of(c, lead->source)->sums.leads[kv_minute_of(lead->now_ms)]++;
	d->sums.leads[lead->source->hour % 24]++;
	d->sums.subs[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* --- all --- */

void kv_memory_count(struct kv_memory_counts *c, struct kv_lead *leads, size_t count)
{
	arena_reset(&c->answers);
	for (size_t i = 0; i < count; i++) {
		if (leads[i].source)
			answer_source(c, leads[i].source);
	}
	for (size_t i = 0; i < count; i++) {
		struct kv_lead *lead = &leads[i];

		if (!lead->source && lead->trail_count == 0)
			continue;
		assert(lead->partition < KV_MEMORY_PARTITIONS_MAX);
		lead->counted = lead->self.raw_offset < c->counted[lead->partition];
		lead->judged = lead->self.raw_offset < c->judged[lead->partition];
		count_trails(c, lead);
		if (lead->counted)
			continue;
		if (lead->source)
			add_to_source(c, lead);
		c->counted[lead->partition] = lead->self.raw_offset + 1;
	}
}

void kv_memory_reject(struct kv_memory_counts *c, const struct kv_verdict *verdicts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct kv_verdict *v = &verdicts[i];

		assert(v->partition < KV_MEMORY_PARTITIONS_MAX);
		if (!v->source || v->raw_offset < c->judged[v->partition])
			continue;
		if (v->rejected) {
			hour_of(c, v->source)->sums.rejected[kv_minute_of(v->now_ms)]++;
			day_of(c, v->source)->sums.rejected[v->source->hour % 24]++;
		}
		c->judged[v->partition] = v->raw_offset + 1;
	}
}

static void free_table(struct kv_table *t)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&t->entries, i, &key, &value); i++)
		free(value);
	map_free(&t->entries);
}

void kv_memory_counts_free(struct kv_memory_counts *c)
{
	free_table(&c->trails);
	free_table(&c->hours);
	free_table(&c->days);
	arena_free(&c->answers);
}
