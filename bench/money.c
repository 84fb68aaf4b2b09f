/* bench-money: a month's statement of a million leads, and an advertiser's list of a million rows against the books.
 *
 *   bench-money --dir FOLDER [--leads N]
 *
 * The ledger is made first through payout's own batch: one webmaster, one advertiser, every lead delivered and approved. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "bench.h"
#include "lead/codec.h"
#include "payout/reports/reports.h"
#include "payout/shell/batch.h"
#include "payout/store/db.h"
#include "proto/leads_outcomes.pb-c.h"
#include "tools/reconcile_core.h"
#include "tools/table_file.h"

#define T0         1790000000000LL
#define TIMEOUT_MS 5000

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
	return lead_id_make(T0 + n, tail);
}

static struct slice pack(struct arena *a, uint32_t n, bool verdict)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Assignment as = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT, payout = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Provenance market = PUNNET__V1__PROVENANCE__INIT;
	_cleanup_(buf_free) struct buf out = {0};
	struct lead_id id = id_of(n);

	m.lead_id = codec_lead_id(&id);
	m.at_ms = T0 + n;
	if (verdict) {
		m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_APPROVED;
		m.advertiser_id = (char *)"bank-a";
		m.verdict_id = (char *)"v";
	} else {
		price.amount_minor = 30000 + n % 20000;
		payout.amount_minor = price.amount_minor * 7 / 10;
		price.currency = payout.currency = (char *)"RUB";
		market.topic = (char *)"market";
		as.order_id = (char *)"bench-credit_card";
		as.advertiser_id = (char *)"bank-a";
		as.vertical = (char *)"credit_card";
		as.aff_id = (char *)"w1";
		as.sub1 = arena_printf(a, "s%u", n % 20);
		as.price = &price;
		as.payout = &payout;
		as.market = &market;
		m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
		m.assignment = &as;
	}
	codec_pack(&m.base, &out);
	return arena_dup(a, buf_slice(&out));
}

static void settle_all(struct store *store, uint32_t leads)
{
	struct batch_settings settings = {
	    .topic = "leads.outcomes", .contract = contract, .now_ms = T0};
	static struct bus_record records[STORE_BATCH_MAX];
	struct arena made = {0}, work = {0};
	struct error error = {0};
	int64_t next = 0;

	for (uint32_t n = 0; n < 2 * leads; n += STORE_BATCH_MAX) {
		struct batch_report report;

		for (uint32_t i = 0; i < STORE_BATCH_MAX; i++)
			records[i] =
			    (struct bus_record){.topic = "leads.outcomes",
						.offset = next++,
						.timestamp_ms = T0 + n,
						.value = pack(&made, (n + i) % leads, n >= leads),
						.type = SLICE("punnet.v1.Outcome")};
		if (batch_settle(store, &work, &settings, 0, records, STORE_BATCH_MAX, &report,
				 &error) != RESULT_OK)
			bench_die("%s", error.text);
		arena_reset(&made);
	}
	arena_free(&made);
	arena_free(&work);
}

static void statement(struct store *store, uint32_t leads, enum report_format format,
		      const char *name)
{
	struct report_period period = {T0, T0 + 40 * MS_PER_DAY};
	struct error error = {0};
	int64_t from = bench_now_ns();
	FILE *out = fopen("/dev/null", "w");

	if (!out || report_statement(store, "w1", &period, format, out, &error) != RESULT_OK)
		bench_die("%s", error.text);
	fclose(out);
	bench_figure(name, (double)(bench_now_ns() - from) / 1e9 * 1e6 / leads, "s/million leads");
}

/* --- reconciling --- */

static void on_row(void *ctx, const struct slice *cells, size_t number)
{
	struct their_row row = {.number = (uint32_t)number, .readable = true, .has_amount = true};

	if (!lead_id_parse(cells[0], &row.id) || !reconcile_amount(cells[1], &row.amount_e4))
		bench_die("row %zu can't be read", number);
	row.said = reconcile_said(cells[2]);
	reconcile_row(ctx, &row);
}

static void take_lead(void *ctx, const struct db_value *v, _unused_ size_t count)
{
	struct our_lead l = {.price_minor = v[1].integer,
			     .asked_for = true,
			     .state = (uint8_t)v[2].integer,
			     .currency = "RUB"};

	(void)lead_id_from_bytes(v[0].bytes.data, v[0].bytes.len, &l.id);
	reconcile_lead(ctx, &l);
}

static void count_line(void *ctx, const struct reconcile_line *line)
{
	((size_t *)ctx)[line->class]++;
}

static void write_list(const char *path, uint32_t leads)
{
	char id[LEAD_ID_TEXT_LEN + 1];
	FILE *f = fopen(path, "w");

	if (!f)
		bench_die("%s can't be written", path);
	fputs("status;price;lead_id\n", f);
	for (uint32_t n = leads; n-- > 0;) { /* their order is not ours */
		struct lead_id l = id_of(n);

		lead_id_text(&l, id);
		fprintf(f, "approved;%u,%02u;%s\n", (30000 + n % 20000) / 100,
			(30000 + n % 20000) % 100, id);
	}
	fclose(f);
}

static void reconcile_all(struct store *store, const char *path, uint32_t leads)
{
	static const char sql[] = "SELECT lead_id, price, state FROM lives WHERE advertiser_id = "
				  "'bank-a' ORDER BY lead_id";
	static const struct table_column columns[] = {
	    {{"lead_id"}, true}, {{"price"}, true}, {{"status"}, true}};
	struct reconcile r = {0};
	struct table_file file = {
	    .path = path, .columns = columns, .count = 3, .on_row = on_row, .ctx = &r};
	size_t counts[CLASS_COUNT] = {0};
	struct error error = {0};
	int64_t from = bench_now_ns();

	if (table_file_read(&file, &error) != RESULT_OK ||
	    db_add(store_db(store), sql, NULL, 0, take_lead, &r, &error) != RESULT_OK)
		bench_die("%s", error.text);
	reconcile_compare(&r, count_line, counts);
	if (counts[CLASS_AGREED] != leads)
		bench_die("%zu of %u agree", counts[CLASS_AGREED], leads);
	bench_figure("an advertiser's list reconciled",
		     (double)(bench_now_ns() - from) / 1e9 * 1e6 / leads, "s/million rows");
	reconcile_free(&r);
}

int main(int argc, char **argv)
{
	const char *dir = bench_option(argc, argv, "dir", "/tmp");
	uint32_t leads = (uint32_t)bench_option_int(argc, argv, "leads", 1000000) /
			 STORE_BATCH_MAX * STORE_BATCH_MAX;
	char url[300], list[300];
	struct error error = {0};
	struct store *store;

	snprintf(url, sizeof(url), "sqlite:%s/money-%d.db", dir, getpid());
	snprintf(list, sizeof(list), "%s/money-%d.csv", dir, getpid());
	store = store_open(url, TIMEOUT_MS, &error);
	if (!store)
		bench_die("%s", error.text);
	settle_all(store, leads);
	write_list(list, leads);
	statement(store, leads, REPORT_CSV, "a statement as CSV");
	statement(store, leads, REPORT_HTML, "a statement as a page");
	reconcile_all(store, list, leads);
	store_close(store);
	return 0;
}
