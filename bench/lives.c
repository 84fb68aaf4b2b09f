/* lives: what an outcome costs that is settled once more and compared. leads.outcomes is made as files (every lead delivered, every third one
 * approved, in the order of time over its partitions); `punnet replay lives` settles it into a ledger, which is then the recorded
 * one for a second run, whose CPU time counts. Done for a number of leads and for four times as many: the one must cost as much as the other.
 *
 * usage: bench-lives --punnet PROGRAM --golden FOLDER --scratch FOLDER [--leads N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "lead/codec.h"
#include "payout/store/db.h"
#include "payout/store/schema.h"
#include "proto/leads_outcomes.pb-c.h"
#include "runtime/bus_files.h"

#define T0          1790000000000LL
#define PARTITIONS  8
#define PER_SECOND  2000 /* leads of the log's time */
#define APPROVE_MS  20000
#define APPROVED_OF 3 /* every third lead */
#define TOPIC       "leads.outcomes"
#define TIMEOUT_MS  10000
#define TIMES       4
#define COPY_MAX    4096

struct maker {
	struct recording *out[PARTITIONS];
	int64_t next[PARTITIONS];
	struct buf packed;
};

static void made(enum result r, const struct error *e)
{
	if (r != RESULT_OK)
		bench_die("%s", e->text);
}

/* What is settled asks the directory; it need not know anybody. */
static void copy_directory(const char *golden, const char *folder)
{
	static struct bus_record records[COPY_MAX];
	struct error e = {0};
	char url[4096];
	struct recording *out;
	struct bus_reader *r;
	struct bus *b;
	size_t count;

	snprintf(url, sizeof(url), "files:%s", golden);
	b = bus_open_reading(url, "bench", &e);
	r = b ? bus_reader_open(b, "directory", 0, -1, &e) : NULL;
	if (!r)
		bench_die("%s", e.text);
	made(bus_reader_take(r, records, COPY_MAX, 0, &count, &e), &e);
	out = recording_begin(folder, "directory", 0, 0, records[count - 1].offset + 1, &e);
	for (size_t i = 0; i < count; i++)
		recording_put(out, &records[i]);
	made(recording_end(out, &e), &e);
	bus_reader_close(r);
	bus_close(b);
}

static struct lead_id lead(int64_t n)
{
	uint8_t random[10];
	uint64_t bits = (uint64_t)n * UINT64_C(0x9E3779B97F4A7C15);

	memcpy(random, &bits, 8);
	memcpy(random + 8, &n, 2);
	return lead_id_make(T0 + n * 1000 / PER_SECOND, random);
}

static void put(struct maker *k, int64_t n, const Punnet__V1__Outcome *m, int64_t time_ms)
{
	int32_t p = (int32_t)(n % PARTITIONS);

	buf_reset(&k->packed);
	codec_pack(&m->base, &k->packed);
	recording_put(k->out[p],
		      &(struct bus_record){.offset = k->next[p]++,
					   .timestamp_ms = time_ms,
					   .type = slice_cstr(codec_type(m->base.descriptor)),
					   .value = buf_slice(&k->packed)});
}

static void deliver(struct maker *k, int64_t n)
{
	int64_t now_ms = T0 + n * 1000 / PER_SECOND + 500;
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Assignment a = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT, payout = PUNNET__V1__MONEY__INIT;
	struct lead_id id = lead(n);
	char aff_id[16], order[16];

	snprintf(aff_id, sizeof(aff_id), "w%d", (int)(n % 50));
	snprintf(order, sizeof(order), "order-%d", (int)(n % 20));
	price.currency = payout.currency = (char *)"RUB";
	price.amount_minor = 50000 + n % 1000;
	payout.amount_minor = price.amount_minor * 7 / 10;
	source.topic = (char *)"leads.attempts";
	source.partition = (uint32_t)(n % PARTITIONS);
	source.offset = (uint64_t)n;
	a.order_id = order;
	a.advertiser_id = (char *)"bank-a";
	a.vertical = (char *)"osago";
	a.aff_id = aff_id;
	a.price = &price;
	a.payout = &payout;
	a.decided_at_ms = now_ms - 400;
	a.exclusive = true;
	a.market = &source;
	m.lead_id = codec_lead_id(&id);
	m.source = &source;
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
	m.assignment = &a;
	m.advertiser_id = a.advertiser_id;
	m.at_ms = now_ms;
	m.attempts = 1;
	put(k, n, &m, now_ms);
}

static void approve(struct maker *k, int64_t n)
{
	int64_t now_ms = T0 + n * 1000 / PER_SECOND + 500 + APPROVE_MS;
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct lead_id id = lead(n);
	char verdict[24];

	snprintf(verdict, sizeof(verdict), "v%lld", (long long)n);
	source.topic = (char *)"http";
	m.lead_id = codec_lead_id(&id);
	m.source = &source;
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_APPROVED;
	m.advertiser_id = (char *)"bank-a";
	m.verdict_id = verdict;
	m.at_ms = now_ms;
	put(k, n, &m, now_ms);
}

/* In the order of time: an approval comes APPROVE_MS after its delivery. */
static int64_t make_topic(const char *folder, int64_t leads, int64_t next[PARTITIONS])
{
	const int64_t wait = APPROVE_MS * PER_SECOND / 1000;
	struct maker k = {.next = {0}};
	struct error e = {0};
	int64_t outcomes = 0;

	for (int32_t p = 0; p < PARTITIONS; p++)
		for (int64_t n = p; n < leads; n += PARTITIONS)
			next[p] += 1 + (n % APPROVED_OF == 0);
	for (int32_t p = 0; p < PARTITIONS; p++) {
		k.out[p] = recording_begin(folder, TOPIC, p, 0, next[p], &e);
		if (!k.out[p])
			bench_die("%s", e.text);
	}
	for (int64_t n = 0; n < leads + wait; n++) {
		if (n < leads)
			deliver(&k, n);
		if (n >= wait && (n - wait) % APPROVED_OF == 0)
			approve(&k, n - wait);
	}
	for (int32_t p = 0; p < PARTITIONS; p++) {
		made(recording_end(k.out[p], &e), &e);
		outcomes += next[p];
	}
	buf_free(&k.packed);
	return outcomes;
}

/* A ledger that has nothing but how far it is: the first run settles all, and finds none of it here. */
static void make_ledger(const char *url, const int64_t next[PARTITIONS])
{
	struct error e = {0};
	struct db *d = db_open(url, TIMEOUT_MS, &e);
	char sql[256];

	if (!d)
		bench_die("%s", e.text);
	made(schema_apply(d, &e), &e);
	for (int32_t p = 0; p < PARTITIONS; p++) {
		snprintf(sql, sizeof(sql),
			 "INSERT INTO offsets (topic, partition, next, next_seq) "
			 "VALUES ('" TOPIC "', %d, %lld, 1)",
			 (int)p, (long long)next[p]);
		made(db_script(d, sql, &e), &e);
	}
	db_close(d);
}

/* CPU time; own NULL: a ledger that is gone afterwards. */
static double run(const char *punnet, const char *folder, const char *ledger, const char *own,
		  int expected)
{
	char source[4096];

	snprintf(source, sizeof(source), "files:%s", folder);
	(void)setenv("PUNNET_COMMON_DB", ledger, 1);
	return bench_run_cpu_ns((const char *[]){punnet, "replay", "lives", "--source", source,
						 own ? "--ledger" : NULL, own, NULL},
				expected);
}

/* Nanoseconds an outcome. */
static double measure(const char *punnet, const char *golden, const char *scratch, int64_t leads)
{
	char folder[2048], seed[2200], first[2200], recorded[2300];
	int64_t next[PARTITIONS] = {0}, outcomes;

	snprintf(folder, sizeof(folder), "%s/%lld", scratch, (long long)leads);
	if (mkdir(folder, 0777) != 0)
		bench_die("%s: expected a folder that is not there yet", folder);
	copy_directory(golden, folder);
	outcomes = make_topic(folder, leads, next);
	snprintf(seed, sizeof(seed), "sqlite:%s/seed.db", folder);
	make_ledger(seed, next);
	snprintf(first, sizeof(first), "%s/recorded.db", folder);
	(void)run(punnet, folder, seed, first, 1);
	snprintf(recorded, sizeof(recorded), "sqlite:%s", first);
	return run(punnet, folder, recorded, NULL, 0) / (double)outcomes;
}

int main(int argc, char **argv)
{
	const char *punnet = bench_option(argc, argv, "punnet", "punnet");
	const char *golden = bench_option(argc, argv, "golden", "tests/golden/0.1.0");
	const char *scratch = bench_option(argc, argv, "scratch", "replay-lives");
	int64_t leads = bench_option_int(argc, argv, "leads", 50000);
	double few_ns, many_ns;

	if (mkdir(scratch, 0777) != 0)
		bench_die("%s: expected a folder that is not there yet", scratch);
	few_ns = measure(punnet, golden, scratch, leads);
	many_ns = measure(punnet, golden, scratch, leads * TIMES);
	bench_figure("replay, an outcome", many_ns / 1000, "us");
	bench_figure("replay, lives on one core", 1e9 / many_ns, "/s");
	bench_figure("replay, lives of four times as many", many_ns / few_ns, "times");
	return 0;
}
