/* books: the entries of each transfer. */
#include "payout/core/books.h"

#include "base/hash.h"

void transfer_put(struct transfer *t, const char *account, int64_t amount_minor)
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

void transfer_seal(struct transfer *t)
{
	assert(transfer_balanced(t));
	t->body_hash = body_hash(t);
}

/* "webmasters:w17:hold". Three of them are made for each credit: printf would take longer than all the rest. */
static const char *account(struct arena *a, const char *role, const char *id, const char *name)
{
	size_t role_len = strlen(role), id_len = strlen(id), name_len = strlen(name);
	char *text = arena_alloc(a, role_len + id_len + name_len + 3);

	memcpy(text, role, role_len);
	text[role_len] = ':';
	memcpy(text + role_len + 1, id, id_len);
	text[role_len + 1 + id_len] = ':';
	memcpy(text + role_len + id_len + 2, name, name_len + 1);
	return text;
}

/* The webmaster's part of a lead stands on his hold until it is approved; what a waiver gives back to the buyer is the
 * network's own. */
static void put_sale(struct arena *a, struct transfer *t, const struct assignment *terms,
		     int64_t sign, const char *from)
{
	int64_t p = terms->price_minor, q = terms->payout_minor, v = terms->vat_minor;

	transfer_put(t, account(a, "advertisers", terms->advertiser_id, "receivable"),
		     sign * (p + v));
	transfer_put(t, from, sign * -q);
	transfer_put(t, "network:margin", sign * -(p - q));
	if (v != 0)
		transfer_put(t, "network:vat", sign * -v);
}

void transfer_make(struct arena *a, const struct lead_id *lead_id, const struct assignment *terms,
		   enum transfer_event event, int64_t at_ms, struct transfer *ret)
{
	const char *hold = account(a, "webmasters", terms->aff_id, "hold");
	int64_t q = terms->payout_minor;
	struct transfer t = {.lead_id = *lead_id,
			     .round = terms->round,
			     .event = (int)event,
			     .at_ms = at_ms,
			     .order_id = terms->order_id};

	assert(event > TRANSFER_NONE && event < TRANSFER_EVENT_COUNT);
	assert(q >= 0 && terms->price_minor >= q); /* outcome_read() lets nothing else in */
	assert(terms->vat_minor >= 0);
	memcpy(t.currency, terms->currency, sizeof(t.currency));
	switch (event) {
	case TRANSFER_CREDIT:
		put_sale(a, &t, terms, 1, hold);
		break;
	case TRANSFER_REVERSE:
		put_sale(a, &t, terms, -1, hold);
		break;
	case TRANSFER_BEAR:
		put_sale(a, &t, terms, -1, "network:borne");
		break;
	default:
		transfer_put(&t, hold, q);
		transfer_put(&t, account(a, "webmasters", terms->aff_id, "payable"), -q);
	}
	transfer_seal(&t);
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
