/* statement_write: a statement as text, CSV, lines of JSON, and a page that prints well. The page holds no script and nothing
 * that would be fetched. */
#include "payout/reports/statement.h"
#include "payout/reports/write.h"

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Statement</title>\n<style>\n"
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 "
    "1rem;color:#1b1b1b}\n"
    "h1{font-size:1.3rem;margin:0}p{color:#555;margin:.2rem 0 1.2rem}\n"
    "table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;border-bottom:"
    "2px solid #888}\n"
    "td,th{padding:.2rem .6rem .2rem 0;vertical-align:top}td{border-bottom:1px solid #e4e4e4}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "tr.b "
    "td{font-weight:600;background:#f4f4f1}td.i{font-family:ui-monospace,monospace;font-size:12px}"
    "\n"
    "@media "
    "print{body{margin:0;max-width:none}thead{display:table-header-group}tr{break-inside:avoid}}\n"
    "</style></head><body>\n";

void statement_begin(FILE *out, enum report_format format, const char *party,
		     const struct report_period *period)
{
	char from[TIME_TEXT_LEN + 1], to[TIME_TEXT_LEN + 1];

	if (format == REPORT_CSV)
		fputs(
		    "at,event,lead_id,round,order,account,amount_minor,currency,payable_at,sub1\n",
		    out);
	if (format != REPORT_HTML)
		return;
	time_text(period->from_ms, from);
	time_text(period->to_ms, to);
	fputs(page_head, out);
	fputs("<h1>Statement of ", out);
	write_markup_text(out, slice_cstr(party));
	fprintf(
	    out,
	    "</h1>\n<p>From %.16s to %.16s (UTC). What is above 0 is the party's side of the "
	    "books: what a "
	    "webmaster has to get, what an advertiser has to pay.</p>\n"
	    "<table><thead><tr><th>Time</th><th>What</th><th>Account</th><th>Lead or reference</th>"
	    "<th>Order</th><th>Sub id</th><th>Payable from</th><th "
	    "class=n>Amount</th></tr></thead><tbody>\n",
	    from, to);
}

void statement_end(FILE *out, enum report_format format)
{
	if (format == REPORT_HTML)
		fputs("</tbody></table></body></html>\n", out);
}

void statement_write_balance(FILE *out, enum report_format format,
			     const struct statement_balance *b)
{
	char money[MONEY_TEXT_MAX], at[TIME_TEXT_LEN + 1];

	write_money(b->amount_minor, b->currency, money);
	time_text(b->at_ms, at);
	switch (format) {
	case REPORT_TEXT:
		fprintf(out, "%s  %-8s %-10.*s %42s %18s\n", at, b->what, SLICE_ARG(b->account), "",
			money);
		break;
	case REPORT_CSV:
		fprintf(out, "%s,%s,,,," SLICE_FMT ",%lld," SLICE_FMT ",,\n", at, b->what,
			SLICE_ARG(b->account), (long long)b->amount_minor, SLICE_ARG(b->currency));
		break;
	case REPORT_JSON:
		fprintf(out,
			"{\"at\":\"%s\",\"event\":\"%s\",\"account\":\"" SLICE_FMT
			"\",\"amount_minor\":%lld,\"currency\":\"" SLICE_FMT "\"}\n",
			at, b->what, SLICE_ARG(b->account), (long long)b->amount_minor,
			SLICE_ARG(b->currency));
		break;
	case REPORT_HTML:
		fprintf(out,
			"<tr class=b><td>%.16s<td>%s<td>" SLICE_FMT
			"<td><td><td><td><td class=n>%s</tr>\n",
			at, b->what, SLICE_ARG(b->account), money);
		break;
	}
}

static void write_page_line(FILE *out, const struct statement_line *l, const char *at,
			    const char *lead, const char *payable, const char *money)
{
	fprintf(out, "<tr><td>%.16s<td>%s<td>" SLICE_FMT "<td class=i>", at, l->event,
		SLICE_ARG(l->account));
	if (l->of_lead)
		fputs(lead, out);
	else
		write_markup_text(out, l->order);
	fputs("<td>", out);
	if (l->of_lead)
		write_markup_text(out, l->order);
	fputs("<td>", out);
	write_markup_text(out, l->sub1);
	fprintf(out, "<td>%.10s<td class=n>%s</tr>\n", payable, money);
}

static void write_json_line(FILE *out, const struct statement_line *l, const char *at,
			    const char *lead, const char *payable)
{
	fprintf(out, "{\"at\":\"%s\",\"event\":\"%s\",\"%s\":\"%s\",\"round\":%lld,", at, l->event,
		l->of_lead ? "lead_id" : "operation", lead, (long long)l->round);
	write_json_text(out, l->of_lead ? "order" : "reference", l->order);
	fputc(',', out);
	write_json_text(out, "account", l->account);
	fprintf(out, ",\"amount_minor\":%lld,\"currency\":\"" SLICE_FMT "\",\"payable_at\":\"%s\",",
		(long long)l->amount_minor, SLICE_ARG(l->currency), payable);
	write_json_text(out, "sub1", l->sub1);
	fputs("}\n", out);
}

void statement_write_line(FILE *out, enum report_format format, const struct statement_line *l)
{
	char money[MONEY_TEXT_MAX], at[TIME_TEXT_LEN + 1],
	    payable[TIME_TEXT_LEN + 1] = "", lead[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(&l->id, lead);
	time_text(l->at_ms, at);
	if (l->payable_ms > 0)
		time_text(l->payable_ms, payable);
	if (format == REPORT_TEXT || format == REPORT_HTML)
		write_money(l->amount_minor, l->currency, money);
	switch (format) {
	case REPORT_TEXT:
		if (l->of_lead)
			fprintf(out,
				"%s  %-8s %-10.*s %s.%-5lld %18s  payable %.10s  order " SLICE_FMT
				"\n",
				at, l->event, SLICE_ARG(l->account), lead, (long long)l->round,
				money, payable, SLICE_ARG(l->order));
		else
			fprintf(out, "%s  %-8s %-10.*s %-42.*s %18s\n", at, l->event,
				SLICE_ARG(l->account), SLICE_ARG(l->order), money);
		break;
	case REPORT_CSV:
		fprintf(out, "%s,%s,%s,%lld,", at, l->event, lead, (long long)l->round);
		write_csv_text(out, l->order);
		fprintf(out, "," SLICE_FMT ",%lld," SLICE_FMT ",%s,", SLICE_ARG(l->account),
			(long long)l->amount_minor, SLICE_ARG(l->currency), payable);
		write_csv_text(out, l->sub1);
		fputc('\n', out);
		break;
	case REPORT_JSON:
		write_json_line(out, l, at, lead, payable);
		break;
	case REPORT_HTML:
		write_page_line(out, l, at, lead, payable, money);
		break;
	}
}
