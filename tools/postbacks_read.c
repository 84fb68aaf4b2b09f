/* postbacks_read: status.events or status.attempts, from a time to the end. */
#include <string.h>

#include "postbacks.h"

#define BEFORE_MS MS_PER_MIN /* clocks of two machines differ */

struct reading {
	struct bus *bus;
	const char *topic;
	const struct status_filter *filter;
	bool attempts;
	status_fn fn;
	void *ctx;
	struct arena arena;
};

/* RESULT_AGAIN: fn wants no more. */
static enum result look_at(void *ctx, const struct bus_record *record, _unused_ struct error *e)
{
	struct reading *r = ctx;
	const Punnet__V1__StatusAttempt *a = NULL;
	const Punnet__V1__StatusEvent *m = NULL;
	bool more = true;

	arena_reset(&r->arena);
	if (r->attempts)
		a = codec_unpack(&r->arena, &punnet__v1__status_attempt__descriptor, record->value);
	else
		m = codec_unpack(&r->arena, &punnet__v1__status_event__descriptor, record->value);
	if (a && status_attempt_fits(r->filter, a))
		more = r->fn(r->ctx, record, a);
	if (m && status_event_fits(r->filter, m))
		more = r->fn(r->ctx, record, m);
	return more ? RESULT_OK : RESULT_AGAIN;
}

static enum result read_partition(struct reading *r, int32_t partition, struct error *e)
{
	int64_t low, high, from;
	enum result result = bus_offsets(r->bus, r->topic, partition, TOOL_TIMEOUT_MS, &low, &high);

	if (result == RESULT_OK)
		result = bus_offset_at(r->bus, r->topic, partition,
				       MAX_OF(r->filter->from_ms - BEFORE_MS, (int64_t)0),
				       TOOL_TIMEOUT_MS, &from);
	if (result != RESULT_OK)
		return error_set(e, result, "%s/%d: its offsets can't be learned", r->topic,
				 partition);
	return bus_read_span(r->bus, r->topic, partition, MAX_OF(from, low), high, TOOL_TIMEOUT_MS,
			     look_at, r, e);
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
	for (int32_t p = 0; p < partitions && result == RESULT_OK; p++)
		result = read_partition(&r, p, ret_error);
	arena_free(&r.arena);
	return result == RESULT_AGAIN ? RESULT_OK : result; /* fn wants no more */
}
