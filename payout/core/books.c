/* books: the entries of each transfer. */
#include "payout/core/books.h"

#include "base/hash.h"

static void put(struct transfer *t, const char *account, int64_t amount_minor)
{
	assert(t->count < TRANSFER_ENTRIES_MAX);
	t->entries[t->count++] = (struct entry){account, amount_minor};
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	return hash_fnv1a(h,
			  slice_of(s, strlen(s) + 1)); /* with its end: "ab","c" is not "a","bc" */
}

static uint64_t body_hash(const struct transfer *t)
{
	uint64_t h = hash_text(0, t->currency);

	h = hash_text(h, t->order_id);
	for (size_t i = 0; i < t->count; i++) {
		uint64_t amount = (uint64_t)t->entries[i].amount_minor;
		uint8_t le[8];

		for (size_t b = 0; b < sizeof(le); b++)
			le[b] = (uint8_t)(amount >> (8 * b));
		h = hash_text(h, t->entries[i].account);
		h = hash_fnv1a(h, slice_of(le, sizeof(le)));
	}
	return h;
}

void transfer_make(struct arena *a, const struct lead_id *lead_id, const struct assignment *terms,
		   enum transfer_event event, int64_t at_ms, struct transfer *ret)
{
	const char *receivable = arena_printf(a, "advertisers:%s:receivable", terms->advertiser_id);
	const char *hold = arena_printf(a, "webmasters:%s:hold", terms->aff_id);
	int64_t p = terms->price_minor, q = terms->payout_minor;
	int64_t sign = event == TRANSFER_REVERSE ? -1 : 1;
	struct transfer t = {.lead_id = *lead_id,
			     .round = terms->round,
			     .event = event,
			     .at_ms = at_ms,
			     .order_id = terms->order_id};

	assert(event > TRANSFER_NONE && event < TRANSFER_EVENT_COUNT);
	assert(q >= 0 && p >= q); /* outcome_read() lets nothing else in */
	memcpy(t.currency, terms->currency, sizeof(t.currency));
	if (event == TRANSFER_APPROVE) {
		put(&t, hold, q);
		put(&t, arena_printf(a, "webmasters:%s:payable", terms->aff_id), -q);
	} else {
		put(&t, receivable, sign * p);
		put(&t, hold, sign * -q);
		put(&t, "network:margin", sign * -(p - q));
	}
	assert(transfer_balanced(&t));
	t.body_hash = body_hash(&t);
	*ret = t;
}

bool transfer_balanced(const struct transfer *t)
{
	int64_t sum = 0;

	for (size_t i = 0; i < t->count; i++)
		if (!money_add(sum, t->entries[i].amount_minor, &sum))
			return false;
	return sum == 0;
}
