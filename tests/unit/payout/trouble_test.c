/* A ledger in trouble: a full disk, a database that may only be read, a connection that is cut in the middle. Nothing is settled by half;
 * when the trouble is over the same batch goes through, and the ledger is that of a day without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "look.h"
#include "outcomes.h"
#include "postgres.h"
#include "relay.h"

#define TIMEOUT_MS 2000
#define LEADS      300
#define BATCH      50

static char dir[] = "/tmp/punnet-trouble-XXXXXX";
static int files;
static struct error error;
static struct outcomes o;

static struct store *open_store(const char *url)
{
	struct store *s = store_open(url, TIMEOUT_MS, &error);

	if (!s)
		fail_msg("%s", error.text);
	return s;
}

static const char *fresh_file(void)
{
	static char url[100];

	snprintf(url, sizeof(url), "sqlite:%s/%d.db", dir, files++);
	return url;
}

static uint64_t undisturbed(const char *url)
{
	struct store *s = open_store(url);
	uint64_t h;

	if (outcomes_settle(&o, s, 0, BATCH, NULL, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	h = digest(s);
	store_close(s);
	return h;
}

static void script(struct store *s, const char *sql)
{
	if (db_script(store_db(s), sql, &error) != RESULT_OK)
		fail_msg("%s", error.text);
}

/* Half of the day, the trouble, and the rest when it is over. */
static void half_a_day(struct store *s)
{
	size_t all = o.count;

	o.count = all / 2 / BATCH * BATCH;
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_OK);
	o.count = all;
}

/* Batches before the trouble may still go through; the one that meets it leaves nothing, however often it is tried. */
static void expect_away_and_untouched(struct store *s)
{
	uint64_t before;

	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_AWAY);
	assert_non_null(strstr(error.text, "can't be used now"));
	before = digest(s);
	for (int i = 0; i < 3; i++)
		assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_AWAY);
	assert_int_equal(digest(s), before);
	assert_true(number(s, "SELECT next FROM offsets") < (int64_t)o.count);
}

static void the_disk_is_full_and_the_batch_waits(_unused_ void **state)
{
	uint64_t expected;
	struct store *s;
	char pages[100];

	outcomes_mixture(&o, 41, LEADS);
	expected = undisturbed(fresh_file());
	s = open_store(fresh_file());
	half_a_day(s);
	snprintf(pages, sizeof(pages), "PRAGMA max_page_count = %lld",
		 (long long)number(s, "PRAGMA page_count"));
	script(s, pages);
	expect_away_and_untouched(s);
	script(s, "PRAGMA max_page_count = 1000000");
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_OK);
	check_books(s);
	assert_int_equal(digest(s), expected);
	store_close(s);
	outcomes_free(&o);
}

static void a_database_that_may_only_be_read_waits_too(_unused_ void **state)
{
	uint64_t expected;
	struct store *s;

	outcomes_mixture(&o, 42, LEADS);
	expected = undisturbed(fresh_file());
	s = open_store(fresh_file());
	half_a_day(s);
	script(s, "PRAGMA query_only = 1");
	expect_away_and_untouched(s);
	script(s, "PRAGMA query_only = 0");
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_OK);
	assert_int_equal(digest(s), expected);
	store_close(s);
	outcomes_free(&o);
}

/* A standby that is no primary any more, or an operator's brake. */
static void a_server_that_may_only_be_read_waits(void)
{
	uint64_t expected = undisturbed(postgres_fresh_url());
	struct store *s = open_store(postgres_fresh_url());

	half_a_day(s);
	script(s, "SET default_transaction_read_only = on");
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_AWAY);
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error),
			 RESULT_OK); /* a new connection may write */
	assert_int_equal(digest(s), expected);
	store_close(s);
}

static void is_ended(_unused_ void *ctx, _unused_ const struct db_value *c, _unused_ size_t count)
{
}

/* Ends every other connection to the database. */
static void cut(const char *url)
{
	struct db *killer = db_open(url, TIMEOUT_MS, &error);

	assert_non_null(killer);
	assert_int_equal(db_add(killer,
				"SELECT CASE WHEN pg_terminate_backend(pid) THEN 1 ELSE 0 END FROM "
				"pg_stat_activity "
				"WHERE datname = current_database() AND pid <> pg_backend_pid()",
				NULL, 0, is_ended, NULL, &error),
			 RESULT_OK);
	assert_int_equal(db_flush(killer, &error), RESULT_OK);
	db_close(killer);
}

/* The whole transaction is written, and the connection is cut before it is committed: nothing of it is there. */
static void the_connection_is_cut_before_the_commit(void)
{
	uint64_t expected = undisturbed(postgres_fresh_url());
	struct store_cursor cursor, next;
	struct settlement t;
	struct arena arena = {0};
	struct store *s;
	char url[200];

	snprintf(url, sizeof(url), "%s", postgres_fresh_url());
	s = open_store(url);
	half_a_day(s);
	assert_int_equal(store_begin(s, "leads.outcomes", 0, &cursor, &error), RESULT_OK);
	settlement_begin(&t, &arena, 0, cursor.next_seq);
	settlement_publish(&t, "market", 0, "punnet.v1.MarketEvent", slice_cstr("k"),
			   slice_cstr("v"));
	assert_int_equal(store_write(s, &t, &error), RESULT_OK);
	cut(url);
	next = (struct store_cursor){cursor.next + 1, t.next_seq};
	assert_int_equal(store_commit(s, "leads.outcomes", 0, &next, &error), RESULT_AWAY);
	store_rollback(s);
	settlement_end(&t);
	arena_free(&arena);
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, NULL, &error), RESULT_OK);
	assert_int_equal(digest(s), expected);
	store_close(s);
}

/* The server has committed, and its answer is lost: the batch is tried again, finds its own offset, and nothing is doubled. */
static void the_answer_to_a_commit_is_lost(void)
{
	uint64_t expected = undisturbed(postgres_fresh_url());
	char folder[64] = "/tmp/punnet-relay-XXXXXX", url[200], command[100];
	struct batch_report report;
	struct store *s;

	assert_non_null(mkdtemp(folder));
	relay_start(postgres_folder(), folder);
	snprintf(url, sizeof(url), "%s", postgres_fresh_url());
	snprintf(strstr(url, "?host="), 100, "?host=%s", folder);
	s = open_store(url);
	half_a_day(s);
	for (int i = 0; i < 3; i++) {
		int64_t before = number(s, "SELECT next FROM offsets");

		relay_arm();
		assert_int_equal(outcomes_settle(&o, s, (size_t)before, BATCH, NULL, &error),
				 RESULT_AWAY);
		assert_true(relay_has_cut());
		/* it counts: the next one begins behind it, and what is tried again is passed over */
		assert_int_equal(number(s, "SELECT next FROM offsets"), before + BATCH);
	}
	assert_int_equal(outcomes_settle(&o, s, 0, BATCH, &report, &error), RESULT_OK);
	assert_true(report.passed_over >= 3 * BATCH);
	check_books(s);
	assert_int_equal(digest(s), expected);
	store_close(s);
	relay_stop();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void postgresql_in_trouble(_unused_ void **state)
{
	if (!postgres_start())
		return;
	outcomes_mixture(&o, 43, LEADS);
	a_server_that_may_only_be_read_waits();
	the_connection_is_cut_before_the_commit();
	the_answer_to_a_commit_is_lost();
	outcomes_free(&o);
	postgres_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_disk_is_full_and_the_batch_waits),
	    cmocka_unit_test(a_database_that_may_only_be_read_waits_too),
	    cmocka_unit_test(postgresql_in_trouble),
	};
	char command[100];
	int failed;

	assert(mkdtemp(dir));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed != 0;
}
