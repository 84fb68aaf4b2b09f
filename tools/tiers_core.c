/* tiers_core: see tiers_core.h. */
#include "tiers_core.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"

#define DECEMBER 12

static bool first_of(int64_t year, int64_t month, int64_t *ret_ms)
{
	char text[40];

	snprintf(text, sizeof(text), "%04lld-%02lld-01T00:00:00Z", (long long)year,
		 (long long)month);
	return time_parse_rfc3339(slice_cstr(text), ret_ms);
}

bool month_span(const char *month, int64_t *ret_from_ms, int64_t *ret_to_ms)
{
	struct slice s = slice_cstr(month);
	int64_t y, m;

	if (s.len != MONTH_TEXT_LEN || s.data[4] != '-' ||
	    !slice_to_int64(slice_of(s.data, 4), &y) ||
	    !slice_to_int64(slice_of(s.data + 5, 2), &m) || y < 2000 || m < 1 || m > DECEMBER)
		return false;
	return first_of(y, m, ret_from_ms) &&
	       first_of(m == DECEMBER ? y + 1 : y, m == DECEMBER ? 1 : m + 1, ret_to_ms);
}

void month_before(int64_t now_ms, char ret[MONTH_TEXT_LEN + 1])
{
	char text[TIME_TEXT_LEN + 1];
	int64_t from_ms, to_ms;

	time_text(now_ms, text);
	text[MONTH_TEXT_LEN] = '\0';
	if (!month_span(text, &from_ms, &to_ms))
		assert(!"a time has its month");
	time_text(from_ms - 1, text);
	memcpy(ret, text, MONTH_TEXT_LEN);
	ret[MONTH_TEXT_LEN] = '\0';
}

const Punnet__V1__Tier *tier_of(const Punnet__V1__RateChanged *card, uint64_t approved)
{
	const Punnet__V1__Tier *best = NULL;

	for (size_t i = 0; i < card->n_tiers; i++)
		if (approved >= card->tiers[i]->least_leads &&
		    (!best || card->tiers[i]->least_leads > best->least_leads))
			best = card->tiers[i];
	return best;
}

static void add_holder(struct tiers *t, const Punnet__V1__TierHolder *h)
{
	Punnet__V1__TierHolder **grown;

	if (t->count == t->cap) {
		t->cap = MAX_OF(2 * t->cap, (size_t)64);
		grown = arena_calloc(t->arena, t->cap, sizeof(*grown));
		if (t->count > 0)
			memcpy(grown, t->holders, t->count * sizeof(*grown));
		t->holders = grown;
	}
	t->holders[t->count] = arena_alloc(t->arena, sizeof(*h));
	*t->holders[t->count++] = *h;
}

void tiers_count(struct tiers *t, const char *aff_id, uint64_t approved)
{
	const Punnet__V1__Tier *tier = tier_of(t->card, approved);
	Punnet__V1__TierHolder h = PUNNET__V1__TIER_HOLDER__INIT;

	if (!tier)
		return;
	h.aff_id = arena_cstr(t->arena, slice_cstr(aff_id));
	h.tier = tier->tier;
	h.approved = approved;
	add_holder(t, &h);
}

Punnet__V1__RateChanged *tiers_card(const struct tiers *t, const char *month)
{
	Punnet__V1__RateChanged *card = arena_alloc(t->arena, sizeof(*card));

	*card = *t->card;
	card->tier_holders = t->holders;
	card->n_tier_holders = t->count;
	card->tier_month = arena_cstr(t->arena, slice_cstr(month));
	return card;
}

size_t tiers_compare(const Punnet__V1__RateChanged *was, const Punnet__V1__RateChanged *is,
		     tier_change_fn fn, void *ctx)
{
	size_t i = 0, k = 0, changes = 0;

	while (i < was->n_tier_holders || k < is->n_tier_holders) {
		const Punnet__V1__TierHolder *a =
		    i < was->n_tier_holders ? was->tier_holders[i] : NULL;
		const Punnet__V1__TierHolder *b =
		    k < is->n_tier_holders ? is->tier_holders[k] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->aff_id, b->aff_id);

		i += order <= 0;
		k += order >= 0;
		if (order == 0 && strcmp(a->tier, b->tier) == 0)
			continue;
		changes++;
		fn(ctx, order <= 0 ? a->aff_id : b->aff_id, order <= 0 ? a->tier : "",
		   order >= 0 ? b->tier : "", order >= 0 ? b->approved : 0);
	}
	return changes;
}

bool tiers_same(const Punnet__V1__RateChanged *a, const Punnet__V1__RateChanged *b)
{
	if (a->n_tier_holders != b->n_tier_holders)
		return false;
	for (size_t i = 0; i < a->n_tier_holders; i++)
		if (strcmp(a->tier_holders[i]->aff_id, b->tier_holders[i]->aff_id) != 0 ||
		    strcmp(a->tier_holders[i]->tier, b->tier_holders[i]->tier) != 0 ||
		    a->tier_holders[i]->approved != b->tier_holders[i]->approved)
			return false;
	return true;
}

void tiers_keep(struct arena *a, const Punnet__V1__DirectoryEntry *vertical,
		Punnet__V1__RateChanged *is)
{
	const Punnet__V1__RateChanged *was = vertical ? vertical->vertical->card : NULL;
	struct tiers t = {.arena = a, .card = is};

	if (!was)
		return;
	for (size_t i = 0; i < was->n_tier_holders; i++)
		for (size_t k = 0; k < is->n_tiers; k++)
			if (strcmp(was->tier_holders[i]->tier, is->tiers[k]->tier) == 0)
				add_holder(&t, was->tier_holders[i]);
	is->tier_holders = t.holders;
	is->n_tier_holders = t.count;
	is->tier_month = is->n_tiers > 0 ? was->tier_month : is->tier_month;
}
