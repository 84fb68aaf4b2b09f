/* audit_ledger: what the ledger says, against what the topics say. */
#include "audit_tables.h"
#include "base/hash.h"

void audit_ledger_begin(struct audit *a)
{
	memset(a->ledger, 0, sizeof(a->ledger));
	memset(a->outbox, 0, sizeof(a->outbox));
	a->accounts.count = 0;
	a->transfer.open = false;
	audit_sums_forget(a, SIDE_CREDITED);
	audit_sums_forget(a, SIDE_BOOKED);
	audit_words_forget(a);
	for (size_t i = 0; i < a->decisions.count; i++) {
		struct a_decision *d = &a->decisions.items[i];

		d->life = d->transfers = d->balanced = d->book_rows = 0;
		d->books = 0;
	}
}

/* A row of the ledger about an assignment. NULL: there is none, or its lead is at rest, whose rows are only added up. */
static struct a_decision *booked(struct audit *a, const struct lead_id *id, uint32_t round,
				 uint64_t row, bool *ret_rests)
{
	struct a_lead *l = audit_lead_kept(a, id);
	struct a_decision *d = audit_find(a, l, round);

	*ret_rests = !l && audit_at_rest(a, id);
	row = hash_mix(row ^ hash_mix(round + 1));
	if (*ret_rests)
		audit_sum(a, SIDE_BOOKED, id, row);
	if (!d)
		return NULL;
	d->book_rows++;
	d->books += audit_hash(a, id, row);
	return d;
}

void audit_life(struct audit *a, const struct lead_id *id, uint32_t round, int state, bool is_test)
{
	bool rests;
	struct a_decision *d =
	    booked(a, id, round, (uint64_t)state << 1 | (uint64_t)is_test, &rests);

	if (!d) {
		if (!a->cut && !rests)
			audit_found(a->ledger, AUDIT_DELIVERED_CREDITED, FOUND_WRONG,
				    "ledger: lead %s round %u was never routed", audit_text(id),
				    round);
		return;
	}
	d->life = (uint8_t)state;
	if (d->is_test != is_test)
		audit_found(a->ledger, AUDIT_DELIVERED_CREDITED, FOUND_WRONG,
			    "ledger: lead %s round %u: %s", audit_text(id), round,
			    is_test ? "booked as a test" : "a test, and booked as none");
}

/* 'o': an account that no lead's transfer may touch. */
static char kind_of(const char *name)
{
	static const struct {
		const char *party, *account;
		char kind;
	} kinds[] = {{"advertisers:", ":receivable", 'r'},
		     {"advertisers:", ":funds", 'o'},
		     {"webmasters:", ":hold", 'h'},
		     {"webmasters:", ":payable", 'p'},
		     {"webmasters:", ":paid", 'o'},
		     {"network:", ":margin", 'm'},
		     {"network:", ":vat", 'v'},
		     {"network:", ":borne", 'b'},
		     {"network:", ":received", 'o'},
		     {"network:", ":exchange", 'o'}};
	const char *last = strrchr(name, ':');

	for (size_t i = 0; last && i < ARRAY_LEN(kinds); i++)
		if (strncmp(name, kinds[i].party, strlen(kinds[i].party)) == 0 &&
		    strcmp(last, kinds[i].account) == 0)
			return kinds[i].kind;
	return '?';
}

void audit_account(struct audit *a, int64_t account, const char *name, const char *currency,
		   int64_t balance)
{
	struct a_account *acc;

	if (account < 0 || account > 100 * 1000 * 1000) {
		audit_found(a->ledger, AUDIT_BALANCES, FOUND_WRONG,
			    "ledger: %s: an impossible number", name);
		return;
	}
	while ((int64_t)a->accounts.count <= account)
		*VECTOR_ADD(a->accounts) = (struct a_account){.kind = 0};
	acc = &a->accounts.items[account];
	*acc = (struct a_account){.balance = balance, .kind = kind_of(name)};
	strncpy(acc->currency, currency, sizeof(acc->currency) - 1);
	a->ledger[AUDIT_BALANCES].count++;
}

void audit_transfer(struct audit *a, const struct lead_id *id, uint32_t round, int event,
		    const char *currency)
{
	struct a_decision *d;
	bool rests;

	if (event >= OPERATION_LEAST)
		return; /* funds, payments: no lead's */
	d = booked(a, id, round, hash_fnv1a((uint64_t)event << 8, slice_cstr(currency)), &rests);
	if (!d) {
		if (!a->cut && !rests)
			audit_found(
			    a->ledger, AUDIT_DELIVERED_CREDITED, FOUND_WRONG,
			    "ledger: money was moved for lead %s round %u, which was never routed",
			    audit_text(id), round);
		return;
	}
	if (event < CREDIT || event > BEAR || strcmp(currency, d->currency) != 0) {
		audit_found(a->ledger, AUDIT_TRANSFERS, FOUND_WRONG,
			    "ledger: lead %s round %u: transfer of kind %d in %s, routed in %s",
			    audit_text(id), round, event, currency, d->currency);
		return;
	}
	d->transfers |= (uint8_t)(1u << event);
}

static bool amounts_fit(const struct a_transfer *t, const struct a_decision *d)
{
	int64_t p = d->price_minor, q = d->payout_minor, sign = t->event == CREDIT ? 1 : -1;
	int64_t vat = -sign * t->vat; /* on top of the price, whatever the rate was that day */

	if (t->event == APPROVE)
		return t->hold == q && t->payable == -q && t->receivable == 0 && t->margin == 0 &&
		       t->vat == 0 && t->borne == 0;
	return vat >= 0 && vat <= p && t->receivable == sign * (p + vat) &&
	       t->hold == (t->event == BEAR ? 0 : -sign * q) &&
	       t->borne == (t->event == BEAR ? q : 0) && t->margin == -sign * (p - q) &&
	       t->payable == 0;
}

static uint64_t entries_hash(const struct a_transfer *t)
{
	const int64_t parts[] = {t->receivable, t->hold, t->payable, t->margin, t->vat, t->borne};

	return hash_fnv1a((uint64_t)t->event << 16, slice_of(parts, sizeof(parts)));
}

static void transfer_close(struct audit *a)
{
	struct a_transfer *t = &a->transfer;
	struct a_decision *d;
	bool rests = false;

	if (!t->open)
		return;
	t->open = false;
	if (t->sum != 0 || t->mixed || t->foreign) {
		audit_found(a->ledger, AUDIT_TRANSFERS, FOUND_WRONG,
			    "ledger: lead %s round %u transfer %d: %s", audit_text(&t->id),
			    t->round, t->event,
			    t->mixed     ? "more than one currency"
			    : t->foreign ? "an account that is none"
					 : "does not sum to zero");
	} else {
		audit_count(&a->ledger[AUDIT_TRANSFERS], &t->id);
	}
	d = t->event < OPERATION_LEAST ? booked(a, &t->id, t->round, entries_hash(t), &rests)
				       : NULL;
	if (t->event == CREDIT && (d || rests))
		audit_sum(a, SIDE_CREDITED, &t->id,
			  audit_sale(t->round, 0, t->receivable + t->vat, -t->hold));
	if (!d)
		return;
	d->balanced |= (uint8_t)(1u << t->event);
	if (!amounts_fit(t, d))
		audit_found(a->ledger,
			    t->event == CREDIT ? AUDIT_DELIVERED_CREDITED : AUDIT_PAID_ONCE,
			    FOUND_WRONG,
			    "ledger: lead %s round %u transfer %d: not the price and payout it was "
			    "routed at",
			    audit_text(&t->id), t->round, t->event);
}

void audit_entry(struct audit *a, const struct lead_id *id, uint32_t round, int event,
		 int64_t account, int64_t amount)
{
	struct a_transfer *t = &a->transfer;
	struct a_account *acc = account >= 0 && account < (int64_t)a->accounts.count
				    ? &a->accounts.items[account]
				    : NULL;

	if (!t->open || t->round != round || t->event != event || !lead_id_equal(&t->id, id)) {
		transfer_close(a);
		*t = (struct a_transfer){.id = *id, .round = round, .event = event, .open = true};
	}
	t->sum += amount;
	if (!acc || !acc->kind || acc->kind == '?') {
		t->foreign = true;
		return;
	}
	acc->sum += amount;
	t->mixed |= t->currency[0] && strcmp(t->currency, acc->currency) != 0;
	memcpy(t->currency, acc->currency, sizeof(t->currency));
	t->receivable += acc->kind == 'r' ? amount : 0;
	t->hold += acc->kind == 'h' ? amount : 0;
	t->payable += acc->kind == 'p' ? amount : 0;
	t->margin += acc->kind == 'm' ? amount : 0;
	t->vat += acc->kind == 'v' ? amount : 0;
	t->borne += acc->kind == 'b' ? amount : 0;
	t->foreign |= acc->kind == 'o' && event < OPERATION_LEAST;
}

void audit_outbox(struct audit *a, uint32_t partition, int64_t rows)
{
	assert(partition < AUDIT_PARTITIONS_MAX);
	a->outbox[partition] = rows;
}

static void check_total(struct audit *a, const char *currency)
{
	int64_t sum = 0;

	for (size_t i = 0; i < a->accounts.count; i++)
		if (strcmp(a->accounts.items[i].currency, currency) == 0)
			sum += a->accounts.items[i].balance;
	if (sum != 0)
		audit_found(a->ledger, AUDIT_BALANCES, FOUND_WRONG,
			    "ledger: the balances in %s sum to %lld", currency, (long long)sum);
}

static bool is_first_of_its_currency(const struct audit *a, size_t i)
{
	size_t before = 0;

	while (before < i &&
	       strcmp(a->accounts.items[before].currency, a->accounts.items[i].currency) != 0)
		before++;
	return before == i;
}

void audit_ledger_end(struct audit *a)
{
	transfer_close(a);
	audit_rest_refreeze(a);
	for (size_t i = 0; i < a->accounts.count; i++) {
		const struct a_account *acc = &a->accounts.items[i];

		if (acc->balance != acc->sum)
			audit_found(
			    a->ledger, AUDIT_BALANCES, FOUND_WRONG,
			    "ledger: account %zu has a balance of %lld, its entries sum to %lld", i,
			    (long long)acc->balance, (long long)acc->sum);
	}
	for (size_t i = 0; i < a->accounts.count; i++)
		if (a->accounts.items[i].kind && is_first_of_its_currency(a, i))
			check_total(a, a->accounts.items[i].currency);
}
