/* reconcile_core: see reconcile_core.h. */
#include "reconcile_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/room.h"
#include "payout/core/life.h"

#define E4 10000

void reconcile_row(struct reconcile *r, const struct their_row *row)
{
	r->rows = room_for_one(r->rows, r->row_count, &r->row_cap, sizeof(*r->rows));
	r->rows[r->row_count++] = *row;
}

void reconcile_lead(struct reconcile *r, const struct our_lead *lead)
{
	assert(r->lead_count == 0 || memcmp(r->leads[r->lead_count - 1].id.bytes, lead->id.bytes,
					    sizeof(lead->id.bytes)) <= 0);
	r->leads = room_for_one(r->leads, r->lead_count, &r->lead_cap, sizeof(*r->leads));
	r->leads[r->lead_count++] = *lead;
}

void reconcile_free(struct reconcile *r)
{
	free(r->rows);
	free(r->leads);
	free(r->by_phone);
	*r = (struct reconcile){0};
}

static bool has_id(const struct their_row *row)
{
	static const struct lead_id none;

	return !lead_id_equal(&row->id, &none);
}

/* --- phones --- */

static int phone_order(const void *a, const void *b, void *ctx)
{
	const struct reconcile *r = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = memcmp(r->rows[x].phone.bytes, r->rows[y].phone.bytes, FINGERPRINT_LEN);

	return c ? c : (x > y) - (x < y);
}

size_t reconcile_without_id(struct reconcile *r)
{
	size_t cap = 0;

	if (r->phones_sorted)
		return r->phone_count;
	for (size_t i = 0; i < r->row_count; i++) {
		if (has_id(&r->rows[i]) || !r->rows[i].phone.known)
			continue;
		r->by_phone = room_for_one(r->by_phone, r->phone_count, &cap, sizeof(*r->by_phone));
		r->by_phone[r->phone_count++] = (uint32_t)i;
	}
	if (r->phone_count)
		qsort_r(r->by_phone, r->phone_count, sizeof(*r->by_phone), phone_order, r);
	r->phones_sorted = true;
	return r->phone_count;
}

static bool is_ours(const struct reconcile *r, const struct lead_id *id)
{
	size_t low = 0, high = r->lead_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = memcmp(r->leads[middle].id.bytes, id->bytes, sizeof(id->bytes));

		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void reconcile_phone(struct reconcile *r, const struct lead_id *id, const struct fingerprint *phone)
{
	size_t low = 0, high = reconcile_without_id(r);

	if (!phone->known)
		return;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(r->rows[r->by_phone[middle]].phone.bytes, phone->bytes,
			   FINGERPRINT_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->phone_count || !is_ours(r, id))
		return;
	for (; low < r->phone_count; low++) {
		struct their_row *row = &r->rows[r->by_phone[low]];

		if (!fingerprint_equal(&row->phone, phone) || lead_id_equal(&row->id, id))
			return;
		if (!has_id(row)) {
			row->id = *id;
			return;
		}
	}
}

/* --- comparing --- */

static int row_order(const void *a, const void *b)
{
	const struct their_row *x = a, *y = b;
	int c = memcmp(x->id.bytes, y->id.bytes, sizeof(x->id.bytes));

	return c ? c : (x->number > y->number) - (x->number < y->number);
}

static bool sold(const struct our_lead *l)
{
	return life_is_sold((enum life_state)l->state);
}

static enum said said_by_us(const struct our_lead *l)
{
	switch ((enum life_state)l->state) {
	case LIFE_APPROVED:
		return SAID_APPROVED;
	case LIFE_RETURNED:
	case LIFE_WAIVED:
		return SAID_RETURNED;
	default:
		return SAID_PENDING;
	}
}

static int64_t in_e4(int64_t minor, const char *currency)
{
	int64_t scale = E4;

	for (int e = money_exponent(currency); e > 0; e--)
		scale /= 10;
	return minor * scale;
}

/* What is returned costs nothing on either side, so its amount is nobody's concern. */
static const char *difference(const struct our_lead *l, const struct their_row *t)
{
	enum said ours = said_by_us(l);
	int64_t net = in_e4(l->price_minor, l->currency);
	int64_t gross = in_e4(l->price_minor + l->vat_minor, l->currency);

	if (!t->readable)
		return "a cell of theirs can't be read";
	if (!sold(l))
		return "we did not sell it to them";
	if (t->said == SAID_UNKNOWN)
		return "their status is no word that we know";
	if (t->said != SAID_NOTHING && t->said != ours)
		return "another status";
	if (t->currency[0] && strcmp(t->currency, l->currency) != 0)
		return "another currency";
	if (t->has_amount && ours != SAID_RETURNED && t->amount_e4 != net && t->amount_e4 != gross)
		return "another amount";
	return NULL;
}

static void compare_pair(struct our_lead *l, const struct their_row *t, reconcile_fn fn, void *ctx)
{
	struct reconcile_line line = {.ours = l, .theirs = t, .why = difference(l, t)};

	if (l->taken)
		line.why = "the same lead stands in their list twice";
	l->taken = true;
	line.class = line.why ? CLASS_DIFFERS : CLASS_AGREED;
	if (line.why && !sold(l))
		line.class = CLASS_THEIRS;
	if (!line.why)
		line.why = "";
	fn(ctx, &line);
}

static void only_theirs(const struct their_row *t, reconcile_fn fn, void *ctx)
{
	struct reconcile_line line = {.class = CLASS_THEIRS, .theirs = t};

	line.why = has_id(t)        ? "no lead of this id was ever offered to them"
		   : t->phone.known ? "no lead of theirs has this phone"
				    : "neither a lead id nor a phone";
	fn(ctx, &line);
}

static void only_ours(struct our_lead *l, reconcile_fn fn, void *ctx)
{
	struct reconcile_line line = {.class = CLASS_OURS, .ours = l, .why = "not in their list"};

	if (!l->taken && l->asked_for && sold(l))
		fn(ctx, &line);
}

void reconcile_compare(struct reconcile *r, reconcile_fn fn, void *ctx)
{
	size_t at = 0;

	if (r->row_count)
		qsort(r->rows, r->row_count, sizeof(*r->rows), row_order);
	for (size_t i = 0; i < r->row_count; i++) {
		const struct their_row *t = &r->rows[i];
		int c = -1;

		while (at < r->lead_count &&
		       (c = memcmp(r->leads[at].id.bytes, t->id.bytes, sizeof(t->id.bytes))) < 0)
			only_ours(&r->leads[at++], fn, ctx);
		if (at < r->lead_count && c == 0)
			compare_pair(&r->leads[at], t, fn, ctx);
		else
			only_theirs(t, fn, ctx);
	}
	while (at < r->lead_count)
		only_ours(&r->leads[at++], fn, ctx);
}

/* --- cells --- */

/* The last separator is the decimal one when one to four digits follow and it is not the thousands' ("1,450"). */
bool reconcile_amount(struct slice cell, int64_t *ret_e4)
{
	size_t point = SIZE_MAX, decimals = 0, separators = 0;
	int64_t value = 0;
	bool any = false;

	for (size_t i = 0; i < cell.len; i++)
		if (cell.data[i] == '.' || cell.data[i] == ',') {
			point = i;
			separators++;
		}
	if (point != SIZE_MAX && separators == 1 && cell.len - point == 4 &&
	    cell.data[point] == ',')
		point = SIZE_MAX;
	for (size_t i = 0; i < cell.len; i++) {
		unsigned char c = (unsigned char)cell.data[i];

		if (c == '.' || c == ',' || c == ' ' || c == '\'' || c == 0xc2 || c == 0xa0 ||
		    c == 0xe2 || c == 0x80 || c == 0xaf)
			continue; /* blanks that do not break are among them */
		if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, c - '0', &value))
			return false;
		any = true;
		decimals += point != SIZE_MAX && i > point;
	}
	if (!any || decimals > 4)
		return false;
	for (; decimals < 4; decimals++)
		if (__builtin_mul_overflow(value, 10, &value))
			return false;
	*ret_e4 = value;
	return true;
}

enum said reconcile_said(struct slice cell)
{
	static const struct {
		const char *word;
		enum said said;
	} words[] = {
	    {"approved", SAID_APPROVED}, {"accepted", SAID_APPROVED}, {"confirmed", SAID_APPROVED},
	    {"sold", SAID_APPROVED},     {"paid", SAID_APPROVED},     {"ok", SAID_APPROVED},
	    {"1", SAID_APPROVED},        {"returned", SAID_RETURNED}, {"rejected", SAID_RETURNED},
	    {"declined", SAID_RETURNED}, {"refused", SAID_RETURNED},  {"cancelled", SAID_RETURNED},
	    {"canceled", SAID_RETURNED}, {"trash", SAID_RETURNED},    {"3", SAID_RETURNED},
	    {"pending", SAID_PENDING},   {"hold", SAID_PENDING},      {"new", SAID_PENDING},
	    {"delivered", SAID_PENDING}, {"wait", SAID_PENDING},      {"waiting", SAID_PENDING},
	    {"2", SAID_PENDING},         {"5", SAID_PENDING}};

	if (cell.len == 0)
		return SAID_NOTHING;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (slice_equal_nocase(cell, slice_cstr(words[i].word)))
			return words[i].said;
	return SAID_UNKNOWN;
}

const char *reconcile_class_name(enum reconcile_class c)
{
	static const char *const names[CLASS_COUNT] = {"agreed", "differs", "ours only",
						       "theirs only"};

	return names[c];
}
