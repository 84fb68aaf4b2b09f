/* books: the ledger as an hledger journal. A transfer is a transaction; hledger itself checks that
 * each balances. */
#include "base/ids.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "payout/core/life.h"
#include "payout/reports/reports.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

static const char books_sql[] =
    "SELECT at_ms, event, lead_id, round, order_id, account, amount, currency, line FROM books "
    "WHERE at_ms >= $1 AND at_ms < $2 ORDER BY at_ms, lead_id, round, event, line";

static void write_entry(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	FILE *out = ctx;
	const char *event = transfer_event_name((enum transfer_event)c[1].integer);
	char currency[4], money[48], at[TIME_TEXT_LEN + 1], lead[LEAD_ID_TEXT_LEN + 1];
	struct lead_id id = {0};

	if (c[8].integer == 0) {
		(void)lead_id_from_bytes(c[2].bytes.data, c[2].bytes.len, &id);
		lead_id_text(&id, lead);
		time_text(c[0].integer, at);
		fprintf(out, "\n%.10s (%s.%lld.%s) %s lead=%s order=" SLICE_FMT "\n", at, lead,
			(long long)c[3].integer, event, event, lead, SLICE_ARG(c[4].bytes));
	}
	snprintf(currency, sizeof(currency), SLICE_FMT, SLICE_ARG(c[7].bytes));
	money_text(c[6].integer, currency, money, sizeof(money));
	fprintf(out, "    %-48.*s  %s\n", SLICE_ARG(c[5].bytes), money);
}

enum result report_books(struct store *s, const struct report_period *period, FILE *out,
			 struct error *ret_error)
{
	struct db_value params[] = {db_int(period->from_ms), db_int(period->to_ms)};
	enum result r;

	fputs("; Punnet: one transaction per transfer, dates in UTC, debits positive\n", out);
	r = db_add(store_db(s), books_sql, params, ARRAY_LEN(params), write_entry, out, ret_error);
	return r == RESULT_OK ? db_flush(store_db(s), ret_error) : r;
}
