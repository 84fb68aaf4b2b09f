/* postbacks_read: status.events or status.attempts, from a time to the end. */
#include <string.h>

#include "delivery/core/postback.h"
#include "postbacks.h"

#define READ_BATCH     500
#define BEFORE_MS      MS_PER_MIN /* clocks of two machines differ */
#define READ_TRIES_MAX 3

struct reading {
	struct bus *bus;
	const char *topic;
	const struct status_filter *filter;
	bool attempts;
	status_fn fn;
	void *ctx;
	struct arena arena;
	bool stopped;
};

static bool result_fits(const char *wanted, Punnet__V1__AttemptResult r)
{
	static const char *const words[] = {"", "ok", "tempfail", "permfail"};

	return !wanted || ((size_t)r < ARRAY_LEN(words) && strcmp(wanted, words[r]) == 0);
}

static bool fits(const struct status_filter *f, ProtobufCBinaryData lead, const char *aff_id,
		 const char *event_id, Punnet__V1__StatusKind kind, int64_t at_ms)
{
	struct lead_id id;

	if (at_ms < f->from_ms || (f->until_ms != 0 && at_ms >= f->until_ms))
		return false;
	if (f->lead_id &&
	    (!lead_id_from_bytes(lead.data, lead.len, &id) || !lead_id_equal(f->lead_id, &id)))
		return false;
	return (!f->aff_id || strcmp(f->aff_id, aff_id) == 0) &&
	       (!f->event_id || strcmp(f->event_id, event_id) == 0) &&
	       (!f->event || strcmp(f->event, postback_event_name(kind)) == 0);
}

static void look_at(struct reading *r, const struct bus_record *record)
{
	const Punnet__V1__StatusAttempt *a;
	const Punnet__V1__StatusEvent *e;

	arena_reset(&r->arena);
	if (r->attempts) {
		a = codec_unpack(&r->arena, &punnet__v1__status_attempt__descriptor, record->value);
		if (a &&
		    fits(r->filter, a->lead_id, a->aff_id, a->event_id, a->kind,
			 a->started_at_ms) &&
		    result_fits(r->filter->result, a->result))
			r->stopped = !r->fn(r->ctx, record, a);
		return;
	}
	e = codec_unpack(&r->arena, &punnet__v1__status_event__descriptor, record->value);
	if (e && fits(r->filter, e->lead_id, e->aff_id, e->event_id, e->kind, e->at_ms))
		r->stopped = !r->fn(r->ctx, record, e);
}

static enum result read_partition(struct reading *r, int32_t partition, struct error *e)
{
	struct bus_record records[READ_BATCH];
	struct bus_reader *reader;
	int64_t low, high, from;
	int idle = 0;
	enum result result = bus_offsets(r->bus, r->topic, partition, TOOL_TIMEOUT_MS, &low, &high);

	if (result == RESULT_OK)
		result = bus_offset_at(r->bus, r->topic, partition,
				       MAX_OF(r->filter->from_ms - BEFORE_MS, (int64_t)0),
				       TOOL_TIMEOUT_MS, &from);
	if (result != RESULT_OK)
		return error_set(e, result, "%s/%d: its offsets can't be learned", r->topic,
				 partition);
	reader = bus_reader_open(r->bus, r->topic, partition, MAX_OF(from, low), e);
	if (!reader)
		return RESULT_AWAY;
	while (result == RESULT_OK && !r->stopped && bus_reader_position(reader) < high) {
		size_t count = 0;

		result = bus_reader_take(reader, records, READ_BATCH,
					 TOOL_TIMEOUT_MS / READ_TRIES_MAX, &count, e);
		idle = count > 0 ? 0 : idle + 1;
		if (result == RESULT_OK && idle >= READ_TRIES_MAX)
			result =
			    error_set(e, RESULT_AWAY, "%s/%d: nothing came", r->topic, partition);
		for (size_t i = 0; result == RESULT_OK && i < count && !r->stopped; i++)
			if (records[i].offset < high)
				look_at(r, &records[i]);
	}
	bus_reader_close(reader);
	return result;
}

enum result status_read(struct bus *bus, const char *topic, const struct status_filter *filter,
			status_fn fn, void *ctx, struct error *ret_error)
{
	struct reading r = {.bus = bus,
			    .topic = topic,
			    .filter = filter,
			    .attempts = strcmp(topic, "status.attempts") == 0,
			    .fn = fn,
			    .ctx = ctx};
	int32_t partitions = bus_partitions(bus, topic, TOOL_TIMEOUT_MS);
	enum result result = RESULT_OK;

	if (partitions < 1)
		return error_set(ret_error, RESULT_AWAY,
				 "%s: its partitions can't be learned; has `punnet topics apply` "
				 "run?",
				 topic);
	for (int32_t p = 0; p < partitions && result == RESULT_OK && !r.stopped; p++)
		result = read_partition(&r, p, ret_error);
	arena_free(&r.arena);
	return result;
}
