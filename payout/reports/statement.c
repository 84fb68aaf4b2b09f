/* statement: a party's movements in a period, line by line, with the balances that frame them. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "payout/core/life.h"
#include "payout/reports/reports.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

#define PREFIX_MAX 200

static const char exists_sql[] = "SELECT COUNT(*) FROM accounts WHERE substr(name, 1, "
				 "length(CAST($1 AS TEXT))) = CAST($1 AS TEXT)";
/* Every account of the party, with what stood on it before a moment. */
static const char balance_sql[] = "SELECT a.name, a.currency, CAST(COALESCE(SUM(CASE WHEN t.at_ms "
				  "< $2 THEN e.amount ELSE 0 END), 0) AS BIGINT) "
				  "FROM accounts a LEFT JOIN entries e ON e.account = a.id LEFT "
				  "JOIN transfers t ON t.lead_id = e.lead_id AND "
				  "t.round = e.round AND t.event = e.event WHERE substr(a.name, 1, "
				  "length(CAST($1 AS TEXT))) = CAST($1 AS TEXT) "
				  "GROUP BY a.name, a.currency ORDER BY a.name, a.currency";
static const char lines_sql[] =
    "SELECT b.at_ms, b.event, b.lead_id, b.round, b.order_id, b.account, b.amount, b.currency, "
    "l.payable_at, l.sub1 "
    "FROM books b JOIN lives l ON l.lead_id = b.lead_id AND l.round = b.round "
    "WHERE substr(b.account, 1, length(CAST($1 AS TEXT))) = CAST($1 AS TEXT) AND b.at_ms >= $2 AND "
    "b.at_ms < $3 "
    "ORDER BY b.at_ms, b.lead_id, b.round, b.event, b.line";

struct statement {
	FILE *out;
	enum report_format format;
	char prefix[PREFIX_MAX]; /* of the party's accounts: "webmasters:w17:" */
	int64_t sign;            /* to the party's side */
	const char *what;        /* "opening", "closing" */
	int64_t at_ms;
};

static void take_int(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

static enum result exists(struct store *s, const char *prefix, bool *ret, struct error *ret_error)
{
	struct db_value param = db_text(prefix);
	int64_t n = 0;
	enum result r = db_add(store_db(s), exists_sql, &param, 1, take_int, &n, ret_error);

	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	*ret = n > 0;
	return r;
}

static enum result find_party(struct store *s, const char *party, struct statement *ret,
			      struct error *ret_error)
{
	struct slice p = slice_cstr(party);
	bool may_webmaster = !slice_starts_with(p, "advertiser/");
	bool may_advertiser = !slice_starts_with(p, "webmaster/");
	const char *slash = strchr(party, '/'), *id = slash ? slash + 1 : party;
	char other[PREFIX_MAX];
	bool webmaster = false, advertiser = false;
	enum result r;

	if (p.len > PREFIX_MAX - 20 || (slash && may_webmaster && may_advertiser))
		return error_set(ret_error, RESULT_BAD,
				 "%s: expected an id, webmaster/ID or advertiser/ID", party);
	snprintf(ret->prefix, sizeof(ret->prefix), "webmasters:%s:", id);
	snprintf(other, sizeof(other), "advertisers:%s:", id);
	r = exists(s, ret->prefix, &webmaster, ret_error);
	if (r == RESULT_OK)
		r = exists(s, other, &advertiser, ret_error);
	if (r != RESULT_OK)
		return r;
	webmaster = webmaster && may_webmaster;
	advertiser = advertiser && may_advertiser;
	if (webmaster && advertiser)
		return error_set(ret_error, RESULT_BAD,
				 "%s: both a webmaster and an advertiser have this id; say which",
				 party);
	if (!webmaster && !advertiser)
		return error_set(ret_error, RESULT_BAD,
				 "%s: nothing was ever booked for this party", party);
	ret->sign = webmaster ? -1 : 1;
	if (advertiser)
		memcpy(ret->prefix, other, sizeof(other));
	return RESULT_OK;
}

/* "hold", "payable", "receivable": the account without the party's name before it. */
static struct slice account_tail(const struct statement *st, struct slice account)
{
	size_t len = strlen(st->prefix);

	return slice_of(account.data + len, account.len - len);
}

static void write_csv_text(FILE *out, struct slice s)
{
	fputc('"', out);
	for (size_t i = 0; i < s.len; i++) {
		/* A cell that begins like a formula would be run by a spreadsheet. */
		if (i == 0 && strchr("=+-@\t\r", s.data[0]))
			fputc('\'', out);
		if (s.data[i] == '"')
			fputc('"', out);
		fputc(s.data[i], out);
	}
	fputc('"', out);
}

static void currency_of(struct slice s, char ret[4])
{
	snprintf(ret, 4, SLICE_FMT, SLICE_ARG(s));
}

static void write_balance(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct statement *st = ctx;
	struct slice account = account_tail(st, c[0].bytes);
	int64_t amount = st->sign * c[2].integer;
	char currency[4], money[48], at[TIME_TEXT_LEN + 1];

	currency_of(c[1].bytes, currency);
	money_text(amount, currency, money, sizeof(money));
	time_text(st->at_ms, at);
	if (st->format == REPORT_TEXT)
		fprintf(st->out, "%s  %-8s %-10.*s %42s %18s\n", at, st->what, SLICE_ARG(account),
			"", money);
	else if (st->format == REPORT_CSV)
		fprintf(st->out, "%s,%s,,,," SLICE_FMT ",%lld,%s,,\n", at, st->what,
			SLICE_ARG(account), (long long)amount, currency);
	else
		fprintf(st->out,
			"{\"at\":\"%s\",\"event\":\"%s\",\"account\":\"" SLICE_FMT
			"\",\"amount_minor\":%lld,\"currency\":\"%s\"}\n",
			at, st->what, SLICE_ARG(account), (long long)amount, currency);
}

static void write_line(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct statement *st = ctx;
	const char *event = transfer_event_name((enum transfer_event)c[1].integer);
	struct slice account = account_tail(st, c[5].bytes);
	int64_t amount = st->sign * c[6].integer;
	char currency[4], money[48], at[TIME_TEXT_LEN + 1], payable[TIME_TEXT_LEN + 1],
	    lead[LEAD_ID_TEXT_LEN + 1];
	struct lead_id id = {0};

	(void)lead_id_from_bytes(c[2].bytes.data, c[2].bytes.len, &id);
	lead_id_text(&id, lead);
	currency_of(c[7].bytes, currency);
	money_text(amount, currency, money, sizeof(money));
	time_text(c[0].integer, at);
	time_text(c[8].integer, payable);
	if (st->format == REPORT_TEXT) {
		fprintf(st->out,
			"%s  %-8s %-10.*s %s.%-5lld %18s  payable %.10s  order " SLICE_FMT "\n", at,
			event, SLICE_ARG(account), lead, (long long)c[3].integer, money, payable,
			SLICE_ARG(c[4].bytes));
	} else if (st->format == REPORT_CSV) {
		fprintf(st->out, "%s,%s,%s,%lld,", at, event, lead, (long long)c[3].integer);
		write_csv_text(st->out, c[4].bytes);
		fprintf(st->out, "," SLICE_FMT ",%lld,%s,%s,", SLICE_ARG(account),
			(long long)amount, currency, payable);
		write_csv_text(st->out, c[9].bytes);
		fputc('\n', st->out);
	} else {
		struct buf b = {0};

		buf_printf(&b, "{\"at\":\"%s\",\"event\":\"%s\",\"lead_id\":\"%s\",", at, event,
			   lead);
		json_write_member_int(&b, "round", c[3].integer);
		buf_append_char(&b, ',');
		json_write_member(&b, "order", c[4].bytes);
		buf_append_char(&b, ',');
		json_write_member(&b, "account", account);
		buf_printf(&b, ",\"amount_minor\":%lld,\"currency\":\"%s\",\"payable_at\":\"%s\",",
			   (long long)amount, currency, payable);
		json_write_member(&b, "sub1", c[9].bytes);
		buf_append_cstr(&b, "}\n");
		fputs(buf_cstr(&b), st->out);
		buf_free(&b);
	}
}

static enum result balances(struct store *s, struct statement *st, const char *what, int64_t at_ms,
			    struct error *ret_error)
{
	struct db_value params[] = {db_text(st->prefix), db_int(at_ms)};
	enum result r;

	st->what = what;
	st->at_ms = at_ms;
	r = db_add(store_db(s), balance_sql, params, ARRAY_LEN(params), write_balance, st,
		   ret_error);
	return r == RESULT_OK ? db_flush(store_db(s), ret_error) : r;
}

enum result report_statement(struct store *s, const char *party, const struct report_period *period,
			     enum report_format format, FILE *out, struct error *ret_error)
{
	struct statement st = {.out = out, .format = format};
	struct db_value params[3];
	enum result r = find_party(s, party, &st, ret_error);

	if (r != RESULT_OK)
		return r;
	if (format == REPORT_CSV)
		fputs(
		    "at,event,lead_id,round,order,account,amount_minor,currency,payable_at,sub1\n",
		    out);
	r = balances(s, &st, "opening", period->from_ms, ret_error);
	if (r != RESULT_OK)
		return r;
	params[0] = db_text(st.prefix);
	params[1] = db_int(period->from_ms);
	params[2] = db_int(period->to_ms);
	r = db_add(store_db(s), lines_sql, params, ARRAY_LEN(params), write_line, &st, ret_error);
	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	if (r == RESULT_OK)
		r = balances(s, &st, "closing", period->to_ms, ret_error);
	return r;
}
