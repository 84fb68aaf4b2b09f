/* Reports over a small ledger, as golden text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "base/ids.h"
#include "outcomes.h"
#include "payout/reports/reports.h"

static char path[] = "/tmp/punnet-reports-XXXXXX";
static struct store *store;
static const struct report_period always = {0, 4000000000000LL};

static int set_up(_unused_ void **state)
{
	static struct outcomes o;
	struct error error = {0};
	char url[64];

	close(mkstemp(path));
	snprintf(url, sizeof(url), "sqlite:%s", path);
	store = store_open(url, 1000, &error);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 31500); /* webmaster w1 */
	outcomes_add_delivery(&o, 2, EVENT_DELIVERED, 0, "bank-a", 45000, 31500); /* w2 */
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	outcomes_add_verdict(&o, 2, EVENT_RETURNED, "bank-a", "v2");
	if (!store || outcomes_settle(&o, store, 0, 10, NULL, &error) != RESULT_OK)
		return -1;
	outcomes_free(&o);
	return 0;
}

static int tear_down(_unused_ void **state)
{
	char side[64];

	store_close(store);
	unlink(path);
	snprintf(side, sizeof(side), "%s-wal", path);
	unlink(side);
	snprintf(side, sizeof(side), "%s-shm", path);
	unlink(side);
	return 0;
}

static char *written;
static size_t written_len;

static FILE *start_writing(void)
{
	free(written);
	written = NULL;
	return open_memstream(&written, &written_len);
}

static const char *lead_text(uint32_t n)
{
	static char text[LEAD_ID_TEXT_LEN + 1];
	struct lead_id id = outcomes_lead(n);

	lead_id_text(&id, text);
	return text;
}

static void a_statement_says_what_a_webmaster_has_to_get(_unused_ void **state)
{
	FILE *out = start_writing();
	char expected[1000];

	assert_int_equal(report_statement(store, "w1", &always, REPORT_CSV, out, NULL), RESULT_OK);
	fclose(out);
	snprintf(expected, sizeof(expected),
		 "at,event,lead_id,round,order,account,amount_minor,currency,payable_at,sub1\n"
		 "1970-01-01T00:00:00.000Z,opening,,,,hold,0,RUB,,\n"
		 "1970-01-01T00:00:00.000Z,opening,,,,payable,0,RUB,,\n"
		 "2026-09-21T14:13:20.000Z,credit,%s,0,\"bank-a-cards\",hold,31500,RUB,2026-10-"
		 "05T14:13:20.000Z,\"\"\n"
		 "2026-09-21T14:13:22.000Z,approve,%s,0,\"bank-a-cards\",hold,-31500,RUB,2026-10-"
		 "05T14:13:20.000Z,\"\"\n"
		 "2026-09-21T14:13:22.000Z,approve,%s,0,\"bank-a-cards\",payable,31500,RUB,2026-10-"
		 "05T14:13:20.000Z,\"\"\n"
		 "2096-10-02T07:06:40.000Z,closing,,,,hold,0,RUB,,\n"
		 "2096-10-02T07:06:40.000Z,closing,,,,payable,31500,RUB,,\n",
		 lead_text(1), lead_text(1), lead_text(1));
	assert_string_equal(written, expected);
}

static void a_period_ends_before_its_last_moment(_unused_ void **state)
{
	struct report_period first_second = {1790000000000LL, 1790000001000LL};
	FILE *out = start_writing();

	assert_int_equal(
	    report_statement(store, "advertiser/bank-a", &first_second, REPORT_CSV, out, NULL),
	    RESULT_OK);
	fclose(out);
	assert_non_null(strstr(written, lead_text(1)));
	assert_null(strstr(written, lead_text(2)));
	assert_non_null(strstr(written, "closing,,,,receivable,45000,RUB"));
}

static void nobody_has_a_statement_without_movements(_unused_ void **state)
{
	struct error error = {0};
	FILE *out = start_writing();

	assert_int_equal(report_statement(store, "w", &always, REPORT_TEXT, out, &error),
			 RESULT_BAD);
	assert_int_equal(
	    report_statement(store, "webmaster/bank-a", &always, REPORT_TEXT, out, &error),
	    RESULT_BAD);
	assert_string_equal(error.text, "webmaster/bank-a: nothing was ever booked for this party");
	fclose(out);
}

static void the_books_are_a_journal_that_hledger_reads(_unused_ void **state)
{
	FILE *out = start_writing();
	char expected[1000];

	assert_int_equal(report_books(store, &always, out, NULL), RESULT_OK);
	fclose(out);
	snprintf(expected, sizeof(expected),
		 "\n2026-09-21 (%s.0.credit) credit lead=%s order=bank-a-cards\n"
		 "    %-48s  450.00 RUB\n    %-48s  -315.00 RUB\n    %-48s  -135.00 RUB\n",
		 lead_text(1), lead_text(1), "advertisers:bank-a:receivable", "webmasters:w1:hold",
		 "network:margin");
	assert_non_null(strstr(written, expected));
	assert_non_null(strstr(written, ".0.reverse) reverse lead="));
}

static void totals_show_each_account_and_each_state(_unused_ void **state)
{
	FILE *out = start_writing();

	assert_int_equal(report_totals(store, REPORT_CSV, out, NULL), RESULT_OK);
	fclose(out);
	assert_string_equal(written, "kind,name,currency,leads,amount_minor,payout_minor\n"
				     "account,advertisers:bank-a:receivable,RUB,,45000,\n"
				     "account,network:margin,RUB,,13500,\n"
				     "account,webmasters:w1:hold,RUB,,0,\n"
				     "account,webmasters:w1:payable,RUB,,31500,\n"
				     "account,webmasters:w2:hold,RUB,,0,\n"
				     "state,approved,RUB,1,45000,31500\n"
				     "state,returned,RUB,1,45000,31500\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_statement_says_what_a_webmaster_has_to_get),
	    cmocka_unit_test(a_period_ends_before_its_last_moment),
	    cmocka_unit_test(nobody_has_a_statement_without_movements),
	    cmocka_unit_test(the_books_are_a_journal_that_hledger_reads),
	    cmocka_unit_test(totals_show_each_account_and_each_state),
	};
	int failed = cmocka_run_group_tests(tests, set_up, tear_down);

	free(written);
	return failed;
}
