/* pain001: a confirmed run as an ISO 20022 credit transfer initiation, pain.001.001.09: one batch for each currency, one payment for
 * each line whose method is "sepa". The file holds no time but the run's own, so that it is the same whenever it is written. */
#include <stdlib.h>

#include "base/money.h"
#include "base/timefmt.h"
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "payout/store/runs.h"

#define IBAN_LEAST 15
#define IBAN_MOST  34
#define NAME_MOST  140 /* characters */

static const char run_sql[] = "SELECT state, decided_at FROM runs WHERE id = $1";
static const char sums_sql[] =
    "SELECT pay_currency, COUNT(*), CAST(SUM(pay_amount) AS BIGINT) FROM run_lines "
    "WHERE run = $1 AND method = 'sepa' GROUP BY pay_currency ORDER BY pay_currency";
static const char lines_sql[] = "SELECT pay_amount, name, iban, bic, aff_id FROM run_lines WHERE "
				"run = $1 AND method = 'sepa' AND "
				"pay_currency = $2 ORDER BY aff_id, currency";

#define CURRENCIES_MAX 64

struct batch_sum {
	char currency[4];
	int64_t count, sum;
};

struct pain {
	FILE *out;
	int64_t run, state, decided_ms, count;
	struct batch_sum sums[CURRENCIES_MAX];
	size_t sum_count, number; /* of the payment */
	const char *currency;
	struct error *error; /* what was wrong with a line first */
	bool failed;
};

/* Letters count as 10 to 35, the country and its check digits move to the end, and the whole leaves 1 when divided by 97. */
bool iban_valid(struct slice iban)
{
	unsigned rest = 0;

	if (iban.len < IBAN_LEAST || iban.len > IBAN_MOST)
		return false;
	for (size_t i = 0; i < iban.len; i++) {
		char c = iban.data[(i + 4) % iban.len];
		bool digit = c >= '0' && c <= '9';
		size_t at = (i + 4) % iban.len;

		if ((!digit && (c < 'A' || c > 'Z')) || (at < 2 && digit) ||
		    (at >= 2 && at < 4 && !digit))
			return false;
		rest = digit ? (rest * 10 + (unsigned)(c - '0')) % 97
			     : (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
	}
	return rest == 1;
}

bool bic_valid(struct slice bic)
{
	if (bic.len != 8 && bic.len != 11)
		return false;
	for (size_t i = 0; i < bic.len; i++) {
		char c = bic.data[i];
		bool letter = c >= 'A' && c <= 'Z';

		if (!letter && (i == 4 || i == 5 || c < '0' || c > '9'))
			return false;
	}
	return true;
}

bool payee_name_valid(struct slice name)
{
	size_t characters = 0;

	for (size_t i = 0; i < name.len; i++)
		characters += ((unsigned char)name.data[i] & 0xc0) != 0x80;
	return characters > 0 && characters <= NAME_MOST && slice_utf8_valid(name);
}

static void take_run(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct pain *p = ctx;

	p->state = c[0].integer;
	p->decided_ms = c[1].integer;
}

static void take_sum(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct pain *p = ctx;
	struct batch_sum *s;

	if (p->sum_count == CURRENCIES_MAX)
		return;
	s = &p->sums[p->sum_count++];
	snprintf(s->currency, sizeof(s->currency), SLICE_FMT, SLICE_ARG(c[0].bytes));
	s->count = c[1].integer;
	s->sum = c[2].integer;
	p->count += s->count;
}

static void write_element(FILE *out, const char *indent, const char *name, struct slice text)
{
	fprintf(out, "%s<%s>", indent, name);
	write_markup_text(out, text);
	fprintf(out, "</%s>\n", name);
}

static void write_agent(FILE *out, const char *indent, const char *name, struct slice bic)
{
	fprintf(out, "%s<%s><FinInstnId>", indent, name);
	if (bic.len > 0)
		fprintf(out, "<BICFI>" SLICE_FMT "</BICFI>", SLICE_ARG(bic));
	else
		fputs("<Othr><Id>NOTPROVIDED</Id></Othr>", out);
	fprintf(out, "</FinInstnId></%s>\n", name);
}

static void write_payment(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct pain *p = ctx;
	char amount[MONEY_TEXT_MAX];

	if (!iban_valid(c[2].bytes) || (c[3].bytes.len > 0 && !bic_valid(c[3].bytes)) ||
	    !payee_name_valid(c[1].bytes)) {
		if (!p->failed)
			(void)error_set(p->error, RESULT_BAD,
					"webmaster " SLICE_FMT
					": the name, the IBAN or the BIC is not one",
					SLICE_ARG(c[4].bytes));
		p->failed = true;
		return;
	}
	write_decimal(c[0].integer, p->currency, amount);
	fprintf(p->out,
		"      <CdtTrfTxInf>\n        <PmtId><EndToEndId>R%lld-%zu</EndToEndId></PmtId>\n"
		"        <Amt><InstdAmt Ccy=\"%s\">%s</InstdAmt></Amt>\n",
		(long long)p->run, ++p->number, p->currency, amount);
	write_agent(p->out, "        ", "CdtrAgt", c[3].bytes);
	fputs("        <Cdtr>", p->out);
	write_element(p->out, "", "Nm", c[1].bytes);
	fputs("        </Cdtr>\n", p->out);
	fprintf(p->out, "        <CdtrAcct><Id><IBAN>" SLICE_FMT "</IBAN></Id></CdtrAcct>\n",
		SLICE_ARG(c[2].bytes));
	fprintf(p->out,
		"        <RmtInf><Ustrd>Payout run %lld</Ustrd></RmtInf>\n      </CdtTrfTxInf>\n",
		(long long)p->run);
}

/* The standard's control sum adds amounts of all currencies as decimal numbers; in units of the finest one. */
static void control_sum(const struct pain *p, char ret[MONEY_TEXT_MAX])
{
	int64_t scale[] = {10000, 1000, 100, 10, 1};
	__int128 sum = 0;
	char digits[MONEY_TEXT_MAX];
	size_t len;

	for (size_t i = 0; i < p->sum_count; i++)
		sum += (__int128)p->sums[i].sum * scale[money_exponent(p->sums[i].currency)];
	snprintf(digits, sizeof(digits), "%lld.%04lld", (long long)(sum / 10000),
		 (long long)(sum % 10000));
	len = strlen(digits);
	while (digits[len - 1] == '0' && digits[len - 3] != '.')
		len--; /* two decimals stay */
	snprintf(ret, MONEY_TEXT_MAX, "%.*s", (int)len, digits);
}

static enum result write_batch(struct store *s, struct pain *p, const struct batch_sum *b,
			       const struct debtor *debtor, struct error *ret_error)
{
	struct db_value params[] = {db_int(p->run), db_text(b->currency)};
	char sum[MONEY_TEXT_MAX];
	FILE *out = p->out;
	enum result r;

	write_decimal(b->sum, b->currency, sum);
	fprintf(
	    out,
	    "    <PmtInf>\n      <PmtInfId>PUNNET-%lld-%s</PmtInfId>\n      <PmtMtd>TRF</PmtMtd>\n"
	    "      <NbOfTxs>%lld</NbOfTxs>\n      <CtrlSum>%s</CtrlSum>\n"
	    "      <ReqdExctnDt><Dt>%s</Dt></ReqdExctnDt>\n      <Dbtr>",
	    (long long)p->run, b->currency, (long long)b->count, sum, debtor->date);
	write_element(out, "", "Nm", slice_cstr(debtor->name));
	fprintf(out, "      </Dbtr>\n      <DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct>\n",
		debtor->iban);
	write_agent(out, "      ", "DbtrAgt", slice_cstr(debtor->bic));
	fputs("      <ChrgBr>SLEV</ChrgBr>\n", out);
	p->currency = b->currency;
	r = db_add(store_db(s), lines_sql, params, ARRAY_LEN(params), write_payment, p, ret_error);
	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	fputs("    </PmtInf>\n", out);
	return r == RESULT_OK && p->failed ? RESULT_BAD : r;
}

static enum result look(struct store *s, struct pain *p, struct error *ret_error)
{
	struct db_value param = db_int(p->run);
	enum result r = db_add(store_db(s), run_sql, &param, 1, take_run, p, ret_error);

	if (r == RESULT_OK)
		r = db_add(store_db(s), sums_sql, &param, 1, take_sum, p, ret_error);
	if (r == RESULT_OK)
		r = db_flush(store_db(s), ret_error);
	if (r != RESULT_OK)
		return r;
	if (p->state != RUN_CONFIRMED)
		return error_set(ret_error, RESULT_BAD,
				 "run %lld is not confirmed: nothing of it may be paid",
				 (long long)p->run);
	if (p->count == 0)
		return error_set(ret_error, RESULT_BAD, "run %lld has no payment by \"sepa\"",
				 (long long)p->run);
	return RESULT_OK;
}

enum result report_pain001(struct store *s, int64_t run, const struct debtor *given, FILE *out,
			   struct error *ret_error)
{
	struct pain p = {.out = out, .run = run, .error = ret_error};
	char created[TIME_TEXT_LEN + 1], sum[MONEY_TEXT_MAX], date[11];
	struct debtor debtor = *given;
	enum result r = look(s, &p, ret_error);

	if (r != RESULT_OK)
		return r;
	if (!iban_valid(slice_cstr(debtor.iban)) || !payee_name_valid(slice_cstr(debtor.name)) ||
	    (debtor.bic[0] && !bic_valid(slice_cstr(debtor.bic))))
		return error_set(ret_error, RESULT_BAD,
				 "the debtor's name, IBAN or BIC is not one");
	time_text(p.decided_ms, created);
	snprintf(date, sizeof(date), "%.10s", created);
	if (!debtor.date[0])
		debtor.date = date;
	control_sum(&p, sum);
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n  "
		"<CstmrCdtTrfInitn>\n"
		"    <GrpHdr>\n      <MsgId>PUNNET-%lld</MsgId>\n      <CreDtTm>%.19s</CreDtTm>\n"
		"      <NbOfTxs>%lld</NbOfTxs>\n      <CtrlSum>%s</CtrlSum>\n      <InitgPty>",
		(long long)run, created, (long long)p.count, sum);
	write_element(out, "", "Nm", slice_cstr(debtor.name));
	fputs("      </InitgPty>\n    </GrpHdr>\n", out);
	for (size_t i = 0; i < p.sum_count && r == RESULT_OK; i++)
		r = write_batch(s, &p, &p.sums[i], &debtor, ret_error);
	fputs("  </CstmrCdtTrfInitn>\n</Document>\n", out);
	return r;
}
