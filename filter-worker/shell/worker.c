/* worker: see worker.h.
 *
 * One turn: take a batch, learn every fact it needs in one round trip, judge, publish. Commits follow acknowledgements.
 *
 *   Redis away            the batch stays, nothing of it is judged, the turn is tried again: nothing lost
 *   the broker is slow    the batch stays half published; no further one is taken; the group is served meanwhile
 *   no acknowledgement    within common.ack_watchdog: the process ends and starts again from the log
 *   the partition leaves  its part of the batch is dropped; the successor judges it
 *   a record is poison    it goes to dead.letters; the partition goes on */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "partitions.h"
#include "proto/dead_letters.pb-c.h"
#include "rules_file.h"
#include "runtime/clock.h"
#include "runtime/directory.h"
#include "runtime/fault.h"
#include "runtime/keyring.h"
#include "runtime/kv.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "suppressions.h"

#define SECTION           "filter_worker"
#define TOPIC_RAW         "leads.raw"
#define TOPIC_JUDGED      "leads.judged"
#define TOPIC_DEAD        "dead.letters"
#define WORKER_MAGIC      0x46575752u
#define START_TIMEOUT_MS  30000
#define LAST_TIMEOUT_MS   10000
#define REVOKE_TIMEOUT_MS 2000
#define LINGER_MS_X10     20

struct worker {
	uint32_t magic;
	struct service *service;
	struct ruleset rules;
	struct bus *bus;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	struct directory *directory;
	struct keyring *keyring;
	struct kv *kv;
	struct suppressions *suppressions;
	struct desk *desk;
	struct partitions partitions;
	struct flights flights;
	struct batch batch;
	size_t batch_leads, max_in_flight;
	int64_t commit_every_ms, watchdog_ms, committed_at_ms;
	bool kv_away;
};

static const enum metric hit_metrics[] = {
#define FILTER(name) METRIC_FILTER_HITS_##name,
#include "filter-worker/filters/filters.def"
#undef FILTER
};

static struct worker *worker_of(void *ctx)
{
	struct worker *w = ctx;

	assert(w->magic == WORKER_MAGIC);
	return w;
}

/* --- partitions come and go --- */

/* The offset after the last verdict in the log, whoever wrote it; else the committed one; else the earliest. */
static enum result learn_start(struct worker *w, const struct bus_assignment *a, int64_t *ret_start,
			       struct error *e)
{
	_cleanup_(arena_free) struct arena arena = {0};
	struct bus_reader *reader = NULL;
	struct bus_record last;
	const Punnet__V1__JudgedLead *judged;
	enum result r =
	    bus_last(w->bus, TOPIC_JUDGED, a->partition, LAST_TIMEOUT_MS, &reader, &last, e);

	*ret_start = a->committed;
	/* The negative control starts where the commit says, and so judges again what is in the log. */
	if (r == RESULT_AGAIN || (r == RESULT_OK && fault_on("watermark_off"))) {
		bus_reader_close(reader);
		return RESULT_OK;
	}
	if (r != RESULT_OK)
		return r;

	judged = codec_unpack(&arena, &punnet__v1__judged_lead__descriptor, last.value);
	if (judged && judged->source && strcmp(judged->source->topic, TOPIC_RAW) == 0 &&
	    judged->source->partition == (uint32_t)a->partition)
		*ret_start = (int64_t)judged->source->offset + 1;
	else
		r = error_set(
		    e, RESULT_FATAL, "%s/%d: the record at %lld is not a verdict about %s/%d",
		    TOPIC_JUDGED, a->partition, (long long)last.offset, TOPIC_RAW, a->partition);
	bus_reader_close(reader);
	return r;
}

static int64_t on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
{
	struct worker *w = worker_of(ctx);
	struct error error = {0};
	int64_t start = -1;

	if (learn_start(w, a, &start, &error) != RESULT_OK) {
		log_error("partition_start_unknown", LOG_INT("partition", a->partition),
			  LOG_STR("reason", error.text));
		*ret_result = RESULT_FATAL;
		return -1;
	}
	/* Open entries are in the batch or on their way; there are never more. */
	partitions_assign(&w->partitions, a->partition, start, w->max_in_flight + DESK_LEADS_MAX);
	log_info("partition_assigned", LOG_INT("partition", a->partition), LOG_INT("start", start),
		 LOG_INT("committed", a->committed));
	return start;
}

static void commit_last(struct worker *w, int32_t number, struct partition *p)
{
	int64_t next = progress_committable(p->progress);
	enum result r = RESULT_OK;

	if (next > p->committed)
		r = bus_commit_now(w->consumer, TOPIC_RAW, number, next, (struct slice){0},
				   REVOKE_TIMEOUT_MS);
	/* Without it the successor starts after the last verdict all the same. */
	if (r != RESULT_OK)
		log_warn("last_commit_failed", LOG_INT("partition", number), LOG_INT("next", next));
	p->committed = MAX_OF(next, p->committed);
}

static void on_revoke(void *ctx, const char *topic, int32_t partition, bool lost)
{
	struct worker *w = worker_of(ctx);
	struct partition *p = partitions_owned(&w->partitions, partition);

	(void)topic;
	if (!p)
		return;
	if (!lost)
		commit_last(w, partition, p);
	log_info("partition_revoked", LOG_INT("partition", partition),
		 LOG_INT("committed", p->committed), LOG_INT("lost", lost));
	batch_drop_partition(&w->batch, partition);
	partitions_revoke(&w->partitions, partition);
}

/* --- acknowledgements and commits --- */

static void on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	struct worker *w = worker_of(ctx);
	struct flight flight = flights_land(&w->flights, token);
	struct partition *p = partitions_still(&w->partitions, flight.partition, flight.generation);

	(void)offset;
	if (result != RESULT_OK)
		service_die(w->service, "%s/%d: a record was given up by the producer",
			    TOPIC_JUDGED, partition);
	metric_observe_us(METRIC_FILTER_AGE, (clock_now_ms() - flight.received_at_ms) * 1000);
	if (p && flight.entry != 0)
		progress_release(p->progress, flight.entry);
}

static void commit_due(struct worker *w)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - w->committed_at_ms < w->commit_every_ms)
		return;
	w->committed_at_ms = now_ms;
	for (size_t i = 0; i < w->partitions.count; i++) {
		struct partition *p = partitions_owned(&w->partitions, (int32_t)i);
		int64_t next = p ? progress_committable(p->progress) : 0;

		if (!p || next <= p->committed)
			continue;
		bus_commit(w->consumer, TOPIC_RAW, (int32_t)i, next, (struct slice){0});
		p->committed = next;
		fault_point("worker_committed");
	}
}

/* Acknowledgements, the directory, the watchdog: what goes on beside the batch. */
static void serve(struct worker *w)
{
	struct error error = {0};
	int64_t oldest_ms;

	if (bus_producer_poll(w->producer, &error) == RESULT_FATAL)
		service_die(w->service, "the producer can't go on: %s", error.text);
	oldest_ms = bus_producer_oldest_ms(w->producer);
	if (oldest_ms > w->watchdog_ms)
		service_die(w->service, "%s: not acknowledged for %lld s", TOPIC_JUDGED,
			    (long long)(oldest_ms / MS_PER_S));
	if (directory_poll(w->directory, &error) == RESULT_FATAL)
		service_die(w->service, "the directory can't be followed: %s", error.text);
	suppressions_follow(w->suppressions, w->directory);
	commit_due(w);
}

/* --- taking --- */

static void open_item(struct worker *w, const struct bus_record *record)
{
	struct partition *p = partitions_owned(&w->partitions, record->partition);
	struct item *item;
	uint64_t entry = 0;

	if (!p)
		return;
	if (record->offset <= p->seen && !fault_on("watermark_off")) {
		metric_add(METRIC_FILTER_REPEATS, 1);
		return;
	}
	if (record->offset > p->seen) {
		entry = progress_open(p->progress, record->offset);
		assert(entry != 0);
		progress_hold(p->progress, entry);
		p->seen = record->offset;
	}
	item = &w->batch.items[w->batch.count++];
	*item = (struct item){.record = record, .generation = p->generation, .entry = entry};
	batch_read(&w->batch, item);
}

/* Serves the group in any case; takes only when there is no batch and room for the answers of another one. */
static size_t take(struct worker *w)
{
	struct error error = {0};
	bool room = batch_done(&w->batch) && !w->service->draining &&
		    w->flights.used + w->batch_leads <= w->max_in_flight;
	size_t count = 0;
	enum result r;

	r = bus_take(w->consumer, w->batch.records, room ? w->batch_leads : 0, &count, &error);
	if (r == RESULT_FATAL || r == RESULT_BAD)
		service_die(w->service, "%s can't be read: %s", TOPIC_RAW, error.text);
	if (count == 0)
		return 0;

	batch_reset(&w->batch);
	w->batch.taken = count;
	for (size_t i = 0; i < count; i++)
		open_item(w, &w->batch.records[i]);
	metric_add(METRIC_FILTER_BATCHES, 1);
	return count;
}

/* --- judging --- */

static void note_kv(struct worker *w, bool away, const char *reason)
{
	if (w->kv_away == away)
		return;
	w->kv_away = away;
	metric_set(METRIC_FILTER_KV_AWAY, away);
	if (away)
		log_warn("kv_away", LOG_STR("reason", reason),
			 LOG_INT("waiting", w->batch.count - w->batch.next));
	else
		log_info("kv_back");
}

static void count_verdict(const struct worker *w, const struct judgement *j)
{
	metric_add(j->verdict == LEAD_ACCEPTED ? METRIC_FILTER_ACCEPTED : METRIC_FILTER_REJECTED,
		   1);
	for (size_t i = 0; i < j->answer_count; i++) {
		if (j->answers[i] != ANSWER_HIT)
			continue;
		for (size_t k = 0; k < filter_count; k++) {
			if (filters[k] == w->rules.rules[i].filter)
				metric_add(hit_metrics[k], 1);
		}
	}
}

static enum result judge_batch(struct worker *w)
{
	struct desk_lead *leads[DESK_LEADS_MAX];
	struct item *items[DESK_LEADS_MAX];
	struct error error = {0};
	size_t judged, count = batch_unjudged(&w->batch, leads, items);
	enum result r;

	if (count == 0)
		return RESULT_OK;
	r = desk_judge(w->desk, leads, count, &w->batch.arena, &judged, &error);
	note_kv(w, r == RESULT_AWAY, error.text);
	if (r == RESULT_AWAY || r == RESULT_AGAIN)
		return RESULT_AWAY;
	if (r != RESULT_OK)
		service_die(w->service, "facts can't be gathered: %s", error.text);
	for (size_t i = 0; i < judged; i++) {
		batch_pack_lead(&w->batch, items[i], &w->rules);
		count_verdict(w, &leads[i]->judgement);
	}
	fault_point("worker_judged");
	return RESULT_OK;
}

/* --- publishing --- */

static enum result ship(struct worker *w, const struct item *item)
{
	bool poison = item->kind == ITEM_POISON;
	const struct bus_record *record = item->record;
	struct flight flight = {
	    .partition = record->partition,
	    .generation = item->generation,
	    .entry = item->entry,
	    .received_at_ms = poison ? record->timestamp_ms : item->lead.subject.received_at_ms,
	};
	uint64_t token = flights_take(&w->flights, &flight);
	struct slice value = slice_of(w->batch.out.data + item->out_at, item->out_len);
	const ProtobufCMessageDescriptor *type =
	    poison ? &punnet__v1__dead_letter__descriptor : &punnet__v1__judged_lead__descriptor;
	enum result r;

	if (token == 0)
		return RESULT_AGAIN;
	r = bus_produce(w->producer, poison ? TOPIC_DEAD : TOPIC_JUDGED,
			poison ? 0 : record->partition, poison ? (struct slice){0} : record->key,
			codec_type(type), value, token);
	if (r != RESULT_OK)
		(void)flights_land(&w->flights, token);
	return r;
}

static void warn_of_poison(const struct item *item)
{
	log_warn("poison_record", LOG_INT("partition", item->record->partition),
		 LOG_INT("offset", item->record->offset), LOG_STR("reason", item->fault));
	metric_add(METRIC_FILTER_POISON, 1);
}

/* Sends what is ready, in order. RESULT_AGAIN: the producer is full, or a lead still waits for its verdict. */
static enum result publish(struct worker *w)
{
	struct batch *b = &w->batch;

	for (; b->next < b->count; b->next++) {
		struct item *item = &b->items[b->next];
		enum result r;

		if (item->kind == ITEM_GONE)
			continue;
		if (item->kind == ITEM_LEAD && !item->packed)
			return RESULT_AGAIN;
		if (!item->packed) {
			warn_of_poison(item);
			batch_pack_poison(b, item, clock_now_ms());
		}
		r = ship(w, item);
		if (r == RESULT_AGAIN)
			return r;
		if (r != RESULT_OK)
			service_die(w->service, "a verdict about %s/%d at %lld can't be produced",
				    TOPIC_RAW, item->record->partition,
				    (long long)item->record->offset);
		fault_point("worker_produced");
	}
	return RESULT_OK;
}

static void release_batch(struct worker *w)
{
	if (w->batch.taken == 0)
		return;
	bus_release(w->consumer, w->batch.records, w->batch.taken);
	w->batch.taken = 0;
	batch_reset(&w->batch);
}

static enum turn worker_turn(struct service *s)
{
	struct worker *w = worker_of(s->state);
	bool busy;

	serve(w);
	busy = take(w) > 0;
	if (batch_done(&w->batch)) {
		release_batch(w);
		return busy ? TURN_BUSY : TURN_IDLE;
	}

	/* What was judged goes out before anything is judged anew: a verdict lives in the desk until its next call only
	 * as far as it is packed, and the order of a partition is the order of its verdicts. */
	if (publish(w) == RESULT_AGAIN) {
		size_t next = w->batch.next;

		if (judge_batch(w) == RESULT_AWAY)
			return TURN_WAIT;
		(void)publish(w);
		busy |= w->batch.next > next;
	}
	if (batch_done(&w->batch)) {
		release_batch(w);
		busy = true;
	}
	/* A full producer wakes the loop with its acknowledgements. */
	return busy ? TURN_BUSY : TURN_IDLE;
}

/* --- start and end --- */

static enum result load_rules(struct worker *w, const char *path, struct error *e)
{
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = path};

	if (!path[0])
		ruleset_standard(&w->rules);
	else if (rules_file_load(path, &w->rules, &faults) != RESULT_OK)
		return error_set(e, RESULT_BAD, "%s", buf_cstr(&faults.text));
	log_info("rules", LOG_STR("ruleset", w->rules.hash), LOG_INT("filters", w->rules.count),
		 LOG_STR("file", path));
	return RESULT_OK;
}

static enum result open_servers(struct worker *w, const struct config *c, struct error *e)
{
	w->keyring = keyring_open(config_text(c, "common", "keys_dir"), false, e);
	if (!w->keyring)
		return RESULT_BAD;
	w->kv = kv_open(config_text(c, "common", "redis"), config_text(c, SECTION, "kv_prefix"),
			(int)config_int(c, SECTION, "kv_timeout"), e);
	if (!w->kv)
		return RESULT_AWAY;
	w->bus = bus_open(config_text(c, "common", "kafka"), w->service->instance, e);
	if (!w->bus)
		return RESULT_AWAY;
	w->directory = directory_open(w->bus, START_TIMEOUT_MS, e);
	return w->directory ? RESULT_OK : RESULT_AWAY;
}

static enum result open_streams(struct worker *w, const struct config *c, struct error *e)
{
	static const char *const topics[] = {TOPIC_RAW};
	struct bus_producer_options producer = {.on_ack = on_ack,
						.ctx = w,
						.linger_ms_x10 = LINGER_MS_X10,
						.max_in_flight = w->max_in_flight};
	struct bus_consumer_options consumer = {
	    .group = config_text(c, SECTION, "group"),
	    .instance_id = w->service->instance,
	    .topics = topics,
	    .topic_count = ARRAY_LEN(topics),
	    .on_assign = on_assign,
	    .on_revoke = on_revoke,
	    .ctx = w,
	};

	w->producer = bus_producer_open(w->bus, &producer, e);
	if (!w->producer)
		return RESULT_AWAY;
	w->consumer = bus_consumer_open(w->bus, &consumer, e);
	return w->consumer ? RESULT_OK : RESULT_AWAY;
}

static enum result worker_start(struct service *s, struct error *ret_error)
{
	struct worker *w = calloc(1, sizeof(*w));
	const struct config *c = s->config;
	enum result r;

	assert(w);
	*w = (struct worker){.magic = WORKER_MAGIC, .service = s};
	s->state = w;
	w->batch_leads = (size_t)config_int(c, SECTION, "batch_leads");
	w->max_in_flight = (size_t)config_int(c, SECTION, "max_in_flight");
	w->commit_every_ms = config_int(c, SECTION, "commit_every");
	w->watchdog_ms = config_int(c, "common", "ack_watchdog");
	flights_init(&w->flights, w->max_in_flight);
	r = load_rules(w, config_text(c, SECTION, "ruleset"), ret_error);
	if (r == RESULT_OK)
		r = open_servers(w, c, ret_error);
	if (r == RESULT_OK)
		r = open_streams(w, c, ret_error);
	if (r != RESULT_OK)
		return r;

	w->suppressions = suppressions_new();
	suppressions_follow(w->suppressions, w->directory);
	w->desk = desk_open(&(struct desk_options){.rules = &w->rules,
						   .kv = w->kv,
						   .keyring = w->keyring,
						   .suppressions = w->suppressions});
	service_watch(s, bus_producer_fd(w->producer));
	service_watch(s, bus_consumer_fd(w->consumer));
	service_watch(s, directory_fd(w->directory));
	return RESULT_OK;
}

static bool worker_ready(struct service *s, char *ret_why, size_t len)
{
	const struct worker *w = s->state;

	if (w && w->desk && !w->kv_away)
		return true;
	snprintf(ret_why, len, "%s", w && w->kv_away ? "Redis is away: leads wait" : "starting");
	return false;
}

/* What is not published yet is left to the successor: nothing of it stands in the log, and claims know their owner. */
static void worker_drain(struct service *s)
{
	struct worker *w = worker_of(s->state);

	w->batch.next = w->batch.count;
	release_batch(w);
}

static bool worker_drained(struct service *s)
{
	struct worker *w = worker_of(s->state);

	return batch_done(&w->batch) && w->flights.used == 0;
}

static void worker_stop(struct service *s)
{
	struct worker *w = worker_of(s->state);

	for (size_t i = 0; i < w->partitions.count; i++) {
		struct partition *p = partitions_owned(&w->partitions, (int32_t)i);

		if (p)
			commit_last(w, (int32_t)i, p);
	}
	release_batch(w);
	bus_consumer_close(w->consumer);
	bus_producer_close(w->producer);
	directory_close(w->directory);
	bus_close(w->bus);
	desk_close(w->desk);
	suppressions_free(w->suppressions);
	kv_close(w->kv);
	keyring_free(w->keyring);
	partitions_free(&w->partitions);
	flights_free(&w->flights);
	batch_free(&w->batch);
	w->magic = 0;
	free(w);
}

const struct service_def filter_worker_service = {
    .name = "filter-worker",
    .what = "judges every raw lead once, in order, with the facts behind the verdict",
    .start = worker_start,
    .turn = worker_turn,
    .ready = worker_ready,
    .drain = worker_drain,
    .drained = worker_drained,
    .stop = worker_stop,
};
