/* alerts: see alerts.h. */
#include "alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "lead/codec.h"
#include "proto/orders_progress.pb-c.h"
#include "receiver.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"

#define TOPIC_PROGRESS "orders.progress"
#define TOPIC_EVENTS   "status.events"
#define GROUP          "delivery-alerts"
#define TAKE_MAX       50
#define TIMEOUT_MS     10000
#define CIRCUITS_IN_BUS                                                                            \
	1000 /* alerts of circuits that Kafka has not got yet; others are left out, and logged */

struct alerts {
	struct bus *bus;
	struct directory *directory;
	struct alerts_settings settings;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	int32_t events;  /* partitions */
	struct map told; /* order -> its Punnet__V1__PaceState, when its progress was last seen */
	bool owns, failed, draining;
	int64_t next, committed; /* offsets in orders.progress */
	size_t in_bus;
	struct arena arena;
	struct buf pack;
	struct error error;
};

static void fail(struct alerts *a, const char *what)
{
	a->failed = true;
	error_set(&a->error, RESULT_FATAL, "alerts: %s", what);
}

/* --- who hears of it --- */

static enum result write_one(struct alerts *a, Punnet__V1__StatusEvent *e, const char *receiver)
{
	struct slice key = slice_cstr(receiver);
	enum result r;

	e->aff_id = (char *)receiver;
	buf_reset(&a->pack);
	codec_pack(&e->base, &a->pack);
	r = bus_produce(a->producer, TOPIC_EVENTS, hash_partition(key, a->events), key,
			codec_type(e->base.descriptor), buf_slice(&a->pack), 0);
	a->in_bus += r == RESULT_OK;
	return r;
}

/* The advertiser is step 0. The event's steps are by the directory's order, so a crash between two receivers repeats the same ones. */
static enum result write_all(struct alerts *a, Punnet__V1__StatusEvent *e)
{
	const Punnet__V1__DirectoryEntry *entry =
	    directory_get(a->directory, "advertiser", slice_cstr(e->advertiser_id));
	enum result r = RESULT_OK;
	uint32_t step = 0;

	e->source->step = step++;
	if (entry && receiver_wants_alert(entry, e->kind))
		r = write_one(a, e, entry->id);
	for (size_t i = 0; r == RESULT_OK && directory_at(a->directory, i, &entry); i++) {
		if (entry->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR ||
		    !receiver_wants_alert(entry, e->kind) || step >= ALERT_RECEIVERS_MAX)
			continue;
		e->source->step = step++;
		r = write_one(a, e, entry->id);
	}
	return r;
}

/* --- orders --- */

static Punnet__V1__StatusKind kind_of(Punnet__V1__PaceState state)
{
	switch (state) {
	case PUNNET__V1__PACE_STATE__PACE_SHORT:
		return PUNNET__V1__STATUS_KIND__STATUS_ORDER_SHORT;
	case PUNNET__V1__PACE_STATE__PACE_FAST:
		return PUNNET__V1__STATUS_KIND__STATUS_ORDER_AHEAD;
	case PUNNET__V1__PACE_STATE__PACE_FILLED:
		return PUNNET__V1__STATUS_KIND__STATUS_ORDER_FILLED;
	default:
		return PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED;
	}
}

/* true: this record begins a state. A tombstone forgets the order. */
static bool learn(struct alerts *a, const struct bus_record *record,
		  const Punnet__V1__OrderProgress **ret)
{
	const Punnet__V1__OrderProgress *m;
	uintptr_t state, before;

	if (record->value.len == 0) {
		map_remove(&a->told, record->key);
		return false;
	}
	arena_reset(&a->arena);
	m = codec_unpack(&a->arena, &punnet__v1__order_progress__descriptor, record->value);
	if (!m) {
		log_error("record_unreadable", LOG_STR("topic", TOPIC_PROGRESS),
			  LOG_INT("partition", record->partition),
			  LOG_INT("offset", record->offset));
		return false;
	}
	before = (uintptr_t)map_get(&a->told, record->key);
	state = m->pace ? (uintptr_t)m->pace->state : 0;
	if (state == before)
		return false;
	if (state)
		map_put(&a->told, record->key, (void *)state);
	else
		map_remove(&a->told, record->key);
	*ret = m;
	return true;
}

static void tell_order(struct alerts *a, const struct bus_record *record,
		       const Punnet__V1__OrderProgress *m, Punnet__V1__StatusKind kind)
{
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)TOPIC_PROGRESS;
	source.partition = (uint32_t)record->partition;
	source.offset = (uint64_t)record->offset;
	e.source = &source;
	e.kind = kind;
	e.event_id = arena_printf(&a->arena, "%s.%s.%lld", m->order_id, postback_event_name(kind),
				  (long long)record->offset);
	e.vertical = m->vertical;
	e.at_ms = m->log_time_ms;
	e.advertiser_id = m->advertiser_id;
	e.order_id = m->order_id;
	e.quantity = m->quantity;
	e.taken = m->reserved + m->delivered;
	e.planned = m->pace->planned;
	e.expected = m->pace->expected;
	if (write_all(a, &e) != RESULT_OK)
		fail(a, "a record was not taken"); /* there was room: nothing was under way */
}

static void take(struct alerts *a, const struct bus_record *record)
{
	const Punnet__V1__OrderProgress *m = NULL;
	Punnet__V1__StatusKind kind;

	if (!a->owns || a->failed)
		return;
	a->next = record->offset + 1;
	if (!learn(a, record, &m))
		return;
	kind = kind_of(m->pace ? m->pace->state : PUNNET__V1__PACE_STATE__PACE_NONE);
	if (kind != PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED)
		tell_order(a, record, m, kind);
}

/* --- circuits --- */

void alerts_circuit(void *ctx, const struct circuit_news *news)
{
	struct alerts *a = ctx;
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Money cost = PUNNET__V1__MONEY__INIT;
	char event_id[192];

	source.topic = (char *)"delivery";
	e.source = &source;
	e.kind = news->opened ? PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_OPENED
			      : PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_CLOSED;
	snprintf(event_id, sizeof(event_id), "%s.%s.%lld", news->advertiser_id,
		 postback_event_name(e.kind), (long long)news->at_ms);
	e.event_id = event_id;
	e.at_ms = news->at_ms;
	e.advertiser_id = (char *)news->advertiser_id;
	e.reason_code = (char *)news->reason_code;
	e.hour_leads = news->hour->leads;
	cost.amount_minor = news->hour->minor[0];
	cost.currency = (char *)news->hour->currency[0];
	if (*cost.currency)
		e.hour_cost = &cost;
	if (write_all(a, &e) != RESULT_OK)
		log_error("circuit_alert_lost", LOG_STR("advertiser", news->advertiser_id));
}

/* --- taking over and giving away --- */

/* What was seen below the committed offset was told. */
static enum result learn_one(void *ctx, const struct bus_record *record, _unused_ struct error *e)
{
	const Punnet__V1__OrderProgress *m;

	(void)learn(ctx, record, &m);
	return RESULT_OK;
}

static int64_t on_assign(void *ctx, const struct bus_assignment *as, enum result *ret_result)
{
	struct alerts *a = ctx;
	struct error e = {0};
	int64_t low, high;

	*ret_result = bus_offsets(a->bus, as->topic, as->partition, TIMEOUT_MS, &low, &high);
	map_free(&a->told);
	a->next = a->committed = MAX_OF(as->committed, low);
	if (*ret_result == RESULT_OK && !fault_on("alerts_forgotten"))
		*ret_result =
		    bus_read_span(a->bus, TOPIC_PROGRESS, 0, low, MIN_OF(a->committed, high),
				  TIMEOUT_MS, learn_one, a, &e);
	a->owns = *ret_result == RESULT_OK;
	if (!a->owns) {
		fail(a, "what was told can't be read");
		*ret_result = RESULT_FATAL;
		return -1;
	}
	log_info("alerts_taken", LOG_INT("committed", a->committed),
		 LOG_INT("orders", map_count(&a->told)));
	return a->committed;
}

static bool commit_last(struct alerts *a)
{
	if (!a->owns || a->next == a->committed)
		return true;
	if (bus_commit_now(a->consumer, TOPIC_PROGRESS, 0, a->next, SLICE(""), TIMEOUT_MS) !=
	    RESULT_OK)
		return false;
	a->committed = a->next;
	return true;
}

static void on_revoke(void *ctx, _unused_ const char *topic, _unused_ int32_t partition, bool lost)
{
	struct alerts *a = ctx;

	if (!lost && a->in_bus == 0 && !commit_last(a))
		log_warn("last_commit_failed", LOG_STR("topic", TOPIC_PROGRESS));
	a->owns = false;
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct alerts *a = ctx;

	a->in_bus--;
	if (result != RESULT_OK)
		fail(a, "a record was not acknowledged");
}

/* --- the turn --- */

bool alerts_is_taking(const struct alerts *a)
{
	return !a->draining && a->in_bus == 0;
}

enum result alerts_turn(struct alerts *a, bool *ret_busy, struct error *ret_error)
{
	struct bus_record records[TAKE_MAX];
	size_t count = 0;

	*ret_busy = false;
	if (bus_producer_poll(a->producer, ret_error) == RESULT_FATAL)
		return RESULT_FATAL;
	if (a->owns && a->in_bus == 0 && a->next != a->committed) {
		fault_point("alerts_acked");
		bus_commit(a->consumer, TOPIC_PROGRESS, 0, a->next, SLICE(""));
		a->committed = a->next;
	}
	if (bus_take(a->consumer, records, alerts_is_taking(a) ? TAKE_MAX : 0, &count, ret_error) ==
		RESULT_FATAL &&
	    !a->failed)
		return RESULT_FATAL;
	for (size_t i = 0; i < count; i++)
		take(a, &records[i]);
	bus_release(a->consumer, records, count);
	if (a->failed)
		return error_set(ret_error, RESULT_FATAL, "%s", a->error.text);
	if (bus_producer_oldest_ms(a->producer) > a->settings.ack_watchdog_ms)
		return error_set(ret_error, RESULT_FATAL,
				 TOPIC_EVENTS ": an alert was not acknowledged in time");
	*ret_busy = count > 0;
	return RESULT_OK;
}

int alerts_consumer_fd(struct alerts *a)
{
	return bus_consumer_fd(a->consumer);
}

int alerts_producer_fd(struct alerts *a)
{
	return bus_producer_fd(a->producer);
}

void alerts_drain(struct alerts *a)
{
	a->draining = true;
}

bool alerts_drained(struct alerts *a)
{
	return a->draining && a->in_bus == 0 && commit_last(a);
}

/* --- opening and closing --- */

static bool open_bus(struct alerts *a, struct error *ret_error)
{
	static const char *const topics[] = {TOPIC_PROGRESS};
	struct bus_producer_options producer = {
	    .on_ack = on_ack,
	    .ctx = a,
	    .linger_ms_x10 = a->settings.linger_ms * 10,
	    .max_in_flight = TAKE_MAX * ALERT_RECEIVERS_MAX + CIRCUITS_IN_BUS,
	};
	struct bus_consumer_options consumer = {
	    .group = GROUP,
	    .instance_id = a->settings.instance_id,
	    .topics = topics,
	    .topic_count = ARRAY_LEN(topics),
	    .gather_ms = a->settings.gather_ms,
	    .on_assign = on_assign,
	    .on_revoke = on_revoke,
	    .ctx = a,
	};

	a->events = bus_partitions(a->bus, TOPIC_EVENTS, TIMEOUT_MS);
	if (a->events < 1 || bus_partitions(a->bus, TOPIC_PROGRESS, TIMEOUT_MS) != 1) {
		error_set(ret_error, RESULT_AWAY,
			  TOPIC_EVENTS " or " TOPIC_PROGRESS " (of one partition) can't be "
				       "found; has `punnet topics apply` run?");
		return false;
	}
	a->producer = bus_producer_open(a->bus, &producer, ret_error);
	if (a->producer)
		a->consumer = bus_consumer_open(a->bus, &consumer, ret_error);
	return a->consumer != NULL;
}

struct alerts *alerts_open(struct bus *bus, struct directory *directory,
			   const struct alerts_settings *settings, struct error *ret_error)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->bus = bus;
	a->directory = directory;
	a->settings = *settings;
	if (open_bus(a, ret_error))
		return a;
	alerts_close(a);
	return NULL;
}

void alerts_close(struct alerts *a)
{
	if (!a)
		return;
	bus_consumer_close(a->consumer);
	bus_producer_close(a->producer);
	map_free(&a->told);
	arena_free(&a->arena);
	buf_free(&a->pack);
	free(a);
}
