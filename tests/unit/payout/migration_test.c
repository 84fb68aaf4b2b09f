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
#define LIFE_1                                                                                     \
	"lead_id, round, state, order_id, advertiser_id, aff_id, vertical, price, payout, "        \
	"currency, exclusive, is_test, market_partition, settled_at, delivered_at, payable_at, "   \
	"return_until, closed_at, reason_code, sub1, sub2, sub3, sub4, sub5, click_id"
#define LIFE_3 ", vat, returns_max_bp, own_cause_borne, waived_at, called_at, run"
#define PLACES_25                                                                                  \
	"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "        \
	"$19, $20, $21, $22, $23, $24, $25"
#define TRANSFER_1      "lead_id, round, event, at_ms, currency, order_id, body_hash"
#define ACCOUNT_NAME(n) "(SELECT name FROM accounts WHERE id = account" #n "), amount" #n
#define ACCOUNT_ID(n)   "COALESCE((SELECT id FROM accounts WHERE name = " #n " AND currency = $5), 0)"
#define VERDICT_1                                                                                  \
	"lead_id, advertiser_id, verdict_id, event, reason_code, amount, currency, at_ms, "        \
	"partition, log_offset, standing"

static const struct copied {
	const char *read, *write;
	int since, until;
} tables[] = {
    {"SELECT " LIFE_1 " FROM lives", "INSERT INTO lives (" LIFE_1 ") VALUES (" PLACES_25 ")", 1, 2},
    {"SELECT " LIFE_1 LIFE_3 " FROM lives",
     "INSERT INTO lives (" LIFE_1 LIFE_3 ") VALUES (" PLACES_25 ", $26, $27, $28, $29, $30, $31)",
     3, 3},
    {"SELECT name, currency, balance FROM accounts ORDER BY name DESC",
     "INSERT INTO accounts (name, currency, balance) VALUES ($1, $2, $3)", 1, 3},
    {"SELECT " TRANSFER_1 " FROM transfers",
     "INSERT INTO transfers (" TRANSFER_1 ") VALUES ($1, $2, $3, $4, $5, $6, $7)", 1, 2},
    {"SELECT " TRANSFER_1 ", " ACCOUNT_NAME(1) ", " ACCOUNT_NAME(2) ", " ACCOUNT_NAME(
	 3) ", " ACCOUNT_NAME(4) " FROM transfers",
     "INSERT INTO transfers (" TRANSFER_1 ", account1, amount1, account2, amount2, account3, "
     "amount3, account4, amount4) VALUES ($1, $2, $3, $4, $5, $6, $7, " ACCOUNT_ID(
	 $8) ", $9, " ACCOUNT_ID($10) ", $11, " ACCOUNT_ID($12) ", $13, " ACCOUNT_ID($14) ", $15)",
     3, 3},
    {"SELECT lead_id, round, event, line, amount, account, currency FROM books",
     "INSERT INTO entries (lead_id, round, event, line, amount, account) VALUES ($1, $2, $3, $4, "
     "$5, "
     "(SELECT id FROM accounts WHERE name = $6 AND currency = $7))",
     1, 2},
    {"SELECT " VERDICT_1 " FROM verdicts",
     "INSERT INTO verdicts (" VERDICT_1 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
     1, 3},
    {"SELECT * FROM ignored", "INSERT INTO ignored VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", 1,
     3},
    {"SELECT * FROM offsets", "INSERT INTO offsets VALUES ($1, $2, $3, $4)", 1, 3},
    {"SELECT * FROM verdict_days", "INSERT INTO verdict_days VALUES ($1, $2, $3, $4, $5)", 2, 3},
    {"SELECT * FROM verdict_lines", "INSERT INTO verdict_lines VALUES ($1, $2, $3, $4, $5)", 2, 3},
    {"SELECT * FROM return_shares", "INSERT INTO return_shares VALUES ($1, $2, $3, $4)", 3, 3},
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

/* As they were before version 4: each in a row of its own. */
static void copy_record(void *ctx, uint32_t partition, const struct outbox_row *row)
{
	struct db_value values[OUTBOX_VALUES];
	struct copying k = {ctx, "INSERT INTO outbox (partition, seq, topic, target, type, key, "
				 "payload) VALUES ($1, $2, $3, $4, $5, $6, $7)"};

	outbox_values(partition, row, values);
	copy_row(&k, values, ARRAY_LEN(values));
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

		if (version >= tables[i].since && version <= tables[i].until)
			query(from, tables[i].read, copy_row, &k);
	}
	each_outbox_record(from, copy_record, to);
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
