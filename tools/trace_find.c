/* trace_find: seeks by time, then reads forward, as little as it can: all partitions in turn, until the record is found. */
#include <stdlib.h>

#include "trace.h"

#define SEEK_PARTITIONS_MAX 256
#define SEEK_BATCH          200
#define SEEK_WAIT_MS        20     /* for the slowest partition of a turn */
#define SEEK_PATIENCE       500    /* turns without a record before the end of the log */
#define SEEK_RECORDS_MAX    500000 /* of one partition */
#define SEEK_ASK_MS         5000

struct span {
	struct bus_reader *reader; /* NULL: there is nothing to read */
	int64_t from, end;
	bool over;
};

/* Where each begins and ends, in one question for all. */
static enum result spans_find(struct seek *s, int32_t count, struct span *ret)
{
	int64_t from[SEEK_PARTITIONS_MAX], end[SEEK_PARTITIONS_MAX];
	struct trace *t = s->trace;
	enum result r = bus_offsets_since(t->tool->bus, s->topic, count, MAX_OF(s->from_ms, 0),
					  SEEK_ASK_MS, from, end);

	if (r != RESULT_OK)
		return error_set(&t->error, r, "%s: its offsets can't be learned", s->topic);
	for (int32_t p = 0; p < count; p++) {
		bool asked = (s->partition < 0 || s->partition == p) && from[p] < end[p];

		ret[p] = (struct span){.from = from[p], .end = end[p], .over = !asked};
		if (!asked)
			continue;
		ret[p].reader = bus_reader_open(t->tool->bus, s->topic, p, from[p], &t->error);
		if (!ret[p].reader)
			return RESULT_AWAY;
	}
	return RESULT_OK;
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

	if (!s->matches && !memmem(r->value.data, r->value.len, t->id.bytes, sizeof(t->id.bytes)))
		return;
	if (s->matches && !s->matches(s->ctx, r->value))
		return;
	m = codec_unpack(&t->arena, s->type, arena_dup(&t->arena, r->value));
	if (!m || (!s->matches && !about_lead(t, m)))
		return;
	f.message = m;
	f.where = arena_printf(&t->arena, "%s/%d@%lld", s->topic, (int)r->partition,
			       (long long)r->offset);
	s->done = s->fn(s->ctx, s, &f);
}

/* What has come of one partition. */
static enum result span_turn(struct seek *s, struct span *span, int wait_ms, size_t *ret_count)
{
	struct bus_record records[SEEK_BATCH];
	size_t count = 0;
	enum result r =
	    bus_reader_take(span->reader, records, SEEK_BATCH, wait_ms, &count, &s->trace->error);

	for (size_t i = 0; r == RESULT_OK && i < count && !s->done && !span->over; i++) {
		span->over = records[i].timestamp_ms > s->until_ms;
		if (span->over)
			break;
		if (s->left > 0 && --s->left == 0)
			span->over = true;
		look_at(s, &records[i]);
	}
	*ret_count += count;
	if (bus_reader_position(span->reader) >=
	    MIN_OF(span->end, span->from + s->trace->records_max))
		span->over = true;
	return r;
}

static enum result spans_read(struct seek *s, struct span *spans, int32_t count)
{
	enum result r = RESULT_OK;
	int waits = 0;

	for (bool left = true; left && !s->done && r == RESULT_OK;) {
		size_t got = 0;
		bool waited = false;

		left = false;
		for (int32_t p = 0; p < count && !s->done && r == RESULT_OK; p++) {
			if (spans[p].over)
				continue;
			/* One waits, if it must, while the others' records arrive. */
			r = span_turn(s, &spans[p], waited || got ? 0 : SEEK_WAIT_MS, &got);
			waited = true;
			left = left || !spans[p].over;
		}
		waits = got ? 0 : waits + 1;
		if (waits > SEEK_PATIENCE)
			return error_set(&s->trace->error, RESULT_AWAY, "%s: no answer", s->topic);
	}
	return r;
}

enum result trace_seek(struct seek *s)
{
	int32_t count = bus_partitions(s->trace->tool->bus, s->topic, SEEK_ASK_MS);
	struct span spans[SEEK_PARTITIONS_MAX] = {0};
	enum result r;

	s->done = false;
	if (s->trace->records_max == 0)
		s->trace->records_max = SEEK_RECORDS_MAX;
	if (count <= 0 || count > SEEK_PARTITIONS_MAX)
		return error_set(&s->trace->error, RESULT_AWAY,
				 "%s: its partitions can't be learned", s->topic);
	r = spans_find(s, count, spans);
	if (r == RESULT_OK)
		r = spans_read(s, spans, count);
	for (int32_t p = 0; p < count; p++)
		if (spans[p].reader)
			bus_reader_close(spans[p].reader);
	return r;
}
