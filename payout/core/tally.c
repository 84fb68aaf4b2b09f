/* tally: see tally.h. */
#include "payout/core/tally.h"

/* Ids hold no colon; see outcome_read(). */
static struct tally *obtain(struct settlement *s, const struct assignment *terms, int64_t day)
{
	struct slice key = slice_cstr(
	    arena_printf(s->arena, "%s:%s:%lld", terms->vertical, terms->aff_id, (long long)day));
	struct tally *t = map_get(&s->tallies, key);

	if (t)
		return t;
	t = arena_calloc(s->arena, 1, sizeof(*t));
	*t = (struct tally){.vertical = terms->vertical, .aff_id = terms->aff_id, .day = day};
	map_put(&s->tallies, key, t);
	return t;
}

void tally_verdict(struct settlement *s, const struct assignment *terms, enum life_state to,
		   int64_t at_ms)
{
	struct tally *t;

	if (terms->is_test || (to != LIFE_APPROVED && to != LIFE_RETURNED))
		return;
	t = obtain(s, terms, at_ms / MS_PER_DAY);
	if (to == LIFE_APPROVED)
		t->approved++;
	else
		t->returned++;
}

const struct tally *tally_at(const struct settlement *s, size_t i)
{
	struct slice key;
	void *t;

	return map_at(&s->tallies, i, &key, &t) ? t : NULL;
}
