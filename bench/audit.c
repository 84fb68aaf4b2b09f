/* bench-audit: the auditor's core over N leads (default 10 million): 60 % are sold, delivered and credited, 10 % unsold, 30 %
 * rejected. Prints leads a second and the memory of a lead. The topics' reading is not part of it. In one round, as after its
 * start, all are in memory; in more (the second argument) what is over goes to rest in between, 100 leads a second. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "bench.h"
#include "tools/audit_core.h"

#define LEADS       10000000
#define PARTITIONS  8
#define REJECTED_OF 10 /* 3 of so many */
#define START_MS    INT64_C(1796083200000)

static struct lead_id id_of(int64_t n)
{
	uint8_t random[10];
	uint64_t a = hash_mix((uint64_t)n), b = hash_mix(a);

	memcpy(random, &a, 8);
	memcpy(random + 8, &b, 2);
	return lead_id_make(START_MS + n * 10, random);
}

static int kind_of(int64_t n) /* 0-2 rejected, 3 unsold, the others sold */
{
	return (int)(n % REJECTED_OF);
}

static void tell_intake(struct audit *a, int64_t from, int64_t to)
{
	for (int64_t n = from; n < to; n++) {
		struct lead_id id = id_of(n);
		struct audit_at at = {(uint32_t)(n % PARTITIONS), n / PARTITIONS};
		struct audit_judged j = {.at = at, .raw = at, .id = id, .has_reasons = true};

		j.verdict = kind_of(n) < 3 ? AUDIT_REJECTED : AUDIT_ACCEPTED;
		audit_seen(a, AUDIT_RAW, at, START_MS + n * 10);
		audit_raw(a, at, &id);
		audit_judged(a, &j);
	}
}

/* Where the logs end. */
struct ends {
	int64_t market, outcomes, outbox;
};

static void tell_order(struct audit *a, struct ends *e)
{
	struct audit_terms order = {.order_id = "o",
				    .vertical = "v",
				    .revision = 1,
				    .price = {1000, "RUB"},
				    .advertiser_id = "bank",
				    .share_limit = 1};

	audit_order(a, (struct audit_at){0, e->market++}, START_MS, &order);
}

static void tell_market(struct audit *a, struct ends *e, int64_t from, int64_t to)
{
	for (int64_t n = from; n < to; n++) {
		struct lead_id id = id_of(n);
		struct audit_at judged = {(uint32_t)(n % PARTITIONS), n / PARTITIONS};
		struct audit_at at = {0, e->market};
		struct audit_decision d = {.at = {0, n},
					   .market = at,
					   .id = id,
					   .order_id = kind_of(n) == 3 ? NULL : "o",
					   .price = {1000, "RUB"},
					   .payout_minor = 700,
					   .exclusive = true};

		if (kind_of(n) < 3)
			continue;
		e->market++;
		audit_admitted(a, at, START_MS + n * 10, judged, &id, 0);
		audit_decided(a, &d);
	}
}

static void tell_delivery(struct audit *a, struct ends *e, int64_t from, int64_t to)
{
	for (int64_t n = from; n < to; n++) {
		struct audit_at at = {0, e->outcomes};
		struct audit_outcome o = {.at = at,
					  .id = id_of(n),
					  .kind = AUDIT_DELIVERED,
					  .order_id = "o",
					  .price = {1000, "RUB"},
					  .payout_minor = 700};
		struct audit_settled s = {.outbox = {0, e->outbox},
					  .id = o.id,
					  .settlement = AUDIT_DELIVERED,
					  .order_id = "o",
					  .price_minor = 1000};

		if (kind_of(n) < 4)
			continue;
		e->outcomes++;
		e->outbox++;
		audit_attempt(a, at, &o.id, 0, true);
		audit_outcome(a, &o);
		audit_settled(a, (struct audit_at){0, e->market++}, START_MS + n * 10, &s);
	}
}

static void tell_ledger(struct audit *a, int64_t leads)
{
	static const int64_t amounts[] = {1000, -700, -300};

	audit_ledger_begin(a);
	audit_account(a, 1, "advertisers:bank:receivable", "RUB", 0);
	audit_account(a, 2, "webmasters:w:hold", "RUB", 0);
	audit_account(a, 3, "network:margin", "RUB", 0);
	for (int64_t n = 0; n < leads; n++) {
		struct lead_id id = id_of(n);

		if (kind_of(n) < 4)
			continue;
		audit_life(a, &id, 0, 1, false);
		audit_transfer(a, &id, 0, 1, "RUB");
		for (int k = 0; k < 3; k++)
			audit_entry(a, &id, 0, 1, k + 1, amounts[k]);
	}
	audit_ledger_end(a);
}

static double seconds_since(int64_t began_ns)
{
	return (double)(bench_now_ns() - began_ns) / 1e9;
}

static void commit(struct audit *a, int64_t next)
{
	for (int t = 0; t < AUDIT_TOPICS; t++)
		for (uint32_t p = 0; p < PARTITIONS; p++)
			audit_committed(a, t, p, next);
}

int main(int argc, char **argv)
{
	int64_t leads = argc > 1 ? atoll(argv[1]) : LEADS, rounds = argc > 2 ? atoll(argv[2]) : 1;
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();
	struct ends ends = {0};
	struct rusage usage;
	double telling = 0, ledger = 0, report = 0;

	tell_order(a, &ends);
	for (int64_t r = 0; r < rounds; r++) {
		int64_t began = bench_now_ns(), from = leads * r / rounds,
			to = leads * (r + 1) / rounds;

		commit(a, 2 * to + 1);
		tell_intake(a, from, to);
		tell_market(a, &ends, from, to);
		tell_delivery(a, &ends, from, to);
		telling += seconds_since(began);
		began = bench_now_ns();
		tell_ledger(a, to);
		ledger += seconds_since(began);
		began = bench_now_ns();
		audit_report(a, lines);
		report += seconds_since(began);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("audit: %lld leads in %lld rounds: records %.1f s, ledger %.1f s, report %.1f s; "
	       "%ld MiB, "
	       "%lld bytes a lead; %llu leads kept\n",
	       (long long)leads, (long long)rounds, telling, ledger, report, usage.ru_maxrss / 1024,
	       (long long)usage.ru_maxrss * 1024 / leads, (unsigned long long)audit_leads_kept(a));
	printf("sums: %llu equal, %llu not; sold %llu\n",
	       (unsigned long long)lines[AUDIT_SUMS].count,
	       (unsigned long long)lines[AUDIT_SUMS].broken,
	       (unsigned long long)lines[AUDIT_CAPS].count);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		if (lines[i].broken)
			printf("%s: %s\n", audit_name(i), lines[i].first);
	audit_free(a);
	return lines[AUDIT_SUMS].broken != 0;
}
