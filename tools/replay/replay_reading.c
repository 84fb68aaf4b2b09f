/* replay_reading: one partition's records, one after the other, up to an offset that is known to be there. */
#include "tools/replay/replay.h"

enum result reading_open(struct replay_reading *r, struct bus *bus, const char *topic,
			 int32_t partition, struct replay_span span, struct error *ret_error)
{
	r->bus = bus;
	r->topic = topic;
	r->partition = partition;
	r->span = span;
	r->next = span.from;
	r->at = r->count = 0;
	r->reader = NULL;
	if (span.from >= span.to)
		return RESULT_OK;
	r->reader = bus_reader_open(bus, topic, partition, span.from, ret_error);
	return r->reader ? RESULT_OK : RESULT_AWAY;
}

void reading_close(struct replay_reading *r)
{
	if (r->reader)
		bus_reader_close(r->reader);
	r->reader = NULL;
}

/* Offsets without a record (of a compacted topic, of a transaction) move the position, too. */
static enum result refill(struct replay_reading *r, struct error *ret_error)
{
	int waits = 0;

	r->at = r->count = 0;
	while (r->count == 0 && r->next < r->span.to) {
		enum result result = bus_reader_take(r->reader, r->records, REPLAY_BATCH,
						     REPLAY_WAIT_MS, &r->count, ret_error);

		if (result != RESULT_OK)
			return result;
		if (r->count > 0)
			break;
		r->next = MAX_OF(r->next, bus_reader_position(r->reader));
		if (++waits > REPLAY_PATIENCE)
			return error_set(ret_error, RESULT_AWAY, "%s/%d: no answer at %lld of %lld",
					 r->topic, (int)r->partition, (long long)r->next,
					 (long long)r->span.to);
	}
	return RESULT_OK;
}

enum result reading_peek(struct replay_reading *r, const struct bus_record **ret,
			 struct error *ret_error)
{
	enum result result = RESULT_OK;

	*ret = NULL;
	if (!r->reader)
		return RESULT_OK;
	if (r->at == r->count && r->next < r->span.to)
		result = refill(r, ret_error);
	if (result != RESULT_OK || r->at == r->count || r->records[r->at].offset >= r->span.to)
		return result;
	*ret = &r->records[r->at];
	return RESULT_OK;
}

enum result reading_next(struct replay_reading *r, const struct bus_record **ret,
			 struct error *ret_error)
{
	enum result result = reading_peek(r, ret, ret_error);

	if (*ret) {
		r->next = (*ret)->offset + 1;
		r->at++;
	}
	return result;
}
