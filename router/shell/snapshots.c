/* snapshots: the state of a market to market.snapshots, in chunks of a compacted topic.
 *
 * A snapshot at offset s is encoded from the state as it is at s: a small one at once, a large one by a child process that has the
 * state of that moment (snapshot_child.h). It is held until the decisions of all records up to s are acknowledged: a state must never be
 * found that is ahead of its own decisions. When all of its chunks are
 * acknowledged, generations older than the newest two get tombstones. Two routers at the same offset write the same
 * bytes under the same keys. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "decide.h"
#include "proto/market_snapshots.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define CHUNKS_IN_FLIGHT_MAX 4 /* a snapshot must not crowd decisions out of the producer's queue */
#define GENERATIONS_KEPT     2
#define SMALL_CHUNK_BYTES    2048

struct slice snapshot_key(char ret[64], int32_t partition, uint64_t offset, uint32_t chunk)
{
	int len = snprintf(ret, 64, "%" PRId32 "/%" PRIu64 "/%" PRIu32, partition, offset, chunk);

	return slice_of(ret, (size_t)len);
}

int32_t snapshot_partition(struct part *p)
{
	struct router *r = p->stage->router;
	int32_t n = bus_partitions(r->bus, "market.snapshots", ROUTER_TOPIC_WAIT_MS);

	if (n <= 0)
		service_die(r->service, "market.snapshots: its partitions can't be learned");
	return p->partition % n;
}

/* Small states come in several chunks only where a test wants torn ones. */
static size_t chunk_bytes(void)
{
	return fault_on("small_chunks") ? SMALL_CHUNK_BYTES : SNAPSHOT_CHUNK_BYTES;
}

void snapshot_drop(struct decide *d)
{
	snapshot_child_end(&d->snapshot.child);
	buf_free(&d->snapshot.own);
	d->snapshot = (struct snapshot){0};
}

static bool due(const struct part *p, int64_t now_ms)
{
	const struct decide *d = p->state;
	const struct router *r = p->stage->router;

	/* Where nothing was folded, the last one still holds. */
	if (d->snapshot.under_way || d->folded <= d->snapshot_at)
		return false;
	if (d->generation_count == SNAPSHOT_GENERATIONS_MAX)
		return false;
	return now_ms - d->snapshot_ms >= r->snapshot_every_ms ||
	       d->folded - d->snapshot_at >= r->snapshot_events;
}

static void encoded(struct part *p)
{
	struct decide *d = p->state;
	struct snapshot *s = &d->snapshot;

	s->encoded = true;
	s->chunks = (uint32_t)((s->bytes.len + chunk_bytes() - 1) / chunk_bytes());
	metric_observe_us(METRIC_ROUTER_SNAPSHOT_TIME, clock_monotonic_us() - s->began_us);
	metric_set(METRIC_ROUTER_SNAPSHOT_BYTES, (int64_t)s->bytes.len);
	fault_point("snapshot_taken");
}

static void not_encoded(struct part *p)
{
	struct decide *d = p->state;

	log_error("snapshot_not_encoded", LOG_INT("partition", p->partition),
		  LOG_INT("offset", d->snapshot.offset),
		  LOG_INT("bytes_max", MARKET_ENCODED_MAX_BYTES));
	snapshot_drop(d);
}

static void encode_here(struct part *p)
{
	struct decide *d = p->state;
	struct snapshot *s = &d->snapshot;

	s->own.max = MARKET_ENCODED_MAX_BYTES;
	market_encode(d->market, &s->own);
	if (s->own.failed) {
		not_encoded(p);
		return;
	}
	s->bytes = buf_slice(&s->own);
	snapshot_hash(s->bytes, s->hash);
	encoded(p);
}

static bool is_small(const struct part *p)
{
	const struct decide *d = p->state;

	return market_orders(d->market) + market_open_leads(d->market) <=
	       p->stage->router->snapshot_in_place;
}

static void snapshot_take(struct part *p, int64_t now_ms)
{
	struct decide *d = p->state;
	struct snapshot *s = &d->snapshot;
	bool small = is_small(p);

	d->snapshot_ms = now_ms;
	d->snapshot_at = d->folded;
	s->under_way = true;
	s->offset = (uint64_t)d->folded;
	s->began_us = clock_monotonic_us();
	if (!small && !snapshot_child_start(&s->child, d->market)) {
		log_warn("snapshot_without_child", LOG_INT("partition", p->partition),
			 LOG_STR("reason", strerror(errno)));
		small = true;
	}
	if (small)
		encode_here(p);
	metric_observe_us(METRIC_ROUTER_SNAPSHOT_STOP, clock_monotonic_us() - s->began_us);
}

/* What the child has made, if it has ended. */
static void child_turn(struct part *p)
{
	struct decide *d = p->state;
	struct snapshot *s = &d->snapshot;

	switch (snapshot_child_poll(&s->child, &s->bytes, s->hash)) {
	case RESULT_OK:
		encoded(p);
		return;
	case RESULT_AGAIN:
		return;
	default:
		not_encoded(p);
	}
}

static void on_chunk_acknowledged(struct part *p, uint64_t offset)
{
	struct decide *d = p->state;

	if (d->snapshot.under_way && d->snapshot.offset == offset)
		d->snapshot.acknowledged++;
}

static void send_chunk(struct part *p, struct snapshot *s)
{
	Punnet__V1__SnapshotChunk chunk = PUNNET__V1__SNAPSHOT_CHUNK__INIT;
	size_t at = (size_t)s->sent * chunk_bytes();
	char key[64];

	chunk.partition = (uint32_t)p->partition;
	chunk.market_offset = s->offset;
	chunk.chunk = s->sent;
	chunk.chunks = s->chunks;
	chunk.format = MARKET_FORMAT;
	chunk.state_hash = (ProtobufCBinaryData){.len = sizeof(s->hash), .data = s->hash};
	chunk.data = (ProtobufCBinaryData){.len = MIN_OF(s->bytes.len - at, chunk_bytes()),
					   .data = (uint8_t *)s->bytes.data + at};
	part_send(p, "market.snapshots", snapshot_partition(p),
		  snapshot_key(key, p->partition, s->offset, s->sent), &chunk.base,
		  on_chunk_acknowledged, s->offset);
	s->sent++;
}

static void bury(struct part *p, const struct generation *g)
{
	for (uint32_t i = 0; i < g->chunks; i++) {
		char key[64];

		part_send(p, "market.snapshots", snapshot_partition(p),
			  snapshot_key(key, p->partition, g->offset, i), NULL, NULL, 0);
	}
}

static void generation_remove(struct decide *d, size_t i)
{
	d->generation_count--;
	memmove(&d->generations[i], &d->generations[i + 1],
		(d->generation_count - i) * sizeof(d->generations[0]));
}

static void finish(struct part *p)
{
	struct decide *d = p->state;
	struct snapshot *s = &d->snapshot;

	fault_point("snapshot_written");
	metric_add(METRIC_ROUTER_SNAPSHOTS, 1);
	log_debug("snapshot_written", LOG_INT("partition", p->partition),
		  LOG_INT("offset", s->offset), LOG_INT("bytes", s->bytes.len));
	for (size_t i = d->generation_count; i > 0; i--) {
		if (d->generations[i - 1].offset == s->offset)
			generation_remove(d, i - 1);
	}
	assert(d->generation_count < SNAPSHOT_GENERATIONS_MAX);
	d->generations[d->generation_count++] =
	    (struct generation){.offset = s->offset, .chunks = s->chunks, .whole = true};
	d->wrote = true;
	snapshot_drop(d);
}

/* At most one generation a turn: first what was left half-written, then the oldest whole one past the two that stay. */
static void clear_away(struct part *p)
{
	struct decide *d = p->state;
	size_t whole = 0, oldest = d->generation_count;

	if (!d->wrote ||
	    bus_producer_in_flight(p->stage->router->producer) > ROUTER_IN_FLIGHT_MAX / 2)
		return;
	for (size_t i = d->generation_count; i > 0; i--) {
		if (!d->generations[i - 1].whole) {
			bury(p, &d->generations[i - 1]);
			generation_remove(d, i - 1);
			return;
		}
		whole++;
		oldest = i - 1;
	}
	if (whole <= GENERATIONS_KEPT)
		return;
	bury(p, &d->generations[oldest]);
	generation_remove(d, oldest);
}

void snapshot_turn(struct part *p)
{
	struct decide *d = p->state;
	struct snapshot *s = &d->snapshot;
	int64_t now_ms = clock_monotonic_ms();

	/* Clearing comes first: where a snapshot takes longer than snapshot_every, the next one is due at once. */
	if (!s->under_way)
		clear_away(p);
	if (due(p, now_ms))
		snapshot_take(p, now_ms);
	if (s->under_way && !s->encoded)
		child_turn(p);
	if (!s->encoded || (progress_committable(p->progress) <= (int64_t)s->offset &&
			    !fault_on("snapshot_early")))
		return;
	while (s->sent < s->chunks && s->sent - s->acknowledged < CHUNKS_IN_FLIGHT_MAX &&
	       router_has_room(p->stage->router))
		send_chunk(p, s);
	if (s->acknowledged == s->chunks)
		finish(p);
}
