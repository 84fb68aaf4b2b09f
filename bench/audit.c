/* bench-audit: the auditor's core over N leads (default 10 million): 60 % are sold, delivered and credited, 10 % unsold, 30 %
 * rejected. Prints leads a second and the memory of a lead. The topics' reading is not part of it. */
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
	return lead_id_make(START_MS + n / 10, random);
}

static int kind_of(int64_t n) /* 0-2 rejected, 3 unsold, the others sold */
{
	return (int)(n % REJECTED_OF);
}

static void tell_intake(struct audit *a, int64_t leads)
{
	for (int64_t n = 0; n < leads; n++) {
		struct lead_id id = id_of(n);
		struct audit_at at = {(uint32_t)(n % PARTITIONS), n / PARTITIONS};
		struct audit_judged j = {.at = at, .raw = at, .id = id, .has_reasons = true};

		j.verdict = kind_of(n) < 3 ? AUDIT_REJECTED : AUDIT_ACCEPTED;
		audit_raw(a, at, &id);
		audit_judged(a, &j);
	}
}

static void tell_market(struct audit *a, int64_t leads)
{
	struct audit_terms order = {.order_id = "o",
				    .vertical = "v",
				    .revision = 1,
				    .price = {1000, "RUB"},
				    .advertiser_id = "bank",
				    .share_limit = 1};
	struct audit_at at = {0, 0};

	audit_order(a, at, START_MS, &order);
	for (int64_t n = 0; n < leads; n++) {
		struct lead_id id = id_of(n);
		struct audit_at judged = {(uint32_t)(n % PARTITIONS), n / PARTITIONS};
		struct audit_decision d = {.at = {0, n},
					   .id = id,
					   .order_id = "o",
					   .price = {1000, "RUB"},
					   .payout_minor = 700,
					   .exclusive = true};

		if (kind_of(n) < 3)
			continue;
		at.offset++;
		d.market = at;
		if (kind_of(n) == 3)
			d.order_id = NULL;
		audit_admitted(a, at, START_MS + n / 10, judged, &id, 0);
		audit_decided(a, &d);
	}
}

static void tell_delivery(struct audit *a, int64_t leads)
{
	struct audit_at at = {0, 0};

	for (int64_t n = 0; n < leads; n++) {
		struct audit_outcome o = {.id = id_of(n),
					  .kind = AUDIT_DELIVERED,
					  .order_id = "o",
					  .price = {1000, "RUB"},
					  .payout_minor = 700};

		if (kind_of(n) < 4)
			continue;
		o.at = at;
		audit_attempt(a, at, &o.id, 0, true);
		audit_outcome(a, &o);
		at.offset++;
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

int main(int argc, char **argv)
{
	int64_t leads = argc > 1 ? atoll(argv[1]) : LEADS, began;
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();
	struct rusage usage;
	double telling, ledger, report;

	began = bench_now_ns();
	for (int t = 0; t < AUDIT_TOPICS; t++)
		for (uint32_t p = 0; p < PARTITIONS; p++)
			audit_committed(a, t, p, leads);
	tell_intake(a, leads);
	tell_market(a, leads);
	tell_delivery(a, leads);
	telling = seconds_since(began);
	began = bench_now_ns();
	tell_ledger(a, leads);
	ledger = seconds_since(began);
	began = bench_now_ns();
	audit_report(a, lines);
	report = seconds_since(began);
	getrusage(RUSAGE_SELF, &usage);
	printf("audit: %lld leads: records %.1f s, ledger %.1f s, report %.1f s; %ld MiB, %lld "
	       "bytes a lead\n",
	       (long long)leads, telling, ledger, report, usage.ru_maxrss / 1024,
	       (long long)usage.ru_maxrss * 1024 / leads);
	printf("sums: %llu equal, %llu not; sold %llu\n",
	       (unsigned long long)lines[AUDIT_SUMS].count,
	       (unsigned long long)lines[AUDIT_SUMS].broken,
	       (unsigned long long)lines[AUDIT_CAPS].count);
	audit_free(a);
	return lines[AUDIT_SUMS].broken != 0;
}
