/* worker: one turn is a paragraph; what a turn decides is in batch.c and in the core.
 *
 * The ledger's own offset says where a partition starts; Kafka's commit is there for those who
 * watch the lag. While the ledger is away the batch is held, and the group is served, so that the
 * partition stays ours. */
#include "payout/shell/worker.h"

#include <stdlib.h>

#include "payout/core/status.h"
#include "payout/shell/batch.h"
#include "payout/shell/due_teller.h"
#include "payout/shell/line_teller.h"
#include "payout/shell/publisher.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define TOPIC            "leads.outcomes"
#define GROUP            "payout"
#define PARTITIONS_MAX   256
#define IN_FLIGHT_MAX    8000
#define BACKLOG_EVERY_MS 5000
#define FIND_TOPIC_MS    10000
#define VAT_MOST_BP      10000
#define TELLS            0 /* whoever owns this partition tells sums of verdicts, and what is due */

struct worker {
	struct bus *bus;
	struct directory *directory;
	struct store *store;
	struct worker_settings settings;
	struct publisher_slots *slots;
	struct bus_producer *producer;
	struct bus_consumer *consumer;
	struct publisher *publishers[PARTITIONS_MAX]; /* NULL = not ours */
	struct line_teller *lines;
	struct due_teller *due; /* NULL: nobody looks */
	struct bus_record held[STORE_BATCH_MAX];
	bool done[STORE_BATCH_MAX]; /* settled, or not ours any more */
	size_t held_count, open_count;
	struct arena arena;
	int64_t backlog_next_ms;
	bool away, draining;
};

static const enum metric event_metrics[EVENT_COUNT] = {
    [EVENT_DELIVERED] = METRIC_PAYOUT_DELIVERED,
    [EVENT_REFUSED] = METRIC_PAYOUT_REFUSED,
    [EVENT_UNDELIVERABLE] = METRIC_PAYOUT_UNDELIVERABLE,
    [EVENT_UNRESOLVED] = METRIC_PAYOUT_UNRESOLVED,
    [EVENT_APPROVED] = METRIC_PAYOUT_APPROVED,
    [EVENT_RETURNED] = METRIC_PAYOUT_RETURNED,
    [EVENT_SOLD] = METRIC_PAYOUT_SOLD,
    [EVENT_UNREACHABLE] = METRIC_PAYOUT_UNREACHABLE,
    [EVENT_DUE] = METRIC_PAYOUT_DUE,
    [EVENT_WAIVED] = METRIC_PAYOUT_WAIVED,
};

static const enum metric ignored_metrics[IGNORED_COUNT] = {
#define IGNORED(name, code, text) [IGNORED_##name] = METRIC_PAYOUT_IGNORED_##name,
#include "payout/core/ignored.def"
#undef IGNORED
};

/* --- the group --- */

static int64_t on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
{
	struct worker *w = ctx;
	struct store_cursor cursor;
	struct error e = {0};

	if (a->partition >= PARTITIONS_MAX) {
		log_error("too_many_partitions", LOG_INT("partition", a->partition));
		*ret_result = RESULT_FATAL;
		return -1;
	}
	if (store_cursor_read(w->store, TOPIC, (uint32_t)a->partition, &cursor, &e) != RESULT_OK) {
		log_error("ledger_away_at_assignment", LOG_STR("why", e.text));
		*ret_result =
		    RESULT_FATAL; /* without the ledger's offset there is no right place to start */
		return -1;
	}
	publisher_free(w->publishers[a->partition]);
	w->publishers[a->partition] =
	    publisher_new(w->slots, w->producer, w->store, (uint32_t)a->partition);
	log_info("partition_assigned", LOG_INT("partition", a->partition),
		 LOG_INT("next", cursor.next), LOG_INT("committed", a->committed));
	return cursor.next;
}

static void on_revoke(void *ctx, _unused_ const char *topic, int32_t partition, _unused_ bool lost)
{
	struct worker *w = ctx;

	if (partition < 0 || partition >= PARTITIONS_MAX)
		return;
	publisher_free(w->publishers[partition]);
	w->publishers[partition] = NULL;
	for (size_t i = 0; i < w->held_count; i++) {
		if (w->held[i].partition == partition && !w->done[i]) {
			w->done[i] = true;
			w->open_count--;
		}
	}
	log_info("partition_revoked", LOG_INT("partition", partition));
}

/* --- settling --- */

static struct contract contract_of(void *ctx, const char *advertiser_id)
{
	struct worker *w = ctx;
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(w->directory, "advertiser", slice_cstr(advertiser_id));
	const Punnet__V1__Advertiser *a =
	    e && e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER ? e->advertiser
										: NULL;
	struct contract c = {.hold_ms = w->settings.hold_ms,
			     .return_window_ms = w->settings.return_window_ms};

	if (a && a->hold_days > 0)
		c.hold_ms = a->hold_days * MS_PER_DAY;
	if (a && a->return_window_days > 0)
		c.return_window_ms = a->return_window_days * MS_PER_DAY;
	if (a) {
		c.vat_bp = MIN_OF(a->vat_bp, (uint32_t)VAT_MOST_BP);
		c.returns_max_bp = a->returns_max_bp;
		c.own_cause_borne = a->own_cause_borne;
	}
	/* Nothing is returned after it became payable. */
	c.return_window_ms = MIN_OF(c.return_window_ms, c.hold_ms);
	return c;
}

static bool wants_postback(void *ctx, const char *aff_id, const char *event)
{
	struct worker *w = ctx;
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(w->directory, "webmaster", slice_cstr(aff_id));

	if (!e || e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER)
		return false;
	for (size_t i = 0; i < e->webmaster->n_postbacks; i++)
		for (size_t k = 0; k < e->webmaster->postbacks[i]->n_events; k++)
			if (strcmp(e->webmaster->postbacks[i]->events[k], event) == 0)
				return true;
	return false;
}

static void count(const struct batch_report *report)
{
	for (int e = EVENT_NONE + 1; e < EVENT_COUNT; e++)
		metric_add(event_metrics[e], (int64_t)report->events[e]);
	for (int i = IGNORED_NONE + 1; i < IGNORED_COUNT; i++)
		metric_add(ignored_metrics[i], (int64_t)report->ignored[i]);
	metric_add(METRIC_PAYOUT_TRANSFERS, (int64_t)report->transfers);
	metric_add(METRIC_PAYOUT_DEAD, (int64_t)report->dead);
	metric_add(METRIC_PAYOUT_CONTRADICTED, (int64_t)report->contradicted);
	metric_add(METRIC_PAYOUT_REPEATS, (int64_t)report->passed_over);
	metric_add(METRIC_PAYOUT_GAP, (int64_t)report->gap);
}

/* Settles what is held of one partition. */
static enum result settle_partition(struct worker *w, int32_t partition, struct error *ret_error)
{
	struct batch_settings settings = {.topic = TOPIC,
					  .contract = contract_of,
					  .wants = wants_postback,
					  .ctx = w,
					  .now_ms = clock_now_ms()};
	struct bus_record batch[STORE_BATCH_MAX];
	int64_t began_us = clock_monotonic_us();
	struct batch_report report;
	size_t n = 0;
	enum result r;

	for (size_t i = 0; i < w->held_count; i++)
		if (!w->done[i] && w->held[i].partition == partition)
			batch[n++] = w->held[i];
	r = batch_settle(w->store, &w->arena, &settings, (uint32_t)partition, batch, n, &report,
			 ret_error);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < w->held_count; i++)
		if (w->held[i].partition == partition)
			w->done[i] = true;
	w->open_count -= n;
	if (report.gap > 0)
		log_error("outcomes_missing", LOG_INT("partition", partition),
			  LOG_INT("count", report.gap));
	count(&report);
	metric_observe_us(METRIC_PAYOUT_SETTLE, clock_monotonic_us() - began_us);
	bus_commit(w->consumer, TOPIC, partition, report.next, slice_cstr(""));
	if (w->publishers[partition])
		publisher_wake(w->publishers[partition]);
	return RESULT_OK;
}

static enum result settle_held(struct worker *w, struct error *ret_error)
{
	for (size_t i = 0; i < w->held_count; i++) {
		enum result r = RESULT_OK;

		if (!w->done[i])
			r = settle_partition(w, w->held[i].partition, ret_error);
		if (r != RESULT_OK)
			return r;
	}
	bus_release(w->consumer, w->held, w->held_count);
	w->held_count = 0;
	return RESULT_OK;
}

static enum result take(struct worker *w, bool *ret_busy, struct error *ret_error)
{
	size_t max = w->held_count > 0 || w->draining ? 0 : w->settings.batch_size, n = 0;
	struct bus_record records[1];
	enum result r = bus_take(w->consumer, max ? w->held : records, max, &n, ret_error);

	if (r != RESULT_OK || n == 0)
		return r == RESULT_AGAIN ? RESULT_OK : r;
	w->held_count = w->open_count = n;
	memset(w->done, 0, sizeof(w->done));
	*ret_busy = true;
	return RESULT_OK;
}

/* --- publishing --- */

static enum result publish(struct worker *w, bool *ret_busy, struct error *ret_error)
{
	int64_t now_ms = clock_monotonic_ms();
	bool quiet = !*ret_busy;
	int64_t rows;

	for (size_t p = 0; p < PARTITIONS_MAX; p++) {
		enum result r = RESULT_OK;

		if (w->publishers[p])
			r = publisher_pump(w->publishers[p], quiet, ret_busy, ret_error);
		if (r != RESULT_OK)
			return r;
	}
	if (w->publishers[TELLS]) {
		enum result r = line_teller_pump(w->lines, ret_busy, ret_error);

		if (r == RESULT_OK && w->due && !w->draining)
			r = due_teller_pump(w->due, ret_busy, ret_error);
		if (r != RESULT_OK)
			return r;
	}
	if (now_ms < w->backlog_next_ms)
		return RESULT_OK;
	w->backlog_next_ms = now_ms + BACKLOG_EVERY_MS;
	/* The operator's tool may have left something in the outbox. */
	for (size_t p = 0; p < PARTITIONS_MAX; p++)
		if (w->publishers[p])
			publisher_wake(w->publishers[p]);
	if (store_outbox_backlog(w->store, &rows, ret_error) == RESULT_OK)
		metric_set(METRIC_PAYOUT_OUTBOX, rows);
	return RESULT_OK;
}

static enum result watchdog(struct worker *w, struct error *ret_error)
{
	int64_t oldest_ms = bus_producer_oldest_ms(w->producer);

	if (oldest_ms <= w->settings.ack_watchdog_ms)
		return RESULT_OK;
	return error_set(
	    ret_error, RESULT_FATAL,
	    "market: not acknowledged for %lld s; ending, to start again from the ledger",
	    (long long)(oldest_ms / MS_PER_S));
}

static void ledger_is_away(struct worker *w, bool away, const struct error *e)
{
	if (away && !w->away)
		log_warn("ledger_away", LOG_STR("why", e->text));
	if (!away && w->away)
		log_info("ledger_back");
	w->away = away;
	metric_set(METRIC_PAYOUT_LEDGER_AWAY, away);
}

enum result worker_turn(struct worker *w, bool *ret_busy, struct error *ret_error)
{
	enum result r;

	*ret_busy = false;
	r = directory_poll(w->directory, ret_error);
	if (r != RESULT_FATAL)
		r = bus_producer_poll(w->producer, ret_error);
	if (r != RESULT_FATAL)
		r = watchdog(w, ret_error);
	if (r != RESULT_FATAL)
		r = take(w, ret_busy, ret_error);
	if (r == RESULT_FATAL)
		return r;

	r = settle_held(w, ret_error);
	if (r == RESULT_OK)
		r = publish(w, ret_busy, ret_error);
	if (r == RESULT_FATAL || r == RESULT_BAD)
		return RESULT_FATAL;
	ledger_is_away(w, r == RESULT_AWAY, ret_error);
	return r;
}

/* --- life --- */

struct worker *worker_open(struct bus *bus, struct directory *directory, struct store *store,
			   const struct worker_settings *settings, struct error *ret_error)
{
	static const char *const topics[] = {TOPIC};
	struct worker *w = calloc(1, sizeof(*w));
	struct bus_producer_options out = {.on_ack = publisher_on_ack,
					   .linger_ms_x10 = settings->linger_ms * 10,
					   .max_in_flight = IN_FLIGHT_MAX};
	struct bus_consumer_options in = {.group = GROUP,
					  .instance_id = settings->instance_id,
					  .topics = topics,
					  .topic_count = ARRAY_LEN(topics),
					  .gather_ms = settings->gather_ms,
					  .on_assign = on_assign,
					  .on_revoke = on_revoke,
					  .ctx = w};

	int32_t status_partitions;

	assert(w);
	assert(settings->batch_size > 0 && settings->batch_size <= STORE_BATCH_MAX);
	w->bus = bus;
	w->directory = directory;
	w->store = store;
	w->settings = *settings;
	status_partitions = bus_partitions(bus, STATUS_TOPIC, FIND_TOPIC_MS);
	w->slots = publisher_slots_new(IN_FLIGHT_MAX, status_partitions);
	w->lines = line_teller_new(bus, store, settings->lines_every_ms);
	if (settings->due_every_ms > 0)
		w->due = due_teller_new(bus, store, settings->due_every_ms,
					settings->wall_ms ? settings->wall_ms : clock_now_ms);
	out.ctx = w->slots;
	if (status_partitions < 1)
		error_set(ret_error, RESULT_AWAY,
			  STATUS_TOPIC " can't be found; has `punnet topics apply` run?");
	else
		w->producer = bus_producer_open(bus, &out, ret_error);
	if (w->producer)
		w->consumer = bus_consumer_open(bus, &in, ret_error);
	if (!w->consumer) {
		worker_close(w);
		return NULL;
	}
	return w;
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	if (w->held_count > 0)
		bus_release(w->consumer, w->held, w->held_count);
	w->held_count = 0;
	bus_consumer_close(w->consumer);
	bus_producer_close(w->producer);
	for (size_t p = 0; p < PARTITIONS_MAX; p++)
		publisher_free(w->publishers[p]);
	publisher_slots_free(w->slots);
	line_teller_free(w->lines);
	due_teller_free(w->due);
	arena_free(&w->arena);
	free(w);
}

int worker_consumer_fd(struct worker *w)
{
	return bus_consumer_fd(w->consumer);
}

int worker_producer_fd(struct worker *w)
{
	return bus_producer_fd(w->producer);
}

bool worker_ledger_away(const struct worker *w)
{
	return w->away;
}

void worker_drain(struct worker *w)
{
	w->draining = true;
}

bool worker_drained(const struct worker *w)
{
	for (size_t p = 0; p < PARTITIONS_MAX; p++)
		if (w->publishers[p] && !publisher_done(w->publishers[p]))
			return false;
	return w->held_count == 0;
}
