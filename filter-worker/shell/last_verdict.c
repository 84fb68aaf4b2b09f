/* last_verdict: see last_verdict.h. Backwards from the end in steps that grow: nearly always the first one finds it.
 *
 * Fails: RESULT_AWAY when the log does not answer in time; RESULT_FATAL when LOOK_BACK_MAX records hold no verdict: that is no
 * accident, and to start from a commit would judge again what is judged. */
#include "last_verdict.h"

#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define TOPIC_JUDGED  "leads.judged"
#define TOPIC_RAW     "leads.raw"
#define STEP_GROWTH   16
#define STEP_MAX      4096
#define LOOK_BACK_MAX 100000
#define RECORDS_MAX   256 /* at a time */
#define TURN_MS       100

/* -1: it is no verdict about this partition. */
static int64_t offset_judged(const struct bus_record *record, int32_t partition)
{
	_cleanup_(arena_free) struct arena arena = {0};
	const Punnet__V1__JudgedLead *judged =
	    codec_unpack(&arena, &punnet__v1__judged_lead__descriptor, record->value);

	if (!judged || !judged->source || judged->source->partition != (uint32_t)partition)
		return -1;
	return strcmp(judged->source->topic, TOPIC_RAW) == 0 ? (int64_t)judged->source->offset : -1;
}

/* The last one in [from, end); -1: none. */
static enum result look_between(struct bus *bus, int32_t partition, int64_t from, int64_t end,
				int64_t deadline_ms, int64_t *ret_offset, struct error *e)
{
	struct bus_reader *r = bus_reader_open(bus, TOPIC_JUDGED, partition, from, e);
	struct bus_record records[RECORDS_MAX];
	enum result result = RESULT_OK;

	*ret_offset = -1;
	if (!r)
		return RESULT_AWAY;
	while (result == RESULT_OK && bus_reader_position(r) < end) {
		size_t count = 0;

		result = bus_reader_take(r, records, RECORDS_MAX, TURN_MS, &count, e);
		for (size_t i = 0; i < count && records[i].offset < end; i++) {
			int64_t offset = offset_judged(&records[i], partition);

			if (offset >= 0)
				*ret_offset = offset;
		}
		if (clock_monotonic_ms() > deadline_ms)
			result =
			    error_set(e, RESULT_AWAY, "%s/%d: its end could not be read in time",
				      TOPIC_JUDGED, partition);
	}
	bus_reader_close(r);
	return result;
}

enum result last_verdict(struct bus *bus, int32_t partition, int timeout_ms, int64_t *ret_next,
			 struct error *ret_error)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	int64_t low, high, step = 1, offset = -1;

	if (bus_offsets(bus, TOPIC_JUDGED, partition, timeout_ms, &low, &high) != RESULT_OK)
		return error_set(ret_error, RESULT_AWAY, "%s/%d: its offsets could not be learned",
				 TOPIC_JUDGED, partition);
	for (int64_t end = high, from; end > low; end = from) {
		enum result r;

		if (high - end > LOOK_BACK_MAX)
			return error_set(ret_error, RESULT_FATAL,
					 "%s/%d: no verdict about %s/%d among the last %d records",
					 TOPIC_JUDGED, partition, TOPIC_RAW, partition,
					 LOOK_BACK_MAX);
		from = MAX_OF(low, end - step);
		step = MIN_OF(step * STEP_GROWTH, STEP_MAX);
		r = look_between(bus, partition, from, end, deadline_ms, &offset, ret_error);
		if (r != RESULT_OK)
			return r;
		if (offset < 0)
			continue;
		if (end < high)
			log_warn("judged_end_unreadable", LOG_INT("partition", partition),
				 LOG_INT("records", high - end));
		*ret_next = offset + 1;
		return RESULT_OK;
	}
	return RESULT_AGAIN;
}
