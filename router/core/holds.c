/* holds: see holds.h. */
#include "holds.h"

#include <stdlib.h>

#include "lead/codec.h"

struct hold *hold_of(struct map *holds, struct slice advertiser_id)
{
	struct hold *h = map_get(holds, advertiser_id);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		abort();
	map_put(holds, advertiser_id, h);
	return h;
}

void holds_free(struct map *holds)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(holds, i, &key, &value); i++)
		free(value);
	map_free(holds);
}

bool hold_apply(struct map *holds, const Punnet__V1__AdvertiserHeld *held, int64_t log_time_ms,
		bool *ret_changed)
{
	int64_t until_ms = MIN_OF(held->until_ms, log_time_ms + HOLD_MAX_MS);
	int64_t before_ms;
	struct hold *h;

	if (!held->advertiser_id[0] || held->until_ms < 0)
		return false;
	h = hold_of(holds, slice_cstr(held->advertiser_id));
	/* what is over is as if it never was: a market that was read back knows nothing of it */
	before_ms = h->until_ms > log_time_ms ? h->until_ms : 0;
	h->until_ms = until_ms > log_time_ms ? until_ms : 0;
	*ret_changed = h->until_ms != before_ms;
	return true;
}

/* --- as bytes --- */

struct held {
	struct slice advertiser_id;
	int64_t until_ms;
};

static int by_id(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	size_t len = MIN_OF(x->advertiser_id.len, y->advertiser_id.len);
	int order = memcmp(x->advertiser_id.data, y->advertiser_id.data, len);

	if (order)
		return order;
	return (x->advertiser_id.len > y->advertiser_id.len) -
	       (x->advertiser_id.len < y->advertiser_id.len);
}

static size_t collect(const struct map *holds, int64_t log_time_ms, struct held *ret)
{
	struct slice key;
	void *value;
	size_t count = 0;

	for (size_t i = 0; map_at(holds, i, &key, &value); i++)
		if (((struct hold *)value)->until_ms > log_time_ms)
			ret[count++] = (struct held){key, ((struct hold *)value)->until_ms};
	qsort(ret, count, sizeof(*ret), by_id);
	return count;
}

void holds_encode(const struct map *holds, int64_t log_time_ms, struct buf *out)
{
	struct held *all = calloc(map_count(holds) + 1, sizeof(*all));
	struct arena words = {0};
	size_t count;

	if (!all)
		abort();
	count = collect(holds, log_time_ms, all);
	for (size_t i = 0; i < count; i++) {
		Punnet__V1__HoldsState one = PUNNET__V1__HOLDS_STATE__INIT;
		Punnet__V1__AdvertiserHeld h = PUNNET__V1__ADVERTISER_HELD__INIT, *list = &h;

		h.advertiser_id = arena_cstr(&words, all[i].advertiser_id);
		h.until_ms = all[i].until_ms;
		one.n_holds = 1;
		one.holds = &list;
		/* packed messages one behind another are one message with all their elements */
		codec_pack(&one.base, out);
	}
	arena_free(&words);
	free(all);
}

bool holds_decode(struct map *holds, struct slice bytes)
{
	struct arena a = {0};
	const Punnet__V1__HoldsState *state =
	    codec_unpack(&a, &punnet__v1__holds_state__descriptor, bytes);

	for (size_t i = 0; state && i < state->n_holds; i++)
		hold_of(holds, slice_cstr(state->holds[i]->advertiser_id))->until_ms =
		    state->holds[i]->until_ms;
	arena_free(&a);
	return state != NULL;
}
