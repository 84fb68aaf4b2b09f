/* punnet summary: the whole network on one page: what came in, what became of it, and the money.
 *
 * Counts of leads come from the topics, each counted once however often a stage repeated it; what became of deliveries,
 * and the money, come from the ledger. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "lead/reasons.h"
#include "payout/core/life.h"
#include "payout/reports/reports.h"
#include "payout/store/db.h"
#include "payout/store/store.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"
#include "scan.h"
#include "tool.h"

#define DB_TIMEOUT_MS  10000
#define PARTITIONS_MAX 256
#define CURRENCIES_MAX 16
#define NUMBER_LEN     32

struct sum {
	char currency[4];
	int64_t count, amount_minor;
};

struct summary {
	struct tool *tool;
	struct arena arena;
	uint64_t received, rejected, accepted, quarantined, routed, unsold, dead;
	struct map rejected_by, unsold_by; /* code -> uint64_t */
	int64_t judged_seen[PARTITIONS_MAX];
	int64_t decided_seen[2][PARTITIONS_MAX][PARTITIONS_MAX]; /* market offset + 1 */
	struct lead_id sample_rejected, sample_unsold, sample_delivered;
	int64_t lives[LIFE_STATE_COUNT], tests;
	struct sum transfers[TRANSFER_EVENT_COUNT][CURRENCIES_MAX];
	struct error error;
};

/* --- counting --- */

static void count_by(struct summary *s, struct map *by, const char *code)
{
	uint64_t *n = map_get(by, slice_cstr(code));

	if (!n) {
		n = arena_calloc(&s->arena, 1, sizeof(*n));
		map_put(by, slice_cstr(code), n);
	}
	(*n)++;
}

/* A reject's own reason, if one alone was enough; else the first of those that added up. */
static const char *main_reason(const Punnet__V1__JudgedLead *m)
{
	for (size_t i = 0; i < m->n_reasons; i++) {
		enum reason r = reason_from_code(slice_cstr(m->reasons[i]->code));

		if (r != REASON_NONE && reason_kind_of(r) == REASON_KIND_REJECT)
			return m->reasons[i]->code;
	}
	return m->n_reasons ? m->reasons[0]->code : "";
}

static void take_judged(struct summary *s, const struct bus_record *r,
			const Punnet__V1__JudgedLead *m)
{
	if (!m || !m->source || r->partition >= PARTITIONS_MAX ||
	    (int64_t)m->source->offset < s->judged_seen[r->partition])
		return;
	s->judged_seen[r->partition] = (int64_t)m->source->offset + 1;
	s->accepted += m->verdict == PUNNET__V1__VERDICT__ACCEPTED;
	s->quarantined += m->verdict == PUNNET__V1__VERDICT__QUARANTINED;
	if (m->verdict != PUNNET__V1__VERDICT__REJECTED)
		return;
	s->rejected++;
	count_by(s, &s->rejected_by, main_reason(m));
	(void)lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &s->sample_rejected);
}

static bool first_time(struct summary *s, bool unsold, const struct bus_record *r,
		       const Punnet__V1__Provenance *source)
{
	int64_t *seen;

	if (!source || source->partition >= PARTITIONS_MAX || r->partition >= PARTITIONS_MAX)
		return false;
	seen = &s->decided_seen[unsold][r->partition][source->partition];
	if ((int64_t)source->offset < *seen)
		return false;
	*seen = (int64_t)source->offset + 1;
	return true;
}

static void take(void *ctx, enum scan_topic topic, const struct bus_record *record,
		 const void *message)
{
	struct summary *s = ctx;
	const Punnet__V1__RoutedLead *routed = message;
	const Punnet__V1__UnsoldLead *unsold = message;

	if (topic == SCAN_RAW)
		s->received++;
	else if (topic == SCAN_DEAD)
		s->dead++;
	else if (topic == SCAN_JUDGED)
		take_judged(s, record, message);
	else if (topic == SCAN_ROUTED && routed)
		s->routed += first_time(s, false, record, routed->source);
	else if (topic == SCAN_UNSOLD && unsold && first_time(s, true, record, unsold->source)) {
		s->unsold++;
		count_by(s, &s->unsold_by, unsold->reason_code);
		(void)lead_id_from_bytes(unsold->lead_id.data, unsold->lead_id.len,
					 &s->sample_unsold);
	}
}

/* --- the ledger --- */

static const char lives_sql[] =
    "SELECT state, is_test, COUNT(*) FROM lives GROUP BY state, is_test";
/* The first entry of a transfer is its whole amount: the price with its tax, or the payout that became payable. */
static const char transfers_sql[] =
    "SELECT event, currency, COUNT(*), CAST(SUM(amount1) AS BIGINT) FROM transfers "
    "WHERE event < 16 GROUP BY event, currency ORDER BY event, currency";
static const char delivered_sql[] = "SELECT lead_id FROM lives WHERE state IN (1, 2, 7) AND "
				    "is_test = 0 ORDER BY lead_id DESC LIMIT 1";
static const char balances_sql[] =
    "SELECT account, currency, balance FROM balances ORDER BY account, currency";

static void take_life(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct summary *s = ctx;

	if (c[0].integer > 0 && c[0].integer < LIFE_STATE_COUNT)
		s->lives[c[0].integer] += c[2].integer;
	s->tests += c[1].integer ? c[2].integer : 0;
}

static void take_transfers(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct summary *s = ctx;

	for (size_t i = 0;
	     c[0].integer > 0 && c[0].integer < TRANSFER_EVENT_COUNT && i < CURRENCIES_MAX; i++) {
		struct sum *sum = &s->transfers[c[0].integer][i];

		if (sum->currency[0])
			continue;
		snprintf(sum->currency, sizeof(sum->currency), SLICE_FMT, SLICE_ARG(c[1].bytes));
		sum->count = c[2].integer;
		sum->amount_minor = c[3].integer < 0 ? -c[3].integer : c[3].integer;
		return;
	}
}

static void take_delivered(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	(void)lead_id_from_bytes(c[0].bytes.data, c[0].bytes.len,
				 &((struct summary *)ctx)->sample_delivered);
}

static enum result ask(struct summary *s, struct store *ledger, const char *sql, db_row_fn fn)
{
	return db_ask(store_db(ledger), sql, NULL, 0, fn, s, &s->error);
}

/* --- the page --- */

/* 1234567 as "1,234,567". */
static const char *grouped(int64_t value, char ret[NUMBER_LEN])
{
	char digits[NUMBER_LEN];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)value), out = 0;

	for (int i = 0; i < len && out < NUMBER_LEN - 2; i++) {
		ret[out++] = digits[i];
		if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
			ret[out++] = ',';
	}
	ret[out] = '\0';
	return ret;
}

static const char *money_grouped(int64_t amount_minor, const char *currency, char *ret, size_t len)
{
	char plain[48], whole[NUMBER_LEN];
	int64_t units = 0;
	const char *rest;

	money_text(amount_minor, currency, plain, sizeof(plain));
	rest = plain + strspn(plain, "-0123456789");
	(void)slice_to_int64(slice_of(plain, (size_t)(rest - plain)), &units);
	snprintf(ret, len, "%s%s%s", units == 0 && plain[0] == '-' ? "-" : "",
		 grouped(units, whole), rest);
	return ret;
}

static void print_count(const struct summary *s, const char *what, int64_t n)
{
	char text[NUMBER_LEN];

	if (s->tool->json)
		printf("{\"what\":\"%s\",\"leads\":%lld}\n", what, (long long)n);
	else
		printf("%-36s %12s\n", what, grouped(n, text));
}

static int by_count(const void *a, const void *b)
{
	uint64_t x = **(uint64_t *const *)a, y = **(uint64_t *const *)b;

	return (y > x) - (y < x);
}

static void print_reasons(const struct summary *s, const char *what, const struct map *by)
{
	size_t n = map_count(by);
	uint64_t **order = calloc(n + 1, sizeof(*order));
	char text[NUMBER_LEN];

	if (!order)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct slice code;

		(void)map_at(by, i, &code, (void **)&order[i]);
	}
	qsort(order, n, sizeof(uint64_t *), by_count);
	for (size_t k = 0; k < n; k++) {
		struct slice code = {0};
		void *value = NULL;

		for (size_t i = 0; i < n && value != order[k]; i++)
			(void)map_at(by, i, &code, &value);
		if (s->tool->json)
			printf("{\"what\":\"%s\",\"reason\":\"" SLICE_FMT "\",\"leads\":%llu}\n",
			       what, SLICE_ARG(code), (unsigned long long)*order[k]);
		else
			printf("    %-32.*s %12s\n", SLICE_ARG(code),
			       grouped((int64_t)*order[k], text));
	}
	free(order);
}

static void print_transfers(const struct summary *s, const char *what, enum transfer_event event)
{
	char count[NUMBER_LEN], money[64];

	for (size_t i = 0; i < CURRENCIES_MAX; i++) {
		const struct sum *sum = &s->transfers[event][i];

		if (!sum->currency[0] && i > 0)
			return;
		if (s->tool->json)
			printf("{\"what\":\"%s\",\"leads\":%lld,\"currency\":\"%s\",\"amount_"
			       "minor\":%lld}\n",
			       what, (long long)sum->count, sum->currency,
			       (long long)sum->amount_minor);
		else
			printf("%-36s %12s %20s\n", what, grouped(sum->count, count),
			       sum->currency[0] ? money_grouped(sum->amount_minor, sum->currency,
								money, sizeof(money))
						: "");
	}
}

static void print_account(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	const struct summary *s = ctx;
	int64_t amount = report_side(c[0].bytes) * c[2].integer;
	char currency[4], money[64];

	snprintf(currency, sizeof(currency), SLICE_FMT, SLICE_ARG(c[1].bytes));
	if (s->tool->json)
		printf("{\"account\":\"" SLICE_FMT
		       "\",\"currency\":\"%s\",\"amount_minor\":%lld}\n",
		       SLICE_ARG(c[0].bytes), currency, (long long)amount);
	else
		printf("%-48.*s %20s\n", SLICE_ARG(c[0].bytes),
		       money_grouped(amount, currency, money, sizeof(money)));
}

static void print_leads(const struct summary *s)
{
	print_count(s, "received", (int64_t)s->received);
	print_count(s, "rejected", (int64_t)s->rejected);
	print_reasons(s, "rejected", &s->rejected_by);
	if (s->quarantined || s->tool->json)
		print_count(s, "quarantined", (int64_t)s->quarantined);
	print_count(s, "accepted", (int64_t)s->accepted);
	print_count(s, "unsold", (int64_t)s->unsold);
	print_reasons(s, "unsold", &s->unsold_by);
	print_count(s, "routed", (int64_t)s->routed);
	print_count(s, "delivered",
		    s->lives[LIFE_DELIVERED] + s->lives[LIFE_APPROVED] + s->lives[LIFE_RETURNED] +
			s->lives[LIFE_WAIVED]);
	print_count(s, "refused", s->lives[LIFE_REFUSED]);
	print_count(s, "undeliverable", s->lives[LIFE_UNDELIVERABLE]);
	print_count(s, "unresolved", s->lives[LIFE_UNRESOLVED]);
	print_count(s, "approved", s->lives[LIFE_APPROVED]);
	print_count(s, "returned", s->lives[LIFE_RETURNED]);
	if (s->lives[LIFE_WAIVED] || s->tool->json)
		print_count(s, "waived", s->lives[LIFE_WAIVED]);
	if (s->tests)
		print_count(s, "test leads among these", s->tests);
	if (s->dead)
		print_count(s, "put aside (dead letters)", (int64_t)s->dead);
}

static void print_sample(const struct summary *s, const char *what, const struct lead_id *id)
{
	char text[LEAD_ID_TEXT_LEN + 1];

	if (lead_id_is_zero(id))
		return;
	lead_id_text(id, text);
	if (s->tool->json)
		printf("{\"sample\":\"%s\",\"lead_id\":\"%s\"}\n", what, text);
	else
		printf("  punnet trace %s   %s\n", text, what);
}

static enum result print_page(struct summary *s, struct store *ledger)
{
	bool text = !s->tool->json;
	enum result r;

	print_leads(s);
	if (text)
		putchar('\n');
	print_transfers(s, "credited", TRANSFER_CREDIT);
	print_transfers(s, "reversed", TRANSFER_REVERSE);
	if (s->transfers[TRANSFER_BEAR][0].count || s->tool->json)
		print_transfers(s, "borne by the network", TRANSFER_BEAR);
	if (text)
		puts("\nadvertisers owe (receivable), webmasters get (hold, then payable), the "
		     "network "
		     "keeps (margin)");
	r = ask(s, ledger, balances_sql, print_account);
	if (text)
		puts("\nthe whole life of a lead:");
	print_sample(s, "delivered", &s->sample_delivered);
	print_sample(s, "rejected", &s->sample_rejected);
	print_sample(s, "unsold", &s->sample_unsold);
	return r;
}

static enum result summarise(struct summary *s, struct scan *scan, struct store *ledger)
{
	enum result r = scan_measure(scan, &s->error);

	if (r == RESULT_OK)
		r = scan_read(scan, take, s, &s->error);
	if (r == RESULT_OK)
		r = ask(s, ledger, lives_sql, take_life);
	if (r == RESULT_OK)
		r = ask(s, ledger, transfers_sql, take_transfers);
	if (r == RESULT_OK)
		r = ask(s, ledger, delivered_sql, take_delivered);
	return r == RESULT_OK ? print_page(s, ledger) : r;
}

int command_summary(struct tool *t, int argc, char **argv)
{
	struct summary *s;
	struct scan *scan;
	struct store *ledger = NULL;
	enum result r = RESULT_AWAY;
	int status;

	if (argc > 1)
		return tool_usage("summary", "unexpected \"%s\"", argv[1]);
	if (!tool_bus(t, "summary"))
		return TOOL_AWAY;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->tool = t;
	scan = scan_open(t->bus, &s->error);
	if (scan)
		ledger =
		    store_open(config_text(t->config, "common", "db"), DB_TIMEOUT_MS, &s->error);
	if (ledger)
		r = summarise(s, scan, ledger);
	status = r == RESULT_OK ? TOOL_DONE : tool_fail("summary", r, &s->error);
	store_close(ledger);
	scan_close(scan);
	map_free(&s->rejected_by);
	map_free(&s->unsold_by);
	arena_free(&s->arena);
	free(s);
	return status;
}
