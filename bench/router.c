/* bench-router: one admitted lead in, one decision out, in the deciding core by itself: the event is unpacked, decided
 * upon, and the decision is packed, among orders of one vertical that want countries, regions, ages and no bad sources.
 * Leads stay open, as they are until payout has settled them.
 *
 *   bench-router [--only 1|2|3] [--orders N]     1 decisions (among N), 2 memory and changes of orders, 3 snapshots
 *
 * The floor reads and writes the same messages, and between them scans an array of as many orders that holds
 * all of this in 48 bytes each, compares it with a few instructions, and keeps the best price: no reasons, no record of who else
 * was asked, no open leads, no counters but the one that it takes from. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "lead/codec.h"
#include "router/core/decision_write.h"
#include "router/core/market.h"
#include "router/shell/shared_memory.h"
#include "router/shell/snapshot_child.h"

#define T0              1790000000000LL
#define LEADS_A_TURN    200
#define TURN_NS         (500 * 1000 * 1000LL)
#define LEADS_MAX       200000 /* open at once: nothing settles them here */
#define LEADS_KINDS     1000   /* different leads, packed beforehand */
#define COUNTRIES       5
#define REGIONS         40
#define CHANGES         50000
#define OPEN_LEADS      100000
#define AMONG_ORDERS    1000
#define LARGE_ORDERS    100000
#define LARGE_LEADS     1000000
#define STOPS           5
#define PRICE_MINOR(n)  (40000 + (n)*7919 % 60000)
#define WANTS(n, i, of) (((n)*31 + (i)*17) % (of))

static const char *const countries[COUNTRIES] = {"RU", "KZ", "BY", "UZ", "AM"};

struct plain_order {
	int64_t price_minor;
	uint64_t taken, cap, regions;
	uint32_t countries; /* a bit each */
	uint16_t age_min, age_max;
	uint32_t webmaster_not;
	bool paused;
};

struct plain_lead {
	uint64_t region;
	uint32_t country, webmaster;
	uint16_t age;
};

/* A number below `of`, the same for the same n and what; no two have to do with each other. */
static uint32_t mix(uint32_t n, uint32_t what, uint32_t of)
{
	uint64_t h = ((uint64_t)n << 32 | what) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 31) * 0xbf58476d1ce4e5b9ull;
	return (uint32_t)((h ^ h >> 29) % of);
}

/* Everything that makes a lead of a kind. */
static struct plain_lead lead_kind(uint32_t n)
{
	return (struct plain_lead){.region = 1ull << mix(n, 101, REGIONS),
				   .country = 1u << mix(n, 102, COUNTRIES),
				   .webmaster = mix(n, 103, 50),
				   .age = (uint16_t)(18 + mix(n, 104, 50))};
}

static struct plain_order order_kind(uint32_t n)
{
	struct plain_order o = {.price_minor = 40000 + mix(n, 1, 60000),
				.cap = 1000000000,
				.countries =
				    1u << mix(n, 2, COUNTRIES) | 1u << mix(n, 3, COUNTRIES),
				.age_min = (uint16_t)(18 + mix(n, 4, 10)),
				.age_max = (uint16_t)(40 + mix(n, 5, 30)),
				.webmaster_not = mix(n, 6, 50)};

	for (uint32_t i = 0; i < 10; i++)
		o.regions |= 1ull << mix(n, 10 + i, REGIONS);
	return o;
}

/* --- the market --- */

static uint64_t next_offset, next_revision;

static Punnet__V1__Criterion *criterion(struct arena *a, const char *name,
					Punnet__V1__CriterionKind kind, size_t values)
{
	Punnet__V1__Criterion *c = arena_alloc(a, sizeof(*c));

	punnet__v1__criterion__init(c);
	c->name = (char *)name;
	c->kind = kind;
	c->values = arena_calloc(a, values + 1, sizeof(*c->values));
	return c;
}

static void put_where(Punnet__V1__OrderTerms *terms, const struct plain_order *o, struct arena *a)
{
	Punnet__V1__Criterion *age =
	    criterion(a, "age", PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN, 0);
	Punnet__V1__Criterion *not =
	    criterion(a, "webmaster", PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN, 1);
	Punnet__V1__Criterion *region = criterion(a, "region", 0, REGIONS);

	age->has_min = age->has_max = true;
	age->min_millionths = o->age_min * 1000000LL;
	age->max_millionths = o->age_max * 1000000LL;
	not ->unknown_fits = true;
	not ->values[not ->n_values++] = arena_printf(a, "w%u", o->webmaster_not);
	for (uint32_t i = 0; i < REGIONS; i++) {
		if (o->regions >> i & 1)
			region->values[region->n_values++] = arena_printf(a, "region-%u", i);
	}
	terms->where = arena_calloc(a, 3, sizeof(*terms->where));
	terms->where[terms->n_where++] = region;
	terms->where[terms->n_where++] = age;
	terms->where[terms->n_where++] = not ;
}

static void put_order(struct market *m, uint32_t n, int64_t more_minor, struct arena *a)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Caps caps = PUNNET__V1__CAPS__INIT;
	struct plain_order plain = order_kind(n);
	struct decisions none = {0};

	terms.order_id = arena_printf(a, "order-%06u", n);
	terms.advertiser_id = arena_printf(a, "bank-%u", n % 50);
	terms.vertical = (char *)"credit_card";
	price.amount_minor = plain.price_minor + more_minor;
	price.currency = (char *)"RUB";
	terms.price = &price;
	caps.day = plain.cap;
	terms.caps = &caps;
	terms.countries = arena_calloc(a, COUNTRIES, sizeof(*terms.countries));
	for (uint32_t i = 0; i < COUNTRIES; i++) {
		if (plain.countries >> i & 1)
			terms.countries[terms.n_countries++] = (char *)countries[i];
	}
	put_where(&terms, &plain, a);
	terms.delivery_json = (char *)"{\"webhook\":{\"url\":\"https://bank.example.org/leads\"}}";
	changed.revision = ++next_revision;
	changed.terms = &terms;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	if (market_apply(m, &event, T0, next_offset++, a, &none) != MARKET_CHANGED)
		bench_die("order %u was not taken", n);
}

/* As it lies in the log; id and provenance are set when it is read. */
static void pack_lead(uint32_t n, struct buf *out, struct arena *a)
{
	static const uint8_t box[200];
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Field age = PUNNET__V1__FIELD__INIT, *fields[] = {&age};
	Punnet__V1__SealedContact contact = PUNNET__V1__SEALED_CONTACT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct plain_lead plain = lead_kind(n);
	struct lead_id id = {0};

	age.name = (char *)"age";
	age.value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
	age.integer = plain.age;
	lead.vertical = (char *)"credit_card";
	lead.country = (char *)countries[__builtin_ctz(plain.country)];
	lead.region = arena_printf(a, "region-%d", __builtin_ctzll(plain.region));
	lead.aff_id = arena_printf(a, "w%u", plain.webmaster);
	lead.city = (char *)"Samara";
	lead.fields = fields;
	lead.n_fields = 1;
	contact.key_day = 20000;
	contact.box = (ProtobufCBinaryData){.len = sizeof(box), .data = (uint8_t *)box};
	source.topic = (char *)"leads.judged";
	admitted.lead = &lead;
	admitted.contact = &contact;
	event.lead_id = codec_lead_id(&id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	codec_pack(&event.base, out);
}

/* Unpacked, decided, packed. */
static size_t admit(struct market *m, uint64_t n, const struct buf *packed, struct buf *out,
		    struct arena *a)
{
	Punnet__V1__MarketEvent *event =
	    codec_unpack(a, &punnet__v1__market_event__descriptor, buf_slice(packed));
	struct decisions made;

	memcpy(event->lead_id.data, &n, sizeof(n));
	event->source->offset = n;
	if (market_apply(m, event, T0 + (int64_t)n, next_offset++, a, &made) != MARKET_CHANGED ||
	    made.count != 1)
		bench_die("lead %llu was not decided upon", (unsigned long long)n);
	buf_reset(out);
	decision_write(&made.items[0], out);
	return made.items[0].routed != NULL;
}

/* memory: NULL where the heap is what is measured. */
static struct market *market_of(uint32_t orders, const struct pool_memory *memory, struct arena *a)
{
	struct market *m = market_new_in(0, memory);

	for (uint32_t i = 0; i < orders; i++) {
		put_order(m, i, 0, a);
		arena_reset(a);
	}
	return m;
}

static struct buf leads[LEADS_KINDS];

static double decide_ns(uint32_t orders)
{
	struct arena a = {0};
	struct market *m = market_of(orders, &shared_memory, &a);
	struct buf out = {0};
	int64_t spent = 0;
	uint64_t n = 1, decided = 0;

	while (spent < TURN_NS && decided < LEADS_MAX) {
		int64_t from = bench_own_cpu_ns();

		for (int i = 0; i < LEADS_A_TURN; i++, n++, decided++) {
			(void)admit(m, n, &leads[n % LEADS_KINDS], &out, &a);
			arena_reset(&a);
		}
		spent += bench_own_cpu_ns() - from;
	}
	market_free(m);
	buf_free(&out);
	arena_free(&a);
	return (double)spent / (double)decided;
}

/* --- the floor --- */

/* A function of its own, at the beginning of a cache line: where else it stands in the program makes a third of what it costs. */
__attribute__((noinline, aligned(64))) static size_t scan(const struct plain_order *orders,
							  size_t count, const struct plain_lead *l)
{
	size_t best = count;
	int64_t price = 0;

	for (size_t i = 0; i < count; i++) {
		const struct plain_order *o = &orders[i];

		if (o->price_minor <= price || !(o->countries & l->country) ||
		    !(o->regions & l->region) || l->age < o->age_min || l->age > o->age_max ||
		    o->webmaster_not == l->webmaster || o->paused || o->taken >= o->cap)
			continue;
		best = i;
		price = o->price_minor;
	}
	return best;
}

/* What is read, as the scan compares it. */
static struct plain_lead plain_of(const Punnet__V1__Lead *l)
{
	struct plain_lead p = {.region = 1ull << atoi(l->region + strlen("region-")),
			       .webmaster = (uint32_t)atoi(l->aff_id + 1),
			       .age = (uint16_t)l->fields[0]->integer};

	for (uint32_t i = 0; i < COUNTRIES; i++)
		p.country |= (uint32_t)(strcmp(l->country, countries[i]) == 0) << i;
	return p;
}

/* The assignment alone. */
static void write_sale(const Punnet__V1__MarketEvent *event, int64_t price_minor, struct buf *out)
{
	Punnet__V1__RoutedLead routed = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__Assignment sale = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;

	price.amount_minor = price_minor;
	price.currency = (char *)"RUB";
	sale.order_id = (char *)"order-000000";
	sale.advertiser_id = (char *)"bank-1";
	sale.vertical = event->admitted->lead->vertical;
	sale.aff_id = event->admitted->lead->aff_id;
	sale.price = &price;
	routed.lead_id = event->lead_id;
	routed.source = event->source;
	routed.assignment = &sale;
	routed.lead = event->admitted->lead;
	routed.contact = event->admitted->contact;
	buf_reset(out);
	codec_pack(&routed.base, out);
}

static void scan_one(struct plain_order *orders, uint32_t count, const struct buf *packed,
		     struct buf *out, struct arena *a)
{
	const Punnet__V1__MarketEvent *event =
	    codec_unpack(a, &punnet__v1__market_event__descriptor, buf_slice(packed));
	struct plain_lead l = plain_of(event->admitted->lead);
	size_t best = scan(orders, count, &l);

	if (best < count) {
		orders[best].taken++;
		write_sale(event, orders[best].price_minor, out);
	}
	arena_reset(a);
}

static double scan_ns(uint32_t count)
{
	struct plain_order *orders = calloc(count, sizeof(*orders));
	struct arena a = {0};
	struct buf out = {0};
	uint32_t n = 0;
	double ns;

	if (!orders)
		bench_die("out of memory");
	for (uint32_t i = 0; i < count; i++)
		orders[i] = order_kind(i);
	BENCH_NS(&ns, scan_one(orders, count, &leads[n++ % LEADS_KINDS], &out, &a));
	free(orders);
	buf_free(&out);
	arena_free(&a);
	return ns;
}

/* --- memory and change --- */

static double heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd);
}

static void measure_orders(uint32_t count)
{
	struct arena a = {0};
	double before = heap_bytes(), seconds;
	struct market *m = market_of(count, NULL, &a);
	int64_t from;

	arena_free(&a);
	bench_figure("memory of an order, among 100,000", (heap_bytes() - before) / count, "bytes");
	from = bench_own_cpu_ns();
	for (uint32_t i = 0; i < CHANGES; i++) {
		put_order(m, i * 7919u % count, 1 + i % 5000, &a);
		arena_reset(&a);
	}
	seconds = (double)(bench_own_cpu_ns() - from) / 1e9;
	bench_figure("changes of orders, among 100,000", CHANGES / seconds, "changes/s");
	market_free(m);
	arena_free(&a);
}

static void measure_open_leads(void)
{
	struct arena a = {0};
	struct market *m = market_of(AMONG_ORDERS, NULL, &a);
	struct buf out = {0};
	double before = heap_bytes();
	uint64_t sold = 0;

	for (uint64_t n = 1; n <= OPEN_LEADS; n++) {
		sold += admit(m, n, &leads[n % LEADS_KINDS], &out, &a);
		arena_reset(&a);
	}
	arena_free(&a);
	buf_free(&out);
	if (sold == 0)
		bench_die("no lead was sold");
	bench_figure("memory of an open lead, its contact of 200 bytes included",
		     (heap_bytes() - before) / (double)sold, "bytes");
	market_free(m);
}

/* --- snapshots of a large market --- */

static void wait_for_child(struct snapshot_child *c, struct slice *ret_bytes, uint8_t *ret_hash)
{
	enum result r;

	while ((r = snapshot_child_poll(c, ret_bytes, ret_hash)) == RESULT_AGAIN)
		usleep(1000);
	if (r != RESULT_OK)
		bench_die("the snapshot's child came to no good end");
}

/* As after a start: the hash is looked at, then the state is made anew. */
static void read_back(struct slice bytes, const uint8_t *hash)
{
	uint8_t again[SNAPSHOT_HASH_LEN];
	int64_t from = bench_now_ns();
	const char *why = NULL;
	struct market *m;

	snapshot_hash(bytes, again);
	if (memcmp(again, hash, sizeof(again)) != 0)
		bench_die("the snapshot's hash does not fit");
	m = market_decode_in(bytes, 0, &shared_memory, &why);
	if (!m)
		bench_die("the snapshot can't be read: %s", why);
	bench_figure("snapshot of a large market, read back", (double)(bench_now_ns() - from) / 1e9,
		     "s");
	market_free(m);
}

static void measure_snapshots(void)
{
	struct arena a = {0};
	struct market *m = market_of(LARGE_ORDERS, &shared_memory, &a);
	struct buf out = {0};
	double longest_ms = 0, own_ms = 0, encoded_s = 0;

	for (uint64_t n = 1; market_open_leads(m) < LARGE_LEADS; n++) {
		(void)admit(m, n, &leads[n % LEADS_KINDS], &out, &a);
		arena_reset(&a);
	}
	for (int i = 0; i < STOPS; i++) {
		struct snapshot_child child = {0};
		int64_t from = bench_now_ns(), own_from = bench_own_cpu_ns();
		uint8_t hash[SNAPSHOT_HASH_LEN];
		struct slice bytes;

		if (!snapshot_child_start(&child, m))
			bench_die("no child can be made");
		longest_ms = MAX_OF(longest_ms, (double)(bench_now_ns() - from) / 1e6);
		own_ms = MAX_OF(own_ms, (double)(bench_own_cpu_ns() - own_from) / 1e6);
		wait_for_child(&child, &bytes, hash);
		encoded_s = (double)(bench_now_ns() - from) / 1e9;
		if (i == STOPS - 1)
			read_back(bytes, hash);
		snapshot_child_end(&child);
	}
	bench_figure("snapshot of a large market, decisions stand still", longest_ms, "ms");
	bench_figure("snapshot of a large market, CPU of that", own_ms, "ms");
	bench_figure("snapshot of a large market, encoded", encoded_s, "s");
	market_free(m);
	buf_free(&out);
	arena_free(&a);
}

/* orders: 0 = of all sizes. */
static void measure_decisions(int64_t orders)
{
	static const uint32_t sizes[] = {40, 1000, 10000, 100000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char name[64];

		if (orders != 0 && orders != sizes[i])
			continue;
		snprintf(name, sizeof(name), "decide among %u orders, read and written", sizes[i]);
		bench_figure_floor(name, decide_ns(sizes[i]), scan_ns(sizes[i]), "ns/lead");
	}
}

int main(int argc, char **argv)
{
	int64_t only = bench_option_int(argc, argv, "only", 0);
	struct arena a = {0};

	for (uint32_t i = 0; i < LEADS_KINDS; i++)
		pack_lead(i, &leads[i], &a);
	arena_free(&a);
	if (only == 0 || only == 1)
		measure_decisions(bench_option_int(argc, argv, "orders", 0));
	if (only == 0 || only == 2) {
		measure_orders(100000);
		measure_open_leads();
	}
	if (only == 0 || only == 3)
		measure_snapshots();
	for (size_t i = 0; i < LEADS_KINDS; i++)
		buf_free(&leads[i]);
	return 0;
}
