/* snapshots_load: reads market.snapshots from its beginning and keeps the newest whole generation that holds.
 *
 * Nothing is trusted: a generation counts when all of its chunks are there, of one format and one hash, and the hash and
 * the state's own checks agree. Whatever is not whole is passed over, down to the start of the market's log. */
#include <inttypes.h>
#include <stdlib.h>

#include "decide.h"
#include "proto/market_snapshots.pb-c.h"
#include "router/core/state.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "shared_memory.h"

#define READ_BATCH    64
#define READ_STEP_MS  500
#define READ_STALL_MS 5000 /* no record for so long: what is left are gaps of compaction */

struct found {
	uint64_t offset;
	uint32_t chunks, have;
	uint8_t hash[SNAPSHOT_HASH_LEN];
	struct buf *data; /* one a chunk */
};

struct shelf {
	struct found found[SNAPSHOT_GENERATIONS_MAX];
	size_t count;
};

static void found_free(struct found *f)
{
	for (uint32_t i = 0; i < f->chunks; i++)
		buf_free(&f->data[i]);
	free(f->data);
	*f = (struct found){0};
}

static void shelf_remove(struct shelf *s, size_t i)
{
	found_free(&s->found[i]);
	s->count--;
	memmove(&s->found[i], &s->found[i + 1], (s->count - i) * sizeof(s->found[0]));
}

static void shelf_free(struct shelf *s)
{
	while (s->count > 0)
		shelf_remove(s, s->count - 1);
}

/* The generation of this offset, made where it belongs by age; the oldest gives way. NULL = it is older than all. */
static struct found *shelf_place(struct shelf *s, uint64_t offset, uint32_t chunks)
{
	size_t at = s->count;

	for (size_t i = 0; i < s->count; i++) {
		if (s->found[i].offset == offset)
			return &s->found[i];
	}
	while (at > 0 && s->found[at - 1].offset > offset)
		at--;
	if (s->count == SNAPSHOT_GENERATIONS_MAX) {
		if (at == 0)
			return NULL;
		shelf_remove(s, 0);
		at--;
	}
	memmove(&s->found[at + 1], &s->found[at], (s->count - at) * sizeof(s->found[0]));
	s->count++;
	s->found[at] = (struct found){.offset = offset, .chunks = chunks};
	s->found[at].data = calloc(chunks, sizeof(struct buf));
	if (!s->found[at].data)
		abort();
	return &s->found[at];
}

static void put_chunk(struct shelf *s, const Punnet__V1__SnapshotChunk *c)
{
	struct found *f;

	if (c->format != MARKET_FORMAT || c->chunks == 0 || c->chunks > SNAPSHOT_CHUNKS_MAX ||
	    c->chunk >= c->chunks || c->state_hash.len != SNAPSHOT_HASH_LEN || c->data.len == 0)
		return;
	f = shelf_place(s, c->market_offset, c->chunks);
	if (!f || f->chunks != c->chunks)
		return;
	if (f->have == 0)
		memcpy(f->hash, c->state_hash.data, SNAPSHOT_HASH_LEN);
	if (memcmp(f->hash, c->state_hash.data, SNAPSHOT_HASH_LEN) != 0 ||
	    f->data[c->chunk].len > 0)
		return;
	buf_append_slice(&f->data[c->chunk], codec_bytes(c->data));
	assert(!f->data[c->chunk].failed);
	f->have++;
}

/* A tombstone: its whole generation is on its way out. */
static void bury_key(struct shelf *s, int32_t partition, struct slice key)
{
	for (size_t i = 0; i < s->count; i++) {
		char text[64];
		struct slice any = snapshot_key(text, partition, s->found[i].offset, 0);

		/* all but the chunk's number */
		any.len--;
		if (key.len > any.len && memcmp(key.data, any.data, any.len) == 0) {
			shelf_remove(s, i);
			return;
		}
	}
}

static void read_record(struct part *p, struct shelf *s, const struct bus_record *record)
{
	struct router *r = p->stage->router;
	const Punnet__V1__SnapshotChunk *c;

	if (record->value.len == 0) {
		bury_key(s, p->partition, record->key);
		return;
	}
	arena_reset(&r->arena);
	c = codec_unpack(&r->arena, &punnet__v1__snapshot_chunk__descriptor, record->value);
	if (c && c->partition == (uint32_t)p->partition)
		put_chunk(s, c);
}

static void read_all(struct part *p, struct shelf *s)
{
	struct router *r = p->stage->router;
	int32_t partition = snapshot_partition(p);
	struct bus_record records[READ_BATCH];
	struct bus_reader *reader;
	struct error error = {0};
	int64_t low, high, moved_ms = clock_monotonic_ms();

	if (bus_offsets(r->bus, "market.snapshots", partition, ROUTER_TOPIC_WAIT_MS, &low, &high) !=
	    RESULT_OK)
		service_die(r->service, "market.snapshots/%d: its offsets can't be learned",
			    partition);
	if (low >= high)
		return;
	reader = bus_reader_open(r->bus, "market.snapshots", partition, low, &error);
	if (!reader)
		service_die(r->service, "market.snapshots/%d: %s", partition, error.text);
	while (bus_reader_position(reader) < high &&
	       clock_monotonic_ms() - moved_ms < READ_STALL_MS) {
		size_t count = 0;

		if (bus_reader_take(reader, records, READ_BATCH, READ_STEP_MS, &count, &error) ==
		    RESULT_FATAL)
			service_die(r->service, "market.snapshots/%d: %s", partition, error.text);
		for (size_t i = 0; i < count; i++)
			read_record(p, s, &records[i]);
		if (count > 0)
			moved_ms = clock_monotonic_ms();
	}
	bus_reader_close(reader);
}

static struct market *found_decode(struct part *p, const struct found *f)
{
	_cleanup_(buf_free) struct buf whole = {.max = MARKET_ENCODED_MAX_BYTES};
	uint8_t hash[SNAPSHOT_HASH_LEN];
	const char *why = "it is not whole";
	struct market *m = NULL;

	if (f->have == f->chunks) {
		for (uint32_t i = 0; i < f->chunks; i++)
			buf_append_slice(&whole, buf_slice(&f->data[i]));
		snapshot_hash(buf_slice(&whole), hash);
		if (whole.failed || memcmp(hash, f->hash, sizeof(hash)) != 0)
			why = "its hash does not fit";
		else
			m = market_decode_in(buf_slice(&whole), (uint32_t)p->partition,
					     &shared_memory, &why);
	}
	if (!m)
		log_warn("snapshot_passed_over", LOG_INT("partition", p->partition),
			 LOG_INT("offset", f->offset), LOG_STR("why", why));
	return m;
}

void snapshots_load(struct part *p, uint64_t market_high)
{
	struct decide *d = p->state;
	struct shelf shelf = {0};

	read_all(p, &shelf);
	for (size_t i = 0; i < shelf.count; i++)
		d->generations[d->generation_count++] =
		    (struct generation){.offset = shelf.found[i].offset,
					.chunks = shelf.found[i].chunks,
					.whole = shelf.found[i].have == shelf.found[i].chunks};
	for (size_t i = shelf.count; i > 0 && !d->market; i--) {
		const struct found *f = &shelf.found[i - 1];

		/* From before the market's log was made anew: it says nothing about this one. */
		if (f->offset >= market_high)
			continue;
		d->market = found_decode(p, f);
		if (d->market && fault_on("snapshot_unmarked"))
			d->market->watermark.count = 0;
		if (d->market)
			d->folded = d->snapshot_at = (int64_t)f->offset;
	}
	/* Room for the next one; keys of a generation that is forgotten here stay in the topic. */
	if (d->generation_count == SNAPSHOT_GENERATIONS_MAX) {
		d->generation_count--;
		memmove(d->generations, d->generations + 1,
			d->generation_count * sizeof(d->generations[0]));
	}
	log_info("snapshot_loaded", LOG_INT("partition", p->partition),
		 LOG_INT("offset", d->folded));
	shelf_free(&shelf);
}
