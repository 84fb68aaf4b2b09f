/* delivery: see delivery.h. Here: what is taken, the turn, the end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

void delivery_fail(struct delivery *d, const char *fmt, ...)
{
	va_list args;

	if (d->failed)
		return;
	d->failed = true;
	va_start(args, fmt);
	vsnprintf(d->error.text, sizeof(d->error.text), fmt, args);
	va_end(args);
}

/* --- taking --- */

/* A record that must be in the log, or NULL. */
static const Punnet__V1__RoutedLead *
read_routed(struct delivery *d, const struct bus_record *record, struct lead_id *ret_lead_id)
{
	const Punnet__V1__RoutedLead *m;

	arena_reset(&d->record_arena);
	m = codec_unpack(&d->record_arena, &punnet__v1__routed_lead__descriptor, record->value);
	if (!m || !m->source || !m->assignment ||
	    strcmp(m->source->topic, m->retry ? "operator" : PREFIX_TOPIC) != 0 ||
	    !lead_id_from_bytes(m->lead_id.data, m->lead_id.len, ret_lead_id))
		return NULL;
	return m;
}

/* Where this task goes on. */
static void task_begin(struct delivery *d, struct task *t, const struct resumed *last)
{
	const struct partition *p = t->partition;
	int64_t due_ms = last ? resume_due_ms(last, p->taken_over_at_ms) : 0;
	bool maybe_sent =
	    task_may_be_under_way(t->offset < p->was_there_until, p->was_clean, last != NULL,
				  last && last->step.final, due_ms, p->taken_over_at_ms);
	if (fault_on("take_over_trusts"))
		maybe_sent = false;

	/* what is handed over again may have arrived the first time */
	t->past.ever_unknown = maybe_sent || t->retry;
	if (!last) {
		if (t->offset < p->noted_until)
			queue_push(t);
		else
			taking_wait(t);
		return;
	}
	metric_add(METRIC_DELIVERY_RESUMED, 1);
	t->past.attempts = last->step.attempt;
	t->past.ever_unknown |= last->step.ever_unknown;
	if (!last->step.final) {
		task_wait(d, t, due_ms);
		return;
	}
	t->step = last->step;
	t->started_at_ms = last->started_at_ms;
	t->attempt_offset = last->record_offset;
	record_outcome(d, t);
}

static void take_unreadable(struct delivery *d, struct partition *p,
			    const struct bus_record *record, int64_t from)
{
	struct task *t = task_new(d, p, record);

	prefix_push(&p->prefix, record->offset, NULL, from);
	log_error("record_unreadable", LOG_STR("topic", TOPIC_ROUTED),
		  LOG_INT("partition", p->number), LOG_INT("offset", record->offset));
	record_dead(d, t);
}

static void take_repeat(struct partition *p, const struct bus_record *record, int64_t from)
{
	uint64_t token = progress_open(p->progress, record->offset);

	assert(token != 0);
	progress_hold(p->progress, token);
	progress_release(p->progress, token);
	prefix_push(&p->prefix, record->offset, NULL, from);
	metric_add(METRIC_DELIVERY_REPEATS, 1);
}

static void take(struct delivery *d, const struct bus_record *record)
{
	struct partition *p = d->partitions[record->partition];
	const Punnet__V1__RoutedLead *m;
	struct provenance source = {.topic = PREFIX_TOPIC};
	struct lead_id lead_id;
	int64_t from;
	struct task *t;

	if (!p || !take_over_finish(d, p))
		return; /* revoked meanwhile, or at its end */
	from = record->offset < p->was_there_until ? p->attempts_from : p->attempts_end;
	m = read_routed(d, record, &lead_id);
	if (!m) {
		take_unreadable(d, p, record, from);
		return;
	}
	source.partition = m->source->partition;
	source.offset = m->source->offset;
	source.step = m->source->step;
	if (!m->retry && !watermark_advance(&p->watermark, &source) && !fault_on("watermark_off") &&
	    !fault_on("repeats_delivered")) {
		take_repeat(p, record, from);
		return;
	}
	t = task_new(d, p, record);
	prefix_push(&p->prefix, record->offset, m->retry ? NULL : &source, from);
	t->retry = m->retry != NULL;
	t->lead_id = lead_id;
	t->advertiser = queue_of(d, slice_cstr(m->assignment->advertiser_id));
	metric_add(METRIC_DELIVERY_TAKEN, 1);
	task_begin(d, t, resume_find(&p->resume, record->offset));
	if (record->offset + 1 >= p->was_there_until)
		resume_free(&p->resume);
}

bool delivery_is_taking(const struct delivery *d)
{
	return !d->draining && d->open_tasks < d->settings.open_tasks_max && partitions_can_take(d);
}

static enum result take_batch(struct delivery *d, size_t *ret_count, struct error *ret_error)
{
	struct bus_record records[DELIVERY_TAKE_MAX];
	size_t room = 0;
	enum result r;

	if (delivery_is_taking(d))
		room = MIN_OF(DELIVERY_TAKE_MAX, d->settings.open_tasks_max - d->open_tasks);
	r = bus_take(d->consumer, records, room, ret_count, ret_error);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < *ret_count; i++)
		take(d, &records[i]);
	bus_release(d->consumer, records, *ret_count);
	return RESULT_OK;
}

/* --- the turn --- */

static enum result watch_acks(struct delivery *d, struct error *ret_error)
{
	int64_t oldest_ms = bus_producer_oldest_ms(d->producer);

	if (oldest_ms <= d->settings.ack_watchdog_ms)
		return RESULT_OK;
	return error_set(ret_error, RESULT_FATAL, "a record was not acknowledged for %lld ms",
			 (long long)oldest_ms);
}

enum result delivery_turn(struct delivery *d, bool *ret_busy, struct error *ret_error)
{
	size_t count = 0;
	enum result r;

	*ret_busy = false;
	r = directory_poll(d->directory, ret_error);
	if (r == RESULT_FATAL)
		return r;
	r = bus_producer_poll(d->producer, ret_error);
	if (r == RESULT_FATAL)
		return r;
	records_retry_stuck(d);
	circuits_tell(d);
	if (!d->failed && take_batch(d, &count, ret_error) == RESULT_FATAL && !d->failed)
		return RESULT_FATAL;
	if (!d->failed) {
		takings_say(d);
		delivery_dispatch(d);
		partitions_commit(d, clock_monotonic_ms());
	}
	metric_set(METRIC_DELIVERY_OPEN, (int64_t)d->open_tasks);
	metric_set(METRIC_DELIVERY_IN_FLIGHT, (int64_t)d->sending);
	if (d->failed)
		return error_set(ret_error, RESULT_FATAL, "%s", d->error.text);
	*ret_busy = count > 0;
	return watch_acks(d, ret_error);
}

/* --- draining --- */

void delivery_drain(struct delivery *d)
{
	d->draining = true;
	d->drain_ends_ms = clock_monotonic_ms() + DELIVERY_DRAIN_MS;
}

/* What did not end in time is unknown now: the successor repeats it under the same key. */
static void cut_off(struct delivery *d)
{
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++) {
		struct partition *p = d->partitions[i];

		for (struct task *t = p ? p->tasks : NULL; t; t = t->next) {
			if (!t->transfer)
				continue;
			sender_cancel(d->sender, t->transfer);
			task_transfer_over(d, t);
			queue_push(t);
			task_members_ready(t);
			p->interrupted = true;
		}
	}
}

bool delivery_drained(struct delivery *d)
{
	if (!d->draining)
		return false;
	if (d->sending > 0 && clock_monotonic_ms() < d->drain_ends_ms)
		return false;
	if (d->sending > 0)
		cut_off(d);
	if (d->in_bus > 0 || d->stuck_first)
		return false;

	return partitions_commit_last(d);
}

/* --- opening and closing --- */

static bool open_bus(struct delivery *d, struct error *ret_error)
{
	static const char *const topics[] = {TOPIC_ROUTED};
	struct bus_producer_options producer = {
	    .on_ack = delivery_on_ack,
	    .ctx = d,
	    .linger_ms_x10 = d->settings.linger_ms * 10,
	    .max_in_flight = d->settings.open_tasks_max + DELIVERY_IN_BUS_SPARE,
	};
	struct bus_consumer_options consumer = {
	    .group = DELIVERY_GROUP,
	    .instance_id = d->settings.instance_id,
	    .session_timeout_ms = d->settings.session_ms,
	    .topics = topics,
	    .topic_count = ARRAY_LEN(topics),
	    .gather_ms = d->settings.gather_ms,
	    .on_assign = delivery_on_assign,
	    .on_revoke = delivery_on_revoke,
	    .ctx = d,
	};
	int32_t routed = bus_partitions(d->bus, TOPIC_ROUTED, DELIVERY_BUS_TIMEOUT_MS);
	int32_t attempts = bus_partitions(d->bus, TOPIC_ATTEMPTS, DELIVERY_BUS_TIMEOUT_MS);

	d->market_partitions = bus_partitions(d->bus, "market", DELIVERY_BUS_TIMEOUT_MS);
	d->outcome_partitions = bus_partitions(d->bus, TOPIC_OUTCOMES, DELIVERY_BUS_TIMEOUT_MS);
	if (routed <= 0 || attempts <= 0 || d->outcome_partitions <= 0 ||
	    d->market_partitions <= 0) {
		error_set(ret_error, RESULT_AWAY,
			  "the topics can't be found; has `punnet topics apply` run?");
		return false;
	}
	if (attempts < routed || routed > DELIVERY_PARTITIONS_MAX) {
		error_set(ret_error, RESULT_BAD,
			  "%s has %d partitions, %s has %d: they must be as many, at most %d",
			  TOPIC_ROUTED, routed, TOPIC_ATTEMPTS, attempts, DELIVERY_PARTITIONS_MAX);
		return false;
	}
	d->producer = bus_producer_open(d->bus, &producer, ret_error);
	if (!d->producer)
		return false;
	d->consumer = bus_consumer_open(d->bus, &consumer, ret_error);
	return d->consumer != NULL;
}

struct delivery *delivery_open(uv_loop_t *loop, struct bus *bus, struct directory *directory,
			       struct keyring *keyring, const struct delivery_settings *settings,
			       struct error *ret_error)
{
	struct delivery *d = calloc(1, sizeof(*d));
	struct sender_options sender = {
	    .allow_private_addresses = settings->allow_private_addresses,
	    .connect_timeout_ms = settings->connect_timeout_ms,
	    .answer_max_bytes = settings->answer_max_bytes,
	    .connections_max = settings->in_flight_max,
	    .ca_file = settings->ca_file,
	    .on_done = delivery_on_answer,
	    .ctx = d,
	};

	if (!d)
		abort();
	d->settings = *settings;
	d->credentials.dir = settings->credentials_dir;
	d->loop = loop;
	d->bus = bus;
	d->directory = directory;
	d->keyring = keyring;
	d->opener = (struct opener){.directory = directory, .keyring = keyring};
	uv_timer_init(loop, &d->due_timer);
	uv_timer_init(loop, &d->rate_timer);
	d->due_timer.data = d->rate_timer.data = d;
	d->handles = 2;
	d->sender = sender_open(loop, &sender, ret_error);
	if (d->sender && open_bus(d, ret_error))
		return d;

	delivery_close(d);
	return NULL;
}

int delivery_consumer_fd(struct delivery *d)
{
	return bus_consumer_fd(d->consumer);
}

int delivery_producer_fd(struct delivery *d)
{
	return bus_producer_fd(d->producer);
}

size_t delivery_open_tasks(const struct delivery *d)
{
	return d->open_tasks;
}

size_t delivery_sending(const struct delivery *d)
{
	return d->sending;
}

static void on_timer_closed(uv_handle_t *h)
{
	struct delivery *d = h->data;

	if (--d->handles > 0)
		return;
	ways_free(&d->ways);
	arena_free(&d->handover_arena);
	arena_free(&d->record_arena);
	opener_free(&d->opener);
	buf_free(&d->pack);
	free(d);
}

void delivery_close(struct delivery *d)
{
	if (!d)
		return;
	bus_consumer_close(d->consumer);
	partitions_free(d);
	sender_close(d->sender);
	bus_producer_close(d->producer);
	while (d->orphans) {
		d->orphans->in_bus = false; /* no acknowledgement comes any more */
		task_free(d, d->orphans);
	}
	queues_free(d);
	credentials_free(&d->credentials);
	uv_timer_stop(&d->due_timer);
	uv_timer_stop(&d->rate_timer);
	uv_close((uv_handle_t *)&d->due_timer, on_timer_closed);
	uv_close((uv_handle_t *)&d->rate_timer, on_timer_closed);
}
