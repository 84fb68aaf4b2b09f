/* setup: the topics, who is in the directory, and what is bought: a handful of orders, small enough that their caps bite. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "lead/codec.h"
#include "proto/directory.pb-c.h"
#include "runtime/bus_memory.h"
#include "setup.h"
#include "world.h"

static const struct bus_topic_spec topics[] = {
    {.name = "leads.raw", .partitions = 2},
    {.name = "leads.judged", .partitions = 2},
    {.name = "market", .partitions = WORLD_VERTICALS},
    {.name = "leads.routed", .partitions = 2},
    {.name = "leads.unsold", .partitions = 1},
    {.name = "leads.attempts", .partitions = 2},
    {.name = "leads.outcomes", .partitions = 2},
    {.name = "market.snapshots", .partitions = 2},
    {.name = "orders.progress", .partitions = 1},
    {.name = "webmasters.verdicts", .partitions = 1},
    {.name = "directory", .partitions = 1},
    {.name = "dead.letters", .partitions = 1},
    {.name = "status.events", .partitions = 1},
    {.name = "status.attempts", .partitions = 1},
    {.name = "audit.findings", .partitions = 1},
    {.name = "status.replays", .partitions = 1},
};

const struct bus_topic_spec *setup_topic(size_t i)
{
	return i < ARRAY_LEN(topics) ? &topics[i] : NULL;
}

void setup_topics(void)
{
	size_t created;

	if (bus_topics_apply(sim.log, topics, ARRAY_LEN(topics), 0, &created, NULL) != RESULT_OK)
		abort();
}

static void put(const char *topic, int32_t partition, const char *key, const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf bytes = {0};

	codec_pack(m, &bytes);
	sim_append(topic, partition, slice_cstr(key), codec_type(m->descriptor), buf_slice(&bytes),
		   NULL);
}

/* --- directory --- */

static ProtobufCBinaryData hash_of(const char *key, uint8_t room[32])
{
	crypto_generichash(room, 32, (const uint8_t *)key, strlen(key), NULL, 0);
	return (ProtobufCBinaryData){.len = 32, .data = room};
}

static void put_entry(Punnet__V1__DirectoryEntry *e)
{
	e->revision = 1;
	put("directory", 0, e->id, &e->base);
}

static void put_webmaster(void)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Webmaster w = PUNNET__V1__WEBMASTER__INIT;
	Punnet__V1__ApiKey key = PUNNET__V1__API_KEY__INIT, *keys[] = {&key};
	uint8_t room[32];

	key.key_hash = hash_of(WEBMASTER_KEY, room);
	w.keys = keys;
	w.n_keys = 1;
	w.default_country = (char *)"RU";
	e.id = (char *)"webmaster/w1";
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER;
	e.webmaster = &w;
	put_entry(&e);
}

static void put_advertiser(int i)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Advertiser a = PUNNET__V1__ADVERTISER__INIT;
	Punnet__V1__ApiKey key = PUNNET__V1__API_KEY__INIT, *keys[] = {&key};
	char id[64], text[64];
	uint8_t room[32];

	(void)snprintf(text, sizeof(text), ADVERTISER_KEY, i);
	(void)snprintf(id, sizeof(id), "advertiser/%s", advertiser_ids[i]);
	key.key_hash = hash_of(text, room);
	a.keys = keys;
	a.n_keys = 1;
	e.id = id;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	e.advertiser = &a;
	put_entry(&e);
}

const char *const setup_verticals[WORLD_VERTICALS] = {"cards", "loans"};

static void put_vertical(int i)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Vertical v = PUNNET__V1__VERTICAL__INIT;
	char id[64];

	(void)snprintf(id, sizeof(id), "vertical/%s", setup_verticals[i]);
	v.market_partition = (uint32_t)i;
	v.currency = (char *)"RUB";
	v.payout_share_bp = 7000;
	e.id = id;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL;
	e.vertical = &v;
	put_entry(&e);
}

void setup_directory(void)
{
	put_webmaster();
	for (int i = 0; i < SIM_ADVERTISERS; i++)
		put_advertiser(i);
	for (int i = 0; i < WORLD_VERTICALS; i++)
		put_vertical(i);
}

/* --- orders --- */

#define LOWERED_WORLDS     4000 /* of 10,000 */
#define LOWERINGS_MOST     4
#define BUYER_WAIT_MOST_MS 12000
#define MARGIN_MOST        9000
#define PACED_UNTIL_MS     (MS_PER_DAY / 2)

struct order_state {
	int vertical, advertiser;
	int64_t price_minor;
	int32_t priority;
	uint64_t total, hour, day, week, month; /* caps; 0 = none */
	uint64_t webmaster_day, webmaster_total;
	uint64_t quantity; /* by the end of the day; 0 = not paced */
	int64_t budget_day_minor, budget_total_minor;
	uint32_t share; /* with so many; 0 = alone */
	int not_with;   /* an advertiser; -1 = none */
	bool only_ru, paused;
	uint64_t revision;
};

static struct order_state orders[WORLD_ORDERS];

static void put_event(int partition, const char *key, Punnet__V1__MarketEvent *event)
{
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)"operator";
	event->source = &source;
	put("market", partition, key, &event->base);
}

static void put_order(int i)
{
	const struct order_state *o = &orders[i];
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Caps caps = PUNNET__V1__CAPS__INIT;
	Punnet__V1__Budget budget = PUNNET__V1__BUDGET__INIT;
	char *countries[] = {(char *)"RU"}, *not_with[1];
	char id[16], delivery[160];

	(void)snprintf(id, sizeof(id), "order-%d", i);
	(void)snprintf(delivery, sizeof(delivery),
		       "{\"webhook\":{\"url\":\"http://%s.example/leads\",\"timeout_ms\":800}}",
		       advertiser_ids[o->advertiser]);
	price.amount_minor = o->price_minor;
	price.currency = (char *)"RUB";
	caps.total = o->total;
	caps.hour = o->hour;
	caps.day = o->day;
	caps.week = o->week;
	caps.month = o->month;
	caps.webmaster_day = o->webmaster_day;
	caps.webmaster_total = o->webmaster_total;
	terms.quantity = o->quantity;
	if (o->quantity > 0)
		terms.until_ms = SIM_BASE_MS + PACED_UNTIL_MS;
	budget.day_minor = o->budget_day_minor;
	budget.total_minor = o->budget_total_minor;
	terms.order_id = id;
	terms.advertiser_id = (char *)advertiser_ids[o->advertiser];
	terms.vertical = (char *)setup_verticals[o->vertical];
	terms.price = &price;
	terms.caps = &caps;
	terms.budget = &budget;
	terms.priority = o->priority;
	terms.paused = o->paused;
	terms.delivery_json = delivery;
	if (o->share > 0) {
		terms.sharing = PUNNET__V1__SHARING__SHARED;
		terms.share_limit = o->share;
		terms.n_not_with = o->not_with >= 0;
		not_with[0] = (char *)advertiser_ids[MAX_OF(o->not_with, 0)];
		terms.not_with = not_with;
	}
	terms.countries = countries;
	terms.n_countries = o->only_ru;
	changed.revision = o->revision;
	changed.terms = &terms;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	put_event(o->vertical, id, &event);
}

/* In some worlds leads wait for a buyer, in one market or in both. */
static void put_card(struct rng *r, int i)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__RateChanged card = PUNNET__V1__RATE_CHANGED__INIT;

	card.vertical = (char *)setup_verticals[i];
	card.payout_share_bp = 7000;
	if (rng_chance(r, 3000))
		card.buyer_wait_ms = 1000 + (int64_t)rng_below(r, BUYER_WAIT_MOST_MS);
	if (rng_chance(r, 3000))
		card.margin_floor_minor = 1000 * (int64_t)rng_below(r, MARGIN_MOST / 1000);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = &card;
	put_event(i, setup_verticals[i], &event);
}

/* Some advertisers have paid in so much, and have so much credit, for what they buy in a market. */
static void put_funds(struct rng *r, int market, int advertiser)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;

	funds.advertiser_id = (char *)advertiser_ids[advertiser];
	funds.currency = (char *)"RUB";
	funds.paid_in_minor = 20000 * (int64_t)rng_below(r, 8);
	funds.credit_minor = 20000 * (int64_t)rng_below(r, 3);
	funds.revision = 1;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_FUNDS;
	event.funds = &funds;
	put_event(market, funds.advertiser_id, &event);
}

/* A rule about an advertiser's scorecard lowers it in a market for a while, or says that this is over. */
struct lowering {
	int market, advertiser;
	uint32_t bp;
	int64_t for_ms; /* 0 = it is over */
};

static void on_lowering(void *ctx)
{
	struct lowering *l = ctx;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__AdvertiserLowered lowered = PUNNET__V1__ADVERTISER_LOWERED__INIT;

	lowered.advertiser_id = (char *)advertiser_ids[l->advertiser];
	lowered.lower_bp = l->bp;
	if (l->for_ms > 0)
		lowered.until_ms = SIM_BASE_MS + sim.now_us / US_PER_MS + l->for_ms;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_LOWERED;
	event.lowered = &lowered;
	put_event(l->market, lowered.advertiser_id, &event);
	free(l);
}

static void plan_lowerings(int64_t span_us)
{
	struct rng r = rng_seed(sim.seed ^ 0x6c6f776572ULL);
	uint64_t count = rng_chance(&r, LOWERED_WORLDS) ? 1 + rng_below(&r, LOWERINGS_MOST) : 0;

	while (count-- > 0) {
		struct lowering *l = malloc(sizeof(*l));

		assert(l);
		*l = (struct lowering){.market = (int)rng_below(&r, WORLD_VERTICALS),
				       .advertiser = (int)rng_below(&r, SIM_ADVERTISERS),
				       .bp = 500 + (uint32_t)rng_below(&r, 8501)};
		if (rng_chance(&r, 8000))
			l->for_ms = 1 + (int64_t)rng_below(&r, (uint64_t)(span_us / US_PER_MS));
		sim_at((int64_t)rng_below(&r, (uint64_t)span_us), NULL, on_lowering, l);
	}
}

/* The operator changes his mind. The revision is drawn when the plan is made, so that two changes may come the wrong way round: the
 * older one is then ignored. */
struct change {
	int order;
	uint64_t revision;
	uint32_t what;
};

static void on_change(void *ctx)
{
	struct change *c = ctx;
	struct order_state *o = &orders[c->order];

	o->revision = c->revision;
	switch (c->what % 4) {
	case 0:
		o->paused = !o->paused;
		break;
	case 1:
		o->price_minor += 1000 * (int64_t)(c->what / 4 % 21) - 10000;
		o->price_minor = MAX_OF(o->price_minor, 1000); /* no order pays nothing */
		break;
	case 2:
		o->total += c->what / 4 % 4;
		break;
	default:
		o->hour = 1 + c->what / 4 % 6;
	}
	put_order(c->order);
	free(c);
}

static uint64_t draw_cap(struct rng *r, uint32_t per_10000, uint64_t most)
{
	return rng_chance(r, per_10000) ? 1 + rng_below(r, most) : 0;
}

/* Caps by other clocks, and in one market of a world orders with a quantity by a deadline. */
static void draw_limits(struct rng *r, struct order_state *o, int paced)
{
	o->day = draw_cap(r, 1200, 5);
	o->week = draw_cap(r, 800, 5);
	o->month = draw_cap(r, 800, 5);
	o->webmaster_day = draw_cap(r, 800, 5);
	o->webmaster_total = draw_cap(r, 800, 5);
	if (o->vertical == paced)
		o->quantity = draw_cap(r, 6000, 12);
}

void setup_orders(int64_t span_us)
{
	struct rng r = rng_seed(sim.seed ^ 0x6f7264657273ULL);
	struct rng waits = rng_seed(sim.seed ^ 0x7761697473ULL);
	struct rng limits = rng_seed(sim.seed ^ 0x6c696d697473ULL);
	bool sharers = rng_chance(&r, 1000); /* a world where most share */
	int paced = rng_chance(&limits, 2000) ? (int)rng_below(&limits, WORLD_VERTICALS) : -1;

	for (int i = 0; i < WORLD_VERTICALS; i++)
		put_card(&waits, i);
	for (int i = 0; i < WORLD_VERTICALS * SIM_ADVERTISERS; i++)
		if (rng_chance(&r, 1500))
			put_funds(&r, i % WORLD_VERTICALS, i / WORLD_VERTICALS);
	for (int i = 0; i < WORLD_ORDERS; i++) {
		orders[i] = (struct order_state){
		    .vertical = i % WORLD_VERTICALS,
		    .advertiser = (int)rng_below(&r, SIM_ADVERTISERS),
		    .price_minor = 20000 + 5000 * (int64_t)rng_below(&r, 6),
		    .priority = (int32_t)rng_below(&r, 2),
		    .total = rng_chance(&r, 6000) ? 1 + rng_below(&r, 6) : 0,
		    .hour = rng_chance(&r, 4000) ? 1 + rng_below(&r, 5) : 0,
		    .only_ru = rng_chance(&r, 3000),
		    .budget_day_minor =
			rng_chance(&r, 1500) ? 20000 + 10000 * (int64_t)rng_below(&r, 12) : 0,
		    .budget_total_minor =
			rng_chance(&r, 1500) ? 20000 + 10000 * (int64_t)rng_below(&r, 12) : 0,
		    .share =
			rng_chance(&r, sharers ? 9000 : 4000) ? 2 + (uint32_t)rng_below(&r, 3) : 0,
		    .not_with = rng_chance(&r, 3000) ? (int)rng_below(&r, SIM_ADVERTISERS) : -1,
		    .revision = 1,
		};
		draw_limits(&limits, &orders[i], paced);
		put_order(i);
	}
	plan_lowerings(span_us);
	for (uint64_t i = rng_below(&r, 6); i > 0; i--) {
		struct change *c = malloc(sizeof(*c));

		assert(c);
		*c = (struct change){.order = (int)rng_below(&r, WORLD_ORDERS),
				     .revision = 1 + i,
				     .what = (uint32_t)rng_next(&r)};
		sim_at((int64_t)rng_below(&r, (uint64_t)span_us), NULL, on_change, c);
	}
}
