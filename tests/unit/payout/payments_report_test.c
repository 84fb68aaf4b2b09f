/* What leaves the ledger for a bank and for an accountant: a run as CSV and pain.001, a statement as a page, the books as hledger
 * reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "look.h"
#include "outcomes.h"
#include "payout/reports/reports.h"
#include "payout/store/runs.h"

#define NOW_MS (OUTCOMES_T0 + 100 * MS_PER_DAY)
#define IBAN   "DE89370400440532013000"

static char dir[] = "/tmp/punnet-payments-XXXXXX";
static int files;
static struct store *store;
static struct error error;
static char *written;
static size_t written_len;
static const struct report_period always = {0, 4000000000000LL};

static const struct payee payees[] = {
    {.aff_id = "w1",
     .method = "sepa",
     .name = "Nina <Ost> & Söhne",
     .iban = IBAN,
     .bic = "DEUTDEFF",
     .country = "DE",
     .currency = "EUR"},
    {.aff_id = "w2",
     .method = "sepa",
     .name = "Pavel",
     .iban = "FR1420041010050500013M02606",
     .bic = "",
     .country = "FR",
     .currency = "EUR"},
    {.aff_id = "w3",
     .method = "by hand",
     .name = "Olga",
     .iban = "",
     .bic = "",
     .country = "RU",
     .currency = "RUB"},
};

static const struct payee *payee_of(_unused_ void *ctx, const char *aff_id)
{
	for (size_t i = 0; i < ARRAY_LEN(payees); i++)
		if (strcmp(payees[i].aff_id, aff_id) == 0)
			return &payees[i];
	return NULL;
}

static void leave_out(_unused_ void *ctx, _unused_ const char *aff_id,
		      _unused_ const struct money *amount, _unused_ const char *why)
{
}

static void must(enum result r)
{
	if (r != RESULT_OK)
		fail_msg("%s", error.text);
}

static int begin(_unused_ void **state)
{
	static const char *const ids[] = {"", "v1", "v2", "v3"};
	static struct outcomes o;
	struct rate rate = {.from = "RUB", .into = "EUR", .num = 100, .den = 9265, .who = "ann"};
	struct operation deposit = {.kind = OPERATION_DEPOSIT,
				    .party = "bank-a",
				    .reference = "order of 5 May",
				    .amount = {200000, "RUB"},
				    .into = {200000, ""},
				    .at_ms = NOW_MS,
				    .who = "ann",
				    .why = ""};
	struct proposal p = {NOW_MS, NOW_MS, "ann", payee_of, leave_out, NULL};
	int64_t run;
	bool repeat;
	char url[100];

	o.count = 0;
	snprintf(url, sizeof(url), "sqlite:%s/%d.db", dir, files++);
	store = store_open(url, 1000, &error);
	assert_non_null(store);
	for (uint32_t i = 1; i <= 3; i++)
		outcomes_add_delivery(&o, i, EVENT_DELIVERED, 0, "bank-a", 45000, 31500);
	for (uint32_t i = 1; i <= 3; i++)
		outcomes_add_verdict(&o, i, EVENT_APPROVED, "bank-a", ids[i]);
	must(outcomes_settle(&o, store, 0, 10, NULL, &error));
	must(store_rate_add(store, &rate, &error));
	must(store_operate(store, &deposit, &repeat, &error));
	must(store_run_propose(store, &p, &run, &error));
	assert_int_equal(run, 1);
	outcomes_free(&o);
	return 0;
}

static int end(_unused_ void **state)
{
	store_close(store);
	free(written);
	written = NULL;
	return 0;
}

static FILE *start_writing(void)
{
	free(written);
	written = NULL;
	return open_memstream(&written, &written_len);
}

static const struct debtor debtor = {"Punnet GmbH", IBAN, "DEUTDEFF500", "2026-12-31"};

static enum result write_pain(const struct debtor *by)
{
	FILE *out = start_writing();
	enum result r = report_pain001(store, 1, by, out, &error);

	fclose(out);
	return r;
}

static void the_run_of_a_bank_is_complete(_unused_ void **state)
{
	must(store_run_confirm(store, 1, "bob", false, NOW_MS, &error));
	must(write_pain(&debtor));
	/* 315.00 RUB * 100 / 9265 = 3.3998… EUR, twice */
	assert_non_null(
	    strstr(written, "<NbOfTxs>2</NbOfTxs>\n      <CtrlSum>6.78</CtrlSum>\n      <InitgPty>"
			    "<Nm>Punnet GmbH</Nm>"));
	assert_non_null(strstr(written, "<PmtInfId>PUNNET-1-EUR</PmtInfId>"));
	assert_non_null(strstr(written, "<ReqdExctnDt><Dt>2026-12-31</Dt></ReqdExctnDt>"));
	assert_non_null(strstr(
	    written, "<PmtId><EndToEndId>R1-1</EndToEndId></PmtId>\n"
		     "        <Amt><InstdAmt Ccy=\"EUR\">3.39</InstdAmt></Amt>\n"
		     "        <CdtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></CdtrAgt>\n"
		     "        <Cdtr><Nm>Nina &lt;Ost&gt; &amp; Söhne</Nm>\n        </Cdtr>\n"
		     "        <CdtrAcct><Id><IBAN>" IBAN "</IBAN></Id></CdtrAcct>\n"));
	assert_non_null(strstr(written, "<Othr><Id>NOTPROVIDED</Id></Othr>"));
	assert_null(strstr(written, "Olga")); /* paid by hand */
}

static void what_nobody_confirmed_is_no_file_for_the_bank(_unused_ void **state)
{
	assert_int_equal(write_pain(&debtor), RESULT_BAD);
	assert_non_null(strstr(error.text, "is not confirmed"));
	must(store_run_cancel(store, 1, "ann", NOW_MS, &error));
	assert_int_equal(write_pain(&debtor), RESULT_BAD);
}

static void an_account_that_is_none_is_refused(_unused_ void **state)
{
	struct debtor wrong = debtor;

	must(store_run_confirm(store, 1, "bob", false, NOW_MS, &error));
	wrong.iban = "DE89370400440532013001";
	assert_int_equal(write_pain(&wrong), RESULT_BAD);
	query(store,
	      "UPDATE run_lines SET iban = 'FR1420041010050500013M02607' WHERE aff_id = 'w2'", NULL,
	      NULL);
	assert_int_equal(write_pain(&debtor), RESULT_BAD);
	assert_non_null(strstr(error.text, "webmaster w2"));
	assert_false(bic_valid(slice_cstr("DEUT3EFF")));
	assert_false(iban_valid(slice_cstr("")));
	assert_false(iban_valid(slice_cstr("8900370400440532013000")));
}

static void the_lines_of_a_run_are_a_table(_unused_ void **state)
{
	FILE *out = start_writing();

	must(report_run(store, 1, REPORT_CSV, out, &error));
	fclose(out);
	assert_string_equal(
	    written, "run,aff_id,leads,amount_minor,currency,pay_amount_minor,pay_currency,rate_"
		     "num,rate_den,method,name,"
		     "iban,bic,country\n"
		     "1,\"w1\",1,31500,RUB,339,EUR,100,9265,\"sepa\",\"Nina <Ost> & Söhne\",\"" IBAN
		     "\",\"DEUTDEFF\",\"DE\"\n"
		     "1,\"w2\",1,31500,RUB,339,EUR,100,9265,\"sepa\",\"Pavel\","
		     "\"FR1420041010050500013M02606\",\"\",\"FR\"\n"
		     "1,\"w3\",1,31500,RUB,31500,RUB,1,1,\"by hand\",\"Olga\",\"\",\"\",\"RU\"\n");
	out = start_writing();
	assert_int_equal(report_run(store, 2, REPORT_TEXT, out, &error), RESULT_BAD);
	fclose(out);
}

static void a_statement_is_a_page_without_scripts(_unused_ void **state)
{
	FILE *out = start_writing();

	must(store_run_confirm(store, 1, "bob", false, NOW_MS, &error));
	query(store, "UPDATE lives SET sub1 = '<script>x</script>'", NULL, NULL);
	must(report_statement(store, "w1", &always, REPORT_HTML, out, &error));
	fclose(out);
	assert_null(strstr(written, "<script>"));
	assert_non_null(strstr(written, "&lt;script&gt;"));
	assert_non_null(strstr(written, "<td>exchange<td>payable<td class=i>run 1<td>"));
	assert_non_null(strstr(written, "<td class=n>3.39 EUR</tr>"));
	assert_non_null(strstr(written, "</html>\n"));
}

/* --- hledger itself --- */

static void run_hledger(const char *arguments, char *ret, size_t len)
{
	char command[300];
	size_t got;
	FILE *f;

	snprintf(command, sizeof(command), "LC_ALL=C.UTF-8 hledger -f %s/books.journal %s 2>&1",
		 dir, arguments);
	f = popen(command, "r");
	assert_non_null(f);
	got = fread(ret, 1, len - 1, f);
	ret[got] = '\0';
	if (pclose(f) != 0)
		fail_msg("hledger %s: %s", arguments, ret);
}

struct comparing {
	const char *balances;
	size_t count;
};

/* "webmasters:w1:hold","EUR","3.39" */
static void find_balance(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct comparing *k = ctx;
	char line[300], money[64], currency[4];

	snprintf(currency, sizeof(currency), SLICE_FMT, SLICE_ARG(c[1].bytes));
	money_text(c[2].integer, currency, money, sizeof(money));
	money[strcspn(money, " ")] = '\0';
	snprintf(line, sizeof(line), "\"" SLICE_FMT "\",\"%s\",\"%s\"", SLICE_ARG(c[0].bytes),
		 currency, money);
	if (!strstr(k->balances, line))
		fail_msg("hledger has no %s in\n%s", line, k->balances);
	k->count++;
}

static void hledger_accepts_the_books_and_has_the_same_balances(_unused_ void **state)
{
	struct comparing k = {0};
	static char text[100000];
	char path[100];
	FILE *out;

	must(store_run_confirm(store, 1, "bob", false, NOW_MS, &error));
	snprintf(path, sizeof(path), "%s/books.journal", dir);
	out = fopen(path, "w");
	assert_non_null(out);
	must(report_books(store, &always, out, &error));
	fclose(out);
	run_hledger("check", text, sizeof(text)); /* parses, and every transaction balances */
	run_hledger("balance --flat -E -N -O csv --layout=bare", text, sizeof(text));
	k.balances = text;
	query(store, "SELECT account, currency, balance FROM balances WHERE balance <> 0",
	      find_balance, &k);
	assert_true(k.count >= 8);
	run_hledger("print code:pay desc:party=w1", text, sizeof(text));
	assert_non_null(strstr(text, ".0.pay) pay party=w1 reference=run 1 RUB"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(the_run_of_a_bank_is_complete),
	    TEST(what_nobody_confirmed_is_no_file_for_the_bank),
	    TEST(an_account_that_is_none_is_refused),
	    TEST(the_lines_of_a_run_are_a_table),
	    TEST(a_statement_is_a_page_without_scripts),
	    TEST(hledger_accepts_the_books_and_has_the_same_balances),
	};
#undef TEST
	char command[100];
	int failed;

	assert(mkdtemp(dir));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed != 0;
}
