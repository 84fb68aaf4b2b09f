/* replay_record: topics into a folder, to be replayed without the broker. Sealed contacts stay sealed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "runtime/bus_files.h"
#include "tools/replay/replay.h"

static const char *const recorded_topics[] = {
    "leads.raw",           "leads.judged",   "market",         "leads.routed",
    "leads.unsold",        "leads.attempts", "leads.outcomes", "market.snapshots",
    "webmasters.verdicts", "directory",      "dead.letters",
};

static enum result copy(struct replay_reading *reading, struct recording *out, uint64_t *count,
			struct error *ret_error)
{
	const struct bus_record *record = NULL;

	for (;;) {
		enum result r = reading_next(reading, &record, ret_error);

		if (r != RESULT_OK || !record)
			return r;
		recording_put(out, record);
		(*count)++;
	}
}

static enum result record_partition(struct bus *bus, const char *folder, const char *topic,
				    int32_t partition, uint64_t *count, struct error *ret_error)
{
	const struct replay_bound open = {.kind = REPLAY_OPEN};
	struct replay_reading *reading = calloc(1, sizeof(*reading));
	struct recording *out;
	struct replay_span span;
	enum result r = replay_span_of(bus, topic, partition, &open, &open, &span, ret_error);

	assert(reading);
	if (r == RESULT_OK)
		r = reading_open(reading, bus, topic, partition, span, ret_error);
	out = r == RESULT_OK
		  ? recording_begin(folder, topic, partition, span.from, span.to, ret_error)
		  : NULL;
	if (r == RESULT_OK && !out)
		r = RESULT_BAD;
	if (out) {
		r = copy(reading, out, count, ret_error);
		if (recording_end(out, ret_error) != RESULT_OK)
			r = RESULT_BAD;
	}
	reading_close(reading);
	free(reading);
	return r;
}

static enum result record_topic(struct bus *bus, const char *folder, const char *topic,
				struct error *ret_error)
{
	int32_t partitions = bus_partitions(bus, topic, REPLAY_ASK_MS);
	enum result r = RESULT_OK;
	uint64_t count = 0;

	if (partitions <= 0)
		return error_set(ret_error, RESULT_AWAY, "%s: its partitions can't be learned",
				 topic);
	for (int32_t p = 0; p < partitions && r == RESULT_OK; p++)
		r = record_partition(bus, folder, topic, p, &count, ret_error);
	if (r == RESULT_OK)
		printf("%-20s %3d partitions %10llu records\n", topic, (int)partitions,
		       (unsigned long long)count);
	return r;
}

int replay_record(struct replay *r, const char *folder)
{
	struct bus *bus;
	enum result result = RESULT_OK;

	if (mkdir(folder, 0777) != 0) {
		(void)error_set(&r->error, RESULT_BAD,
				"%s: expected a folder that is not there yet: %s", folder,
				strerror(errno));
		return tool_fail("replay", RESULT_BAD, &r->error);
	}
	bus = replay_bus(r, &r->error);
	if (!bus)
		return tool_fail("replay", RESULT_AWAY, &r->error);
	/* The flow's last topics first: so whatever is recorded has its cause among what is recorded. */
	for (size_t i = ARRAY_LEN(recorded_topics); i > 0 && result == RESULT_OK; i--)
		result = record_topic(bus, folder, recorded_topics[i - 1], &r->error);
	bus_close(bus);
	return result == RESULT_OK ? TOOL_DONE : tool_fail("replay", result, &r->error);
}
