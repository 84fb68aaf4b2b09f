/* scan: see scan.h. The partitions of one topic are open at once, so that they are fetched side by side. */
#include "scan.h"

#include <stddef.h>
#include <stdlib.h>

#include "proto/dead_letters.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"
#include "proto/market.pb-c.h"
#include "runtime/fault.h"

#define SCAN_PARTITIONS_MAX 256
#define SCAN_BATCH          1000
#define SCAN_WAIT_MS        200
#define SCAN_PATIENCE       75 /* waits in a row without a record, below the end: the broker is away */
#define SCAN_ASK_MS         10000

struct place {
	int64_t next, end;
	int64_t limit; /* never read beyond; -1 = there is none */
	struct bus_reader *reader;
};

struct scan {
	struct bus *bus;
	int32_t partitions[SCAN_TOPICS];
	bool skipped[SCAN_TOPICS];
	struct place places[SCAN_TOPICS][SCAN_PARTITIONS_MAX];
	struct arena arena;
	const atomic_bool *stop; /* NULL: nobody stops it */
	bool leaves_out, measured, causes_first, waits;
};

static const ProtobufCMessageDescriptor *const beside_attempts[] = {
    &punnet__v1__take_over__descriptor, &punnet__v1__taking__descriptor, NULL};

static const struct {
	const char *name;
	const ProtobufCMessageDescriptor *type;
	const ProtobufCMessageDescriptor *const
	    *beside; /* stand there, too, and say nothing about a lead: left out; NULL at the end */
	size_t source; /* where the message has its provenance; 0 = it has none */
	enum scan_topic cause;
} topics[SCAN_TOPICS] = {
    [SCAN_DEAD] = {"dead.letters", &punnet__v1__dead_letter__descriptor},
    [SCAN_RAW] = {"leads.raw", &punnet__v1__raw_lead__descriptor},
    [SCAN_JUDGED] = {"leads.judged", &punnet__v1__judged_lead__descriptor, NULL,
		     offsetof(Punnet__V1__JudgedLead, source), SCAN_RAW},
    [SCAN_MARKET] = {"market", &punnet__v1__market_event__descriptor, NULL,
		     offsetof(Punnet__V1__MarketEvent, source), SCAN_JUDGED},
    [SCAN_ROUTED] = {"leads.routed", &punnet__v1__routed_lead__descriptor, NULL,
		     offsetof(Punnet__V1__RoutedLead, source), SCAN_MARKET},
    [SCAN_UNSOLD] = {"leads.unsold", &punnet__v1__unsold_lead__descriptor, NULL,
		     offsetof(Punnet__V1__UnsoldLead, source), SCAN_MARKET},
    [SCAN_ATTEMPTS] = {"leads.attempts", &punnet__v1__delivery_attempt__descriptor, beside_attempts,
		       offsetof(Punnet__V1__DeliveryAttempt, source), SCAN_ROUTED},
    [SCAN_OUTCOMES] = {"leads.outcomes", &punnet__v1__outcome__descriptor, NULL,
		       offsetof(Punnet__V1__Outcome, source), SCAN_ATTEMPTS},
};

struct scan *scan_open(struct bus *bus, struct error *ret_error)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->bus = bus;
	for (int t = 0; t < SCAN_TOPICS; t++) {
		for (int32_t p = 0; p < SCAN_PARTITIONS_MAX; p++)
			s->places[t][p].limit = -1;
		s->partitions[t] = bus_partitions(bus, topics[t].name, SCAN_ASK_MS);
		if (s->partitions[t] > 0 && s->partitions[t] <= SCAN_PARTITIONS_MAX)
			continue;
		(void)error_set(ret_error, RESULT_AWAY, "%s: its partitions can't be learned",
				topics[t].name);
		scan_close(s);
		return NULL;
	}
	return s;
}

void scan_close(struct scan *s)
{
	if (!s)
		return;
	arena_free(&s->arena);
	free(s);
}

void scan_skip(struct scan *s, enum scan_topic topic)
{
	s->skipped[topic] = true;
}

enum result scan_from(struct scan *s, enum scan_topic topic, int64_t time_ms,
		      struct error *ret_error)
{
	for (int32_t p = 0; p < s->partitions[topic]; p++) {
		enum result r = bus_offset_at(s->bus, topics[topic].name, p, time_ms, SCAN_ASK_MS,
					      &s->places[topic][p].next);

		if (r != RESULT_OK)
			return error_set(ret_error, r, "%s/%d: no offset can be learned for a time",
					 topics[topic].name, (int)p);
	}
	return RESULT_OK;
}

enum result scan_until(struct scan *s, enum scan_topic topic, int64_t time_ms,
		       struct error *ret_error)
{
	for (int32_t p = 0; p < s->partitions[topic]; p++) {
		enum result r = bus_offset_at(s->bus, topics[topic].name, p, time_ms, SCAN_ASK_MS,
					      &s->places[topic][p].limit);

		if (r != RESULT_OK)
			return error_set(ret_error, r, "%s/%d: no offset can be learned for a time",
					 topics[topic].name, (int)p);
	}
	return RESULT_OK;
}

void scan_stop_when(struct scan *s, const atomic_bool *flag)
{
	s->stop = flag;
}

void scan_wait_for_causes(struct scan *s, bool wait)
{
	s->causes_first = wait && !fault_on("causes_unwaited");
}

bool scan_waits(const struct scan *s)
{
	return s->waits;
}

bool scan_has_read(const struct scan *s, enum scan_topic topic, int32_t partition, int64_t next)
{
	const struct place *place = &s->places[topic][partition];

	return s->skipped[topic] || next <= place->next ||
	       (place->limit >= 0 && next > place->limit);
}

bool scan_leaves_out(const struct scan *s)
{
	return s->leaves_out;
}

int32_t scan_partitions(const struct scan *s, enum scan_topic topic)
{
	return s->partitions[topic];
}

static enum result measure_topic(struct scan *s, int t, struct error *ret_error)
{
	for (int32_t p = 0; p < s->partitions[t] && !s->skipped[t]; p++) {
		struct place *place = &s->places[t][p];
		int64_t low;
		enum result r =
		    bus_offsets(s->bus, topics[t].name, p, SCAN_ASK_MS, &low, &place->end);

		if (r != RESULT_OK)
			return error_set(ret_error, r, "%s/%d: its end can't be learned",
					 topics[t].name, (int)p);
		s->leaves_out |= !s->measured && place->next > low;
		s->waits |= place->limit < 0 && place->end < place->next && s->causes_first;
		place->next = MAX_OF(place->next, low);
		if (place->limit >= 0)
			place->end = MIN_OF(place->end, place->limit);
	}
	return RESULT_OK;
}

enum result scan_measure(struct scan *s, struct error *ret_error)
{
	enum result r;

	s->waits = false;
	r = measure_topic(s, SCAN_DEAD, ret_error);

	for (int t = SCAN_TOPICS - 1; t > SCAN_DEAD && r == RESULT_OK; t--)
		r = measure_topic(s, t, ret_error);
	s->measured |= r == RESULT_OK;
	return r;
}

static bool has_read_cause(const struct scan *s, int t, const void *message)
{
	const Punnet__V1__Provenance *source;

	if (!s->causes_first || !message || topics[t].source == 0)
		return true;
	memcpy(&source, (const char *)message + topics[t].source, sizeof(source));
	if (!source || strcmp(source->topic, topics[topics[t].cause].name) != 0 ||
	    source->partition >= (uint32_t)s->partitions[topics[t].cause] ||
	    source->offset >= INT64_MAX)
		return true;
	return scan_has_read(s, topics[t].cause, (int32_t)source->partition,
			     (int64_t)source->offset + 1);
}

static bool is_beside(int t, struct slice type)
{
	for (size_t i = 0; topics[t].beside && topics[t].beside[i]; i++)
		if (slice_is(type, codec_type(topics[t].beside[i])))
			return true;
	return false;
}

/* false: the next record waits for its cause. */
static bool hand_over(struct scan *s, int t, struct place *place, const struct bus_record *records,
		      size_t count, scan_fn fn, void *ctx)
{
	for (size_t i = 0; i < count && records[i].offset < place->end; i++) {
		const void *message = NULL;
		struct slice type = records[i].type;

		if (is_beside(t, type)) {
			place->next = records[i].offset + 1;
			continue;
		}
		if (type.len == 0 || slice_is(type, codec_type(topics[t].type)))
			message = codec_unpack(&s->arena, topics[t].type, records[i].value);
		if (!has_read_cause(s, t, message)) {
			arena_reset(&s->arena);
			return false;
		}
		place->next = records[i].offset + 1;
		fn(ctx, (enum scan_topic)t, &records[i], message);
		arena_reset(&s->arena);
	}
	return true;
}

static enum result read_partition(struct scan *s, int t, int32_t p, scan_fn fn, void *ctx,
				  struct error *ret_error)
{
	struct place *place = &s->places[t][p];
	struct bus_record records[SCAN_BATCH];
	int waits = 0;

	while (place->next < place->end) {
		size_t count = 0;
		enum result r = bus_reader_take(place->reader, records, SCAN_BATCH, SCAN_WAIT_MS,
						&count, ret_error);

		if (r != RESULT_OK)
			return r;
		if (s->stop && atomic_load(s->stop))
			return error_set(ret_error, RESULT_AGAIN, "the reading was interrupted");
		if (!hand_over(s, t, place, records, count, fn, ctx)) {
			s->waits = true;
			return RESULT_OK;
		}
		/* Offsets without records move the position, too. */
		if (count == 0)
			place->next = MAX_OF(place->next, bus_reader_position(place->reader));
		waits = count ? 0 : waits + 1;
		if (waits > SCAN_PATIENCE)
			return error_set(ret_error, RESULT_AWAY, "%s/%d: no answer at %lld of %lld",
					 topics[t].name, (int)p, (long long)place->next,
					 (long long)place->end);
	}
	return RESULT_OK;
}

static enum result read_topic(struct scan *s, int t, scan_fn fn, void *ctx, struct error *ret_error)
{
	enum result r = RESULT_OK;

	for (int32_t p = 0; p < s->partitions[t] && r == RESULT_OK; p++) {
		struct place *place = &s->places[t][p];

		if (place->next >= place->end)
			continue;
		place->reader = bus_reader_open(s->bus, topics[t].name, p, place->next, ret_error);
		r = place->reader ? RESULT_OK : RESULT_AWAY;
	}
	for (int32_t p = 0; p < s->partitions[t] && r == RESULT_OK; p++)
		r = read_partition(s, t, p, fn, ctx, ret_error);
	for (int32_t p = 0; p < s->partitions[t]; p++) {
		if (s->places[t][p].reader)
			bus_reader_close(s->places[t][p].reader);
		s->places[t][p].reader = NULL;
	}
	return r;
}

enum result scan_read(struct scan *s, scan_fn fn, void *ctx, struct error *ret_error)
{
	enum result r = RESULT_OK;

	for (int t = 0; t < SCAN_TOPICS && r == RESULT_OK; t++)
		r = read_topic(s, t, fn, ctx, ret_error);
	return r;
}
