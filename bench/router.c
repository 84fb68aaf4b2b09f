/* bench-router: the deciding core by itself: one admitted lead in, one decision out, among 40, 1,000 and 10,000 orders of
 * one vertical. The event is unpacked beforehand and the decision is not packed: what is left is the fold. Leads stay
 * open, as they are until payout has settled them.
 *
 * The floor is a bare scan over an array of as many orders that compares country, caps and price and keeps the best. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "lead/codec.h"
#include "router/core/market.h"

#define T0           1790000000000LL
#define LEADS_A_TURN 200
#define TURN_NS      (500 * 1000 * 1000LL)
#define LEADS_MAX    200000 /* open at once: nothing settles them here */

static const char *const countries[] = {"RU", "KZ", "BY", "UZ", "AM"};

struct plain_order {
	int64_t price_minor;
	uint64_t taken, cap;
	uint32_t countries; /* a bit each */
	bool paused;
};

static uint64_t next_offset;

static void add_order(struct market *m, uint32_t n, struct arena *a)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Caps caps = PUNNET__V1__CAPS__INIT;
	char *wanted[] = {(char *)countries[n % 5], (char *)countries[n * 7 % 5]};
	struct decisions none = {0};

	terms.order_id = arena_printf(a, "order-%06u", n);
	terms.advertiser_id = arena_printf(a, "bank-%u", n % 50);
	terms.vertical = (char *)"credit_card";
	price.amount_minor = 40000 + n * 7919 % 60000;
	price.currency = (char *)"RUB";
	terms.price = &price;
	caps.day = 1000000000;
	terms.caps = &caps;
	terms.countries = wanted;
	terms.n_countries = n % 5 == n * 7 % 5 ? 1 : 2;
	terms.delivery_json = (char *)"{\"webhook\":{\"url\":\"https://bank.example.org/leads\"}}";
	changed.revision = 1;
	changed.terms = &terms;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	if (market_apply(m, &event, T0, next_offset++, a, &none) != MARKET_CHANGED)
		bench_die("order %u was not taken", n);
}

static void admit(struct market *m, uint64_t n, struct arena *a)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact contact = PUNNET__V1__SEALED_CONTACT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	static const uint8_t box[200];
	struct lead_id id = {0};
	struct decisions made = {0};

	memcpy(id.bytes, &n, sizeof(n));
	lead.vertical = (char *)"credit_card";
	lead.country = (char *)countries[n % 5];
	lead.aff_id = (char *)"w17";
	lead.city = (char *)"Samara";
	contact.key_day = 20000;
	contact.box = (ProtobufCBinaryData){.len = sizeof(box), .data = (uint8_t *)box};
	source.topic = (char *)"leads.judged";
	source.offset = n;
	admitted.lead = &lead;
	admitted.contact = &contact;
	event.lead_id = codec_lead_id(&id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	if (market_apply(m, &event, T0 + (int64_t)n, next_offset++, a, &made) != MARKET_CHANGED ||
	    made.count != 1 || !made.items[0].routed)
		bench_die("lead %llu was not routed", (unsigned long long)n);
}

static double decide_ns(uint32_t orders)
{
	struct market *m = market_new(0);
	struct arena a = {0};
	int64_t spent = 0;
	uint64_t n = 1, decided = 0;

	for (uint32_t i = 0; i < orders; i++)
		add_order(m, i, &a);
	arena_reset(&a);
	while (spent < TURN_NS && decided < LEADS_MAX) {
		int64_t from = bench_own_cpu_ns();

		for (int i = 0; i < LEADS_A_TURN; i++, n++, decided++) {
			admit(m, n, &a);
			arena_reset(&a);
		}
		spent += bench_own_cpu_ns() - from;
	}
	market_free(m);
	arena_free(&a);
	return (double)spent / (double)decided;
}

static size_t scan(const struct plain_order *orders, size_t count, uint32_t country)
{
	size_t best = count;

	for (size_t i = 0; i < count; i++) {
		const struct plain_order *o = &orders[i];

		if (o->paused || !(o->countries & country) || o->taken >= o->cap)
			continue;
		if (best == count || o->price_minor > orders[best].price_minor)
			best = i;
	}
	return best;
}

static double scan_ns(uint32_t count)
{
	struct plain_order *orders = calloc(count, sizeof(*orders));
	double ns;
	uint32_t n = 0;

	if (!orders)
		bench_die("out of memory");
	for (uint32_t i = 0; i < count; i++)
		orders[i] = (struct plain_order){.price_minor = 40000 + i * 7919 % 60000,
						 .cap = 1000000000,
						 .countries = 1u << i % 5 | 1u << i * 7 % 5};
	BENCH_NS(&ns, {
		size_t best = scan(orders, count, 1u << n++ % 5);

		BENCH_KEEP(best);
		if (best < count)
			orders[best].taken++;
	});
	free(orders);
	return ns;
}

int main(void)
{
	static const uint32_t sizes[] = {40, 1000, 10000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char name[64];

		snprintf(name, sizeof(name), "decide among %u orders", sizes[i]);
		bench_figure_floor(name, decide_ns(sizes[i]), scan_ns(sizes[i]), "ns/lead");
	}
	return 0;
}
