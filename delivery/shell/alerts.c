/* alerts: see alerts.h. Here: who hears of what, circuits, taking over and giving away, the turn. */
#include "alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts_internal.h"
#include "base/hash.h"
#include "receiver.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"

#define TOPIC_EVENTS "status.events"
#define GROUP        "delivery-alerts"

static const char *const feed_topics[FEEDS] = {
    [FEED_ORDERS] = "orders.progress",
    [FEED_LETTERS] = "dead.letters",
    [FEED_AUDIT] = "audit.findings",
};

static enum feed_id feed_of(const char *topic)
{
	size_t i = 0;

	while (i < FEEDS && strcmp(feed_topics[i], topic) != 0)
		i++;
	assert(i < FEEDS);
	return (enum feed_id)i;
}

void alerts_fail(struct alerts *a, const char *what)
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

/* The advertiser is the first step. The steps are by the directory's order, so a crash between two receivers repeats the same ones. */
static enum result write_all(struct alerts *a, Punnet__V1__StatusEvent *e, uint32_t step)
{
	const Punnet__V1__DirectoryEntry *entry =
	    directory_get(a->directory, "advertiser", slice_cstr(e->advertiser_id));
	uint32_t end = step + ALERT_RECEIVERS_MAX;
	enum result r = RESULT_OK;

	e->source->step = step++;
	if (entry && receiver_wants_alert(entry, e->kind))
		r = write_one(a, e, entry->id);
	for (size_t i = 0; r == RESULT_OK && directory_at(a->directory, i, &entry); i++) {
		if (entry->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR ||
		    !receiver_wants_alert(entry, e->kind) || step >= end)
			continue;
		e->source->step = step++;
		r = write_one(a, e, entry->id);
	}
	return r;
}

void alerts_write(struct alerts *a, Punnet__V1__StatusEvent *e, uint32_t step)
{
	if (write_all(a, e, step) != RESULT_OK)
		alerts_fail(a,
			    "a record was not taken"); /* there was room: nothing was under way */
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
	if (write_all(a, &e, 0) != RESULT_OK)
		log_error("circuit_alert_lost", LOG_STR("advertiser", news->advertiser_id));
}

/* --- taking over and giving away --- */

static enum result learn_orders(struct alerts *a, int64_t low, int64_t end)
{
	struct error e = {0};

	map_free(&a->told);
	if (fault_on("alerts_forgotten"))
		return RESULT_OK;
	return bus_read_span(a->bus, feed_topics[FEED_ORDERS], 0, low, end, ALERTS_TIMEOUT_MS,
			     alerts_order_learn, a, &e);
}

static int64_t on_assign(void *ctx, const struct bus_assignment *as, enum result *ret_result)
{
	struct alerts *a = ctx;
	enum feed_id id = feed_of(as->topic);
	struct feed *f = &a->feeds[id];
	int64_t low, high;

	*ret_result = bus_offsets(a->bus, as->topic, as->partition, ALERTS_TIMEOUT_MS, &low, &high);
	if (*ret_result == RESULT_OK) {
		*f = (struct feed){.committed = MAX_OF(as->committed, low)};
		f->told = f->committed;
		if (id == FEED_LETTERS)
			a->letters = (struct letters){.due_ms = 0};
		if (id == FEED_ORDERS)
			*ret_result = learn_orders(a, low, MIN_OF(f->committed, high));
	}
	f->owns = *ret_result == RESULT_OK;
	if (!f->owns) {
		alerts_fail(a, "what was told can't be read");
		*ret_result = RESULT_FATAL;
		return -1;
	}
	log_info("alerts_taken", LOG_STR("topic", as->topic), LOG_INT("committed", f->committed),
		 LOG_INT("orders", map_count(&a->told)));
	return f->committed;
}

static bool commit_last(struct alerts *a, enum feed_id id)
{
	struct feed *f = &a->feeds[id];

	if (!f->owns || f->told == f->committed)
		return true;
	if (bus_commit_now(a->consumer, feed_topics[id], 0, f->told, SLICE(""),
			   ALERTS_TIMEOUT_MS) != RESULT_OK)
		return false;
	f->committed = f->told;
	return true;
}

static void on_revoke(void *ctx, const char *topic, _unused_ int32_t partition, bool lost)
{
	struct alerts *a = ctx;
	enum feed_id id = feed_of(topic);

	if (!lost && a->in_bus == 0 && !commit_last(a, id))
		log_warn("last_commit_failed", LOG_STR("topic", topic));
	a->feeds[id].owns = false;
	if (id == FEED_LETTERS)
		a->letters = (struct letters){.due_ms = 0}; /* the successor counts them again */
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct alerts *a = ctx;

	a->in_bus--;
	if (result != RESULT_OK)
		alerts_fail(a, "a record was not acknowledged");
}

/* --- the turn --- */

static void take(struct alerts *a, const struct bus_record *record, int64_t now_ms)
{
	enum feed_id id = feed_of(record->topic);
	struct feed *f = &a->feeds[id];

	if (!f->owns || a->failed)
		return;
	if (id == FEED_LETTERS) {
		alerts_letter_take(a, record, now_ms);
		return;
	}
	f->told = record->offset + 1;
	if (id == FEED_ORDERS)
		alerts_order_take(a, record);
	else
		alerts_audit_take(a, record);
}

static void commit(struct alerts *a)
{
	for (size_t i = 0; i < FEEDS && a->in_bus == 0; i++) {
		struct feed *f = &a->feeds[i];

		if (!f->owns || f->told == f->committed)
			continue;
		fault_point("alerts_acked");
		bus_commit(a->consumer, feed_topics[i], 0, f->told, SLICE(""));
		f->committed = f->told;
	}
}

bool alerts_is_taking(const struct alerts *a)
{
	return !a->draining && a->in_bus == 0;
}

enum result alerts_turn(struct alerts *a, bool *ret_busy, struct error *ret_error)
{
	struct bus_record records[ALERTS_TAKE_MAX];
	int64_t now_ms = clock_monotonic_ms();
	size_t count = 0;

	*ret_busy = false;
	if (bus_producer_poll(a->producer, ret_error) == RESULT_FATAL)
		return RESULT_FATAL;
	commit(a);
	if (bus_take(a->consumer, records, alerts_is_taking(a) ? ALERTS_TAKE_MAX : 0, &count,
		     ret_error) == RESULT_FATAL &&
	    !a->failed)
		return RESULT_FATAL;
	for (size_t i = 0; i < count; i++)
		take(a, &records[i], now_ms);
	bus_release(a->consumer, records, count);
	alerts_letters_turn(a, now_ms);
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
	if (!a->draining || a->in_bus > 0)
		return false;
	for (size_t i = 0; i < FEEDS; i++)
		if (!commit_last(a, (enum feed_id)i))
			return false;
	return true;
}

/* --- opening and closing --- */

static bool open_bus(struct alerts *a, struct error *ret_error)
{
	struct bus_producer_options producer = {
	    .on_ack = on_ack,
	    .ctx = a,
	    .linger_ms_x10 = a->settings.linger_ms * 10,
	    /* what a batch tells, what letters tell, circuits */
	    .max_in_flight =
		(ALERTS_TAKE_MAX + LETTER_KINDS_MAX) * ALERT_RECEIVERS_MAX + ALERTS_CIRCUITS_MAX,
	};
	struct bus_consumer_options consumer = {
	    .group = GROUP,
	    .instance_id = a->settings.instance_id,
	    .topics = feed_topics,
	    .topic_count = FEEDS,
	    .gather_ms = a->settings.gather_ms,
	    .on_assign = on_assign,
	    .on_revoke = on_revoke,
	    .ctx = a,
	};

	a->events = bus_partitions(a->bus, TOPIC_EVENTS, ALERTS_TIMEOUT_MS);
	if (a->events < 1) {
		error_set(ret_error, RESULT_AWAY,
			  TOPIC_EVENTS " can't be found; has `punnet topics apply` run?");
		return false;
	}
	for (size_t i = 0; i < FEEDS; i++) {
		if (bus_partitions(a->bus, feed_topics[i], ALERTS_TIMEOUT_MS) == 1)
			continue;
		error_set(ret_error, RESULT_AWAY,
			  "%s (of one partition) can't be found; has `punnet topics apply` run?",
			  feed_topics[i]);
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
