/* replay_snapshots: the router's own states in market.snapshots. Nothing is trusted: a state counts when all of its chunks are
 * there, its hash fits, and the core can read it. Two at most are held in memory: the best so far, and the one at hand;
 * chunks of one state stand one after the other, but for those that a crash left half-written. */
#include <sodium.h>
#include <stdlib.h>

#include "proto/market_snapshots.pb-c.h"
#include "tools/replay/replay_fold.h"

#define TOPIC      "market.snapshots"
#define CHUNKS_MAX 2048

struct state {
	int64_t offset;
	uint32_t chunks, have;
	uint8_t hash[SNAPSHOT_HASH_BYTES];
	struct buf data;
};

struct shelf {
	struct fold *fold;
	int64_t most, end;
	struct state at_hand;
	struct arena arena;
};

static void take_whole(struct shelf *s)
{
	struct fold *f = s->fold;
	struct state *state = &s->at_hand;
	uint8_t hash[SNAPSHOT_HASH_BYTES];
	const char *why;
	struct market *m;

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)state->data.data, state->data.len,
			   NULL, 0);
	if (state->data.failed || memcmp(hash, state->hash, sizeof(hash)) != 0)
		return;
	if (state->offset > s->most) {
		if (f->seen_count < SNAPSHOTS_SEEN_MAX &&
		    (f->seen_count == 0 || f->seen[f->seen_count - 1].offset < state->offset)) {
			f->seen[f->seen_count].offset = state->offset;
			memcpy(f->seen[f->seen_count++].hash, hash, sizeof(hash));
		}
		return;
	}
	if (state->offset <= f->folded)
		return;
	m = market_decode(buf_slice(&state->data), (uint32_t)f->partition, &why);
	if (!m)
		return;
	market_free(f->market);
	f->market = m;
	f->folded = state->offset;
}

static void take_chunk(struct shelf *s, const Punnet__V1__SnapshotChunk *c)
{
	struct state *state = &s->at_hand;

	if (c->format != MARKET_FORMAT || c->chunks == 0 || c->chunks > CHUNKS_MAX ||
	    c->state_hash.len != SNAPSHOT_HASH_BYTES || (int64_t)c->market_offset >= s->end)
		return;
	if (c->chunk == 0) {
		buf_reset(&state->data);
		state->data.max = MARKET_ENCODED_MAX_BYTES;
		state->offset = (int64_t)c->market_offset;
		state->chunks = c->chunks;
		state->have = 0;
		memcpy(state->hash, c->state_hash.data, SNAPSHOT_HASH_BYTES);
	}
	if (state->offset != (int64_t)c->market_offset || c->chunk != state->have ||
	    c->chunks != state->chunks)
		return;
	buf_append_slice(&state->data, codec_bytes(c->data));
	if (++state->have == state->chunks)
		take_whole(s);
}

static void take(struct shelf *s, const struct bus_record *record)
{
	const Punnet__V1__SnapshotChunk *c;

	if (record->value.len == 0)
		return;
	arena_reset(&s->arena);
	c = codec_unpack(&s->arena, &punnet__v1__snapshot_chunk__descriptor, record->value);
	if (c && c->partition == (uint32_t)s->fold->partition)
		take_chunk(s, c);
}

static enum result read_all(struct shelf *s, struct bus *bus, int32_t partition,
			    struct error *ret_error)
{
	const struct replay_bound open = {.kind = REPLAY_OPEN};
	struct replay_reading *reading = calloc(1, sizeof(*reading));
	const struct bus_record *record = NULL;
	struct replay_span span;
	enum result r = replay_span_of(bus, TOPIC, partition, &open, &open, &span, ret_error);

	assert(reading);
	if (r == RESULT_OK)
		r = reading_open(reading, bus, TOPIC, partition, span, ret_error);
	while (r == RESULT_OK) {
		r = reading_next(reading, &record, ret_error);
		if (r != RESULT_OK || !record)
			break;
		take(s, record);
	}
	reading_close(reading);
	free(reading);
	return r;
}

enum result snapshots_read(struct fold *f, struct bus *bus, int64_t most, int64_t end,
			   struct error *ret_error)
{
	struct shelf s = {.fold = f, .most = MAX_OF(most, f->folded), .end = end};
	int32_t partitions = bus_partitions(bus, TOPIC, REPLAY_ASK_MS);
	enum result r;

	if (partitions <= 0)
		return error_set(ret_error, RESULT_AWAY, TOPIC ": its partitions can't be learned");
	r = read_all(&s, bus, f->partition % partitions, ret_error);
	buf_free(&s.at_hand.data);
	arena_free(&s.arena);
	return r;
}
