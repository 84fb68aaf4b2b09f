/* statement: a party's movements in a period, line by line, with the balances that frame them.
 *
 * The ledger is read once: what stood before is summed by the database, what stands after is that and the lines. */
#include "payout/reports/statement.h"

#include <stdlib.h>

#include "payout/core/operation.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

#define PREFIX_MAX   200
#define ACCOUNTS_MAX 1000 /* of one party: three for each currency */
#define ENTRY_COLUMN 8    /* where account1 stands in a line */

#define OF_PARTY "substr(name, 1, length(CAST($1 AS TEXT))) = CAST($1 AS TEXT)"
static const char accounts_sql[] =
    "SELECT id, name, currency FROM accounts WHERE " OF_PARTY " ORDER BY name, currency";
#define BEFORE(n)                                                                                  \
	"SELECT account" #n " AS account, amount" #n " AS amount FROM transfers WHERE at_ms < $2 " \
	"AND account" #n " IN (SELECT id FROM accounts WHERE " OF_PARTY ")"
static const char opening_sql[] =
    "SELECT account, CAST(SUM(amount) AS BIGINT) FROM (" BEFORE(1) " UNION ALL " BEFORE(
	2) " UNION ALL " BEFORE(3) " UNION ALL " BEFORE(4) ") AS before_it GROUP BY account";
#define MINE(n) "t.account" #n " IN (SELECT id FROM accounts WHERE " OF_PARTY ")"
static const char lines_sql[] =
    "SELECT t.at_ms, t.event, t.lead_id, t.round, t.order_id, t.currency, l.payable_at, l.sub1, "
    "t.account1, t.amount1, t.account2, t.amount2, t.account3, t.amount3, t.account4, t.amount4 "
    "FROM transfers t LEFT JOIN lives l ON l.lead_id = t.lead_id AND l.round = t.round "
    "WHERE t.at_ms >= $2 AND t.at_ms < $3 AND (" MINE(1) " OR " MINE(2) " OR " MINE(3) " OR " MINE(
	4) ") ORDER BY t.at_ms, t.lead_id, t.round, t.event";

struct account {
	int64_t id, balance;
	struct slice name; /* without the party before it: "hold" */
	struct slice currency;
};

struct statement {
	FILE *out;
	enum report_format format;
	char prefix[PREFIX_MAX]; /* of the party's accounts: "webmasters:w17:" */
	int64_t sign;            /* to the party's side */
	struct account accounts[ACCOUNTS_MAX];
	size_t count;
};

static void take_account(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct statement *st = ctx;
	size_t prefix = strlen(st->prefix);
	struct account *a;

	if (st->count == ACCOUNTS_MAX)
		return;
	a = &st->accounts[st->count++];
	a->id = c[0].integer;
	a->name = slice_cstr(strndup(c[1].bytes.data + prefix, c[1].bytes.len - prefix));
	a->currency = slice_cstr(strndup(c[2].bytes.data, c[2].bytes.len));
	assert(a->name.data && a->currency.data);
}

static void forget_accounts(struct statement *st)
{
	for (size_t i = 0; i < st->count; i++) {
		free((char *)st->accounts[i].name.data);
		free((char *)st->accounts[i].currency.data);
	}
	st->count = 0;
}

static struct account *account_of(struct statement *st, int64_t id)
{
	for (size_t i = 0; i < st->count; i++)
		if (st->accounts[i].id == id)
			return &st->accounts[i];
	return NULL;
}

static enum result find(struct store *s, struct statement *st, const char *role, const char *id,
			struct error *ret_error)
{
	struct db_value param;

	forget_accounts(st);
	snprintf(st->prefix, sizeof(st->prefix), "%s:%s:", role, id);
	st->sign = role[0] == 'w' ? -1 : 1;
	param = db_text(st->prefix);
	return db_ask(store_db(s), accounts_sql, &param, 1, take_account, st, ret_error);
}

static enum result find_party(struct store *s, const char *party, struct statement *st,
			      struct error *ret_error)
{
	struct slice p = slice_cstr(party);
	bool may_webmaster = !slice_starts_with(p, "advertiser/");
	bool may_advertiser = !slice_starts_with(p, "webmaster/");
	const char *slash = strchr(party, '/'), *id = slash ? slash + 1 : party;
	enum result r = RESULT_OK;
	bool advertiser;

	if (p.len > PREFIX_MAX - 20 || (slash && may_webmaster && may_advertiser))
		return error_set(ret_error, RESULT_BAD,
				 "%s: expected an id, webmaster/ID or advertiser/ID", party);
	if (may_advertiser)
		r = find(s, st, "advertisers", id, ret_error);
	advertiser = st->count > 0;
	if (r != RESULT_OK || !may_webmaster)
		return r != RESULT_OK || advertiser
			   ? r
			   : error_set(ret_error, RESULT_BAD,
				       "%s: nothing was ever booked for this party", party);
	r = find(s, st, "webmasters", id, ret_error);
	if (r == RESULT_OK && st->count > 0 && advertiser)
		return error_set(ret_error, RESULT_BAD,
				 "%s: both a webmaster and an advertiser have this id; say which",
				 party);
	if (r == RESULT_OK && st->count == 0 && advertiser)
		return find(s, st, "advertisers", id, ret_error);
	if (r == RESULT_OK && st->count == 0)
		return error_set(ret_error, RESULT_BAD,
				 "%s: nothing was ever booked for this party", party);
	return r;
}

static void take_opening(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct account *a = account_of(ctx, c[0].integer);

	if (a)
		a->balance = c[1].integer;
}

static void take_line(void *ctx, const struct db_value *c, size_t count)
{
	struct statement *st = ctx;
	struct statement_line l = {.at_ms = c[0].integer,
				   .event = booking_name((int)c[1].integer),
				   .of_lead = c[1].integer < OPERATION_DEPOSIT,
				   .round = c[3].integer,
				   .order = c[4].bytes,
				   .currency = c[5].bytes,
				   .payable_ms = c[6].type == DB_NULL ? 0 : c[6].integer,
				   .sub1 = c[7].bytes};

	(void)lead_id_from_bytes(c[2].bytes.data, c[2].bytes.len, &l.id);
	for (size_t i = ENTRY_COLUMN; i + 1 < count; i += 2) {
		struct account *a = c[i].integer ? account_of(st, c[i].integer) : NULL;

		if (!a)
			continue;
		a->balance += c[i + 1].integer;
		l.account = a->name;
		l.amount_minor = st->sign * c[i + 1].integer;
		statement_write_line(st->out, st->format, &l);
	}
}

static void write_balances(struct statement *st, const char *what, int64_t at_ms)
{
	for (size_t i = 0; i < st->count; i++) {
		const struct account *a = &st->accounts[i];
		struct statement_balance b = {.what = what,
					      .at_ms = at_ms,
					      .amount_minor = st->sign * a->balance,
					      .account = a->name,
					      .currency = a->currency};

		statement_write_balance(st->out, st->format, &b);
	}
}

static enum result write_all(struct store *s, struct statement *st, const char *party,
			     const struct report_period *period, struct error *ret_error)
{
	struct db_value params[] = {db_text(st->prefix), db_int(period->from_ms),
				    db_int(period->to_ms)};
	struct db *d = store_db(s);
	enum result r = RESULT_OK;

	if (period->from_ms > 0)
		r = db_add(d, opening_sql, params, 2, take_opening, st, ret_error);
	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (r != RESULT_OK)
		return r;
	statement_begin(st->out, st->format, party, period);
	write_balances(st, "opening", period->from_ms);
	r = db_add(d, lines_sql, params, ARRAY_LEN(params), take_line, st, ret_error);
	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (r != RESULT_OK)
		return r;
	write_balances(st, "closing", period->to_ms);
	statement_end(st->out, st->format);
	return RESULT_OK;
}

enum result report_statement(struct store *s, const char *party, const struct report_period *period,
			     enum report_format format, FILE *out, struct error *ret_error)
{
	struct statement *st = calloc(1, sizeof(*st));
	enum result r;

	assert(st);
	st->out = out;
	st->format = format;
	r = find_party(s, party, st, ret_error);
	if (r == RESULT_OK)
		r = write_all(s, st, party, period, ret_error);
	forget_accounts(st);
	free(st);
	return r;
}
