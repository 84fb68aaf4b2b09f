/* postbacks: see postbacks.h. Here: what is taken, the turn, the end. */
#include "postbacks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postbacks_internal.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define IN_BUS_SPARE     1000
#define ANSWER_MAX_BYTES 4096 /* nobody reads it */

void postbacks_fail(struct postbacks *pb, const char *fmt, ...)
{
	va_list args;

	if (pb->failed)
		return;
	pb->failed = true;
	va_start(args, fmt);
	vsnprintf(pb->error.text, sizeof(pb->error.text), fmt, args);
	va_end(args);
}

/* --- taking --- */

/* Nothing is to be done about it. */
static void pass_over(struct pb_partition *p, const struct bus_record *record)
{
	uint64_t token = progress_open(p->progress, record->offset);

	assert(token != 0);
	progress_hold(p->progress, token);
	progress_release(p->progress, token);
}

const char *const pb_sources[PB_SOURCES] = {"payout.outbox", "orders.progress", "dead.letters",
					    "audit.findings", "status.replays"};

/* false: nobody numbered it. */
static bool number_of(const Punnet__V1__StatusEvent *e, struct provenance *ret)
{
	for (size_t i = 0; i < PB_SOURCES; i++) {
		if (strcmp(e->source->topic, pb_sources[i]) != 0)
			continue;
		*ret = (struct provenance){.topic = pb_sources[i],
					   .partition = e->source->partition,
					   .offset = e->source->offset,
					   .step = e->source->step};
		return true;
	}
	return false;
}

static bool is_repeat(struct pb_partition *p, const struct provenance *source)
{
	return !watermark_advance(&p->watermark, source) && !fault_on("watermark_off");
}

static void begin(struct postbacks *pb, struct pb_task *t, const struct pb_known *known)
{
	if (known) {
		metric_add(METRIC_DELIVERY_POSTBACK_RESUMED, 1);
		t->attempt = known->attempts;
		pb_wait(pb, t, known->due_ms);
		return;
	}
	if (t->lane->open <= MAX_OF(pb->settings.open_max / POSTBACK_LANE_SHARE, (size_t)1)) {
		pb_ready(pb, t);
		return;
	}
	t->attempt = 1;
	t->started_at_ms = clock_now_ms();
	t->started_monotonic_ms = clock_monotonic_ms();
	pb_end(pb, t, POSTBACK_BACKLOG_FULL);
}

static void take_event(struct postbacks *pb, struct pb_partition *p,
		       const struct bus_record *record, const Punnet__V1__StatusEvent *e,
		       int64_t from)
{
	const Punnet__V1__Postback *to = pb_wanted(pb, e);
	const struct pb_known *known = pb_known_of(p, record->offset);
	struct provenance source;
	bool numbered = number_of(e, &source);
	struct pb_task *t;

	if (numbered && is_repeat(p, &source)) {
		pass_over(p, record);
		prefix_push(&p->prefix, record->offset, NULL, from);
		metric_add(METRIC_DELIVERY_REPEATS, 1);
		return;
	}
	prefix_push(&p->prefix, record->offset, numbered ? &source : NULL, from);
	if (!to || (known && known->final)) {
		pass_over(p, record);
		return;
	}
	t = pb_task_new(pb, p, record);
	t->lane = pb_lane_of(pb, e->aff_id, postback_host(slice_cstr(to->url)));
	t->lane->open++;
	metric_add(METRIC_DELIVERY_POSTBACK_TAKEN, 1);
	begin(pb, t, known);
}

static void take(struct postbacks *pb, const struct bus_record *record)
{
	struct pb_partition *p = pb->partitions[record->partition];
	const Punnet__V1__StatusEvent *e;
	int64_t from;

	if (!p)
		return; /* revoked meanwhile */
	from = record->offset < p->was_there_until ? p->attempts_from : p->attempts_end;
	arena_reset(&pb->arena);
	e = codec_unpack(&pb->arena, &punnet__v1__status_event__descriptor, record->value);
	if (!e || !e->source || !*postback_event_name(e->kind) || !*e->aff_id || !*e->event_id) {
		prefix_push(&p->prefix, record->offset, NULL, from);
		pb_record_dead(pb, pb_task_new(pb, p, record));
	} else {
		take_event(pb, p, record, e, from);
	}
	if (record->offset + 1 >= p->was_there_until)
		pb_known_free(p);
}

bool postbacks_is_taking(const struct postbacks *pb)
{
	if (pb->draining || pb->open >= pb->settings.open_max)
		return false;
	for (size_t i = 0; i < POSTBACKS_PARTITIONS_MAX; i++)
		if (pb->partitions[i] && prefix_full(&pb->partitions[i]->prefix))
			return false;
	return true;
}

static enum result take_batch(struct postbacks *pb, size_t *ret_count, struct error *ret_error)
{
	struct bus_record records[POSTBACKS_TAKE_MAX];
	size_t room = 0;
	enum result r;

	if (postbacks_is_taking(pb))
		room = MIN_OF(POSTBACKS_TAKE_MAX, pb->settings.open_max - pb->open);
	r = bus_take(pb->consumer, records, room, ret_count, ret_error);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < *ret_count; i++)
		take(pb, &records[i]);
	bus_release(pb->consumer, records, *ret_count);
	return RESULT_OK;
}

/* --- the turn --- */

enum result postbacks_turn(struct postbacks *pb, bool *ret_busy, struct error *ret_error)
{
	size_t count = 0;
	int64_t oldest_ms;
	enum result r = bus_producer_poll(pb->producer, ret_error);

	*ret_busy = false;
	if (r == RESULT_FATAL)
		return r;
	r = take_batch(pb, &count, ret_error);
	if (r == RESULT_FATAL && !pb->failed)
		return r;
	pb_partitions_shorten(pb);
	pb_dispatch(pb);
	pb_partitions_commit(pb, clock_monotonic_ms());
	metric_set(METRIC_DELIVERY_POSTBACK_OPEN, (int64_t)pb->open);
	if (pb->failed)
		return error_set(ret_error, RESULT_FATAL, "%s", pb->error.text);
	*ret_busy = count > 0;
	oldest_ms = bus_producer_oldest_ms(pb->producer);
	if (oldest_ms > pb->settings.ack_watchdog_ms)
		return error_set(ret_error, RESULT_FATAL,
				 STATUS_ATTEMPTS ": a record was not acknowledged for %lld ms",
				 (long long)oldest_ms);
	return RESULT_OK;
}

/* --- draining --- */

void postbacks_drain(struct postbacks *pb)
{
	pb->draining = true;
	pb->drain_ends_ms = clock_monotonic_ms() + POSTBACKS_DRAIN_MS;
}

/* What is cut off is sent again by the successor, under the same id. */
bool postbacks_drained(struct postbacks *pb)
{
	if (!pb->draining)
		return false;
	if (pb->sending > 0 && clock_monotonic_ms() < pb->drain_ends_ms)
		return false;
	if (pb->in_bus > 0)
		return false;
	return pb_partitions_commit_last(pb);
}

/* --- opening and closing --- */

static bool open_bus(struct postbacks *pb, struct error *ret_error)
{
	static const char *const topics[] = {STATUS_EVENTS};
	struct bus_producer_options producer = {
	    .on_ack = pb_on_ack,
	    .ctx = pb,
	    .linger_ms_x10 = pb->settings.linger_ms * 10,
	    .max_in_flight = pb->settings.open_max + IN_BUS_SPARE,
	};
	struct bus_consumer_options consumer = {
	    .group = POSTBACKS_GROUP,
	    .instance_id = pb->settings.instance_id,
	    .topics = topics,
	    .topic_count = ARRAY_LEN(topics),
	    .gather_ms = pb->settings.gather_ms,
	    .on_assign = pb_on_assign,
	    .on_revoke = pb_on_revoke,
	    .ctx = pb,
	};
	int32_t events = bus_partitions(pb->bus, STATUS_EVENTS, POSTBACKS_TIMEOUT_MS);
	int32_t attempts = bus_partitions(pb->bus, STATUS_ATTEMPTS, POSTBACKS_TIMEOUT_MS);

	if (events < 1 || attempts < events || events > POSTBACKS_PARTITIONS_MAX) {
		error_set(ret_error, RESULT_AWAY,
			  STATUS_EVENTS " and " STATUS_ATTEMPTS
					" can't be found, or differ in size; has `punnet "
					"topics apply` run?");
		return false;
	}
	pb->producer = bus_producer_open(pb->bus, &producer, ret_error);
	if (pb->producer)
		pb->consumer = bus_consumer_open(pb->bus, &consumer, ret_error);
	return pb->consumer != NULL;
}

struct postbacks *postbacks_open(uv_loop_t *loop, struct bus *bus, struct directory *directory,
				 struct keyring *keyring, const struct postbacks_settings *settings,
				 struct error *ret_error)
{
	struct postbacks *pb = calloc(1, sizeof(*pb));
	struct sender_options sender = {
	    .allow_private_addresses = settings->allow_private_addresses,
	    .connect_timeout_ms = settings->connect_timeout_ms,
	    .answer_max_bytes = ANSWER_MAX_BYTES,
	    .connections_max = settings->in_flight_max,
	    .ca_file = settings->ca_file,
	    .on_done = pb_on_answer,
	    .ctx = pb,
	};

	if (!pb)
		abort();
	pb->settings = *settings;
	pb->loop = loop;
	pb->bus = bus;
	pb->directory = directory;
	pb->keyring = keyring;
	uv_timer_init(loop, &pb->due_timer);
	pb->due_timer.data = pb;
	pb->sender = sender_open(loop, &sender, ret_error);
	if (pb->sender && open_bus(pb, ret_error))
		return pb;

	postbacks_close(pb);
	return NULL;
}

int postbacks_consumer_fd(struct postbacks *pb)
{
	return bus_consumer_fd(pb->consumer);
}

int postbacks_producer_fd(struct postbacks *pb)
{
	return bus_producer_fd(pb->producer);
}

size_t postbacks_open_count(const struct postbacks *pb)
{
	return pb->open;
}

static void on_timer_closed(uv_handle_t *h)
{
	struct postbacks *pb = h->data;

	arena_free(&pb->arena);
	buf_free(&pb->pack);
	free(pb);
}

void postbacks_close(struct postbacks *pb)
{
	if (!pb)
		return;
	bus_consumer_close(pb->consumer);
	pb_partitions_free(pb);
	sender_close(pb->sender);
	bus_producer_close(pb->producer);
	while (pb->orphans) {
		pb->orphans->in_bus = false; /* no acknowledgement comes any more */
		pb_task_free(pb, pb->orphans);
	}
	pb_lanes_free(pb);
	uv_timer_stop(&pb->due_timer);
	uv_close((uv_handle_t *)&pb->due_timer, on_timer_closed);
}
