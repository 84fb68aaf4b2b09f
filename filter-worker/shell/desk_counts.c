/* desk_counts: see desk_counts.h. */
#include "desk_counts.h"

#include "base/hash.h"

_Static_assert(TRAILS_MAX <= KV_TRAILS_PER_LEAD && TRAIL_VISITS_MAX == KV_VISITS_MAX &&
		   TRAIL_MARKS == KV_MARKS_MAX,
	       "the kv takes what the core plans");

#define SUBS_MAX   (KV_SUBS_BYTES * 8)
#define SUBS_SHIFT 11                   /* 2^11 bits */
#define SUBS_FULL  (SUBS_MAX * 15 / 16) /* past it the number is too uncertain to go on counting */
#define FREE_SHIFT 20

_Static_assert(SUBS_MAX == 1 << SUBS_SHIFT, "a value takes one bit of so many");

/* A filter may stand twice, in force and in shadow; it is asked once, for the one in force. */
static bool asks(const struct rule_list *l, size_t i)
{
	if (!l->rules[i].shadow)
		return true;
	for (size_t k = 0; k < l->count; k++) {
		if (l->rules[k].filter == l->rules[i].filter && !l->rules[k].shadow)
			return false;
	}
	return true;
}

void counts_plan(const struct rule_list *l, struct desk_lead *lead)
{
	trail_plan_begin(&lead->trails);
	lead->weighed = false;
	for (size_t i = 0; i < l->count; i++) {
		const struct filter *f = l->rules[i].filter;

		lead->weighed |= f->weigh != NULL;
		if (f->follow && asks(l, i))
			f->follow(&lead->subject, &lead->facts, &lead->trails);
	}
}

/* --- asking --- */

static void ask_trails(struct counts *c, const struct desk_lead *lead, struct kv_lead *ret)
{
	ret->trail_count = lead->trails.count;
	ret->trails = arena_alloc(c->arena, lead->trails.count * sizeof(*ret->trails));
	for (size_t i = 0; i < lead->trails.count; i++) {
		const struct trail_want *w = &lead->trails.wants[i];
		struct kv_trail *t = &ret->trails[i];

		*t = (struct kv_trail){.key = trail_key(w), .ttl_ms = w->keep_ms, .wide = w->wide};
		memcpy(t->marks, w->own.marks, sizeof(t->marks));
	}
}

static struct kv_source *source_of(struct counts *c, struct slice key, int64_t hour)
{
	struct kv_source *first = map_get(&c->by_source, key), *s = first;

	while (s && s->hour != hour)
		s = s->next;
	if (s)
		return s;
	s = arena_calloc(c->arena, 1, sizeof(*s));
	s->key = key;
	s->hour = hour;
	s->first = first ? first : s;
	if (first) {
		s->next = first->next;
		first->next = s;
	} else {
		(void)map_put(&c->by_source, key, s);
	}
	return s;
}

void counts_ask(struct counts *c, const struct desk_lead *lead, struct kv_lead *ret)
{
	ret->partition = lead->partition;
	ask_trails(c, lead, ret);
	if (!lead->weighed || lead->subject.aff_id.len == 0 ||
	    lead->subject.aff_id.len > KV_KEY_MAX || lead->subject.received_at_ms < 0)
		return;
	ret->source =
	    source_of(c, lead->subject.aff_id, lead->subject.received_at_ms / MS_PER_HOUR);
	ret->sub = (uint32_t)hash_fnv1a(0, lead->subject.sub1);
}

/* --- hearing --- */

void counts_hear(const struct kv_lead *answer, struct desk_lead *lead)
{
	struct visit visits[TRAIL_VISITS_MAX];

	for (size_t i = 0; i < lead->trails.count; i++) {
		struct trail_want *w = &lead->trails.wants[i];
		const struct kv_trail *t = &answer->trails[i];

		/* Gathered again after a cut: by now the leads behind it may have pushed its visits out of the trail. */
		if (w->known)
			continue;
		for (size_t k = 0; k < t->count; k++) {
			visits[k].at_ms = t->visits[k].at_ms;
			memcpy(visits[k].marks, t->visits[k].marks, sizeof(visits[k].marks));
		}
		w->found = (struct trail){.visits = visits, .count = t->count};
		w->known = true;
		for (size_t f = 0; f < w->filter_count; f++)
			w->filters[f]->learn(w, lead->subject.received_at_ms, &lead->facts);
		w->found = (struct trail){.count = 0};
	}
}

static void count_subs(uint16_t ret[SUBS_FULL + 1])
{
	uint64_t open = (uint64_t)SUBS_MAX << FREE_SHIFT;
	uint16_t values = 0;

	for (uint64_t bits = 0; bits <= SUBS_FULL; bits++) {
		for (; open > (SUBS_MAX - bits) << FREE_SHIFT; values++)
			open -= open >> SUBS_SHIFT;
		ret[bits] = values;
	}
}

/* How many different values set so many bits, each value one of 2^11: the step that every further value is likely to make
 * shrinks with the bits that are left (linear counting: Whang, Vander-Zanden, Taylor 1990, in integers). Asked for every lead,
 * so it is worked out once. */
static uint32_t subs_behind(uint32_t bits)
{
	static uint16_t values[SUBS_FULL + 1];

	if (values[SUBS_FULL] == 0)
		count_subs(values);
	return values[MIN_OF(bits, (uint32_t)SUBS_FULL)];
}

static uint32_t count_bits(const uint8_t bits[KV_SUBS_BYTES])
{
	uint32_t count = 0;

	for (size_t i = 0; i < KV_SUBS_BYTES; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bits + i, sizeof(word));
		count += (uint32_t)__builtin_popcountll(word);
	}
	return count;
}

static struct source_day day_of(const struct kv_day *d, size_t hours)
{
	struct source_day ret = {.leads = 0};

	for (size_t i = 0; i < hours; i++) {
		ret.leads += d->leads[i];
		ret.rejected += d->rejected[i];
	}
	return ret;
}

/* Hours that are over, and the minutes that are over of the one that is not. */
static void fill_days(const struct kv_source *s, size_t minute, struct source *ret)
{
	ret->today = day_of(&s->today, (size_t)(s->hour % 24));
	for (size_t i = 0; i < minute; i++) {
		ret->today.leads += s->now.leads[i];
		ret->today.rejected += s->now.rejected[i];
	}
	ret->yesterday = day_of(&s->yesterday, 24);
	ret->today.subs = MIN_OF(subs_behind(count_bits(s->today.subs)), ret->today.leads + 1);
	ret->yesterday.subs =
	    MIN_OF(subs_behind(count_bits(s->yesterday.subs)), ret->yesterday.leads + 1);
}

static void fill_source(const struct kv_source *s, int64_t now_ms, struct source *ret)
{
	size_t minute = (size_t)(now_ms % MS_PER_HOUR / MS_PER_MIN);

	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		ret->minutes[i] = i < minute ? s->now.leads[minute - 1 - i]
					     : s->before.leads[SOURCE_MINUTES + minute - 1 - i];
	fill_days(s, minute, ret);
	ret->today_ms = now_ms % MS_PER_DAY;
}

void counts_weigh(const struct kv_lead *answer, const struct rule_list *l, struct desk_lead *lead)
{
	struct source source;

	if (!answer->source)
		return;
	fill_source(answer->source, answer->now_ms, &source);
	source.has_sub = lead->subject.sub1.len > 0;
	source.sub_yesterday = kv_day_has_sub(&answer->source->yesterday, answer->sub);
	for (size_t i = 0; i < l->count; i++) {
		const struct filter *f = l->rules[i].filter;

		if (f->weigh && asks(l, i))
			f->weigh(&source, &lead->facts);
	}
}

void counts_judged(const struct kv_lead *answer, bool rejected)
{
	if (!answer->source)
		return;
	if (!answer->counted)
		kv_source_add_lead(answer->source, answer->now_ms, answer->sub);
	if (!answer->judged && rejected)
		kv_source_add_reject(answer->source, answer->now_ms);
}

void counts_free(struct counts *c)
{
	map_free(&c->by_source);
}
