/* judge_decisions: the market's log is folded once more, undisturbed, by the router's core; what the routers wrote must be exactly that,
 * byte for byte, at every repeat, and so must every snapshot. Who won is worked out a second time, by model.c, which shares nothing with
 * the core. */
#include <sodium.h>
#include <string.h>

#include "base/hash.h"
#include "model.h"
#include "proto/leads_unsold.pb-c.h"
#include "proto/market_snapshots.pb-c.h"
#include "router/core/market.h"

#define EXPECTED_MAX 8192

struct assigned *assigned;
size_t assigned_count;

/* A decision that has to be there. */
struct expected {
	int32_t market;
	int64_t offset;
	uint32_t step;
	bool sold;
	struct slice bytes;
	int32_t to; /* partition of leads.routed or leads.unsold */
	bool seen;
};

static struct expected *expected;
static size_t expected_count;

/* --- folding --- */

/* How often it came to what. A first decision names why orders were not taken. */
static void count_decision(const struct decision *d, size_t step)
{
	const Punnet__V1__DecisionRecord *record =
	    d->routed ? d->routed->decision : d->unsold->decision;

	occurs(d->routed ? OCCURS_SOLD : OCCURS_UNSOLD);
	if (d->routed && step > 0)
		occurs(step > 1 ? OCCURS_SHARED_BY_THREE : OCCURS_SHARED);
	if (d->routed && step == 0 && record->round > 0)
		occurs(OCCURS_OFFERED_ON);
	if (d->unsold && strcmp(d->unsold->reason_code, "no_bid") == 0)
		occurs(OCCURS_NO_BID);
	for (size_t i = 0; i < record->n_candidates; i++)
		occurs_miss(record->candidates[i]->code);
}

static void expect(int32_t market, int64_t offset, const struct decision *d)
{
	const char *topic = d->routed ? "leads.routed" : "leads.unsold";
	const char *key = d->routed ? d->routed->assignment->order_id : d->unsold->lead->vertical;
	struct expected *e = &expected[expected_count++];
	struct buf bytes = {0};

	assert(expected_count < EXPECTED_MAX);
	codec_pack(d->routed ? &d->routed->base : &d->unsold->base, &bytes);
	*e = (struct expected){.market = market, .offset = offset, .sold = d->routed != NULL};
	e->step = d->routed ? d->routed->source->step : d->unsold->source->step;
	e->bytes = buf_slice(&bytes);
	e->to = hash_partition(slice_cstr(key), log_partitions(topic));
}

static bool compare_snapshots(const struct market *m, int32_t p, int64_t offset)
{
	struct buf bytes = {.max = MARKET_ENCODED_MAX_BYTES};
	uint8_t hash[32];
	bool encoded = false, fine = true;

	for (int32_t s = 0; s < log_partitions("market.snapshots"); s++) {
		const struct partition_log *log = log_of("market.snapshots", s);

		for (size_t i = 0; i < log->count && fine; i++) {
			const Punnet__V1__SnapshotChunk *c;

			if (log->records[i].value.len == 0)
				continue;
			c = log_unpack(&log->records[i], &punnet__v1__snapshot_chunk__descriptor);
			if (c->partition != (uint32_t)p || (int64_t)c->market_offset != offset)
				continue;
			if (!encoded) {
				market_encode(m, &bytes);
				crypto_generichash(hash, sizeof(hash), (const uint8_t *)bytes.data,
						   bytes.len, NULL, 0);
				encoded = true;
			}
			fine =
			    slice_equal(codec_bytes(c->state_hash), slice_of(hash, sizeof(hash)));
		}
	}
	buf_free(&bytes);
	return fine ||
	       fault("the snapshot of market/%d at %lld holds another state", p, (long long)offset);
}

/* Offsets of which there is a snapshot, of any partition: few, and asked for at every record. */
static bool snapshot_at[EXPECTED_MAX];

static void find_snapshots(int32_t p)
{
	memset(snapshot_at, 0, sizeof(snapshot_at));
	for (int32_t s = 0; s < log_partitions("market.snapshots"); s++) {
		const struct partition_log *log = log_of("market.snapshots", s);

		for (size_t i = 0; i < log->count; i++) {
			const Punnet__V1__SnapshotChunk *c;

			if (log->records[i].value.len == 0)
				continue;
			c = log_unpack(&log->records[i], &punnet__v1__snapshot_chunk__descriptor);
			if (c->partition == (uint32_t)p && c->market_offset < EXPECTED_MAX)
				snapshot_at[c->market_offset] = true;
		}
	}
}

/* Planted bugs that stand for such in the core: the judge's core has them, too, and only the model can find them. */
static const Punnet__V1__MarketEvent *as_the_core_hears(const struct bus_record *r)
{
	Punnet__V1__MarketEvent *e = log_unpack(r, &punnet__v1__market_event__descriptor);

	if (!sim.planted)
		return e;
	if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED &&
	    strcmp(sim.planted, "bids_ignored") == 0)
		e->admitted->n_bids = 0;
	if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_RATE &&
	    strcmp(sim.planted, "margin_ignored") == 0)
		e->rate->margin_floor_minor = 0;
	if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_LOWERED &&
	    strcmp(sim.planted, "lowered_ignored") == 0)
		e->lowered->lower_bp = 0;
	return e;
}

static bool fold(int32_t p)
{
	const struct partition_log *log = log_of("market", p);
	struct market *m = market_new((uint32_t)p);
	struct model model;
	bool fine = true;

	find_snapshots(p);
	model_start(&model, p);
	for (size_t i = 0; i < log->count && fine; i++) {
		const struct bus_record *r = &log->records[i];
		const Punnet__V1__MarketEvent *e =
		    log_unpack(r, &punnet__v1__market_event__descriptor);
		struct decisions decisions;

		if (market_apply(m, as_the_core_hears(r), r->timestamp_ms, (uint64_t)r->offset,
				 &judge_arena, &decisions) == MARKET_MALFORMED)
			fine = fault("market/%d at %lld makes no sense", p, (long long)r->offset);
		for (size_t k = 0; k < decisions.count; k++) {
			count_decision(&decisions.items[k], k);
			expect(p, r->offset, &decisions.items[k]);
		}
		if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED)
			occurs_settled((int)e->settled->settlement);
		fine = fine && model_agrees(&model, r, e, &decisions);
		if (fine && snapshot_at[r->offset])
			fine = compare_snapshots(m, p, r->offset);
	}
	market_free(m);
	return fine && model_ended(&model);
}

/* --- comparing --- */

static struct expected *find(const Punnet__V1__Provenance *s, bool sold)
{
	for (size_t i = 0; i < expected_count; i++) {
		struct expected *e = &expected[i];

		if (e->market == (int32_t)s->partition && e->offset == (int64_t)s->offset &&
		    e->step == s->step && e->sold == sold)
			return e;
	}
	return NULL;
}

static void keep(const struct bus_record *r)
{
	const Punnet__V1__RoutedLead *m = log_unpack(r, &punnet__v1__routed_lead__descriptor);
	struct assigned *a = &assigned[assigned_count++];

	*a = (struct assigned){.routed = m, .partition = r->partition, .offset = r->offset};
	if (!lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &a->id))
		abort();
}

static const Punnet__V1__Provenance *source_of(const struct bus_record *r, bool sold)
{
	if (sold)
		return ((const Punnet__V1__RoutedLead *)log_unpack(
			    r, &punnet__v1__routed_lead__descriptor))
		    ->source;
	return ((const Punnet__V1__UnsoldLead *)log_unpack(r, &punnet__v1__unsold_lead__descriptor))
	    ->source;
}

static bool compare_partition(const char *topic, int32_t p, bool sold)
{
	const struct partition_log *log = log_of(topic, p);
	struct marks marks = {.count = 0};

	for (size_t i = 0; i < log->count; i++) {
		const struct bus_record *r = &log->records[i];
		const Punnet__V1__Provenance *s = source_of(r, sold);
		struct expected *e = s && strcmp(s->topic, "market") == 0 ? find(s, sold) : NULL;

		if (!e || e->to != p)
			return fault("%s/%d at %lld is no decision of the market's log", topic, p,
				     (long long)r->offset);
		if (!slice_equal(e->bytes, r->value))
			return fault("%s/%d at %lld is another decision than the undisturbed one "
				     "about market/%d at %lld",
				     topic, p, (long long)r->offset, e->market,
				     (long long)e->offset);
		if (!marks_pass(&marks, s)) {
			occurs(OCCURS_WRITTEN_AGAIN);
			continue;
		}
		if (e->seen)
			return fault("%s/%d at %lld was decided before", topic, p,
				     (long long)r->offset);
		e->seen = true;
		if (sold)
			keep(r);
	}
	return true;
}

const struct assigned *assigned_find(const struct lead_id *id, uint32_t round)
{
	for (size_t i = 0; i < assigned_count; i++)
		if (assigned[i].routed->assignment->round == round &&
		    lead_id_equal(&assigned[i].id, id))
			return &assigned[i];
	return NULL;
}

bool judge_decisions(void)
{
	expected = arena_calloc(&judge_arena, EXPECTED_MAX, sizeof(*expected));
	for (int32_t p = 0; p < WORLD_VERTICALS; p++)
		if (!fold(p))
			return false;
	assigned = arena_calloc(&judge_arena, expected_count + 1, sizeof(*assigned));
	for (int32_t p = 0; p < log_partitions("leads.routed"); p++)
		if (!compare_partition("leads.routed", p, true))
			return false;
	for (int32_t p = 0; p < log_partitions("leads.unsold"); p++)
		if (!compare_partition("leads.unsold", p, false))
			return false;
	for (size_t i = 0; i < expected_count; i++)
		if (!expected[i].seen)
			return fault("the decision about market/%d at %lld is missing, or came "
				     "after a later one",
				     expected[i].market, (long long)expected[i].offset);
	return true;
}
