/* bench-ledger: deliveries settled into a ledger on SQLite and on PostgreSQL through payout's own batch, 1,000 a transaction. Each gives a
 * life, a transfer with its three entries, two to four balances and a row of the outbox.
 *
 *   bench-ledger --dir FOLDER [--credits N] [--only sqlite | --only postgres] [--grow N]
 *
 * --grow fills one ledger (SQLite unless --only postgres) up to N credits, as a network does in months, its outbox forgotten behind it,
 * and another one up to a million. Then both take batches in turn, so that whatever else the machine does meets both: what a credit
 * costs in the old one and in the young one, in time and in CPU. Then the same of verdicts: leads in the middle of the ledger are
 * approved, in the order in which they were delivered.
 *
 * The floor on SQLite: the very rows that this wrote, read into memory and inserted into an empty ledger of the same schema with
 * prepared statements, 1,000 leads a transaction, with the same durability (WAL, synchronous=FULL). */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "bench.h"
#include "lead/codec.h"
#include "payout/shell/batch.h"
#include "payout/store/db.h"
#include "proto/leads_outcomes.pb-c.h"
#include "tests/unit/payout/postgres.h"

#define T0          1790000000000LL
#define PARTITIONS  8
#define TIMEOUT_MS  5000
#define COLUMNS_MAX 32
#define GROW_YOUNG  1000000u
#define GROW_LOOK   300000u /* credits that are looked at */

static struct contract contract(_unused_ void *ctx, _unused_ const char *advertiser_id)
{
	return (struct contract){.hold_ms = 14 * MS_PER_DAY, .return_window_ms = 7 * MS_PER_DAY};
}

static struct lead_id id_of(uint32_t n)
{
	uint64_t mixed = n * 0x9E3779B97F4A7C15u;
	uint8_t tail[10];

	memcpy(tail, &mixed, 8);
	memcpy(tail + 8, &n, 2);
	return lead_id_make(T0 + n / 10, tail); /* 10,000 a second */
}

static struct slice make_verdict(struct arena *a, uint32_t n)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	_cleanup_(buf_free) struct buf out = {0};
	struct lead_id id = id_of(n);

	m.lead_id = codec_lead_id(&id);
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_APPROVED;
	m.at_ms = T0 + n;
	m.advertiser_id = arena_printf(a, "bank-%u", n % 12);
	m.verdict_id = arena_printf(a, "v%u", n);
	codec_pack(&m.base, &out);
	return arena_dup(a, buf_slice(&out));
}

static struct slice make_outcome(struct arena *a, uint32_t n)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Assignment as = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT, payout = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Provenance market = PUNNET__V1__PROVENANCE__INIT;
	_cleanup_(buf_free) struct buf out = {0};
	struct lead_id id = id_of(n);

	price.amount_minor = 30000 + n % 20000;
	payout.amount_minor = price.amount_minor * 7 / 10;
	price.currency = payout.currency = (char *)"RUB";
	market.topic = (char *)"market";
	market.offset = n;
	as.order_id = (char *)"bench-credit_card";
	as.advertiser_id = arena_printf(a, "bank-%u", n % 12);
	as.vertical = (char *)"credit_card";
	as.aff_id = arena_printf(a, "w%u", n % 40);
	as.sub1 = arena_printf(a, "s%u", n % 20);
	as.click_id = arena_printf(a, "c%012u", n);
	as.price = &price;
	as.payout = &payout;
	as.market = &market;
	m.lead_id = codec_lead_id(&id);
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
	m.at_ms = T0 + n;
	m.assignment = &as;
	codec_pack(&m.base, &out);
	return arena_dup(a, buf_slice(&out));
}

/* One after another into one ledger. */
struct filling {
	struct store *store;
	struct arena made, work;
	int64_t next[PARTITIONS];
	uint32_t settled;
};

struct spent {
	int64_t wall_ns, cpu_ns;
};

static void fill_open(struct filling *f, const char *url)
{
	struct error error = {0};

	*f = (struct filling){.store = store_open(url, TIMEOUT_MS, &error)};
	if (!f->store)
		bench_die("%s", error.text);
}

static void fill_close(struct filling *f)
{
	store_close(f->store);
	arena_free(&f->made);
	arena_free(&f->work);
}

typedef struct slice (*make_fn)(struct arena *a, uint32_t n);

/* Leads from this number on, a batch of them. */
static void settle_batch(struct filling *f, uint32_t from, make_fn make, struct spent *spent)
{
	static struct bus_record records[STORE_BATCH_MAX];
	struct batch_settings settings = {
	    .topic = "leads.outcomes", .contract = contract, .now_ms = T0};
	uint32_t partition = from / STORE_BATCH_MAX % PARTITIONS;
	struct error error = {0};
	struct batch_report report;
	int64_t wall, cpu;

	for (uint32_t i = 0; i < STORE_BATCH_MAX; i++)
		records[i] = (struct bus_record){.topic = "leads.outcomes",
						 .partition = (int32_t)partition,
						 .offset = f->next[partition]++,
						 .timestamp_ms = T0 + f->settled,
						 .value = make(&f->made, from + i),
						 .type = SLICE("punnet.v1.Outcome")};
	wall = bench_now_ns();
	cpu = bench_own_cpu_ns();
	if (batch_settle(f->store, &f->work, &settings, partition, records, STORE_BATCH_MAX,
			 &report, &error) != RESULT_OK)
		bench_die("%s", error.text);
	spent->wall_ns += bench_now_ns() - wall;
	spent->cpu_ns += bench_own_cpu_ns() - cpu;
	if (report.transfers != STORE_BATCH_MAX)
		bench_die("%zu of %d became transfers", report.transfers, STORE_BATCH_MAX);
	arena_reset(&f->made);
}

static void forget_outbox(struct filling *f, uint32_t from)
{
	struct error error = {0};

	if (store_outbox_forget(f->store, from / STORE_BATCH_MAX % PARTITIONS, UINT32_MAX,
				&error) != RESULT_OK)
		bench_die("%s", error.text);
}

static struct spent fill_up_to(struct filling *f, uint32_t credits, bool forget)
{
	struct spent spent = {0};

	for (; f->settled < credits; f->settled += STORE_BATCH_MAX) {
		settle_batch(f, f->settled, make_outcome, &spent);
		if (forget)
			forget_outbox(f, f->settled);
	}
	return spent;
}

static double settle_all(const char *url, uint32_t credits, const char *cpu_name)
{
	struct filling f;
	struct spent spent;

	fill_open(&f, url);
	spent = fill_up_to(&f, credits, false);
	fill_close(&f);
	bench_figure(cpu_name, (double)spent.cpu_ns / 1e3 / credits, "us/credit");
	return (double)credits * 1e9 / (double)spent.wall_ns;
}

/* --- a ledger that grows --- */

struct aged {
	struct filling f;
	const char *name;
	struct spent spent;
};

static void tell(const char *what, const struct aged *a)
{
	char text[100];

	snprintf(text, sizeof(text), "%ss settled, %s", what, a->name);
	bench_figure(text, GROW_LOOK * 1e9 / (double)a->spent.wall_ns, "1/s");
	snprintf(text, sizeof(text), "a %s's CPU, %s", what, a->name);
	bench_figure(text, (double)a->spent.cpu_ns / 1e3 / GROW_LOOK, "us");
}

static void compare(const char *what, const struct aged *young, const struct aged *old)
{
	char text[100];

	tell(what, young);
	tell(what, old);
	snprintf(text, sizeof(text), "time a %s, old ledger to young", what);
	bench_figure(text, (double)old->spent.wall_ns / (double)young->spent.wall_ns, "x");
	snprintf(text, sizeof(text), "CPU a %s, old ledger to young", what);
	bench_figure(text, (double)old->spent.cpu_ns / (double)young->spent.cpu_ns, "x");
}

static void step(struct aged *a, uint32_t from, make_fn make)
{
	settle_batch(&a->f, from, make, &a->spent);
	forget_outbox(&a->f, from);
}

/* One batch here, one there: leads that are new, or leads that each has had for half its life. */
static void look_at(const char *what, make_fn make, struct aged *young, struct aged *old)
{
	bool verdicts = make == make_verdict;

	young->spent = old->spent = (struct spent){0};
	for (uint32_t n = 0; n < GROW_LOOK; n += STORE_BATCH_MAX) {
		struct aged *turns[] = {young, old};

		for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
			uint32_t there = turns[i]->f.settled;
			uint32_t middle = there / 2 / STORE_BATCH_MAX * STORE_BATCH_MAX;

			step(turns[i], verdicts ? middle + n : there, make);
			if (!verdicts)
				turns[i]->f.settled += STORE_BATCH_MAX;
		}
	}
	compare(what, young, old);
}

static void grow(const char *old_url, const char *young_url, uint32_t credits)
{
	struct aged young = {.name = "1,000,000 there"}, old;
	char name[40];

	snprintf(name, sizeof(name), "%u there", credits);
	old = (struct aged){.name = name};
	fill_open(&old.f, old_url);
	while (old.f.settled + GROW_YOUNG <= credits) {
		(void)fill_up_to(&old.f, old.f.settled + GROW_YOUNG, true);
		fprintf(stderr, "  %u credits\n", old.f.settled);
	}
	(void)fill_up_to(&old.f, credits, true);
	fill_open(&young.f, young_url);
	(void)fill_up_to(&young.f, GROW_YOUNG, true);
	look_at("credit", make_outcome, &young, &old);
	look_at("verdict", make_verdict, &young, &old);
	fill_close(&young.f);
	fill_close(&old.f);
}

/* --- the floor --- */

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		bench_die("%s: %s", sql, sqlite3_errmsg(db));
}

struct table {
	const char *name;
	int columns;
	size_t rows;
	sqlite3_value **values; /* rows x columns */
	sqlite3_stmt *insert;
};

static void table_read(sqlite3 *db, struct table *t)
{
	sqlite3_stmt *s;
	size_t cap = 0;
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT * FROM %s", t->name);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		bench_die("%s", sqlite3_errmsg(db));
	t->columns = sqlite3_column_count(s);
	while (sqlite3_step(s) == SQLITE_ROW) {
		if (t->rows == cap) {
			cap = cap ? 2 * cap : 1024;
			t->values =
			    realloc(t->values, cap * (size_t)t->columns * sizeof(*t->values));
			if (!t->values)
				bench_die("out of memory");
		}
		for (int c = 0; c < t->columns; c++)
			t->values[t->rows * (size_t)t->columns + (size_t)c] =
			    sqlite3_value_dup(sqlite3_column_value(s, c));
		t->rows++;
	}
	sqlite3_finalize(s);
}

static void table_prepare(sqlite3 *db, struct table *t)
{
	char sql[300];
	int len = snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (?", t->name);

	for (int c = 1; c < t->columns; c++)
		len += snprintf(sql + len, sizeof(sql) - (size_t)len, ",?");
	snprintf(sql + len, sizeof(sql) - (size_t)len, ")");
	if (sqlite3_prepare_v2(db, sql, -1, &t->insert, NULL) != SQLITE_OK)
		bench_die("%s", sqlite3_errmsg(db));
}

static void table_insert(struct table *t, size_t from, size_t to)
{
	for (size_t row = from; row < to; row++) {
		for (int c = 0; c < t->columns; c++)
			sqlite3_bind_value(t->insert, c + 1,
					   t->values[row * (size_t)t->columns + (size_t)c]);
		if (sqlite3_step(t->insert) != SQLITE_DONE)
			bench_die("%s: a row was not inserted", t->name);
		sqlite3_reset(t->insert);
	}
}

static double insert_all(const char *from_file, const char *to_file, uint32_t credits)
{
	struct table tables[] = {{.name = "lives"}, {.name = "transfers"}, {.name = "outbox"}};
	size_t batches = credits / STORE_BATCH_MAX;
	sqlite3 *from, *to;
	int64_t began;
	double rate;

	if (sqlite3_open(from_file, &from) != SQLITE_OK || sqlite3_open(to_file, &to) != SQLITE_OK)
		bench_die("a ledger can't be opened");
	run(to, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		table_read(from, &tables[i]);
		table_prepare(to, &tables[i]);
	}
	began = bench_now_ns();
	for (size_t b = 0; b < batches; b++) {
		run(to, "BEGIN IMMEDIATE");
		for (size_t i = 0; i < ARRAY_LEN(tables); i++)
			table_insert(&tables[i], tables[i].rows * b / batches,
				     tables[i].rows * (b + 1) / batches);
		run(to, "COMMIT");
	}
	rate = (double)credits * 1e9 / (double)(bench_now_ns() - began);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		sqlite3_finalize(tables[i].insert);
		for (size_t v = 0; v < tables[i].rows * (size_t)tables[i].columns; v++)
			sqlite3_value_free(tables[i].values[v]);
		free(tables[i].values);
	}
	sqlite3_close(from);
	sqlite3_close(to);
	return rate;
}

/* --- PostgreSQL --- */

static void must(enum result r, const struct error *e)
{
	if (r != RESULT_OK)
		bench_die("%s", e->text);
}

/* The server copies the rows that this wrote into tables alike, with their indexes, 1,000 leads a transaction: what inserting them
 * costs it when nobody reads, decides or sends. */
static double copy_all(const char *url, uint32_t credits)
{
	static const char tables[] = "CREATE TABLE bare_lives (LIKE lives INCLUDING ALL);"
				     "CREATE TABLE bare_transfers (LIKE transfers INCLUDING ALL);"
				     "CREATE TABLE bare_outbox (LIKE outbox INCLUDING ALL)";
	static const char lives[] =
	    "INSERT INTO bare_lives SELECT * FROM lives WHERE lead_id >= $1 AND lead_id < $2";
	static const char transfers[] = "INSERT INTO bare_transfers SELECT * FROM transfers WHERE "
					"lead_id >= $1 AND lead_id < $2";
	static const char outbox[] = "INSERT INTO bare_outbox SELECT * FROM outbox WHERE partition "
				     "= $1 AND seq > $2 AND seq <= $3";
	const uint8_t none[10] = {0};
	struct error error = {0};
	struct db *d = db_open(url, TIMEOUT_MS, &error);
	int64_t began;

	if (!d)
		bench_die("%s", error.text);
	must(db_script(d, tables, &error), &error);
	began = bench_now_ns();
	for (uint32_t n = 0; n < credits; n += STORE_BATCH_MAX) {
		struct lead_id from = lead_id_make(T0 + n / 10, none);
		struct lead_id to = lead_id_make(T0 + (n + STORE_BATCH_MAX) / 10, none);
		struct db_value range[] = {db_bytes(from.bytes, 16), db_bytes(to.bytes, 16)};
		int64_t seq = n / STORE_BATCH_MAX / PARTITIONS * STORE_BATCH_MAX;
		struct db_value rows[] = {db_int(n / STORE_BATCH_MAX % PARTITIONS), db_int(seq),
					  db_int(seq + STORE_BATCH_MAX)};

		must(db_begin(d, &error), &error);
		must(db_add(d, lives, range, 2, NULL, NULL, &error), &error);
		must(db_add(d, transfers, range, 2, NULL, NULL, &error), &error);
		must(db_add(d, outbox, rows, 3, NULL, NULL, &error), &error);
		must(db_commit(d, &error), &error);
	}
	db_close(d);
	return (double)credits * 1e9 / (double)(bench_now_ns() - began);
}

static void on_postgres(uint32_t credits, uint32_t grow_to)
{
	double rate;
	char url[300], young[300];

	postgres_durable();
	if (!postgres_start())
		return;
	snprintf(url, sizeof(url), "%s", postgres_fresh_url());
	if (grow_to > 0) {
		snprintf(young, sizeof(young), "%s", postgres_fresh_url());
		grow(url, young, grow_to);
	} else {
		rate = settle_all(url, credits, "a credit's CPU, PostgreSQL, the client's part");
		bench_figure_floor("credits settled, PostgreSQL", rate, copy_all(url, credits),
				   "credits/s");
	}
	postgres_stop();
}

static void on_sqlite(const char *dir, uint32_t credits, uint32_t grow_to)
{
	char ours[300], bare[300], url[320], young[320];
	struct error error = {0};
	struct store *empty;
	double rate, floor;

	snprintf(ours, sizeof(ours), "%s/ledger-%d.db", dir, getpid());
	snprintf(bare, sizeof(bare), "%s/bare-%d.db", dir, getpid());
	snprintf(url, sizeof(url), "sqlite:%s", ours);
	if (grow_to > 0) {
		snprintf(young, sizeof(young), "sqlite:%s", bare);
		grow(url, young, grow_to);
		unlink(ours);
		unlink(bare);
		return;
	}
	rate = settle_all(url, credits, "a credit's CPU, SQLite");
	snprintf(url, sizeof(url), "sqlite:%s", bare);
	empty = store_open(url, TIMEOUT_MS, &error); /* makes the schema */
	if (!empty)
		bench_die("%s", error.text);
	store_close(empty);
	floor = insert_all(ours, bare, credits);
	bench_figure_floor("credits settled, SQLite", rate, floor, "credits/s");
}

int main(int argc, char **argv)
{
	const char *dir = bench_option(argc, argv, "dir", "/tmp");
	const char *only = bench_option(argc, argv, "only", "");
	uint32_t grow_to =
	    (uint32_t)bench_option_int(argc, argv, "grow", 0) / STORE_BATCH_MAX * STORE_BATCH_MAX;
	uint32_t credits = (uint32_t)bench_option_int(argc, argv, "credits", 100000) /
			   STORE_BATCH_MAX * STORE_BATCH_MAX;

	if (grow_to > 0 && grow_to < 2 * GROW_YOUNG)
		bench_die("--grow wants 2000000 or more");
	if (strcmp(only, "postgres") != 0)
		on_sqlite(dir, credits, grow_to);
	if (strcmp(only, "postgres") == 0 || (!*only && grow_to == 0))
		on_postgres(credits, grow_to);
	return 0;
}
