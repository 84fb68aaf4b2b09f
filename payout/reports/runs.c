/* runs: runs of payments, and the lines of one. */
#include "payout/store/runs.h"
#include "base/timefmt.h"
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"

static const char runs_sql[] =
    "SELECT r.id, r.state, r.until_ms, r.proposed_at, r.proposed_by, r.decided_at, r.decided_by, "
    "l.pay_currency, COUNT(*), CAST(SUM(l.pay_amount) AS BIGINT) FROM runs r "
    "JOIN run_lines l ON l.run = r.id GROUP BY r.id, r.state, r.until_ms, r.proposed_at, "
    "r.proposed_by, "
    "r.decided_at, r.decided_by, l.pay_currency ORDER BY r.id, l.pay_currency";
static const char lines_sql[] =
    "SELECT aff_id, currency, leads, amount, pay_currency, pay_amount, rate_num, rate_den, method, "
    "name, iban, bic, country FROM run_lines WHERE run = $1 ORDER BY aff_id, currency";

struct writing {
	FILE *out;
	enum report_format format;
	int64_t run;
	size_t rows;
};

static const char *state_name(int64_t state)
{
	switch ((enum run_state)state) {
	case RUN_PROPOSED:
		return "proposed";
	case RUN_CONFIRMED:
		return "confirmed";
	case RUN_CANCELLED:
		return "cancelled";
	}
	return "?";
}

static void write_run(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct writing *w = ctx;
	char money[MONEY_TEXT_MAX], until[TIME_TEXT_LEN + 1], proposed[TIME_TEXT_LEN + 1],
	    decided[TIME_TEXT_LEN + 1] = "";

	time_text(c[2].integer, until);
	time_text(c[3].integer, proposed);
	if (c[5].integer > 0)
		time_text(c[5].integer, decided);
	write_money(c[9].integer, c[7].bytes, money);
	if (w->format == REPORT_TEXT) {
		fprintf(w->out,
			"%4lld  %-9s  until %.16s  %3lld payments  %18s  proposed by " SLICE_FMT,
			(long long)c[0].integer, state_name(c[1].integer), until,
			(long long)c[8].integer, money, SLICE_ARG(c[4].bytes));
		if (decided[0])
			fprintf(w->out, ", %s by " SLICE_FMT, state_name(c[1].integer),
				SLICE_ARG(c[6].bytes));
		fputc('\n', w->out);
		return;
	}
	if (w->format == REPORT_CSV) {
		fprintf(w->out, "%lld,%s,%s,%s,", (long long)c[0].integer, state_name(c[1].integer),
			until, proposed);
		write_csv_text(w->out, c[4].bytes);
		fprintf(w->out, ",%s,", decided);
		write_csv_text(w->out, c[6].bytes);
		fprintf(w->out, ",%lld,%lld," SLICE_FMT "\n", (long long)c[8].integer,
			(long long)c[9].integer, SLICE_ARG(c[7].bytes));
		return;
	}
	fprintf(w->out, "{\"run\":%lld,\"state\":\"%s\",\"until\":\"%s\",\"proposed_at\":\"%s\",",
		(long long)c[0].integer, state_name(c[1].integer), until, proposed);
	write_json_text(w->out, "proposed_by", c[4].bytes);
	fprintf(w->out, ",\"decided_at\":\"%s\",", decided);
	write_json_text(w->out, "decided_by", c[6].bytes);
	fprintf(w->out,
		",\"payments\":%lld,\"amount_minor\":%lld,\"currency\":\"" SLICE_FMT "\"}\n",
		(long long)c[8].integer, (long long)c[9].integer, SLICE_ARG(c[7].bytes));
}

enum result report_runs(struct store *s, enum report_format format, FILE *out,
			struct error *ret_error)
{
	struct writing w = {.out = out, .format = format};

	if (format == REPORT_CSV)
		fputs("run,state,until,proposed_at,proposed_by,decided_at,decided_by,payments,"
		      "amount_minor,"
		      "currency\n",
		      out);
	return db_ask(store_db(s), runs_sql, NULL, 0, write_run, &w, ret_error);
}

static void write_line_csv(struct writing *w, const struct db_value *c)
{
	fprintf(w->out, "%lld,", (long long)w->run);
	write_csv_text(w->out, c[0].bytes);
	fprintf(w->out, ",%lld,%lld," SLICE_FMT ",%lld," SLICE_FMT ",%lld,%lld,",
		(long long)c[2].integer, (long long)c[3].integer, SLICE_ARG(c[1].bytes),
		(long long)c[5].integer, SLICE_ARG(c[4].bytes), (long long)c[6].integer,
		(long long)c[7].integer);
	for (size_t i = 8; i < 13; i++) {
		write_csv_text(w->out, c[i].bytes);
		fputc(i < 12 ? ',' : '\n', w->out);
	}
}

static void write_line(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	static const char *const names[] = {"method", "name", "iban", "bic", "country"};
	struct writing *w = ctx;
	char earned[MONEY_TEXT_MAX], paid[MONEY_TEXT_MAX];

	w->rows++;
	write_money(c[3].integer, c[1].bytes, earned);
	write_money(c[5].integer, c[4].bytes, paid);
	if (w->format == REPORT_CSV) {
		write_line_csv(w, c);
		return;
	}
	if (w->format == REPORT_TEXT) {
		fprintf(w->out, "%-24.*s %8lld leads %18s", SLICE_ARG(c[0].bytes),
			(long long)c[2].integer, earned);
		if (!slice_equal(c[1].bytes, c[4].bytes))
			fprintf(w->out, "  at %lld/%lld %18s", (long long)c[6].integer,
				(long long)c[7].integer, paid);
		fprintf(w->out, "  " SLICE_FMT " to " SLICE_FMT "\n", SLICE_ARG(c[8].bytes),
			SLICE_ARG(c[9].bytes));
		return;
	}
	fprintf(w->out, "{\"run\":%lld,", (long long)w->run);
	write_json_text(w->out, "aff_id", c[0].bytes);
	fprintf(w->out,
		",\"leads\":%lld,\"amount_minor\":%lld,\"currency\":\"" SLICE_FMT
		"\",\"pay_amount_minor\":%lld,\"pay_currency\":\"" SLICE_FMT
		"\",\"rate_num\":%lld,\"rate_den\":%lld",
		(long long)c[2].integer, (long long)c[3].integer, SLICE_ARG(c[1].bytes),
		(long long)c[5].integer, SLICE_ARG(c[4].bytes), (long long)c[6].integer,
		(long long)c[7].integer);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		fputc(',', w->out);
		write_json_text(w->out, names[i], c[8 + i].bytes);
	}
	fputs("}\n", w->out);
}

enum result report_run(struct store *s, int64_t run, enum report_format format, FILE *out,
		       struct error *ret_error)
{
	struct writing w = {.out = out, .format = format, .run = run};
	struct db_value param = db_int(run);
	enum result r;

	if (format == REPORT_CSV)
		fputs("run,aff_id,leads,amount_minor,currency,pay_amount_minor,pay_currency,rate_"
		      "num,rate_den,"
		      "method,name,iban,bic,country\n",
		      out);
	r = db_add(store_db(s), lines_sql, &param, 1, write_line, &w, ret_error);
	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	if (r == RESULT_OK && w.rows == 0)
		return error_set(ret_error, RESULT_BAD, "there is no run %lld", (long long)run);
	return r;
}
