/* bidders: in some worlds leads come to the market with bids, amounts order by order. No service writes any yet; here they are put into
 * admit's record on its way to the log, where live bidding will stand. What is bid hangs on the lead alone, so that a record that is
 * written again after a crash has the same bids. */
#include "bidders.h"

#include <stdio.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "proto/market.pb-c.h"
#include "world.h"

#define BID_STEP_MINOR 2500
#define BID_STEPS      24
#define ID_MAX         24

struct drawn {
	Punnet__V1__Bid bids[WORLD_ORDERS], *list[WORLD_ORDERS];
	char ids[WORLD_ORDERS][ID_MAX];
	size_t count;
};

static bool is_bid_on(uint64_t die)
{
	return hash_mix(sim.seed ^ 0x62696473ULL) % 10 < 3 && die % 10 < 4;
}

/* Some bid so little that nothing would be left of it for the webmaster, some less than the network keeps. */
static int64_t amount_of(uint64_t die)
{
	return die % 8 == 0 ? 1 : BID_STEP_MINOR * (1 + (int64_t)(die / 8 % BID_STEPS));
}

static void add(struct drawn *d, int order, uint64_t die)
{
	Punnet__V1__Bid *bid = &d->bids[d->count];

	punnet__v1__bid__init(bid);
	(void)snprintf(d->ids[d->count], ID_MAX, "order-%d", order);
	bid->order_id = d->ids[d->count];
	bid->amount_minor = amount_of(die);
	d->list[d->count++] = bid;
}

/* Each order of the market bids for two leads of three; where none would, somebody bids for an order that nobody knows. */
static void draw(struct drawn *d, int32_t partition, uint64_t die)
{
	for (int i = partition; i < WORLD_ORDERS; i += WORLD_VERTICALS) {
		uint64_t own = hash_mix(die + (uint64_t)i);

		if (own % 3 > 0)
			add(d, i, own / 3);
	}
	if (d->count == 0)
		add(d, WORLD_ORDERS, 0);
}

bool bidders_bid(int32_t partition, struct slice market_event, struct buf *out)
{
	_cleanup_(arena_free) struct arena a = {0};
	Punnet__V1__MarketEvent *e =
	    codec_unpack(&a, &punnet__v1__market_event__descriptor, market_event);
	struct drawn d = {.count = 0};
	uint64_t die;

	if (!e || e->event_case != PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED)
		return false;
	die = hash_mix(hash_fnv1a(sim.seed ^ 0x626964ULL, codec_bytes(e->lead_id)));
	if (!is_bid_on(die))
		return false;
	draw(&d, partition, die);
	e->admitted->bids = d.list;
	e->admitted->n_bids = d.count;
	codec_pack(&e->base, out);
	return true;
}
