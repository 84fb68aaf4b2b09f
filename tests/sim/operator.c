/* operator: who looks through the leads in quarantine. He sees each on the market, and after a while lets it go or rejects it; some are
 * decided twice, by two of them, and some by nobody, so that their time runs out. */
#include <stdlib.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "proto/market.pb-c.h"
#include "world.h"

#define LEAST_US (500 * US_PER_MS)
#define MOST_US  (15000 * US_PER_MS)

struct word {
	struct lead_id id;
	int32_t partition;
	bool release;
};

static void say(void *ctx)
{
	struct word *w = ctx;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__QuarantineEnded ended = PUNNET__V1__QUARANTINE_ENDED__INIT;
	_cleanup_(buf_free) struct buf bytes = {0};

	source.topic = (char *)"operator";
	ended.release = w->release;
	ended.who = (char *)"sim";
	event.lead_id = codec_lead_id(&w->id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE;
	event.quarantine = &ended;
	codec_pack(&event.base, &bytes);
	sim_append("market", w->partition, slice_of(w->id.bytes, sizeof(w->id.bytes)),
		   codec_type(event.base.descriptor), buf_slice(&bytes), NULL);
	free(w);
}

static void decide(const struct lead_id *id, int32_t partition, bool release, uint64_t die)
{
	struct word *w = malloc(sizeof(*w));

	assert(w);
	*w = (struct word){.id = *id, .partition = partition, .release = release};
	sim_at(sim.now_us + LEAST_US + (int64_t)(die % (MOST_US - LEAST_US)), NULL, say, w);
}

/* What he does hangs on the lead alone, so that it is the same whoever else is left out. */
static void plan(int32_t partition, const Punnet__V1__MarketEvent *e)
{
	struct lead_id id;
	uint64_t die;

	if (e->admitted->quarantined_until_ms == 0 ||
	    !lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &id))
		return;
	die = hash_mix(hash_fnv1a(sim.seed, codec_bytes(e->lead_id)));
	switch (die % 10) {
	case 0: /* nobody has time */
		return;
	case 1:
		decide(&id, partition, true, die >> 8);
		decide(&id, partition, false, die >> 32);
		return;
	case 2:
	case 3:
	case 4:
		decide(&id, partition, false, die >> 8);
		return;
	default:
		decide(&id, partition, true, die >> 8);
	}
}

bool operator_looks(int32_t partition, struct slice market_event)
{
	_cleanup_(arena_free) struct arena a = {0};
	const Punnet__V1__MarketEvent *e =
	    codec_unpack(&a, &punnet__v1__market_event__descriptor, market_event);

	if (!e) /* nobody can read it */
		return true;
	if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE)
		sim.begun_us = sim.now_us;
	if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED)
		plan(partition, e);
	return e->event_case != PUNNET__V1__MARKET_EVENT__EVENT_DUE &&
	       !(e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE &&
		 e->quarantine->expired);
}
