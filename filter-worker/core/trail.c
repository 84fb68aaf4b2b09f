/* trail: see trail.h. */
#include "trail.h"

#include "base/hash.h"
#include "signs.h"

#define SUBJECT_LEN 16

static struct trail_want *find(struct trail_plan *p, const struct trail_want *like)
{
	for (size_t i = 0; i < p->count; i++) {
		if (slice_equal(trail_key(&p->wants[i]), trail_key(like)))
			return &p->wants[i];
	}
	return NULL;
}

static void want(struct trail_plan *p, const struct filter *filter, struct trail_want *fresh)
{
	struct trail_want *w = find(p, fresh);

	if (!w) {
		assert(p->count < TRAILS_MAX);
		w = &p->wants[p->count++];
		*w = *fresh;
	}
	assert(w->filter_count < TRAIL_LISTENERS);
	w->filters[w->filter_count++] = filter;
}

void trail_plan_begin(struct trail_plan *p)
{
	p->count = 0;
	p->signs.known = false;
}

const struct plan_signs *trail_plan_signs(struct trail_plan *p, const struct facts *local)
{
	struct signs signs;

	if (!p->signs.known) {
		signs = signs_of(local);
		p->signs = (struct plan_signs){
		    .known = true, .rarest = signs.rarest, .unusual = signs.unusual};
	}
	return &p->signs;
}

void trail_plan_want(struct trail_plan *p, const struct filter *filter, const char purpose[2],
		     struct slice scope, struct slice subject, int64_t keep_ms,
		     const struct visit *own)
{
	struct trail_want fresh = {.keep_ms = keep_ms, .own = *own};

	if (subject.len == 0)
		return;
	assert(subject.len == SUBJECT_LEN && keep_ms > 0);
	fresh.key_len = subject_key(purpose, scope, subject, fresh.key);
	want(p, filter, &fresh);
}

void trail_plan_want_person(struct trail_plan *p, const struct filter *filter,
			    const struct claim_subject *s, const struct facts *local)
{
	struct trail_want fresh = {.keep_ms = PERSON_KEEP_MS, .wide = true};
	int64_t name;

	if (s->person.len == 0)
		return;
	if (!facts_number(local, FACT_NAME_DIGEST, &name))
		name = 0;
	fresh.own = (struct visit){.at_ms = s->received_at_ms,
				   .marks = {[PERSON_WORD] = (uint32_t)((uint64_t)name >> 32),
					     [PERSON_NEXT_WORD] = (uint32_t)name,
					     [PERSON_WEBMASTER] = text_mark(s->aff_id),
					     [PERSON_ADDRESS] = subject_mark(s->ip)}};
	fresh.key_len = subject_key("pe", (struct slice){0}, s->person, fresh.key);
	want(p, filter, &fresh);
}

/* 0 stands for a form that does not say: one that was sent at such a moment was sent a millisecond later. */
static uint32_t sent_mark(const struct facts *local)
{
	int64_t sent_ms;

	if (!facts_number(local, FACT_FORM_SENT_AT, &sent_ms))
		return 0;
	return MAX_OF((uint32_t)(uint64_t)sent_ms, 1u);
}

static uint32_t sub_mark(struct slice sub1, bool is_signed)
{
	uint32_t sub = sub1.len > 0 ? MAX_OF(text_mark(sub1) >> 1, 1u) : 0;

	return sub << 1 | is_signed;
}

void trail_plan_want_source(struct trail_plan *p, const struct filter *filter,
			    const struct claim_subject *s, const struct facts *local)
{
	struct trail_want fresh = {.keep_ms = SOURCE_KEEP_MS};
	struct webmaster_key key;

	if (s->aff_id.len == 0)
		return;
	fresh.key_len =
	    subject_key("sc", (struct slice){0}, webmaster_key(s->aff_id, &key), fresh.key);
	/* Whoever asks first says what the lead leaves there. */
	if (!find(p, &fresh))
		fresh.own =
		    (struct visit){.at_ms = s->received_at_ms,
				   .marks = {[SOURCE_SENT] = sent_mark(local),
					     [SOURCE_SUB] = sub_mark(
						 s->sub1, trail_plan_signs(p, local)->unusual)}};
	want(p, filter, &fresh);
}

static_assert(sizeof(struct webmaster_key) == SUBJECT_LEN, "a subject");

struct slice webmaster_key(struct slice aff_id, struct webmaster_key *ret)
{
	ret->halves[0] = hash_fnv1a(0, aff_id);
	ret->halves[1] = hash_fnv1a(ret->halves[0], aff_id);
	return slice_of(ret, sizeof(*ret));
}

uint32_t text_mark(struct slice text)
{
	uint64_t hash = hash_fnv1a(0, text);

	return (uint32_t)(hash ^ hash >> 32);
}

uint32_t subject_mark(struct slice fingerprint)
{
	uint32_t ret = 0;

	if (fingerprint.len >= sizeof(ret))
		memcpy(&ret, fingerprint.data, sizeof(ret));
	return ret;
}

/* Leads of other partitions may be a little newer than this one; they count, too. */
static bool is_within(const struct visit *v, int64_t now_ms, int64_t window_ms)
{
	return now_ms - v->at_ms < window_ms;
}

size_t trail_count(const struct trail *t, int64_t now_ms, int64_t window_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++)
		count += is_within(&t->visits[i], now_ms, window_ms);
	return count;
}

size_t trail_distinct(const struct trail *t, int64_t now_ms, int64_t window_ms, size_t mark,
		      uint32_t own)
{
	uint32_t seen[TRAIL_VISITS_MAX + 1] = {own};
	size_t count = 1;

	assert(mark < TRAIL_MARKS && t->count <= TRAIL_VISITS_MAX);
	for (size_t i = 0; i < t->count; i++) {
		uint32_t value = t->visits[i].marks[mark];
		size_t k = 0;

		if (!is_within(&t->visits[i], now_ms, window_ms))
			continue;
		while (k < count && seen[k] != value)
			k++;
		if (k == count)
			seen[count++] = value;
	}
	return count;
}
