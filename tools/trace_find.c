/* trace_find: seeks by time, then reads forward, as little as it can. */
#include <stdlib.h>

#include "trace.h"

#define SEEK_PARTITIONS_MAX 256
#define SEEK_BATCH          500
#define SEEK_WAIT_MS        100
#define SEEK_PATIENCE       100    /* waits without a record before the end of the log */
#define SEEK_RECORDS_MAX    500000 /* of one partition */
#define SEEK_ASK_MS         5000

struct span {
	struct bus_reader *reader;
	int64_t from, end;
};

static enum result span_open(struct seek *s, int32_t p, struct span *ret)
{
	struct trace *t = s->trace;
	int64_t low;
	enum result r = bus_offset_at(t->tool->bus, s->topic, p, MAX_OF(s->from_ms, 0), SEEK_ASK_MS,
				      &ret->from);

	if (r == RESULT_OK)
		r = bus_offsets(t->tool->bus, s->topic, p, SEEK_ASK_MS, &low, &ret->end);
	if (r != RESULT_OK)
		return error_set(&t->error, r, "%s/%d: its offsets can't be learned", s->topic,
				 (int)p);
	if (ret->from >= ret->end)
		return RESULT_OK;
	ret->reader = bus_reader_open(t->tool->bus, s->topic, p, ret->from, &t->error);
	return ret->reader ? RESULT_OK : RESULT_AWAY;
}

/* Whether the record is this lead's; the id's bytes alone may also be in a reason about another lead. */
static bool about_lead(const struct trace *t, const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "lead_id");
	const ProtobufCBinaryData *id;

	if (!field)
		return false;
	id = (const ProtobufCBinaryData *)((const char *)m + field->offset);
	return slice_equal(codec_bytes(*id), slice_of(t->id.bytes, sizeof(t->id.bytes)));
}

static void look_at(struct seek *s, const struct bus_record *r)
{
	struct trace *t = s->trace;
	struct found f = {.topic = s->topic,
			  .partition = r->partition,
			  .offset = r->offset,
			  .time_ms = r->timestamp_ms};
	ProtobufCMessage *m;

	if (!memmem(r->value.data, r->value.len, t->id.bytes, sizeof(t->id.bytes)))
		return;
	m = codec_unpack(&t->arena, s->type, arena_dup(&t->arena, r->value));
	if (!m || !about_lead(t, m))
		return;
	f.message = m;
	f.where = arena_printf(&t->arena, "%s/%d@%lld", s->topic, (int)r->partition,
			       (long long)r->offset);
	s->done = s->fn(s->ctx, s, &f);
}

static enum result span_read(struct seek *s, struct span *span)
{
	struct bus_record records[SEEK_BATCH];
	int64_t next = span->from;
	int waits = 0;

	while (!s->done && next < MIN_OF(span->end, span->from + SEEK_RECORDS_MAX)) {
		size_t count = 0;
		enum result r = bus_reader_take(span->reader, records, SEEK_BATCH, SEEK_WAIT_MS,
						&count, &s->trace->error);

		if (r != RESULT_OK)
			return r;
		for (size_t i = 0; i < count && !s->done; i++) {
			if (records[i].timestamp_ms > s->until_ms)
				return RESULT_OK;
			look_at(s, &records[i]);
		}
		next = bus_reader_position(span->reader);
		waits = count ? 0 : waits + 1;
		if (waits > SEEK_PATIENCE)
			return error_set(&s->trace->error, RESULT_AWAY, "%s: no answer at %lld",
					 s->topic, (long long)next);
	}
	return RESULT_OK;
}

enum result trace_seek(struct seek *s)
{
	int32_t count = bus_partitions(s->trace->tool->bus, s->topic, SEEK_ASK_MS);
	struct span spans[SEEK_PARTITIONS_MAX] = {0};
	enum result r = RESULT_OK;

	s->done = false;
	if (count <= 0 || count > SEEK_PARTITIONS_MAX)
		return error_set(&s->trace->error, RESULT_AWAY,
				 "%s: its partitions can't be learned", s->topic);
	for (int32_t p = 0; p < count && r == RESULT_OK; p++)
		if (s->partition < 0 || s->partition == p)
			r = span_open(s, p, &spans[p]);
	for (int32_t p = 0; p < count && r == RESULT_OK && !s->done; p++)
		if (spans[p].reader)
			r = span_read(s, &spans[p]);
	for (int32_t p = 0; p < count; p++)
		if (spans[p].reader)
			bus_reader_close(spans[p].reader);
	return r;
}
