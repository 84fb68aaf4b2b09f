/* audit_sums: by the minute in which its lead came in, everything that goes into a stage and everything that comes out of it is
 * counted, and a keyed hash of it is added up. This looks at no single lead: what the other checks overlook shows here. */
#include <stdio.h>
#include <stdlib.h>

#include "audit_tables.h"
#include "base/hash.h"
#include "base/timefmt.h"

#define EDGE_S 3600
#define BEYOND (-1) /* the minute of leads whose own time makes no sense */

static const struct pair {
	enum a_side from, to;
	const char *words;
} pairs[] = {
    {SIDE_RAW, SIDE_JUDGED, "raw leads and verdicts"},
    {SIDE_ACCEPTED, SIDE_ADMITTED, "leads that may be sold and leads in the market"},
    {SIDE_TO_DECIDE, SIDE_DECIDED, "leads in the market and decisions"},
    {SIDE_ROUTED, SIDE_ANSWERED, "assignments and outcomes"},
    {SIDE_DELIVERED, SIDE_CREDITED, "deliveries and credits"},
};

void audit_set_key(struct audit *a, uint64_t key)
{
	assert(a->buckets.count == 0);
	a->key = key;
}

/* Whoever asks mostly asks for the minute that it asked for before. */
static struct a_bucket *known_bucket(const struct audit *a, int64_t minute)
{
	void *known;

	if (a->bucket_at < a->buckets.count && a->buckets.items[a->bucket_at].minute == minute)
		return &a->buckets.items[a->bucket_at];
	known = map_get(&a->bucket_index, slice_of(&minute, sizeof(minute)));
	return known ? &a->buckets.items[(uintptr_t)known - 1] : NULL;
}

/* NULL: no lead of its minute was seen. */
struct a_bucket *audit_bucket_known(const struct audit *a, const struct lead_id *id)
{
	struct a_bucket *b = known_bucket(a, lead_id_time_ms(id) / MS_PER_MIN);

	return b || a->buckets.count < AUDIT_BUCKETS_MAX ? b : known_bucket(a, BEYOND);
}

struct a_bucket *audit_bucket(struct audit *a, const struct lead_id *id)
{
	int64_t minute = lead_id_time_ms(id) / MS_PER_MIN;
	struct a_bucket *b = audit_bucket_known(a, id);

	if (!b) {
		if (a->buckets.count >= AUDIT_BUCKETS_MAX)
			minute = BEYOND;
		b = VECTOR_ADD(a->buckets);
		*b = (struct a_bucket){.minute = minute, .waived_offset = -1};
		map_put(&a->bucket_index, slice_of(&minute, sizeof(minute)),
			(void *)(uintptr_t)a->buckets.count);
	}
	a->bucket_at = (size_t)(b - a->buckets.items);
	return b;
}

uint64_t audit_hash(const struct audit *a, const struct lead_id *id, uint64_t what)
{
	uint64_t h = hash_fnv1a(a->key, slice_of(id->bytes, sizeof(id->bytes)));

	return hash_mix(hash_mix(h ^ a->key) + what * UINT64_C(0x9E3779B97F4A7C15));
}

uint64_t audit_sale(uint32_t round, uint32_t order, int64_t price_minor, int64_t payout_minor)
{
	uint64_t h = hash_mix((uint64_t)round << 32 | order);

	return hash_mix(hash_mix(h ^ (uint64_t)price_minor) ^ (uint64_t)payout_minor);
}

void audit_sum(struct audit *a, enum a_side side, const struct lead_id *id, uint64_t what)
{
	struct a_bucket *b = audit_bucket(a, id);

	b->side[side].count++;
	b->side[side].sum += audit_hash(a, id, what);
}

void audit_unsum(struct audit *a, enum a_side side, const struct lead_id *id, uint64_t what)
{
	struct a_bucket *b = audit_bucket(a, id);

	b->side[side].count--;
	b->side[side].sum -= audit_hash(a, id, what);
}

void audit_sums_forget(struct audit *a, enum a_side side)
{
	for (size_t i = 0; i < a->buckets.count; i++)
		memset(&a->buckets.items[i].side[side], 0, sizeof(a->buckets.items[i].side[side]));
}

static void report(const struct a_bucket *b, const struct pair *p, struct audit_line *ret)
{
	uint64_t from = b->side[p->from].count, to = b->side[p->to].count;
	char when[TIME_TEXT_LEN + 1] = "beyond";

	if (from > to)
		return; /* under way, or lost: the checks of single leads know which */
	if (from == to && b->side[p->from].sum == b->side[p->to].sum) {
		ret[AUDIT_SUMS].count += from > 0;
		ret[AUDIT_SUMS].hash += b->side[p->to].sum;
		return;
	}
	if (b->minute != BEYOND)
		time_text(b->minute * MS_PER_MIN, when);
	audit_found(ret, AUDIT_SUMS, FOUND_WRONG, "minute %.16s: %s: %llu and %llu%s", when,
		    p->words, (unsigned long long)from, (unsigned long long)to,
		    from == to ? ", and not the same ones" : "");
}

/* Nothing is under way with a lead at rest: its rows of the ledger are what they were. Where the topics begin later than the ledger,
 * the first minutes have rows of leads that were never seen. */
static void report_rest(const struct audit *a, const struct a_bucket *b, struct audit_line *ret)
{
	uint64_t was = b->side[SIDE_FROZEN].count, is = b->side[SIDE_BOOKED].count;
	bool edge = a->cut && b->minute * 60 < (int64_t)a->first_s + EDGE_S;
	char when[TIME_TEXT_LEN + 1] = "beyond";

	if (edge ? is >= was : is == was && b->side[SIDE_FROZEN].sum == b->side[SIDE_BOOKED].sum)
		return;
	if (b->minute != BEYOND)
		time_text(b->minute * MS_PER_MIN, when);
	audit_found(
	    ret, AUDIT_SUMS, FOUND_WRONG,
	    "minute %.16s: the ledger's rows of leads that were over: %llu then, %llu now%s", when,
	    (unsigned long long)was, (unsigned long long)is, is == was ? ", and not the same" : "");
}

void audit_sums_report(struct audit *a, struct audit_line *ret)
{
	for (size_t i = 0; i < a->buckets.count; i++) {
		for (size_t k = 0; k < ARRAY_LEN(pairs); k++)
			report(&a->buckets.items[i], &pairs[k], ret);
		report_rest(a, &a->buckets.items[i], ret);
	}
}

/* --- what is carried on --- */

void audit_content(struct audit *a, enum audit_topic topic, struct audit_at at,
		   const struct lead_id *id, struct audit_content c)
{
	struct a_lead *l = audit_lead(a, id);
	const char *other = NULL;

	if (!l)
		return;
	if (topic == AUDIT_RAW && l->content.rest == 0) {
		l->content = c;
		return;
	}
	if (c.contact && l->content.contact && c.contact != l->content.contact)
		other = "another contact than it came in with";
	else if (c.rest && l->content.rest && c.rest != l->content.rest)
		other = "another webmaster or vertical than it came in with";
	if (other)
		audit_found(a->line, AUDIT_CARRIED, FOUND_WRONG, "%s/%u@%lld: lead %s: %s",
			    audit_topic_name(topic), at.partition, (long long)at.offset,
			    audit_text(id), other);
	else
		audit_count(&a->line[AUDIT_CARRIED], id);
}
