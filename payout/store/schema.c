/* schema: one text for both databases; what differs is three words. Keys begin with the lead id,
 * which is ordered by time: rows of a batch land side by side at the end of each tree. */
#include "payout/store/schema.h"

#include "base/buf.h"

/* $N a whole number of 64 bits, $B bytes, $I a row id that counts by itself, $T the end of a table.
 */
static const char v1[] =
    "CREATE TABLE offsets (topic TEXT NOT NULL, partition $N NOT NULL, next $N NOT NULL, "
    "  next_seq $N NOT NULL, PRIMARY KEY (topic, partition))$T;"
    "CREATE TABLE lives (lead_id $B NOT NULL, round $N NOT NULL, state $N NOT NULL, "
    "  order_id TEXT NOT NULL, advertiser_id TEXT NOT NULL, aff_id TEXT NOT NULL, vertical TEXT "
    "NOT NULL, "
    "  price $N NOT NULL, payout $N NOT NULL, currency TEXT NOT NULL, exclusive $N NOT NULL, "
    "  is_test $N NOT NULL, market_partition $N NOT NULL, settled_at $N NOT NULL, "
    "  delivered_at $N NOT NULL, payable_at $N NOT NULL, return_until $N NOT NULL, "
    "  closed_at $N NOT NULL, reason_code TEXT NOT NULL, sub1 TEXT NOT NULL, sub2 TEXT NOT NULL, "
    "  sub3 TEXT NOT NULL, sub4 TEXT NOT NULL, sub5 TEXT NOT NULL, click_id TEXT NOT NULL, "
    "  PRIMARY KEY (lead_id, round))$T;"
    "CREATE TABLE transfers (lead_id $B NOT NULL, round $N NOT NULL, event $N NOT NULL, "
    "  at_ms $N NOT NULL, currency TEXT NOT NULL, order_id TEXT NOT NULL, body_hash $N NOT NULL, "
    "  PRIMARY KEY (lead_id, round, event))$T;"
    "CREATE TABLE accounts (id $I, name TEXT NOT NULL, currency TEXT NOT NULL, balance $N NOT "
    "NULL, "
    "  UNIQUE (name, currency))$R;"
    "CREATE TABLE entries (lead_id $B NOT NULL, round $N NOT NULL, event $N NOT NULL, "
    "  line $N NOT NULL, account $N NOT NULL, amount $N NOT NULL, "
    "  PRIMARY KEY (lead_id, round, event, line))$T;"
    "CREATE TABLE verdicts (lead_id $B NOT NULL, advertiser_id TEXT NOT NULL, verdict_id TEXT NOT "
    "NULL, "
    "  event $N NOT NULL, reason_code TEXT NOT NULL, amount $N NOT NULL, currency TEXT NOT NULL, "
    "  at_ms $N NOT NULL, partition $N NOT NULL, log_offset $N NOT NULL, standing $N NOT NULL, "
    "  PRIMARY KEY (lead_id, advertiser_id, verdict_id))$T;"
    "CREATE TABLE ignored (partition $N NOT NULL, log_offset $N NOT NULL, lead_id $B NOT NULL, "
    "  round $N NOT NULL, event $N NOT NULL, reason TEXT NOT NULL, advertiser_id TEXT NOT NULL, "
    "  verdict_id TEXT NOT NULL, at_ms $N NOT NULL, PRIMARY KEY (partition, log_offset))$T;"
    "CREATE TABLE outbox (partition $N NOT NULL, seq $N NOT NULL, topic TEXT NOT NULL, "
    "  target $N NOT NULL, type TEXT NOT NULL, key $B NOT NULL, payload $B NOT NULL, "
    "  PRIMARY KEY (partition, seq))$T;"
    "CREATE VIEW waiting_verdicts AS SELECT * FROM verdicts WHERE standing = 0;"
    "CREATE VIEW balances AS SELECT name AS account, currency, balance FROM accounts;"
    "CREATE VIEW books AS SELECT e.lead_id, e.round, e.event, t.at_ms, t.order_id, e.line, a.name "
    "AS account, "
    "  a.currency, e.amount FROM entries e JOIN transfers t ON t.lead_id = e.lead_id AND t.round = "
    "e.round AND "
    "  t.event = e.event JOIN accounts a ON a.id = e.account;";

/* What advertisers said, in sums; begun with what was settled before. A line says up to which of its verdicts it was told. */
static const char v2[] =
    "CREATE TABLE verdict_days (vertical TEXT NOT NULL, aff_id TEXT NOT NULL, day $N NOT NULL, "
    "  approved $N NOT NULL, returned $N NOT NULL, PRIMARY KEY (vertical, aff_id, day))$T;"
    "CREATE TABLE verdict_lines (vertical TEXT NOT NULL, aff_id TEXT NOT NULL, verdicts $N NOT "
    "NULL, "
    "  told_verdicts $N NOT NULL, told_at $N NOT NULL, PRIMARY KEY (vertical, aff_id))$T;"
    "INSERT INTO verdict_days (vertical, aff_id, day, approved, returned) "
    "  SELECT vertical, aff_id, closed_at / 86400000, SUM(CASE state WHEN 2 THEN 1 ELSE 0 END), "
    "  SUM(CASE state WHEN 3 THEN 1 ELSE 0 END) FROM lives WHERE state IN (2, 3) AND is_test = 0 "
    "  GROUP BY vertical, aff_id, closed_at / 86400000;"
    "INSERT INTO verdict_lines (vertical, aff_id, verdicts, told_verdicts, told_at) "
    "  SELECT vertical, aff_id, SUM(approved + returned), 0, 0 FROM verdict_days "
    "  GROUP BY vertical, aff_id;";

/* A transfer is one row with its entries in it, and `entries` a view: what is written once per credit is read back in order,
 * and a lead costs two rows less. What was agreed at delivery stands with the lead. Returns are counted by month where their
 * share is limited. Operations are transfers that no lead makes; a run of payments is proposed, then confirmed. */
#define ENTRY_OF(line, n)                                                                          \
	"SELECT lead_id, round, event, " #line " AS line, account" #n " AS account, amount" #n     \
	" AS amount FROM transfers WHERE account" #n " <> 0"
#define OLD_ENTRY(line)                                                                            \
	"LEFT JOIN entries e" #line " ON e" #line ".lead_id = t.lead_id AND e" #line               \
	".round = t.round AND e" #line ".event = t.event AND e" #line ".line = " #line " "
static const char v3[] =
    "ALTER TABLE lives ADD COLUMN vat $N NOT NULL DEFAULT 0;"
    "ALTER TABLE lives ADD COLUMN returns_max_bp $N NOT NULL DEFAULT 0;"
    "ALTER TABLE lives ADD COLUMN own_cause_borne $N NOT NULL DEFAULT 0;"
    "ALTER TABLE lives ADD COLUMN waived_at $N NOT NULL DEFAULT 0;"
    "ALTER TABLE lives ADD COLUMN called_at $N NOT NULL DEFAULT 0;"
    "ALTER TABLE lives ADD COLUMN run $N NOT NULL DEFAULT 0;"
    "ALTER TABLE verdicts ADD COLUMN called_at $N NOT NULL DEFAULT 0;"
    "CREATE INDEX lives_open ON lives (return_until) WHERE state = 1;"
    "CREATE INDEX verdicts_waiting ON verdicts (lead_id) WHERE standing = 0;"
    "CREATE TABLE transfers_3 (lead_id $B NOT NULL, round $N NOT NULL, event $N NOT NULL, "
    "  at_ms $N NOT NULL, currency TEXT NOT NULL, order_id TEXT NOT NULL, body_hash $N NOT NULL, "
    "  account1 $N NOT NULL, amount1 $N NOT NULL, account2 $N NOT NULL, amount2 $N NOT NULL, "
    "  account3 $N NOT NULL, amount3 $N NOT NULL, account4 $N NOT NULL, amount4 $N NOT NULL, "
    "  PRIMARY KEY (lead_id, round, event))$T;"
    "INSERT INTO transfers_3 SELECT t.lead_id, t.round, t.event, t.at_ms, t.currency, t.order_id, "
    "  t.body_hash, COALESCE(e0.account, 0), COALESCE(e0.amount, 0), COALESCE(e1.account, 0), "
    "  COALESCE(e1.amount, 0), COALESCE(e2.account, 0), COALESCE(e2.amount, 0), 0, 0 "
    "  FROM transfers t " OLD_ENTRY(0) OLD_ENTRY(1) OLD_ENTRY(
	2) ";"
	   "DROP VIEW books;"
	   "DROP TABLE entries;"
	   "DROP TABLE transfers;"
	   "ALTER TABLE transfers_3 RENAME TO transfers;"
	   "CREATE VIEW entries AS " ENTRY_OF(0, 1) " UNION ALL " ENTRY_OF(
	       1,
	       2) " UNION ALL " ENTRY_OF(2,
					 3) " UNION ALL " ENTRY_OF(3,
								   4) ";"
								      "CREATE VIEW books AS SELECT "
								      "e.lead_id, e.round, "
								      "e.event, t.at_ms, "
								      "t.order_id, e.line, "
								      "  a.name AS account, "
								      "a.currency, e.amount FROM "
								      "entries e "
								      "  JOIN transfers t ON "
								      "t.lead_id = e.lead_id AND "
								      "t.round = e.round AND "
								      "t.event = e.event "
								      "  JOIN accounts a ON a.id = "
								      "e.account;"
								      "CREATE TABLE return_shares "
								      "(advertiser_id TEXT NOT "
								      "NULL, month $N NOT NULL, "
								      "  delivered $N NOT NULL, "
								      "returned $N NOT NULL, "
								      "PRIMARY KEY (advertiser_id, "
								      "month))$T;"
								      "CREATE TABLE operations (id "
								      "$B NOT NULL, kind $N NOT "
								      "NULL, at_ms $N NOT NULL, "
								      "  party TEXT NOT NULL, "
								      "reference TEXT NOT NULL, "
								      "amount $N NOT NULL, "
								      "currency TEXT NOT NULL, "
								      "  into_amount $N NOT NULL, "
								      "into_currency TEXT NOT "
								      "NULL, rate_num $N NOT NULL, "
								      "  rate_den $N NOT NULL, "
								      "market_partition $N NOT "
								      "NULL, who TEXT NOT NULL, "
								      "why TEXT NOT NULL, "
								      "  PRIMARY KEY (id))$T;"
								      "CREATE TABLE rates "
								      "(from_currency TEXT NOT "
								      "NULL, to_currency TEXT NOT "
								      "NULL, since $N NOT NULL, "
								      "  num $N NOT NULL, den $N "
								      "NOT NULL, who TEXT NOT "
								      "NULL, "
								      "  PRIMARY KEY "
								      "(from_currency, "
								      "to_currency, since))$T;"
								      "CREATE TABLE runs (id $N "
								      "NOT NULL, until_ms $N NOT "
								      "NULL, state $N NOT NULL, "
								      "  proposed_at $N NOT NULL, "
								      "proposed_by TEXT NOT NULL, "
								      "decided_at $N NOT NULL, "
								      "  decided_by TEXT NOT NULL, "
								      "PRIMARY KEY (id))$T;"
								      "CREATE TABLE run_lines (run "
								      "$N NOT NULL, aff_id TEXT "
								      "NOT NULL, currency TEXT NOT "
								      "NULL, "
								      "  leads $N NOT NULL, amount "
								      "$N NOT NULL, pay_currency "
								      "TEXT NOT NULL, pay_amount "
								      "$N NOT NULL, "
								      "  rate_num $N NOT NULL, "
								      "rate_den $N NOT NULL, "
								      "method TEXT NOT NULL, name "
								      "TEXT NOT NULL, "
								      "  iban TEXT NOT NULL, bic "
								      "TEXT NOT NULL, country TEXT "
								      "NOT NULL, "
								      "  PRIMARY KEY (run, aff_id, "
								      "currency))$T;";

/* A row of the outbox has one record, or a run of them that follow one another. */
static const char v4[] = "ALTER TABLE outbox ADD COLUMN records $N NOT NULL DEFAULT 1;";

static const char *const migrations[] = {v1, v2, v3, v4};

static const char versions_sql[] =
    "CREATE TABLE IF NOT EXISTS migrations (version BIGINT NOT NULL PRIMARY KEY)";
static const char version_sql[] = "SELECT COALESCE(MAX(version), 0) FROM migrations";
static const char done_sql[] = "INSERT INTO migrations (version) VALUES ($1)";
/* Two processes that start together must not both migrate; SQLite's BEGIN IMMEDIATE does the same
 * by itself. */
static const char lock_sql[] = "SELECT pg_advisory_xact_lock(7352001)";

int schema_version(void)
{
	return (int)ARRAY_LEN(migrations);
}

static void expand(const char *text, enum db_dialect dialect, struct buf *out)
{
	bool lite = dialect == DB_SQLITE;

	for (const char *c = text; *c; c++) {
		if (*c != '$') {
			buf_append_char(out, *c);
			continue;
		}
		c++;
		if (*c == 'B')
			buf_append_cstr(out, lite ? "BLOB" : "BYTEA");
		else if (*c == 'N')
			buf_append_cstr(out, lite ? "INTEGER" : "BIGINT");
		else if (*c == 'I')
			buf_append_cstr(out,
					lite ? "INTEGER PRIMARY KEY"
					     : "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
		else if (*c == 'T')
			buf_append_cstr(out, lite ? " STRICT, WITHOUT ROWID" : "");
		else if (*c == 'R')
			buf_append_cstr(out, lite ? " STRICT" : "");
	}
}

static void take_int(void *ctx, const struct db_value *columns, _unused_ size_t count)
{
	*(int64_t *)ctx = columns[0].integer;
}

static enum result migrate(struct db *d, int version, struct error *ret_error)
{
	int64_t at = 0;
	enum result r = db_script(d, versions_sql, ret_error);

	if (r == RESULT_OK)
		r = db_add(d, version_sql, NULL, 0, take_int, &at, ret_error);
	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (r == RESULT_OK && at > schema_version())
		return error_set(ret_error, RESULT_BAD,
				 "the ledger has schema version %lld, this program knows %d: it "
				 "was made by a newer one",
				 (long long)at, schema_version());
	while (r == RESULT_OK && at < version) {
		struct buf text = {0};
		struct db_value next = db_int(at + 1);

		expand(migrations[at], db_dialect(d), &text);
		r = db_script(d, buf_cstr(&text), ret_error);
		buf_free(&text);
		if (r == RESULT_OK)
			r = db_add(d, done_sql, &next, 1, NULL, NULL, ret_error);
		at++;
	}
	return r;
}

enum result schema_apply_to(struct db *d, int version, struct error *ret_error)
{
	enum result r = db_begin(d, ret_error);

	if (r == RESULT_OK && db_dialect(d) == DB_POSTGRES)
		r = db_add(d, lock_sql, NULL, 0, NULL, NULL, ret_error);
	if (r == RESULT_OK)
		r = migrate(d, version, ret_error);
	if (r == RESULT_OK)
		r = db_commit(d, ret_error);
	if (r != RESULT_OK)
		db_rollback(d);
	return r;
}

enum result schema_apply(struct db *d, struct error *ret_error)
{
	return schema_apply_to(d, schema_version(), ret_error);
}
