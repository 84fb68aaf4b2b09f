/* funds: what each advertiser has paid in, what its leads have cost, and what it may still spend. */
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

static const char funds_sql[] =
    "SELECT f.name, f.currency, f.balance, COALESCE(r.balance, 0) FROM accounts f "
    "LEFT JOIN accounts r ON r.currency = f.currency AND r.name = "
    "substr(f.name, 1, length(f.name) - 5) || 'receivable' "
    "WHERE substr(f.name, 1, 12) = 'advertisers:' AND "
    "substr(f.name, length(f.name) - 5) = ':funds' ORDER BY f.name, f.currency";

struct writing {
	FILE *out;
	enum report_format format;
};

static void write_funds(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct writing *w = ctx;
	struct slice name = slice_of(c[0].bytes.data + strlen("advertisers:"),
				     c[0].bytes.len - strlen("advertisers:") - strlen(":funds"));
	int64_t funds = -c[2].integer, owed = c[3].integer;
	char a[MONEY_TEXT_MAX], b[MONEY_TEXT_MAX], d[MONEY_TEXT_MAX];

	if (w->format == REPORT_TEXT)
		fprintf(w->out, "%-24.*s funds %18s  owed %18s  free %18s\n", SLICE_ARG(name),
			write_money(funds, c[1].bytes, a), write_money(owed, c[1].bytes, b),
			write_money(funds - owed, c[1].bytes, d));
	else if (w->format == REPORT_CSV)
		fprintf(w->out, SLICE_FMT "," SLICE_FMT ",%lld,%lld,%lld\n", SLICE_ARG(name),
			SLICE_ARG(c[1].bytes), (long long)funds, (long long)owed,
			(long long)(funds - owed));
	else
		fprintf(w->out,
			"{\"advertiser\":\"" SLICE_FMT "\",\"currency\":\"" SLICE_FMT
			"\",\"funds_minor\":%lld,\"owed_minor\":%lld,\"free_minor\":%lld}\n",
			SLICE_ARG(name), SLICE_ARG(c[1].bytes), (long long)funds, (long long)owed,
			(long long)(funds - owed));
}

enum result report_funds(struct store *s, enum report_format format, FILE *out,
			 struct error *ret_error)
{
	struct writing w = {out, format};

	if (format == REPORT_CSV)
		fputs("advertiser,currency,funds_minor,owed_minor,free_minor\n", out);
	return db_ask(store_db(s), funds_sql, NULL, 0, write_funds, &w, ret_error);
}
