/* The ledger on both databases: one suite. And what a crash at each named point leaves behind, on
 * SQLite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "ledgers.h"
#include "look.h"
#include "outcomes.h"
#include "payout/store/outbox_run.h"
#include "postgres.h"

#define TIMEOUT_MS 2000
#define LEADS      300

static void settle_all(struct store *s, const struct outcomes *o, size_t from, size_t size,
		       struct batch_report *ret)
{
	struct error error = {0};

	if (outcomes_settle(o, s, from, size, ret, &error) != RESULT_OK)
		fail_msg("%s", error.text);
}

static uint64_t undisturbed_digest(const struct outcomes *o, size_t size)
{
	struct store *s = ledgers_open(ledgers_fresh_url());
	uint64_t h;

	settle_all(s, o, 0, size, NULL);
	check_books(s);
	h = digest(s);
	store_close(s);
	return h;
}

/* --- the suite --- */

static void the_books_balance_after_a_days_mixture(_unused_ void **state)
{
	static struct outcomes o;
	struct store *s = ledgers_open(ledgers_fresh_url());
	struct batch_report sum;

	outcomes_mixture(&o, 1, LEADS);
	settle_all(s, &o, 0, 100, &sum);
	check_books(s);
	assert_int_equal(sum.settled + sum.dead, o.count);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers WHERE event = 1"), LEADS);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers WHERE event IN (2, 3)"), LEADS);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM waiting_verdicts"), 0);
	assert_int_equal(outbox_records(s, "dead.letters"), (int64_t)sum.dead);
	assert_true(sum.dead > 0);
	assert_int_equal(
	    number(s, "SELECT CAST(SUM(balance) AS BIGINT) FROM accounts WHERE name LIKE '%:hold'"),
	    0);
	assert_int_equal(number(s, "SELECT next FROM offsets"), (int64_t)o.count);
	assert_int_equal(number(s, "SELECT MAX(seq + records) - 1 FROM outbox"),
			 outbox_records(s, NULL));
	store_close(s);
	outcomes_free(&o);
}

static void the_size_of_the_batches_changes_nothing(_unused_ void **state)
{
	static struct outcomes o;

	outcomes_mixture(&o, 2, LEADS);
	assert_int_equal(undisturbed_digest(&o, 1000), undisturbed_digest(&o, 7));
	outcomes_free(&o);
}

static void what_was_settled_is_passed_over(_unused_ void **state)
{
	static struct outcomes o;
	struct store *s = ledgers_open(ledgers_fresh_url());
	struct batch_report again;
	uint64_t before;

	outcomes_mixture(&o, 3, LEADS);
	settle_all(s, &o, 0, 50, NULL);
	before = digest(s);
	settle_all(s, &o, 0, 33, &again);
	assert_int_equal(again.passed_over, o.count);
	assert_int_equal(again.settled, 0);
	assert_int_equal(digest(s), before);
	store_close(s);
	outcomes_free(&o);
}

/* A transfer that is there while its lead has no life: this is not a ledger that we wrote. Nothing more is settled. */
static void a_ledger_that_was_changed_by_hand_stops_and_writes_nothing(_unused_ void **state)
{
	static struct outcomes o;
	struct store *s = ledgers_open(ledgers_fresh_url());
	struct error error = {0};
	uint64_t before;

	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	settle_all(s, &o, 0, 10, NULL);
	query(s, "DELETE FROM lives", NULL, NULL);
	before = digest(s);
	outcomes_add_delivery(&o, 2, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30001);
	assert_int_equal(outcomes_settle(&o, s, 1, 10, NULL, &error), RESULT_FATAL);
	assert_non_null(strstr(error.text, "refused"));
	assert_int_equal(digest(s), before);
	store_close(s);
	outcomes_free(&o);
}

static void a_verdict_waits_across_restarts(_unused_ void **state)
{
	static struct outcomes o;
	char url[200];
	struct store *s;

	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	s = ledgers_open(url);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	settle_all(s, &o, 0, 10, NULL);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM waiting_verdicts"), 1);
	store_close(s);

	s = ledgers_open(url);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	settle_all(s, &o, 1, 10, NULL);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM waiting_verdicts"), 0);
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'webmasters:w1:payable'"),
	    -30000);
	store_close(s);
	outcomes_free(&o);
}

static void expect_outbox(struct store *s, uint64_t after, uint64_t first, size_t expected)
{
	struct outbox_row rows[10];
	struct arena arena = {0};
	size_t count;

	assert_int_equal(
	    store_outbox_read(s, 0, after, ARRAY_LEN(rows), &arena, rows, &count, NULL), RESULT_OK);
	assert_int_equal(count, expected);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rows[i].seq, first + i);
	arena_free(&arena);
}

static void the_outbox_comes_in_order_and_forgets_what_it_is_told(_unused_ void **state)
{
	static struct outcomes o;
	struct store *s = ledgers_open(ledgers_fresh_url());
	int64_t rows, records;

	outcomes_mixture(&o, 4, 20);
	settle_all(s, &o, 0, 10, NULL);
	records = outbox_records(s, NULL);
	assert_true(number(s, "SELECT COUNT(*) FROM outbox") < records / 2);
	for (uint64_t after = 0; after < 20; after++)
		expect_outbox(s, after, after + 1, 10);
	/* A row goes when all of it was told: until then its first records may come once more. */
	rows = number(s, "SELECT COUNT(*) FROM outbox");
	for (uint64_t upto = 1; upto < 20; upto++) {
		assert_int_equal(store_outbox_forget(s, 0, upto, NULL), RESULT_OK);
		expect_outbox(s, upto, upto + 1, 10);
	}
	assert_true(number(s, "SELECT COUNT(*) FROM outbox") < rows);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM outbox WHERE seq + records <= 20"), 0);
	/* Numbers go on after everything was forgotten: the router drops what is not newer. */
	assert_int_equal(store_outbox_forget(s, 0, 1000000, NULL), RESULT_OK);
	assert_int_equal(outbox_records(s, NULL), 0);
	outcomes_add_delivery(&o, 1000, EVENT_DELIVERED, 0, "bank-a", 1, 1);
	settle_all(s, &o, o.count - 1, 10, NULL);
	expect_outbox(s, 0, (uint64_t)records + 1, 1);
	store_close(s);
	outcomes_free(&o);
}

/* Longer than a run may be, and read in pieces of any size. */
static void a_run_of_the_outbox_has_an_end(_unused_ void **state)
{
	static struct outcomes o;
	struct store *s = ledgers_open(ledgers_fresh_url());
	const int64_t leads = 2 * OUTBOX_RUN_MAX + 10;

	for (uint32_t n = 0; n < (uint32_t)leads; n++)
		outcomes_add_delivery(&o, n, EVENT_DELIVERED, 0, "bank-a", 2, 1);
	settle_all(s, &o, 0, 1000, NULL);
	assert_int_equal(outbox_records(s, NULL), leads);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM outbox"), 3);
	assert_int_equal(number(s, "SELECT MAX(records) FROM outbox"), OUTBOX_RUN_MAX);
	expect_outbox(s, OUTBOX_RUN_MAX - 3, OUTBOX_RUN_MAX - 2, 10);
	expect_outbox(s, OUTBOX_RUN_MAX, OUTBOX_RUN_MAX + 1, 10);
	expect_outbox(s, (uint64_t)leads - 4, (uint64_t)leads - 3, 4);
	expect_outbox(s, (uint64_t)leads, 0, 0);
	store_close(s);
	outcomes_free(&o);
}

/* Bytes that are no run end the reading with a sentence, and nothing of them is published as if it were one. */
static void a_run_that_was_cut_is_not_read(_unused_ void **state)
{
	static struct outcomes o;
	struct store *s = ledgers_open(ledgers_fresh_url());
	struct outbox_row rows[10];
	struct arena arena = {0};
	struct error error = {0};
	size_t count;

	for (uint32_t n = 0; n < 3; n++)
		outcomes_add_delivery(&o, n, EVENT_DELIVERED, 0, "bank-a", 2, 1);
	settle_all(s, &o, 0, 10, NULL);
	query(s, "UPDATE outbox SET records = records + 1", NULL, NULL);
	assert_int_equal(store_outbox_read(s, 0, 0, 10, &arena, rows, &count, &error),
			 RESULT_FATAL);
	assert_non_null(strstr(error.text, "can't be read"));
	arena_free(&arena);
	store_close(s);
	outcomes_free(&o);
}

/* --- two instances --- */

static void child_settles(const char *url, const struct outcomes *o, size_t size)
{
	struct error error = {0};
	struct store *s = store_open(url, TIMEOUT_MS * 5, &error);
	enum result r = s ? outcomes_settle(o, s, 0, size, NULL, &error) : RESULT_FATAL;

	while (
	    s &&
	    r == RESULT_AWAY) /* the other one had the lock for too long: the same batches again */
		r = outcomes_settle(o, s, 0, size, NULL, &error);
	store_close(s);
	if (r != RESULT_OK)
		fprintf(stderr, "%s\n", error.text);
	_exit(r == RESULT_OK ? 0 : 1);
}

static void two_instances_on_one_ledger_settle_everything_once(_unused_ void **state)
{
	static struct outcomes o;
	char url[200];
	struct store *s;
	uint64_t expected;
	pid_t children[2];

	outcomes_mixture(&o, 5, LEADS);
	expected = undisturbed_digest(&o, 1000);
	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			child_settles(url, &o, 11 + (size_t)i * 2);
	}
	for (int i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	s = ledgers_open(url);
	check_books(s);
	assert_int_equal(digest(s), expected);
	store_close(s);
	outcomes_free(&o);
}

static void a_ledger_that_is_held_by_another_is_away_and_then_comes_back(_unused_ void **state)
{
	static struct outcomes o;
	struct store_cursor cursor;
	struct error error = {0};
	struct store *holder, *s;
	char url[200];

	outcomes_mixture(&o, 6, 20);
	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	holder = ledgers_open(url);
	s = store_open(url, 100, &error);
	assert_non_null(s);
	settle_all(s, &o, 0, 5, NULL);
	assert_int_equal(store_begin(holder, "leads.outcomes", 0, &cursor, &error), RESULT_OK);
	outcomes_add_delivery(&o, 1000, EVENT_DELIVERED, 0, "bank-a", 2, 1);
	assert_int_equal(outcomes_settle(&o, s, o.count - 1, 5, NULL, &error), RESULT_AWAY);
	store_rollback(holder);
	settle_all(s, &o, o.count - 1, 5, NULL);
	check_books(s);
	store_close(s);
	store_close(holder);
	outcomes_free(&o);
}

static void a_ledger_of_a_newer_program_is_refused(_unused_ void **state)
{
	struct error error = {0};
	char url[200];
	struct store *s;

	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	s = ledgers_open(url);
	query(s, "INSERT INTO migrations (version) VALUES (99)", NULL, NULL);
	store_close(s);
	assert_null(store_open(url, TIMEOUT_MS, &error));
	assert_non_null(strstr(error.text, "schema version 99"));
}

/* --- PostgreSQL alone --- */

static void the_server_dies_and_comes_back_and_the_batch_is_tried_again(_unused_ void **state)
{
	static struct outcomes o;
	struct error error = {0};
	struct store *s;
	uint64_t expected;

	if (!ledgers_are_postgres())
		return;
	outcomes_mixture(&o, 7, 100);
	expected = undisturbed_digest(&o, 50);
	s = ledgers_open(ledgers_fresh_url());
	o.count -= 50;
	settle_all(s, &o, 0, 50, NULL);
	o.count += 50;
	postgres_restart();
	assert_int_equal(outcomes_settle(&o, s, 0, 50, NULL, &error), RESULT_AWAY);
	settle_all(s, &o, 0, 50, NULL);
	check_books(s);
	assert_int_equal(digest(s), expected);
	store_close(s);
	outcomes_free(&o);
}

#ifdef PUNNET_FAULTS
#define NEEDS_FAULTS() ((void)0)
#else
#define NEEDS_FAULTS() skip() /* a release has no fault points */
#endif

/* --- crashes: this program runs itself as a child that is to die --- */

#define CRASH_LEADS 60
#define CRASH_BATCH 20

static void crash_outcomes(struct outcomes *o)
{
	outcomes_mixture(o, 8, CRASH_LEADS);
}

static int child_main(const char *url)
{
	static struct outcomes o;
	struct error error = {0};
	struct store *s = store_open(url, TIMEOUT_MS, &error);
	enum result r = RESULT_FATAL;

	crash_outcomes(&o);
	if (s)
		r = outcomes_settle(&o, s, 0, CRASH_BATCH, NULL, &error);
	if (r != RESULT_OK)
		fprintf(stderr, "%s\n", error.text);
	store_close(s);
	outcomes_free(&o);
	return r == RESULT_OK ? 0 : 1;
}

static int run_child(const char *url, const char *fault)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setenv("PUNNET_FAULT", fault, 1);
		execl("/proc/self/exe", "payout_store_test", "child", url, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void killed_at_any_point_the_ledger_ends_up_the_same(_unused_ void **state)
{
	static const char *const points[] = {"payout_begun",   "payout_loaded", "payout_decided",
					     "payout_settled", "payout_moved",  "payout_committed"};
	static struct outcomes o;
	uint64_t expected;

	NEEDS_FAULTS();
	crash_outcomes(&o);
	expected = undisturbed_digest(&o, CRASH_BATCH);
	for (size_t p = 0; p < ARRAY_LEN(points); p++) {
		for (int n = 1; n <= 3; n++) {
			char url[200], fault[64];
			struct store *s;
			int status;

			snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
			snprintf(fault, sizeof(fault), "crash_at:%s:%d", points[p], n);
			status = run_child(url, fault);
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
			assert_int_equal(run_child(url, ""), 0);
			s = ledgers_open(url);
			check_books(s);
			assert_int_equal(digest(s), expected);
			store_close(s);
		}
	}
	outcomes_free(&o);
}

/* The control: without the stored offset the same outcomes come a second time, and it shows. */
static void without_the_stored_offset_the_double_shows(_unused_ void **state)
{
	static struct outcomes o;
	char url[200];
	struct store *s;
	uint64_t expected;

	NEEDS_FAULTS();
	crash_outcomes(&o);
	expected = undisturbed_digest(&o, CRASH_BATCH);
	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	assert_int_equal(run_child(url, "watermark_off"), 0);
	assert_int_equal(run_child(url, "watermark_off"), 0);
	s = ledgers_open(url);
	assert_int_not_equal(digest(s), expected);
	assert_true(number(s, "SELECT COUNT(*) FROM ignored WHERE reason = 'repeat'") >=
		    CRASH_LEADS);
	check_books(s); /* the second line of defence: a transfer's id can't be made twice */
	store_close(s);
	outcomes_free(&o);
}

static int run_suite(const char *name)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_books_balance_after_a_days_mixture),
	    cmocka_unit_test(the_size_of_the_batches_changes_nothing),
	    cmocka_unit_test(what_was_settled_is_passed_over),
	    cmocka_unit_test(a_ledger_that_was_changed_by_hand_stops_and_writes_nothing),
	    cmocka_unit_test(a_verdict_waits_across_restarts),
	    cmocka_unit_test(the_outbox_comes_in_order_and_forgets_what_it_is_told),
	    cmocka_unit_test(a_run_of_the_outbox_has_an_end),
	    cmocka_unit_test(a_run_that_was_cut_is_not_read),
	    cmocka_unit_test(two_instances_on_one_ledger_settle_everything_once),
	    cmocka_unit_test(a_ledger_that_is_held_by_another_is_away_and_then_comes_back),
	    cmocka_unit_test(a_ledger_of_a_newer_program_is_refused),
	    cmocka_unit_test(the_server_dies_and_comes_back_and_the_batch_is_tried_again),
	    cmocka_unit_test(killed_at_any_point_the_ledger_ends_up_the_same),
	    cmocka_unit_test(without_the_stored_offset_the_double_shows),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return child_main(argv[2]);
	return ledgers_run("ledger", run_suite);
}
