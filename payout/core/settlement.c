/* settlement: the lists of a settlement, and what its dossiers hold. */
#include "payout/core/settle.h"

#define LIST_FIRST_CAP 4

/* Arena lists: grown by doubling; the old memory goes back with the arena. */
static void *list_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size)
{
	void *more;

	if (count < *cap)
		return items;
	*cap = *cap ? *cap * 2 : LIST_FIRST_CAP;
	more = arena_calloc(a, *cap, size);
	if (count)
		memcpy(more, items, count * size);
	return more;
}

#define LIST_ADD(a, items, count, cap, value)                                                      \
	do {                                                                                       \
		(items) = list_grow((a), (items), (count), &(cap), sizeof(*(items)));              \
		(items)[(count)++] = (value);                                                      \
	} while (0)

void settlement_begin(struct settlement *s, struct arena *a, uint32_t partition, uint64_t next_seq)
{
	*s = (struct settlement){.arena = a, .partition = partition, .next_seq = next_seq};
}

void settlement_end(struct settlement *s)
{
	map_free(&s->by_lead);
	map_free(&s->tallies);
	map_free(&s->shares);
	*s = (struct settlement){0};
}

struct dossier *settlement_dossier(struct settlement *s, const struct lead_id *lead_id)
{
	struct slice key = slice_of(lead_id->bytes, sizeof(lead_id->bytes));
	struct dossier *d = map_get(&s->by_lead, key);

	if (d)
		return d;
	d = arena_calloc(s->arena, 1, sizeof(*d));
	d->lead_id = *lead_id;
	map_put(&s->by_lead, key, d);
	return d;
}

struct dossier *settlement_dossier_at(const struct settlement *s, size_t i)
{
	struct slice key;
	void *d;

	return map_at(&s->by_lead, i, &key, &d) ? d : NULL;
}

struct return_share *settlement_share(struct settlement *s, const char *advertiser_id,
				      int64_t delivered_at_ms)
{
	int64_t month = month_of(delivered_at_ms);
	struct slice key =
	    slice_cstr(arena_printf(s->arena, "%s:%lld", advertiser_id, (long long)month));
	struct return_share *share = map_get(&s->shares, key);

	if (share)
		return share;
	share = arena_calloc(s->arena, 1, sizeof(*share));
	share->advertiser_id = advertiser_id;
	share->month = month;
	map_put(&s->shares, key, share);
	return share;
}

struct return_share *settlement_share_at(const struct settlement *s, size_t i)
{
	struct slice key;
	void *share;

	return map_at(&s->shares, i, &key, &share) ? share : NULL;
}

void dossier_add_life(struct settlement *s, struct dossier *d, const struct life *l)
{
	LIST_ADD(s->arena, d->lives, d->life_count, d->life_cap, *l);
}

void dossier_add_verdict(struct settlement *s, struct dossier *d, const struct verdict *v)
{
	LIST_ADD(s->arena, d->verdicts, d->verdict_count, d->verdict_cap, *v);
}

void dossier_add_known(struct settlement *s, struct dossier *d, const struct known_transfer *k)
{
	LIST_ADD(s->arena, d->known, d->known_count, d->known_cap, *k);
}

void settlement_publish(struct settlement *s, const char *topic, uint32_t partition,
			const char *type, struct slice key, struct slice payload)
{
	struct outbox_row row = {.seq = s->next_seq++,
				 .topic = topic,
				 .type = type,
				 .partition = partition,
				 .key = key,
				 .payload = payload};

	LIST_ADD(s->arena, s->outbox, s->outbox_count, s->outbox_cap, row);
}

void settlement_book(struct settlement *s, const struct transfer *t)
{
	LIST_ADD(s->arena, s->transfers, s->transfer_count, s->transfer_cap, *t);
}

void settlement_ignore(struct settlement *s, const struct ignored_outcome *i)
{
	LIST_ADD(s->arena, s->ignored, s->ignored_count, s->ignored_cap, *i);
}
