/* operation: checks, ids, entries. */
#include "payout/core/operation.h"

#include <sodium.h>

static const struct {
	enum operation_kind kind;
	const char *name;
	bool funds, webmaster;
} kinds[] = {
    {OPERATION_DEPOSIT, "deposit", true, false},
    {OPERATION_WITHDRAW, "withdraw", true, false},
    {OPERATION_COVER, "cover", false, false},
    {OPERATION_PAY, "pay", false, true},
    {OPERATION_EXCHANGE, "exchange", false, true},
    {OPERATION_EXCHANGE_INTO, "exchange_into", false, true},
    {OPERATION_CREDIT_NOTE, "credit_note", true, false},
    {OPERATION_CREDIT_LIMIT, "credit_limit", true, false},
};

static size_t row_of(int kind)
{
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) && (int)kinds[i].kind != kind)
		i++;
	return i;
}

bool operation_moves_funds(enum operation_kind k)
{
	size_t i = row_of((int)k);

	return i < ARRAY_LEN(kinds) && kinds[i].funds;
}

bool operation_of_webmaster(enum operation_kind k)
{
	size_t i = row_of((int)k);

	return i < ARRAY_LEN(kinds) && kinds[i].webmaster;
}

const char *booking_name(int event)
{
	size_t i = row_of(event);

	if (event > TRANSFER_NONE && event < TRANSFER_EVENT_COUNT)
		return transfer_event_name((enum transfer_event)event);
	return i < ARRAY_LEN(kinds) ? kinds[i].name : "?";
}

/* Texts become parts of names and of journal lines. */
static bool text_ok(const char *s, size_t most, bool blanks)
{
	size_t len = strlen(s);

	if (len == 0 || len > most || s[0] == ' ' || s[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f || s[i] == ';' ||
		    (!blanks && (s[i] == ' ' || s[i] == ':')))
			return false;
	return true;
}

const char *operation_fault(const struct operation *o)
{
	if (row_of((int)o->kind) == ARRAY_LEN(kinds) || o->kind == OPERATION_EXCHANGE_INTO)
		return "no such kind of operation";
	if (!text_ok(o->party, OUTCOME_ID_MAX, false))
		return "the party is not an id";
	if (!text_ok(o->reference, OPERATION_REFERENCE_MAX, true))
		return "the reference is empty, too long, or holds a semicolon";
	if (!money_currency_known(slice_cstr(o->amount.currency)))
		return "the currency is not one of ISO 4217";
	if (o->amount.amount_minor > OUTCOME_PRICE_MAX)
		return "the amount is beyond any that is booked";
	if (o->kind == OPERATION_CREDIT_LIMIT)
		return o->amount.amount_minor >= -1 ? NULL : "a credit limit is 0 or more";
	if (o->amount.amount_minor <= 0)
		return "the amount must be above 0";
	if (o->kind != OPERATION_EXCHANGE)
		return NULL;
	if (!money_currency_known(slice_cstr(o->into.currency)) ||
	    strcmp(o->into.currency, o->amount.currency) == 0)
		return "an exchange is between two currencies";
	if (o->rate_num <= 0 || o->rate_den <= 0 || o->into.amount_minor <= 0)
		return "an exchange without a rate, or of too little";
	return NULL;
}

struct lead_id operation_id(const struct operation *o)
{
	crypto_generichash_state state;
	struct lead_id id;
	uint8_t kind = (uint8_t)o->kind;

	crypto_generichash_init(&state, NULL, 0, sizeof(id.bytes));
	crypto_generichash_update(&state, &kind, 1);
	crypto_generichash_update(&state, (const uint8_t *)o->party, strlen(o->party) + 1);
	crypto_generichash_update(&state, (const uint8_t *)o->reference, strlen(o->reference) + 1);
	crypto_generichash_update(&state, (const uint8_t *)o->amount.currency, 3);
	crypto_generichash_final(&state, id.bytes, sizeof(id.bytes));
	id.bytes[6] =
	    (uint8_t)(0x80 | (id.bytes[6] & 0x0f)); /* UUID version 8: no lead has such an id */
	id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
	return id;
}

static struct transfer begin(const struct operation *o, int event, const struct money *m)
{
	struct transfer t = {.lead_id = operation_id(o),
			     .event = event,
			     .at_ms = o->at_ms,
			     .order_id = o->reference};

	memcpy(t.currency, m->currency, sizeof(t.currency));
	return t;
}

size_t operation_transfers(struct arena *a, const struct operation *o,
			   struct transfer ret[OPERATION_TRANSFERS_MAX])
{
	const char *role = operation_of_webmaster(o->kind) ? "webmasters" : "advertisers";
	struct transfer t = begin(o, (int)o->kind, &o->amount);
	int64_t x = o->amount.amount_minor;
	const char *from = NULL, *to = NULL;

	assert(!operation_fault(o));
	switch (o->kind) {
	case OPERATION_DEPOSIT:
		from = "network:received";
		to = arena_printf(a, "%s:%s:funds", role, o->party);
		break;
	case OPERATION_WITHDRAW:
		from = arena_printf(a, "%s:%s:funds", role, o->party);
		to = "network:received";
		break;
	case OPERATION_COVER:
		from = arena_printf(a, "%s:%s:funds", role, o->party);
		to = arena_printf(a, "%s:%s:receivable", role, o->party);
		break;
	case OPERATION_CREDIT_NOTE:
		from = "network:margin";
		to = arena_printf(a, "%s:%s:receivable", role, o->party);
		break;
	case OPERATION_PAY:
		from = arena_printf(a, "%s:%s:payable", role, o->party);
		to = arena_printf(a, "%s:%s:paid", role, o->party);
		break;
	case OPERATION_EXCHANGE:
		from = arena_printf(a, "%s:%s:payable", role, o->party);
		to = "network:exchange";
		break;
	default:
		return 0;
	}
	transfer_put(&t, from, x);
	transfer_put(&t, to, -x);
	transfer_seal(&t);
	ret[0] = t;
	if (o->kind != OPERATION_EXCHANGE)
		return 1;
	t = begin(o, OPERATION_EXCHANGE_INTO, &o->into);
	transfer_put(&t, "network:exchange", o->into.amount_minor);
	transfer_put(&t, from, -o->into.amount_minor);
	transfer_seal(&t);
	ret[1] = t;
	return 2;
}
