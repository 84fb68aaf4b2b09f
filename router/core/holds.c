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
	int64_t max_ms = held->by_rule ? HOLD_BY_RULE_MAX_MS : HOLD_MAX_MS;
	int64_t until_ms = MIN_OF(held->until_ms, log_time_ms + max_ms);
	int64_t before_ms, *slot;
	struct hold *h;

	if (!held->advertiser_id[0] || held->until_ms < 0)
		return false;
	h = hold_of(holds, slice_cstr(held->advertiser_id));
	/* what is over is as if it never was: a market that was read back knows nothing of it */
	slot = held->by_rule ? &h->rule_until_ms : &h->until_ms;
	before_ms = *slot > log_time_ms ? *slot : 0;
	*slot = until_ms > log_time_ms ? until_ms : 0;
	*ret_changed = *slot != before_ms;
	return true;
}

static void set_lowered(struct hold *h, int64_t until_ms, uint32_t bp, int64_t since_ms,
			const char *reason)
{
	h->lower_until_ms = until_ms;
	h->lower_bp = bp;
	h->lower_since_ms = since_ms;
	memset(h->lower_reason, 0, sizeof(h->lower_reason));
	memcpy(h->lower_reason, reason, strnlen(reason, sizeof(h->lower_reason) - 1));
}

bool hold_lower(struct map *holds, const Punnet__V1__AdvertiserLowered *lowered,
		int64_t log_time_ms, bool *ret_changed)
{
	int64_t until_ms = MIN_OF(lowered->until_ms, log_time_ms + HOLD_BY_RULE_MAX_MS);
	struct hold *h, before;

	if (!lowered->advertiser_id[0] || lowered->until_ms < 0 || lowered->lower_bp > LOWER_BP_MAX)
		return false;
	h = hold_of(holds, slice_cstr(lowered->advertiser_id));
	before = *h;
	if (!hold_lowers(&before, log_time_ms))
		set_lowered(&before, 0, 0, 0, "");
	if (until_ms > log_time_ms && lowered->lower_bp > 0)
		set_lowered(h, until_ms, lowered->lower_bp, lowered->since_ms,
			    lowered->reason_code);
	else
		set_lowered(h, 0, 0, 0, "");
	*ret_changed = h->lower_until_ms != before.lower_until_ms ||
		       h->lower_bp != before.lower_bp ||
		       h->lower_since_ms != before.lower_since_ms ||
		       strcmp(h->lower_reason, before.lower_reason) != 0;
	return true;
}

/* --- as bytes --- */

struct held {
	struct slice advertiser_id;
	int64_t until_ms;
	bool by_rule;
	const struct hold *lowered; /* NULL: held */
};

static int by_id(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	size_t len = MIN_OF(x->advertiser_id.len, y->advertiser_id.len);
	int order = memcmp(x->advertiser_id.data, y->advertiser_id.data, len);

	if (order)
		return order;
	if (x->advertiser_id.len != y->advertiser_id.len)
		return x->advertiser_id.len > y->advertiser_id.len ? 1 : -1;
	if (!x->lowered != !y->lowered)
		return x->lowered ? 1 : -1;
	return x->by_rule - y->by_rule;
}

static size_t collect(const struct map *holds, int64_t log_time_ms, struct held *ret)
{
	struct slice key;
	void *value;
	size_t count = 0;

	for (size_t i = 0; map_at(holds, i, &key, &value); i++) {
		const struct hold *h = value;

		if (h->until_ms > log_time_ms)
			ret[count++] = (struct held){key, h->until_ms, false, NULL};
		if (h->rule_until_ms > log_time_ms)
			ret[count++] = (struct held){key, h->rule_until_ms, true, NULL};
		if (hold_lowers(h, log_time_ms))
			ret[count++] = (struct held){key, h->lower_until_ms, true, h};
	}
	qsort(ret, count, sizeof(*ret), by_id);
	return count;
}

void holds_encode(const struct map *holds, int64_t log_time_ms, struct buf *out)
{
	struct held *all = calloc(3 * map_count(holds) + 1, sizeof(*all));
	struct arena words = {0};
	size_t count;

	if (!all)
		abort();
	count = collect(holds, log_time_ms, all);
	for (size_t i = 0; i < count; i++) {
		Punnet__V1__HoldsState one = PUNNET__V1__HOLDS_STATE__INIT;
		Punnet__V1__AdvertiserHeld h = PUNNET__V1__ADVERTISER_HELD__INIT, *list = &h;
		Punnet__V1__AdvertiserLowered l = PUNNET__V1__ADVERTISER_LOWERED__INIT, *low = &l;

		h.advertiser_id = l.advertiser_id = arena_cstr(&words, all[i].advertiser_id);
		h.until_ms = l.until_ms = all[i].until_ms;
		h.by_rule = all[i].by_rule;
		if (all[i].lowered) {
			l.lower_bp = all[i].lowered->lower_bp;
			l.since_ms = all[i].lowered->lower_since_ms;
			l.reason_code = (char *)all[i].lowered->lower_reason;
		}
		one.n_holds = !all[i].lowered;
		one.holds = &list;
		one.n_lowered = all[i].lowered != NULL;
		one.lowered = &low;
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

	for (size_t i = 0; state && i < state->n_holds; i++) {
		const Punnet__V1__AdvertiserHeld *one = state->holds[i];
		struct hold *h = hold_of(holds, slice_cstr(one->advertiser_id));

		*(one->by_rule ? &h->rule_until_ms : &h->until_ms) = one->until_ms;
	}
	for (size_t i = 0; state && i < state->n_lowered; i++) {
		const Punnet__V1__AdvertiserLowered *one = state->lowered[i];

		set_lowered(hold_of(holds, slice_cstr(one->advertiser_id)), one->until_ms,
			    one->lower_bp, one->since_ms, one->reason_code);
	}
	arena_free(&a);
	return state != NULL;
}
