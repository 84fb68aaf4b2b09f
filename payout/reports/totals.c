/* totals: where the money stands now, account by account, and how many leads stand in which state.
 */
#include "base/money.h"
#include "payout/core/life.h"
#include "payout/reports/reports.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

static const char accounts_sql[] =
    "SELECT account, currency, balance FROM balances ORDER BY account, currency";
static const char states_sql[] =
    "SELECT state, currency, COUNT(*), CAST(SUM(price) AS BIGINT), CAST(SUM(payout) AS BIGINT) "
    "FROM lives "
    "WHERE is_test = 0 GROUP BY state, currency ORDER BY state, currency";

struct writing {
	FILE *out;
	enum report_format format;
};

int64_t report_side(struct slice account)
{
	static const char *const debit[] = {"network:received", "network:borne"};
	struct slice tail = account;

	for (size_t i = 0; i < ARRAY_LEN(debit); i++)
		if (slice_is(account, debit[i]))
			return 1;
	for (size_t i = 0; i < account.len; i++)
		if (account.data[i] == ':')
			tail = slice_of(account.data + i + 1, account.len - i - 1);
	return slice_is(tail, "receivable") ? 1 : -1;
}

static void write_account(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct writing *w = ctx;
	int64_t amount = report_side(c[0].bytes) * c[2].integer;
	char currency[4], money[48];

	snprintf(currency, sizeof(currency), SLICE_FMT, SLICE_ARG(c[1].bytes));
	money_text(amount, currency, money, sizeof(money));
	if (w->format == REPORT_TEXT)
		fprintf(w->out, "%-48.*s %20s\n", SLICE_ARG(c[0].bytes), money);
	else if (w->format == REPORT_CSV)
		fprintf(w->out, "account," SLICE_FMT ",%s,,%lld,\n", SLICE_ARG(c[0].bytes),
			currency, (long long)amount);
	else
		fprintf(w->out,
			"{\"account\":\"" SLICE_FMT
			"\",\"currency\":\"%s\",\"amount_minor\":%lld}\n",
			SLICE_ARG(c[0].bytes), currency, (long long)amount);
}

static void write_state(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct writing *w = ctx;
	const char *state = life_state_name((enum life_state)c[0].integer);
	char currency[4], price[48], payout[48];

	snprintf(currency, sizeof(currency), SLICE_FMT, SLICE_ARG(c[1].bytes));
	money_text(c[3].integer, currency, price, sizeof(price));
	money_text(c[4].integer, currency, payout, sizeof(payout));
	if (w->format == REPORT_TEXT)
		fprintf(w->out, "%-14s %10lld leads, price %s, payout %s\n", state,
			(long long)c[2].integer, price, payout);
	else if (w->format == REPORT_CSV)
		fprintf(w->out, "state,%s,%s,%lld,%lld,%lld\n", state, currency,
			(long long)c[2].integer, (long long)c[3].integer, (long long)c[4].integer);
	else
		fprintf(w->out,
			"{\"state\":\"%s\",\"currency\":\"%s\",\"leads\":%lld,\"price_minor\":%lld,"
			"\"payout_minor\":%lld}\n",
			state, currency, (long long)c[2].integer, (long long)c[3].integer,
			(long long)c[4].integer);
}

enum result report_totals(struct store *s, enum report_format format, FILE *out,
			  struct error *ret_error)
{
	struct writing w = {out, format};
	enum result r;

	if (format == REPORT_CSV)
		fputs("kind,name,currency,leads,amount_minor,payout_minor\n", out);
	r = db_add(store_db(s), accounts_sql, NULL, 0, write_account, &w, ret_error);
	if (r == RESULT_OK)
		r = db_add(store_db(s), states_sql, NULL, 0, write_state, &w, ret_error);
	return r == RESULT_OK ? db_flush(store_db(s), ret_error) : r;
}
