/* Ledgers of before: what an earlier schema held is there after the migration, to the cent, on both databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "ledgers.h"
#include "look.h"
#include "outcomes.h"
#include "payout/store/schema.h"

#define TIMEOUT_MS 2000
#define LEADS      200

/* Rows of today's ledger, put into one of an earlier version: the accounts get numbers of their own there. */
static const struct copied {
	const char *read, *write;
	int since;
} tables[] = {
    {"SELECT lead_id, round, state, order_id, advertiser_id, aff_id, vertical, price, payout, "
     "currency, exclusive, is_test, market_partition, settled_at, delivered_at, payable_at, "
     "return_until, closed_at, reason_code, sub1, sub2, sub3, sub4, sub5, click_id FROM lives",
     "INSERT INTO lives VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
     "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
     1},
    {"SELECT lead_id, round, event, at_ms, currency, order_id, body_hash FROM transfers",
     "INSERT INTO transfers VALUES ($1, $2, $3, $4, $5, $6, $7)", 1},
    {"SELECT name, currency, balance FROM accounts ORDER BY name DESC",
     "INSERT INTO accounts (name, currency, balance) VALUES ($1, $2, $3)", 1},
    {"SELECT lead_id, round, event, line, amount, account, currency FROM books",
     "INSERT INTO entries (lead_id, round, event, line, amount, account) VALUES ($1, $2, $3, $4, "
     "$5, "
     "(SELECT id FROM accounts WHERE name = $6 AND currency = $7))",
     1},
    {"SELECT lead_id, advertiser_id, verdict_id, event, reason_code, amount, currency, at_ms, "
     "partition, log_offset, standing FROM verdicts",
     "INSERT INTO verdicts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", 1},
    {"SELECT * FROM ignored", "INSERT INTO ignored VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", 1},
    {"SELECT * FROM outbox", "INSERT INTO outbox VALUES ($1, $2, $3, $4, $5, $6, $7)", 1},
    {"SELECT * FROM offsets", "INSERT INTO offsets VALUES ($1, $2, $3, $4)", 1},
    {"SELECT * FROM verdict_days", "INSERT INTO verdict_days VALUES ($1, $2, $3, $4, $5)", 2},
    {"SELECT * FROM verdict_lines", "INSERT INTO verdict_lines VALUES ($1, $2, $3, $4, $5)", 2},
};

struct copying {
	struct db *to;
	const char *sql;
};

static void copy_row(void *ctx, const struct db_value *c, size_t count)
{
	struct copying *k = ctx;
	struct error error = {0};

	if (db_add(k->to, k->sql, c, count, NULL, NULL, &error) != RESULT_OK)
		fail_msg("%s", error.text);
}

static void copy_into(struct store *from, const char *url, int version)
{
	struct error error = {0};
	struct db *to = db_open(url, TIMEOUT_MS, &error);

	assert_non_null(to);
	if (schema_apply_to(to, version, &error) != RESULT_OK || db_begin(to, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct copying k = {to, tables[i].write};

		if (version >= tables[i].since)
			query(from, tables[i].read, copy_row, &k);
	}
	if (db_commit(to, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	db_close(to);
}

static void a_ledger_of_any_version_becomes_todays(_unused_ void **state)
{
	static struct outcomes o;
	struct store *today = ledgers_open(ledgers_fresh_url());
	struct error error = {0};
	size_t held_back = 100;

	outcomes_mixture(&o, 31, LEADS);
	o.count -= held_back;
	assert_int_equal(outcomes_settle(&o, today, 0, 50, NULL, &error), RESULT_OK);
	for (int version = 1; version < schema_version(); version++) {
		char url[200];
		struct store *s;

		snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
		copy_into(today, url, version);
		s = ledgers_open(url);
		assert_int_equal(number(s, "SELECT MAX(version) FROM migrations"),
				 schema_version());
		check_books(s);
		assert_int_equal(digest(s), digest(today));
		store_close(s);
	}
	o.count += held_back;
	store_close(today);
	outcomes_free(&o);
}

/* What was settled before the migration is known after it: a repeat is one, and another body stops. */
static void a_migrated_ledger_goes_on_where_it_was(_unused_ void **state)
{
	static struct outcomes o;
	struct store *whole = ledgers_open(ledgers_fresh_url()),
		     *today = ledgers_open(ledgers_fresh_url()), *s;
	struct error error = {0};
	size_t all;
	char url[200];

	outcomes_mixture(&o, 32, LEADS);
	all = o.count;
	assert_int_equal(outcomes_settle(&o, whole, 0, 50, NULL, &error), RESULT_OK);
	o.count = all / 2;
	assert_int_equal(outcomes_settle(&o, today, 0, 50, NULL, &error), RESULT_OK);
	o.count = all;
	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	copy_into(today, url, 2);
	s = ledgers_open(url);
	assert_int_equal(outcomes_settle(&o, s, 0, 50, NULL, &error), RESULT_OK);
	check_books(s);
	assert_int_equal(digest(s), digest(whole));
	store_close(s);
	store_close(today);
	store_close(whole);
	outcomes_free(&o);
}

static int run_suite(const char *name)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ledger_of_any_version_becomes_todays),
	    cmocka_unit_test(a_migrated_ledger_goes_on_where_it_was),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return ledgers_run("migrations", run_suite);
}
