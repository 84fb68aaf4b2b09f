/* audit_stages: what went into each stage, what came out, what it dropped and why, and how far it is behind, in records and in
 * time. */
#include <stdio.h>
#include <stdlib.h>

#include "audit_tables.h"

#define SPACING_FIRST_MS 250 /* between two moments that are remembered */

static const char *const stage_names[AUDIT_STAGES] = {
    [AUDIT_JUDGING] = "judging",   [AUDIT_ADMITTING] = "admitting",
    [AUDIT_DECIDING] = "deciding", [AUDIT_DELIVERING] = "delivering",
    [AUDIT_SETTLING] = "settling",
};

const char *audit_stage_name(enum audit_stage stage)
{
	return stage_names[stage];
}

/* --- reasons --- */

void audit_word(struct audit *a, enum audit_stage stage, const char *text, uint64_t count)
{
	char key[64];
	int len;
	void *known;

	if (a->words.count >= AUDIT_WORDS_MAX - AUDIT_STAGES)
		text = "other";
	len = snprintf(key, sizeof(key), "%d/%.39s", (int)stage, text);
	known = map_get(&a->word_index, slice_of(key, (size_t)len));
	if (!known) {
		struct a_word *w = VECTOR_ADD(a->words);

		*w = (struct a_word){.stage = stage};
		snprintf(w->text, sizeof(w->text), "%.39s", text);
		known = (void *)(uintptr_t)a->words.count;
		map_put(&a->word_index, slice_of(key, (size_t)len), known);
	}
	a->words.items[(uintptr_t)known - 1].count += count;
}

void audit_words_forget(struct audit *a)
{
	for (size_t i = 0; i < a->words.count; i++)
		if (a->words.items[i].of_ledger)
			a->words.items[i].count = 0;
}

void audit_ignored(struct audit *a, const char *reason, int64_t rows)
{
	audit_word(a, AUDIT_SETTLING, reason, (uint64_t)MAX_OF(rows, 0));
	for (size_t i = 0; i < a->words.count; i++)
		a->words.items[i].of_ledger |= a->words.items[i].stage == AUDIT_SETTLING &&
					       strcmp(a->words.items[i].text, reason) == 0;
}

bool audit_dropped(const struct audit *a, enum audit_stage stage, size_t i, const char **ret_word,
		   uint64_t *ret_count)
{
	for (size_t k = 0; k < a->words.count; k++) {
		const struct a_word *w = &a->words.items[k];

		if (w->stage != stage || w->count == 0 || i-- > 0)
			continue;
		*ret_word = w->text;
		*ret_count = w->count;
		return true;
	}
	return false;
}

static uint64_t dropped(const struct audit *a, enum audit_stage stage)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < a->words.count; i++)
		sum += a->words.items[i].stage == stage ? a->words.items[i].count : 0;
	return sum;
}

/* --- how far behind --- */

/* There is no room for more: every second one goes, and from now on fewer are kept. */
static void thin_out(struct a_trail *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i += 2)
		t->items[kept++] = t->items[i];
	t->count = kept;
	t->spacing_ms *= 2;
}

void audit_seen(struct audit *a, enum audit_topic topic, struct audit_at at, int64_t time_ms)
{
	struct a_trail *t = &a->trails[topic][at.partition];

	assert(at.partition < AUDIT_PARTITIONS_MAX);
	a->record_s = (uint32_t)(MAX_OF(time_ms, 0) / 1000);
	a->newest_s = MAX_OF(a->newest_s, a->record_s);
	if (topic == AUDIT_RAW && (a->first_s == 0 || a->record_s < a->first_s))
		a->first_s = a->record_s;
	if (!t->items) {
		t->items = malloc(AUDIT_MILESTONES_MAX * sizeof(*t->items));
		if (!t->items)
			abort();
		t->base = at.offset;
		t->spacing_ms = SPACING_FIRST_MS;
	}
	t->end = at.offset + 1;
	if (t->count > 0 && time_ms < t->items[t->count - 1].time_ms + t->spacing_ms)
		return;
	if (t->count == AUDIT_MILESTONES_MAX)
		thin_out(t);
	t->items[t->count++] = (struct a_milestone){at.offset, time_ms};
}

/* What is committed is not asked for again, but for the last moment before it. */
static void forget_before(struct a_trail *t, int64_t next)
{
	size_t gone = 0;

	while (gone + 1 < t->count && t->items[gone + 1].offset <= next)
		gone++;
	memmove(t->items, t->items + gone, (t->count - gone) * sizeof(*t->items));
	t->count -= gone;
	if (t->count < AUDIT_MILESTONES_MAX / 4)
		t->spacing_ms = SPACING_FIRST_MS;
}

static int64_t behind(struct audit *a, enum audit_topic topic, int64_t now_ms, uint64_t *ret_count)
{
	int64_t oldest_ms = 0;

	*ret_count = 0;
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++) {
		struct a_trail *t = &a->trails[topic][p];
		int64_t next = MAX_OF(a->committed[topic][p], t->base);

		if (!t->items || next >= t->end)
			continue;
		*ret_count += (uint64_t)(t->end - next);
		forget_before(t, next);
		if (oldest_ms == 0 || t->items[0].time_ms < oldest_ms)
			oldest_ms = t->items[0].time_ms;
	}
	return oldest_ms ? MAX_OF(now_ms - oldest_ms, 0) : 0;
}

/* --- the stages --- */

static uint64_t side(const struct audit *a, enum a_side which)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < a->buckets.count; i++)
		sum += a->buckets.items[i].side[which].count;
	return sum;
}

static uint64_t records_of(const struct audit *a, enum audit_topic topic)
{
	uint64_t sum = 0;

	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
		if (a->trails[topic][p].items)
			sum += (uint64_t)(a->trails[topic][p].end - a->trails[topic][p].base);
	return sum;
}

void audit_stages(struct audit *a, int64_t now_ms, struct audit_stage_line ret[AUDIT_STAGES])
{
	static const enum audit_topic input[AUDIT_STAGES] = {AUDIT_RAW, AUDIT_JUDGED, AUDIT_MARKET,
							     AUDIT_ROUTED, AUDIT_OUTCOMES};
	uint64_t records;

	ret[AUDIT_JUDGING] = (struct audit_stage_line){.in = records_of(a, AUDIT_RAW),
						       .out = side(a, SIDE_ACCEPTED)};
	ret[AUDIT_ADMITTING] =
	    (struct audit_stage_line){.in = side(a, SIDE_ACCEPTED), .out = side(a, SIDE_ADMITTED)};
	ret[AUDIT_DECIDING] =
	    (struct audit_stage_line){.in = side(a, SIDE_TO_DECIDE), .out = side(a, SIDE_DECIDED)};
	ret[AUDIT_DELIVERING] =
	    (struct audit_stage_line){.in = side(a, SIDE_ROUTED), .out = side(a, SIDE_ANSWERED)};
	ret[AUDIT_SETTLING] = (struct audit_stage_line){.in = records_of(a, AUDIT_OUTCOMES)};
	for (int s = 0; s < AUDIT_STAGES; s++) {
		ret[s].dropped = dropped(a, s);
		ret[s].behind_ms = behind(a, input[s], now_ms, &records);
		/* What the words are about was counted as having come out. */
		if (s == AUDIT_DECIDING || s == AUDIT_DELIVERING)
			ret[s].out -= ret[s].dropped;
		if (s == AUDIT_SETTLING)
			ret[s].out = ret[s].in - records - ret[s].dropped;
		ret[s].behind = ret[s].in - ret[s].out - ret[s].dropped;
	}
}
