/* audit_core: the tables, and the part of the flow that is checked as the records come. See audit_core.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit_tables.h"
#include "base/hash.h"

#define SLOTS_FIRST 4096
#define MAY_BE_SOLD (LEAD_ACCEPTED | LEAD_QUARANTINED)

static const char *const names[] = {
#define INVARIANT(name, text, holds) [AUDIT_##name] = text,
#include "audit.def"
#undef INVARIANT
};
static const char *const meanings[] = {
#define INVARIANT(name, text, holds) [AUDIT_##name] = holds,
#include "audit.def"
#undef INVARIANT
};
static const char *const topics[] = {
    [AUDIT_RAW] = "leads.raw",          [AUDIT_JUDGED] = "leads.judged",
    [AUDIT_MARKET] = "market",          [AUDIT_ROUTED] = "leads.routed",
    [AUDIT_UNSOLD] = "leads.unsold",    [AUDIT_ATTEMPTS] = "leads.attempts",
    [AUDIT_OUTCOMES] = "leads.outcomes"};

const char *audit_name(enum audit_invariant i)
{
	return names[i];
}

const char *audit_holds(enum audit_invariant i)
{
	return meanings[i];
}

const char *audit_topic_name(enum audit_topic t)
{
	return topics[t];
}

struct audit *audit_new(void)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->slot_count = SLOTS_FIRST;
	a->slots = calloc(a->slot_count, sizeof(*a->slots));
	if (!a->slots)
		abort();
	a->into = a->line;
	a->rest =
	    (struct audit_rest_settings){AUDIT_REST_LEAST, AUDIT_REST_AFTER_MS, AUDIT_REMEMBER_MS};
	a->rest_next = a->rest.least;
	for (size_t p = 0; p < AUDIT_PARTITIONS_MAX; p++) {
		a->raw_base[p] = a->outcomes_base[p] = -1;
		for (size_t m = 0; m < AUDIT_PARTITIONS_MAX; m++)
			a->decided[0][p][m].offset = a->decided[1][p][m].offset = -1;
		for (size_t t = 0; t < AUDIT_TOPICS; t++)
			a->committed[t][p] = a->noted[t][p] = a->due[t][p] = -1;
	}
	return a;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	for (size_t p = 0; p < AUDIT_PARTITIONS_MAX; p++) {
		free(a->raw_at[p].items);
		free(a->markets[p].events.items);
	}
	map_free(&a->order_index);
	map_free(&a->vertical_index);
	map_free(&a->dead);
	map_free(&a->name_index);
	map_free(&a->purse_index);
	map_free(&a->share_index);
	map_free(&a->held);
	map_free(&a->bucket_index);
	map_free(&a->word_index);
	audit_rest_free(a);
	free(a->buckets.items);
	free(a->words.items);
	for (size_t t = 0; t < AUDIT_TOPICS; t++)
		for (size_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
			free(a->trails[t][p].items);
	free(a->bids.items);
	free(a->spans.items);
	free(a->cards.items);
	free(a->lines.items);
	free(a->classes.items);
	free(a->purses.items);
	free(a->funds.items);
	free(a->shares.items);
	free(a->enemies.items);
	free(a->countries.items);
	free(a->leads.items);
	free(a->decisions.items);
	free(a->terms.items);
	free(a->shifts.items);
	free(a->orders.items);
	free(a->verticals.items);
	free(a->accounts.items);
	free(a->slots);
	free(a);
}

void audit_of_a_span(struct audit *a)
{
	a->cut = a->of_a_span = true;
}

bool audit_is_full(const struct audit *a)
{
	return a->full;
}

uint64_t audit_leads_kept(const struct audit *a)
{
	return a->leads.count;
}

/* --- findings --- */

void audit_count(struct audit_line *l, const struct lead_id *id)
{
	l->count++;
	l->hash += hash_fnv1a(0, slice_of(id->bytes, sizeof(id->bytes)));
}

void audit_found(struct audit_line *lines, enum audit_invariant i, enum finding f, const char *fmt,
		 ...)
{
	struct audit_line *l = &lines[i];
	va_list args;

	l->broken++;
	l->lost += f == FOUND_LOST;
	l->twice += f == FOUND_TWICE;
	if (l->first[0])
		return;
	va_start(args, fmt);
	vsnprintf(l->first, sizeof(l->first), fmt, args);
	va_end(args);
}

const char *audit_text(const struct lead_id *id)
{
	static char text[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(id, text);
	return text;
}

/* --- leads and decisions --- */

/* The last eight bytes of a UUIDv7 are random but for two bits. */
static size_t slot_of(const struct audit *a, const struct lead_id *id)
{
	uint64_t h = hash_fnv1a(0, slice_of(id->bytes, sizeof(id->bytes)));
	size_t at = h & (a->slot_count - 1);

	while (a->slots[at] && !lead_id_equal(&a->leads.items[a->slots[at] - 1].id, id))
		at = (at + 1) & (a->slot_count - 1);
	return at;
}

void audit_slots_fit(struct audit *a, size_t slots)
{
	free(a->slots);
	a->slot_count = SLOTS_FIRST;
	while (a->slot_count < slots)
		a->slot_count *= 2;
	a->slots = calloc(a->slot_count, sizeof(*a->slots));
	if (!a->slots)
		abort();
	for (size_t i = 0; i < a->leads.count; i++)
		if (!(a->leads.items[i].flags & LEAD_UNREADABLE))
			a->slots[slot_of(a, &a->leads.items[i].id)] = (uint32_t)i + 1;
}

struct a_lead *audit_lead_kept(const struct audit *a, const struct lead_id *id)
{
	uint32_t found = a->slots[slot_of(a, id)];

	return found ? &a->leads.items[found - 1] : NULL;
}

struct a_lead *audit_lead(struct audit *a, const struct lead_id *id)
{
	struct a_lead *l = audit_lead_kept(a, id);

	if (!l)
		l = audit_rest_end(a, id);
	if (l)
		l->touched_s = MAX_OF(l->touched_s, a->record_s);
	return l;
}

static struct a_lead *lead_add(struct audit *a, const struct lead_id *id)
{
	struct a_lead *l = VECTOR_ADD(a->leads);

	assert(a->leads.count < NONE);
	*l = (struct a_lead){.raw_offset = -1,
			     .judged_offset = -1,
			     .market_offset = -1,
			     .first = NONE,
			     .said_offset = -1,
			     .touched_s = a->record_s,
			     .vertical = UNKNOWN,
			     .webmaster = NONE};
	if (id)
		l->id = *id;
	return l;
}

struct a_lead *audit_lead_add(struct audit *a, const struct lead_id *id)
{
	struct a_lead *l;

	if (a->leads.count * 2 >= a->slot_count)
		audit_slots_fit(a, a->slot_count * 2);
	l = lead_add(a, id);
	a->slots[slot_of(a, id)] = (uint32_t)a->leads.count;
	return l;
}

struct a_lead *audit_lead_make(struct audit *a, const struct lead_id *id, bool *ret_new)
{
	struct a_lead *l = audit_lead(a, id);

	*ret_new = !l;
	return l ? l : audit_lead_add(a, id);
}

struct a_decision *audit_find(struct audit *a, const struct a_lead *lead, uint32_t round)
{
	for (uint32_t i = lead ? lead->first : NONE; i != NONE; i = a->decisions.items[i].next)
		if (a->decisions.items[i].round == round)
			return &a->decisions.items[i];
	return NULL;
}

static uint32_t index_of(struct map *m, const char *name, size_t count)
{
	void *known = map_get(m, slice_cstr(name));

	if (known)
		return (uint32_t)(uintptr_t)known - 1;
	map_put(m, slice_cstr(name), (void *)(uintptr_t)(count + 1));
	return NONE;
}

uint32_t audit_order_of(struct audit *a, const char *order_id)
{
	uint32_t i = index_of(&a->order_index, order_id, a->orders.count);

	if (i != NONE)
		return i;
	*VECTOR_ADD(a->orders) = (struct a_order){.terms = NONE};
	return (uint32_t)a->orders.count - 1;
}

uint32_t audit_vertical_of(struct audit *a, const char *vertical)
{
	uint32_t i = index_of(&a->vertical_index, vertical, a->verticals.count);

	if (i != NONE)
		return i;
	*VECTOR_ADD(a->verticals) = (struct a_vertical){.card = NONE};
	return (uint32_t)a->verticals.count - 1;
}

uint32_t audit_name_of(struct audit *a, const char *name)
{
	uint32_t i = name ? index_of(&a->name_index, name, a->name_count) : NONE;

	if (i != NONE || !name)
		return i;
	return (uint32_t)a->name_count++;
}

uint16_t audit_country_of(const char *code)
{
	if (!code || !code[0] || !code[1] || code[2])
		return 0;
	return (uint16_t)((uint8_t)code[0] << 8 | (uint8_t)code[1]);
}

static struct a_lead *raw_lead(struct audit *a, uint32_t partition, int64_t offset)
{
	int64_t i = a->raw_base[partition] < 0 ? -1 : offset - a->raw_base[partition];

	if (i < 0 || i >= (int64_t)a->raw_at[partition].count ||
	    a->raw_at[partition].items[i] == NONE)
		return NULL;
	return &a->leads.items[a->raw_at[partition].items[i]];
}

/* A stage dropped it; a raw lead that can be read was counted as one to be judged. */
static void dropped_aside(struct audit *a, const char *topic, uint32_t partition, int64_t offset)
{
	static const enum audit_topic read_by[AUDIT_STAGES] = {
	    AUDIT_RAW, AUDIT_JUDGED, AUDIT_MARKET, AUDIT_ROUTED, AUDIT_OUTCOMES};
	const struct a_lead *l;

	for (int s = 0; s < AUDIT_STAGES; s++)
		if (strcmp(topics[read_by[s]], topic) == 0)
			audit_word(a, s, "put_aside", 1);
	if (strcmp(topic, topics[AUDIT_RAW]) != 0 || partition >= AUDIT_PARTITIONS_MAX)
		return;
	l = raw_lead(a, partition, offset);
	if (l && !(l->flags & LEAD_UNREADABLE))
		audit_unsum(a, SIDE_RAW, &l->id, audit_place(partition, offset));
}

/* --- what is ahead, what was put aside --- */

void audit_committed(struct audit *a, enum audit_topic topic, uint32_t partition, int64_t next)
{
	assert(partition < AUDIT_PARTITIONS_MAX);
	a->committed[topic][partition] = next;
	if (!a->deferred)
		a->due[topic][partition] = next;
}

int64_t audit_committed_to(const struct audit *a, enum audit_topic topic, uint32_t partition)
{
	return a->committed[topic][partition];
}

void audit_defer(struct audit *a)
{
	a->deferred = true;
}

void audit_note_commits(struct audit *a)
{
	memcpy(a->noted, a->committed, sizeof(a->noted));
}

void audit_commits_are_due(struct audit *a)
{
	memcpy(a->due, a->noted, sizeof(a->due));
}

bool audit_is_ahead(const struct audit *a, enum audit_topic topic, uint32_t partition,
		    int64_t offset)
{
	if (topic == AUDIT_OUTCOMES)
		return offset >= a->committed[topic][partition];
	return offset >= a->due[topic][partition];
}

static size_t dead_key(const char *topic, uint32_t partition, int64_t offset, char ret[96])
{
	int n = snprintf(ret, 96, "%s/%u@%lld", topic, (unsigned)partition, (long long)offset);

	return (size_t)MIN_OF(n, 95);
}

void audit_dead_letter(struct audit *a, const char *topic, uint32_t partition, int64_t offset)
{
	char key[96];
	size_t len = dead_key(topic, partition, offset, key);

	if (map_put(&a->dead, slice_of(key, len), a))
		return;
	dropped_aside(a, topic, partition, offset);
}

bool audit_is_dead(const struct audit *a, enum audit_topic topic, uint32_t partition,
		   int64_t offset)
{
	char key[96];
	size_t len;

	if (map_count(&a->dead) == 0)
		return false;
	len = dead_key(topics[topic], partition, offset, key);
	return map_get(&a->dead, slice_of(key, len)) != NULL;
}

/* --- raw and judged --- */

void audit_raw(struct audit *a, struct audit_at at, const struct lead_id *id)
{
	uint32_t p = at.partition;
	struct a_lead *l;
	bool fresh = true;

	assert(p < AUDIT_PARTITIONS_MAX);
	if (a->raw_base[p] < 0) {
		a->raw_base[p] = at.offset;
		a->raw_seen[p] = at.offset;
		a->cut |= at.offset > 0;
	}
	while ((int64_t)a->raw_at[p].count < at.offset - a->raw_base[p])
		*VECTOR_ADD(a->raw_at[p]) = NONE;
	a->full |= a->leads.count >= AUDIT_LEADS_MAX;
	if (a->full)
		return;
	l = id ? audit_lead_make(a, id, &fresh) : lead_add(a, NULL);
	if (id && !audit_is_dead(a, AUDIT_RAW, p, at.offset))
		audit_sum(a, SIDE_RAW, id, audit_place(p, at.offset));
	if (!fresh &&
	    (l->flags & LEAD_RAW)) { /* which may be: one of its records must not be accepted */
		if (!(l->flags & LEAD_JUDGED) &&
		    audit_is_dead(a, AUDIT_RAW, l->raw_partition, l->raw_offset)) {
			/* The first one was put aside, and this is another try. */
			l->raw_partition = (uint16_t)p;
			l->raw_offset = at.offset;
		}
		*VECTOR_ADD(a->raw_at[p]) = (uint32_t)(l - a->leads.items);
		return;
	}
	if (id && audit_is_forgotten(a, id))
		audit_found(
		    a->line, AUDIT_RAW_UNIQUE, FOUND_TWICE,
		    "leads.raw/%u@%lld: lead %s: its minute is over long since; it was here "
		    "before, or comes too late",
		    p, (long long)at.offset, audit_text(id));
	l->flags |= LEAD_RAW | (id ? 0 : LEAD_UNREADABLE);
	l->raw_partition = (uint16_t)p;
	l->raw_offset = at.offset;
	*VECTOR_ADD(a->raw_at[p]) = (uint32_t)(l - a->leads.items);
	audit_count(&a->line[AUDIT_RAW_UNIQUE], &l->id);
}

void audit_judged(struct audit *a, const struct audit_judged *j)
{
	uint32_t p = j->at.partition;
	struct a_lead *l;

	assert(p < AUDIT_PARTITIONS_MAX);
	if (j->raw.partition != p) {
		audit_found(a->line, AUDIT_RAW_JUDGED, FOUND_WRONG,
			    "leads.judged/%u@%lld: about a record of partition %u", p,
			    (long long)j->at.offset, j->raw.partition);
		return;
	}
	if (j->raw.offset < a->raw_seen[p])
		return; /* judged again: the first verdict in the log wins */
	a->raw_seen[p] = j->raw.offset + 1;
	l = raw_lead(a, p, j->raw.offset);
	if (!l || !lead_id_equal(&l->id, &j->id)) {
		if (a->raw_base[p] >= 0 && j->raw.offset >= a->raw_base[p] && !(!l && a->of_a_span))
			audit_found(
			    a->line, AUDIT_RAW_JUDGED, FOUND_WRONG,
			    "leads.judged/%u@%lld: lead %s is not the one at leads.raw/%u@%lld", p,
			    (long long)j->at.offset, audit_text(&j->id), p,
			    (long long)j->raw.offset);
		return;
	}
	l->touched_s = MAX_OF(l->touched_s, a->record_s);
	audit_sum(a, SIDE_JUDGED, &l->id, audit_place(p, j->raw.offset));
	if (j->verdict != AUDIT_REJECTED && !(l->flags & MAY_BE_SOLD))
		audit_sum(a, SIDE_ACCEPTED, &l->id, 0);
	if (j->verdict == AUDIT_REJECTED || (l->flags & MAY_BE_SOLD))
		audit_word(a, AUDIT_JUDGING,
			   j->verdict == AUDIT_REJECTED && j->reason ? j->reason : "rejected", 1);
	if (j->verdict != AUDIT_REJECTED && (l->flags & MAY_BE_SOLD))
		audit_found(a->line, AUDIT_RAW_UNIQUE, FOUND_TWICE,
			    "leads.judged/%u@%lld: lead %s was accepted at %lld already", p,
			    (long long)j->at.offset, audit_text(&l->id),
			    (long long)l->judged_offset);
	if (!(l->flags & LEAD_JUDGED))
		audit_count(&a->line[AUDIT_RAW_JUDGED], &l->id);
	if (!(l->flags & MAY_BE_SOLD))
		l->judged_offset = j->at.offset;
	l->flags |= LEAD_JUDGED;
	if (j->verdict == AUDIT_ACCEPTED)
		l->flags |= LEAD_ACCEPTED;
	if (j->verdict == AUDIT_QUARANTINED)
		l->flags |= LEAD_QUARANTINED;
	if (j->verdict <= AUDIT_NO_VERDICT || j->verdict > AUDIT_QUARANTINED ||
	    (j->verdict == AUDIT_REJECTED && !j->has_reasons) || j->no_ruleset)
		audit_found(a->line, AUDIT_VERDICTS, FOUND_WRONG,
			    "leads.judged/%u@%lld: lead %s: %s", p, (long long)j->at.offset,
			    audit_text(&l->id),
			    j->no_ruleset                  ? "by no rule set"
			    : j->verdict == AUDIT_REJECTED ? "rejected without a reason"
							   : "no verdict");
	else
		audit_count(&a->line[AUDIT_VERDICTS], &l->id);
}
