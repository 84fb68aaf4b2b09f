/* books: the ledger as an hledger journal. A transfer is a transaction; hledger itself checks that
 * each balances. */
#include "base/ids.h"
#include "base/timefmt.h"
#include "payout/core/operation.h"
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

#define FIRST_ENTRY 7 /* among the columns: a name and an amount for each entry */

static const char books_sql[] =
    "SELECT t.at_ms, t.event, t.lead_id, t.round, t.order_id, t.currency, COALESCE(o.party, ''), "
    "a1.name, t.amount1, a2.name, t.amount2, a3.name, t.amount3, a4.name, t.amount4 "
    "FROM transfers t LEFT JOIN operations o ON o.id = t.lead_id AND t.event >= 16 "
    "LEFT JOIN accounts a1 ON a1.id = t.account1 LEFT JOIN accounts a2 ON a2.id = t.account2 "
    "LEFT JOIN accounts a3 ON a3.id = t.account3 LEFT JOIN accounts a4 ON a4.id = t.account4 "
    "WHERE t.at_ms >= $1 AND t.at_ms < $2 ORDER BY t.at_ms, t.lead_id, t.round, t.event";

static void write_transaction(void *ctx, const struct db_value *c, size_t count)
{
	FILE *out = ctx;
	const char *event = booking_name((int)c[1].integer);
	char money[MONEY_TEXT_MAX], at[TIME_TEXT_LEN + 1], id_text[LEAD_ID_TEXT_LEN + 1];
	struct lead_id id = {0};

	(void)lead_id_from_bytes(c[2].bytes.data, c[2].bytes.len, &id);
	lead_id_text(&id, id_text);
	time_text(c[0].integer, at);
	fprintf(out, "\n%.10s (%s.%lld.%s) %s ", at, id_text, (long long)c[3].integer, event,
		event);
	if (c[1].integer < OPERATION_DEPOSIT)
		fprintf(out, "lead=%s order=" SLICE_FMT "\n", id_text, SLICE_ARG(c[4].bytes));
	else
		fprintf(out, "party=" SLICE_FMT " reference=" SLICE_FMT "\n", SLICE_ARG(c[6].bytes),
			SLICE_ARG(c[4].bytes));
	for (size_t i = FIRST_ENTRY; i + 1 < count; i += 2) {
		if (c[i].type == DB_NULL)
			continue;
		fprintf(out, "    %-48.*s  %s\n", SLICE_ARG(c[i].bytes),
			write_money(c[i + 1].integer, c[5].bytes, money));
	}
}

enum result report_books(struct store *s, const struct report_period *period, FILE *out,
			 struct error *ret_error)
{
	struct db_value params[] = {db_int(period->from_ms), db_int(period->to_ms)};

	fputs("; Punnet: one transaction per transfer, dates in UTC, debits positive\n", out);
	return db_ask(store_db(s), books_sql, params, ARRAY_LEN(params), write_transaction, out,
		      ret_error);
}
