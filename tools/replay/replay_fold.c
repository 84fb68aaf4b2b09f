/* replay_fold: see replay_fold.h. */
#include "tools/replay/replay_fold.h"

#include <sodium.h>
#include <stdlib.h>

#define TOPIC "market"

enum result fold_open(struct fold *f, struct bus *bus, int32_t partition, struct replay_span span,
		      struct error *ret_error)
{
	struct replay_span read = {.to = span.to};
	int64_t low, high;
	enum result r = bus_offsets(bus, TOPIC, partition, REPLAY_ASK_MS, &low, &high);

	f->partition = partition;
	f->span = span;
	f->reading = calloc(1, sizeof(*f->reading));
	assert(f->reading);
	if (r != RESULT_OK)
		return error_set(ret_error, r, TOPIC "/%d: its offsets can't be learned",
				 (int)partition);
	r = snapshots_read(f, bus, span.from - 1, span.to, ret_error);
	if (r != RESULT_OK)
		return r;
	if (f->folded + 1 < low)
		return error_set(
		    ret_error, RESULT_BAD,
		    TOPIC "/%d: its log begins at %lld, and no snapshot reaches so far: what was "
			  "decided at %lld can't be replayed; a later --from can",
		    (int)partition, (long long)low, (long long)span.from);
	if (!f->market)
		f->market = market_new((uint32_t)partition);
	read.from = f->folded + 1;
	return reading_open(f->reading, bus, TOPIC, partition, read, ret_error);
}

void fold_close(struct fold *f)
{
	market_free(f->market);
	f->market = NULL;
	if (f->reading)
		reading_close(f->reading);
	free(f->reading);
	f->reading = NULL;
	arena_free(&f->arena);
}

/* The router wrote the hash of its state here; ours must have the same. */
void fold_folded(struct fold *f)
{
	const struct snapshot_seen *seen = &f->seen[f->seen_next];
	_cleanup_(buf_free) struct buf bytes = {.max = MARKET_ENCODED_MAX_BYTES};
	uint8_t hash[SNAPSHOT_HASH_BYTES];

	if (f->seen_next == f->seen_count || seen->offset != f->folded)
		return;
	f->seen_next++;
	market_encode(f->market, &bytes);
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)bytes.data, bytes.len, NULL, 0);
	if (!bytes.failed && memcmp(hash, seen->hash, sizeof(hash)) == 0) {
		f->snapshots_equal++;
		return;
	}
	if (f->snapshots_different++ > 0)
		return;
	replay_differ(&f->snapshot_first, "state", "another hash", "another hash");
	replay_where(&f->snapshot_first, TOPIC, f->partition, f->folded, NULL, f->time_ms);
}

enum result fold_next(struct fold *f, int64_t end, bool *ret_there,
		      const struct bus_record **ret_record,
		      const Punnet__V1__MarketEvent **ret_event, struct decisions *ret,
		      struct error *ret_error)
{
	const struct bus_record *record = NULL;
	enum result r = reading_peek(f->reading, &record, ret_error);

	*ret_there = r == RESULT_OK && record && record->offset < end;
	if (!*ret_there)
		return r;
	r = reading_next(f->reading, &record, ret_error);
	assert(r == RESULT_OK && record);
	arena_reset(&f->arena);
	*ret_record = record;
	*ret_event = codec_unpack(&f->arena, &punnet__v1__market_event__descriptor, record->value);
	(void)market_apply(f->market, *ret_event, record->timestamp_ms, (uint64_t)record->offset,
			   &f->arena, ret);
	f->folded = record->offset;
	f->time_ms = record->timestamp_ms;
	return RESULT_OK;
}
