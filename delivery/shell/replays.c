/* replays: see replays.h. */
#include "replays.h"

#include <stdlib.h>

#include "base/hash.h"
#include "delivery/core/status_filter.h"
#include "lead/codec.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/status_replays.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define TOPIC_REPLAYS  "status.replays"
#define TOPIC_EVENTS   "status.events"
#define TOPIC_DEAD     "dead.letters"
#define GROUP          "delivery-replays"
#define TIMEOUT_MS     10000
#define PARTITIONS_MAX 256
#define READ_MAX       500 /* records looked at in a turn */
#define IN_BUS_MAX     READ_MAX
#define BEFORE_MS      MS_PER_MIN /* clocks of two machines differ */
#define BY_WEBMASTER   "webmaster"

/* The request at hand. */
struct asked {
	bool under_way;
	int32_t partition; /* of the request */
	int64_t offset;
	struct arena arena; /* of the request */
	const Punnet__V1__ReplayRequest *m;
	struct status_filter filter;
	struct lead_id lead_id;
	struct bus_reader *reader; /* NULL: nothing is left to read */
	int32_t events;            /* the partition of status.events, … */
	int64_t end;               /* … and where reading ends */
	size_t sent;
};

struct replays {
	struct bus *bus;
	struct replays_settings settings;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	int32_t events; /* partitions */
	bool owns[PARTITIONS_MAX];
	struct asked asked;
	size_t in_bus;
	int64_t paced_ms, allowance; /* events that may be written now */
	bool draining, failed;
	struct arena arena; /* of the event at hand */
	struct buf pack;
	struct error error;
};

static void fail(struct replays *r, const char *what)
{
	r->failed = true;
	error_set(&r->error, RESULT_FATAL, TOPIC_REPLAYS ": %s", what);
}

static bool produce(struct replays *r, const char *topic, int32_t partition, struct slice key,
		    const ProtobufCMessage *m)
{
	buf_reset(&r->pack);
	codec_pack(m, &r->pack);
	if (r->pack.failed ||
	    bus_produce(r->producer, topic, partition, key, codec_type(m->descriptor),
			buf_slice(&r->pack), 0) != RESULT_OK) {
		fail(r, "a record was not taken"); /* there was room */
		return false;
	}
	r->in_bus++;
	return true;
}

/* --- a request begins --- */

static void put_aside(struct replays *r, const struct bus_record *record)
{
	Punnet__V1__DeadLetter m = PUNNET__V1__DEAD_LETTER__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)TOPIC_REPLAYS;
	source.partition = (uint32_t)record->partition;
	source.offset = (uint64_t)record->offset;
	m.source = &source;
	m.original = (ProtobufCBinaryData){record->value.len, (uint8_t *)record->value.data};
	m.service = (char *)"delivery";
	m.reason_code = (char *)"unreadable_replay";
	m.reason = (char *)"not a ReplayRequest";
	m.attempts = 1;
	m.at_ms = clock_now_ms();
	log_error("record_unreadable", LOG_STR("topic", TOPIC_REPLAYS),
		  LOG_INT("partition", record->partition), LOG_INT("offset", record->offset));
	(void)produce(r, TOPIC_DEAD, 0, SLICE(""), &m.base);
}

static void make_filter(struct asked *q)
{
	const Punnet__V1__ReplayRequest *m = q->m;

	/* its own, whatever else it says */
	q->filter = (struct status_filter){
	    .aff_id = m->aff_id, .from_ms = m->from_ms, .until_ms = m->until_ms};
	if (fault_on("replays_anybody"))
		q->filter.aff_id = NULL;
	if (*m->event_id)
		q->filter.event_id = m->event_id;
	if (lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &q->lead_id))
		q->filter.lead_id = &q->lead_id;
}

/* Retention may be ahead of what is asked for. */
static void open_span(struct replays *r, struct asked *q)
{
	int64_t low = 0, from = 0;
	struct error e = {0};

	q->events = hash_partition(slice_cstr(q->m->aff_id), r->events);
	if (bus_offsets(r->bus, TOPIC_EVENTS, q->events, TIMEOUT_MS, &low, &q->end) != RESULT_OK ||
	    bus_offset_at(r->bus, TOPIC_EVENTS, q->events,
			  MAX_OF(q->m->from_ms - BEFORE_MS, (int64_t)0), TIMEOUT_MS,
			  &from) != RESULT_OK) {
		fail(r, "where status.events begins and ends can't be learned");
		return;
	}
	if (MAX_OF(from, low) >= q->end)
		return;
	q->reader = bus_reader_open(r->bus, TOPIC_EVENTS, q->events, MAX_OF(from, low), &e);
	if (!q->reader)
		fail(r, "status.events can't be read");
}

static void begin(struct replays *r, const struct bus_record *record)
{
	struct asked *q = &r->asked;

	if (!r->owns[record->partition] || r->failed)
		return;
	arena_reset(&q->arena);
	q->under_way = true;
	q->partition = record->partition;
	q->offset = record->offset;
	q->sent = 0;
	q->m = codec_unpack(&q->arena, &punnet__v1__replay_request__descriptor, record->value);
	if (!q->m || !*q->m->aff_id) {
		q->m = NULL;
		put_aside(r, record);
		return;
	}
	make_filter(q);
	open_span(r, q);
}

static void drop(struct replays *r)
{
	bus_reader_close(r->asked.reader);
	r->asked.reader = NULL;
	r->asked.under_way = false;
}

/* --- and goes on --- */

static bool is_meant(const struct asked *q, const Punnet__V1__StatusEvent *e)
{
	return !*e->replayed_by && status_event_fits(&q->filter, e) &&
	       (q->m->kind == PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED ||
		q->m->kind == e->kind);
}

static void look_at(struct replays *r, const struct bus_record *record)
{
	struct asked *q = &r->asked;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__StatusEvent *e;

	arena_reset(&r->arena);
	e = (Punnet__V1__StatusEvent *)codec_unpack(
	    &r->arena, &punnet__v1__status_event__descriptor, record->value);
	if (!e || !is_meant(q, e))
		return;
	source.topic = (char *)TOPIC_REPLAYS;
	source.partition = (uint32_t)q->partition;
	source.offset = (uint64_t)q->offset;
	source.step =
	    (uint32_t)
		record->offset; /* rises with the events; begins anew at four thousand million */
	e->source = &source;
	e->replayed_by = (char *)BY_WEBMASTER;
	if (produce(r, TOPIC_EVENTS, q->events, slice_cstr(e->aff_id), &e->base)) {
		q->sent++;
		r->allowance--;
		metric_add(METRIC_DELIVERY_REPLAYED, 1);
	}
}

/* Whole seconds' worth is not saved: after a rest it begins with a tenth. */
static void pace(struct replays *r, int64_t now_ms)
{
	int64_t most = MAX_OF(r->settings.events_per_s / 10, (int64_t)1);
	int64_t come = (now_ms - r->paced_ms) * r->settings.events_per_s / MS_PER_S;

	if (come <= 0)
		return;
	r->paced_ms = now_ms;
	r->allowance = MIN_OF(r->allowance + come, most);
}

/* true: there may be more at once. One record after another, for what is taken from a reader is not given back. */
static bool go_on(struct replays *r, struct error *ret_error)
{
	struct asked *q = &r->asked;
	struct bus_record record;
	size_t count = 1;

	for (int i = 0; i < READ_MAX && q->reader && !r->failed; i++) {
		if (bus_reader_position(q->reader) >= q->end || q->sent >= REPLAY_EVENTS_MAX) {
			bus_reader_close(q->reader);
			q->reader = NULL;
			return true;
		}
		if (r->allowance <= 0 || r->in_bus >= IN_BUS_MAX)
			return false;
		if (bus_reader_take(q->reader, &record, 1, 0, &count, ret_error) == RESULT_FATAL) {
			fail(r, "status.events can't be read");
			return false;
		}
		if (count == 0)
			return false;
		if (record.offset < q->end)
			look_at(r, &record);
	}
	return true;
}

static void finish(struct replays *r)
{
	struct asked *q = &r->asked;

	if (q->m) {
		log_info("replayed", LOG_STR("webmaster", q->m->aff_id),
			 LOG_INT("events", (int64_t)q->sent), LOG_INT("request", q->offset));
		metric_add(METRIC_DELIVERY_REPLAYS, 1);
	}
	fault_point("replay_acked");
	bus_commit(r->consumer, TOPIC_REPLAYS, q->partition, q->offset + 1, SLICE(""));
	drop(r);
}

/* --- the turn --- */

bool replays_is_taking(const struct replays *r)
{
	return !r->draining && !r->asked.under_way;
}

static enum result take(struct replays *r, size_t *ret_count, struct error *ret_error)
{
	struct bus_record record;
	enum result result;

	result = bus_take(r->consumer, &record, replays_is_taking(r) ? 1 : 0, ret_count, ret_error);
	if (result != RESULT_OK)
		return result;
	if (*ret_count > 0)
		begin(r, &record);
	bus_release(r->consumer, &record, *ret_count);
	return RESULT_OK;
}

enum result replays_turn(struct replays *r, bool *ret_busy, struct error *ret_error)
{
	bool more = false;
	size_t count = 0;

	*ret_busy = false;
	if (bus_producer_poll(r->producer, ret_error) == RESULT_FATAL)
		return RESULT_FATAL;
	if (take(r, &count, ret_error) == RESULT_FATAL && !r->failed)
		return RESULT_FATAL;
	pace(r, clock_monotonic_ms());
	if (r->asked.under_way && !r->draining)
		more = go_on(r, ret_error);
	if (r->asked.under_way && !r->asked.reader && r->in_bus == 0 && !r->failed)
		finish(r);
	if (r->failed)
		return error_set(ret_error, RESULT_FATAL, "%s", r->error.text);
	if (bus_producer_oldest_ms(r->producer) > r->settings.ack_watchdog_ms)
		return error_set(ret_error, RESULT_FATAL,
				 TOPIC_EVENTS ": a replay was not acknowledged in time");
	*ret_busy = more || count > 0;
	return RESULT_OK;
}

int replays_consumer_fd(struct replays *r)
{
	return bus_consumer_fd(r->consumer);
}

int replays_producer_fd(struct replays *r)
{
	return bus_producer_fd(r->producer);
}

void replays_drain(struct replays *r)
{
	r->draining = true;
}

bool replays_drained(struct replays *r)
{
	return r->draining && r->in_bus == 0;
}

/* --- the group --- */

static int64_t on_assign(void *ctx, const struct bus_assignment *as,
			 _unused_ enum result *ret_result)
{
	struct replays *r = ctx;

	assert(as->partition < PARTITIONS_MAX);
	r->owns[as->partition] = true;
	return as->committed;
}

/* What it had begun, the successor begins again; postbacks drops what is there already. */
static void on_revoke(void *ctx, _unused_ const char *topic, int32_t partition, _unused_ bool lost)
{
	struct replays *r = ctx;

	r->owns[partition] = false;
	if (r->asked.under_way && r->asked.partition == partition)
		drop(r);
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct replays *r = ctx;

	r->in_bus--;
	if (result != RESULT_OK)
		fail(r, "a record was not acknowledged");
}

/* --- opening and closing --- */

static bool open_bus(struct replays *r, struct error *ret_error)
{
	static const char *const topics[] = {TOPIC_REPLAYS};
	struct bus_producer_options producer = {
	    .on_ack = on_ack,
	    .ctx = r,
	    .linger_ms_x10 = r->settings.linger_ms * 10,
	    .max_in_flight = IN_BUS_MAX + 1,
	};
	struct bus_consumer_options consumer = {
	    .group = GROUP,
	    .instance_id = r->settings.instance_id,
	    .topics = topics,
	    .topic_count = ARRAY_LEN(topics),
	    .gather_ms = r->settings.gather_ms,
	    .on_assign = on_assign,
	    .on_revoke = on_revoke,
	    .ctx = r,
	};
	int32_t requests = bus_partitions(r->bus, TOPIC_REPLAYS, TIMEOUT_MS);

	r->events = bus_partitions(r->bus, TOPIC_EVENTS, TIMEOUT_MS);
	if (r->events < 1 || requests < 1 || requests > PARTITIONS_MAX) {
		error_set(ret_error, RESULT_AWAY,
			  TOPIC_REPLAYS " or " TOPIC_EVENTS
					" can't be found; has `punnet topics apply` run?");
		return false;
	}
	r->producer = bus_producer_open(r->bus, &producer, ret_error);
	if (r->producer)
		r->consumer = bus_consumer_open(r->bus, &consumer, ret_error);
	return r->consumer != NULL;
}

struct replays *replays_open(struct bus *bus, const struct replays_settings *settings,
			     struct error *ret_error)
{
	struct replays *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->bus = bus;
	r->settings = *settings;
	if (open_bus(r, ret_error))
		return r;
	replays_close(r);
	return NULL;
}

void replays_close(struct replays *r)
{
	if (!r)
		return;
	bus_consumer_close(r->consumer);
	bus_producer_close(r->producer);
	drop(r);
	arena_free(&r->asked.arena);
	arena_free(&r->arena);
	buf_free(&r->pack);
	free(r);
}
