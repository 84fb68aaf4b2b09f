/* admit: leads.judged → market. Pure order-keeping: what was accepted goes to its vertical's market partition, once.
 *
 * The first verdict on a raw record wins: what is not newer, by raw provenance, falls away. The watermark that a commit
 * carries is the one at the committed offset, not the latest: a successor must not take for repeats what was in flight.
 *
 * A vertical that the directory doesn't know (yet) holds the stage up for UNKNOWN_WAIT_MS, once per vertical; after that
 * its leads go to dead.letters at sight, until the directory knows it. */
#include <stdlib.h>

#include "base/map.h"
#include "lead/watermark.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/market.pb-c.h"
#include "router.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define UNKNOWN_WAIT_MS       5000
#define UNKNOWN_VERTICALS_MAX 1024
#define MARKS_MAX             65536 /* records between the committed offset and the newest one */

/* How far the watermark was once a judged record was done. */
struct mark {
	int64_t offset; /* of the judged record */
	struct provenance raw;
};

struct admit {
	struct watermark seen;      /* up to the newest record */
	struct watermark committed; /* up to the committed offset */
	struct mark *marks;         /* a ring */
	size_t first, count;
	int64_t waiting_since_ms; /* 0 = not waiting */
};

static int64_t admit_arrive(struct part *p, const struct bus_assignment *a)
{
	struct admit *state = calloc(1, sizeof(*state));

	if (!state)
		abort();
	state->marks = calloc(MARKS_MAX, sizeof(*state->marks));
	if (!state->marks)
		abort();
	if (a->metadata.len > 0 && !watermark_read(a->metadata, &state->committed)) {
		log_warn("commit_metadata_unreadable", LOG_STR("topic", a->topic),
			 LOG_INT("partition", a->partition), LOG_SLICE("metadata", a->metadata));
		state->committed = (struct watermark){0};
	}
	state->seen = state->committed;
	p->state = state;
	return a->committed;
}

static void admit_leave(struct part *p)
{
	struct admit *state = p->state;

	free(state->marks);
	free(state);
	p->state = NULL;
}

static bool admit_full(const struct part *p)
{
	return ((const struct admit *)p->state)->count == MARKS_MAX;
}

static void admit_metadata(struct part *p, int64_t next, struct buf *out)
{
	struct admit *state = p->state;

	while (state->count > 0 && state->marks[state->first].offset < next) {
		(void)!watermark_advance(&state->committed, &state->marks[state->first].raw);
		state->first = (state->first + 1) % MARKS_MAX;
		state->count--;
	}
	watermark_write(fault_on("watermark_ahead") ? &state->seen : &state->committed, out);
}

static void mark(struct admit *state, int64_t offset, const struct provenance *raw)
{
	state->marks[(state->first + state->count) % MARKS_MAX] =
	    (struct mark){.offset = offset, .raw = *raw};
	state->count++;
}

/* The market partition of a vertical; -1 when the directory doesn't say, or names one that isn't there. */
static int32_t market_partition(struct router *r, const char *vertical)
{
	const Punnet__V1__DirectoryEntry *entry =
	    directory_get(r->directory, "vertical", slice_cstr(vertical));
	int32_t n = bus_partitions(r->bus, "market", ROUTER_TOPIC_WAIT_MS);

	if (!entry || entry->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL ||
	    entry->vertical->market_partition >= (uint32_t)MAX_OF(n, 0))
		return -1;
	return (int32_t)entry->vertical->market_partition;
}

/* Whether it is still worth waiting for this vertical. */
static bool wait_for_vertical(struct part *p, const char *vertical)
{
	struct router *r = p->stage->router;
	struct admit *state = p->state;
	int64_t now_ms = clock_monotonic_ms();

	if (map_get(&r->unknown_verticals, slice_cstr(vertical)))
		return false;
	if (state->waiting_since_ms == 0) {
		state->waiting_since_ms = now_ms;
		log_warn("unknown_vertical_waiting", LOG_STR("vertical", vertical));
	}
	if (now_ms - state->waiting_since_ms < UNKNOWN_WAIT_MS)
		return true;
	state->waiting_since_ms = 0;
	if (map_count(&r->unknown_verticals) < UNKNOWN_VERTICALS_MAX)
		map_put(&r->unknown_verticals, slice_cstr(vertical), r);
	return false;
}

static void emit_admitted(struct part *p, uint64_t entry, const struct bus_record *record,
			  const Punnet__V1__JudgedLead *judged, int32_t to)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)record->topic;
	source.partition = (uint32_t)record->partition;
	source.offset = (uint64_t)record->offset;
	admitted.lead = judged->lead;
	admitted.contact = judged->contact;
	admitted.score = judged->score;
	if (judged->verdict == PUNNET__V1__VERDICT__QUARANTINED) {
		admitted.quarantined_until_ms = judged->quarantine_until_ms;
		admitted.quarantine_accepts =
		    judged->quarantine_then == PUNNET__V1__VERDICT__ACCEPTED;
	}
	admitted.facts = facts_for_orders(p->stage->router, judged, &admitted.n_facts);
	event.lead_id = judged->lead_id;
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	part_emit(p, entry, "market", to, slice_cstr(judged->lead->vertical), &event.base);
	metric_add(METRIC_ROUTER_ADMITTED, 1);
	fault_point("admit_produced");
}

/* Into the market: to be sold, or to wait there for an operator. */
static bool goes_on(const Punnet__V1__JudgedLead *judged)
{
	return judged->verdict == PUNNET__V1__VERDICT__ACCEPTED ||
	       judged->verdict == PUNNET__V1__VERDICT__QUARANTINED;
}

/* What is wrong with the record; NULL when nothing is. */
static const char *fault_of(const struct bus_record *record, const Punnet__V1__JudgedLead *judged)
{
	if (!judged)
		return "not a JudgedLead";
	if (!judged->source || strcmp(judged->source->topic, "leads.raw") != 0 ||
	    judged->source->partition != (uint32_t)record->partition)
		return "its provenance is not the raw partition of the same number";
	if (goes_on(judged) && (!judged->lead || !judged->lead->vertical[0] ||
				judged->lead_id.len != sizeof(struct lead_id)))
		return "an accepted lead without a lead";
	if (judged->verdict == PUNNET__V1__VERDICT__QUARANTINED && judged->quarantine_until_ms <= 0)
		return "a quarantined lead without an end of its wait";
	return NULL;
}

static void finish(struct part *p, uint64_t entry)
{
	((struct admit *)p->state)->waiting_since_ms = 0;
	progress_release(p->progress, entry);
}

static enum step admit_record(struct part *p, const struct bus_record *record)
{
	struct router *r = p->stage->router;
	struct admit *state = p->state;
	const Punnet__V1__JudgedLead *judged =
	    codec_unpack(&r->arena, &punnet__v1__judged_lead__descriptor, record->value);
	const char *wrong = fault_of(record, judged);
	struct provenance raw;
	uint64_t entry;
	int32_t to = -1;
	bool accepted;

	if (wrong) {
		entry = part_open(p, record->offset);
		part_dead_letter(p, entry, record, "unreadable", wrong);
		finish(p, entry);
		return STEP_DONE;
	}
	raw = (struct provenance){.topic = "leads.raw",
				  .partition = judged->source->partition,
				  .offset = judged->source->offset,
				  .step = judged->source->step};
	if (!watermark_is_new(&state->seen, &raw) && !fault_on("watermark_off") &&
	    !fault_on("repeats_admitted")) {
		metric_add(METRIC_ROUTER_JUDGED_REPEATS, 1);
		finish(p, part_open(p, record->offset));
		return STEP_DONE;
	}
	accepted = goes_on(judged);
	if (accepted)
		to = market_partition(r, judged->lead->vertical);
	if (accepted && to < 0 && wait_for_vertical(p, judged->lead->vertical))
		return STEP_WAIT;

	(void)!watermark_advance(&state->seen, &raw);
	mark(state, record->offset, &raw);
	entry = part_open(p, record->offset);
	if (!accepted)
		metric_add(METRIC_ROUTER_JUDGED_PASSED, 1);
	else if (to >= 0)
		emit_admitted(p, entry, record, judged, to);
	else
		part_dead_letter(p, entry, record, "unknown_vertical",
				 arena_printf(&r->arena, "the directory has no vertical %s",
					      judged->lead->vertical));
	finish(p, entry);
	return STEP_DONE;
}

const struct stage_ops admit_ops = {
    .group = "router-admit",
    .topic = "leads.judged",
    .arrive = admit_arrive,
    .leave = admit_leave,
    .record = admit_record,
    .full = admit_full,
    .metadata = admit_metadata,
};
