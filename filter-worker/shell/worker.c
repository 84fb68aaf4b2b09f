/* worker: see worker.h.
 *
 * One turn: take a batch, learn every fact it needs in one round trip, judge, publish. Commits follow acknowledgements.
 *
 *   Redis away            the batch stays, nothing of it is judged, the turn is tried again: nothing lost
 *   the brokers are away  the directory's end can't be learned, and with it who is erased: no contact is opened
 *   the broker is slow    the batch stays half published; no further one is taken; the group is served meanwhile
 *   no acknowledgement    within common.ack_watchdog: the process ends and starts again from the log
 *   the partition leaves  its part of the batch is dropped; the successor judges it
 *   a record is poison    it goes to dead.letters; the partition goes on once that is acknowledged */
#include "last_verdict.h"
#include "restore.h"
#include "worker_state.h"

#include "proto/dead_letters.pb-c.h"
#include "runtime/clock.h"
#include "runtime/directory.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/opener.h"
#include "runtime/progress.h"
#include "suppressions.h"
#include "verdict_follower.h"

#define TOPIC_DEAD        "dead.letters"
#define LAST_TIMEOUT_MS   10000
#define REVOKE_TIMEOUT_MS 2000

/* --- partitions come and go --- */

/* The offset after the last verdict in the log, whoever wrote it; else the committed one; else the earliest. */
static enum result learn_start(struct worker *w, const struct bus_assignment *a, int64_t *ret_start,
			       struct error *e)
{
	int64_t next;
	enum result r = last_verdict(w->bus, a->partition, LAST_TIMEOUT_MS, &next, e);

	/* The negative control starts where the commit says, and so judges again what is in the log. */
	if (r == RESULT_AGAIN || fault_on("watermark_off"))
		next = a->committed;
	else if (r != RESULT_OK)
		return r;
	*ret_start = next;
	return RESULT_OK;
}

int64_t worker_on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
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
	fault_point("worker_assigned");
	/* Open entries are in the batch or on their way; there are never more. */
	partitions_assign(&w->partitions, a->partition, start, w->max_in_flight + DESK_LEADS_MAX);
	log_info("partition_assigned", LOG_INT("partition", a->partition), LOG_INT("start", start),
		 LOG_INT("committed", a->committed));
	return start;
}

void worker_commit_last(struct worker *w, int32_t number, struct partition *p)
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

void worker_on_revoke(void *ctx, const char *topic, int32_t partition, bool lost)
{
	struct worker *w = worker_of(ctx);
	struct partition *p = partitions_owned(&w->partitions, partition);

	(void)topic;
	if (!p)
		return;
	if (!lost)
		worker_commit_last(w, partition, p);
	log_info("partition_revoked", LOG_INT("partition", partition),
		 LOG_INT("committed", p->committed), LOG_INT("lost", lost));
	batch_drop_partition(&w->batch, partition);
	restore_forget(w, partition);
	partitions_revoke(&w->partitions, partition);
}

/* --- acknowledgements and commits --- */

void worker_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	struct worker *w = worker_of(ctx);
	struct flight flight = flights_land(&w->flights, token);
	struct partition *p = partitions_still(&w->partitions, flight.partition, flight.generation);

	if (result != RESULT_OK)
		service_die(w->service, "%s/%d: a record was given up by the producer",
			    TOPIC_JUDGED, partition);
	metric_observe_us(METRIC_FILTER_AGE, (clock_now_ms() - flight.received_at_ms) * 1000);
	w->letters -= flight.letter;
	if (p && !flight.letter)
		p->judged_end = MAX_OF(p->judged_end, offset + 1);
	if (p && flight.entry != 0)
		progress_release(p->progress, flight.entry);
	fault_point("worker_acked");
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
	verdict_follower_poll(w->verdicts);
	if (batch_done(&w->batch)) {
		worker_follow_rules(w);
		worker_follow_lists(w);
	}
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

void worker_note_kv(struct worker *w, enum result answer, const struct error *e)
{
	bool away = answer == RESULT_AWAY;

	if (w->kv_away == away)
		return;
	w->kv_away = away;
	metric_set(METRIC_FILTER_KV_AWAY, away);
	if (away)
		log_warn("kv_away", LOG_STR("reason", e->text),
			 LOG_INT("waiting", w->batch.count - w->batch.next));
	else
		log_info("kv_back");
}

static void count_verdict(const struct judgement *j)
{
	static const enum metric verdicts[] = {
	    [LEAD_ACCEPTED] = METRIC_FILTER_ACCEPTED,
	    [LEAD_REJECTED] = METRIC_FILTER_REJECTED,
	    [LEAD_QUARANTINED] = METRIC_FILTER_QUARANTINED,
	};

	metric_add(verdicts[j->verdict], 1);
	for (size_t i = 0; i < j->answer_count; i++) {
		if (j->answers[i] == ANSWER_HIT)
			metric_add_member(j->list->rules[i].shadow ? METRIC_FILTER_SHADOW_HITS
								   : METRIC_FILTER_HITS,
					  filter_index(j->list->rules[i].filter), 1);
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
	/* An erasure may be there that we don't know of: nothing is opened until that is known. */
	if (!opener_sure(&(struct opener){.directory = w->directory}))
		return RESULT_AWAY;
	r = desk_judge(w->desk, leads, count, &w->batch.arena, &judged, &error);
	worker_note_kv(w, r, &error);
	if (r == RESULT_AGAIN)
		restore_needed(w);
	if (r == RESULT_AWAY || r == RESULT_AGAIN)
		return RESULT_AWAY;
	if (r != RESULT_OK)
		service_die(w->service, "facts can't be gathered: %s", error.text);
	for (size_t i = 0; i < judged; i++) {
		batch_pack_lead(&w->batch, items[i], &w->rules);
		count_verdict(&leads[i]->judgement);
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
	    .letter = poison,
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
	else
		w->letters += poison;
	return r;
}

static void warn_of_poison(const struct item *item)
{
	log_warn("poison_record", LOG_INT("partition", item->record->partition),
		 LOG_INT("offset", item->record->offset), LOG_STR("reason", item->fault));
	metric_add(METRIC_FILTER_POISON, 1);
}

/* RESULT_AGAIN: the producer is full. */
static enum result ship_or_die(struct worker *w, const struct item *item)
{
	enum result r = ship(w, item);

	if (r != RESULT_OK && r != RESULT_AGAIN)
		service_die(w->service, "what became of %s/%d at %lld can't be produced", TOPIC_RAW,
			    item->record->partition, (long long)item->record->offset);
	fault_point("worker_produced");
	return r;
}

/* The dead letters of the batch, before its verdicts. */
static enum result publish_letters(struct worker *w)
{
	struct batch *b = &w->batch;

	for (size_t i = b->next; i < b->count; i++) {
		struct item *item = &b->items[i];

		if (item->kind != ITEM_POISON)
			continue;
		if (!item->packed) {
			warn_of_poison(item);
			batch_pack_poison(b, item, clock_now_ms());
		}
		if (ship_or_die(w, item) == RESULT_AGAIN)
			return RESULT_AGAIN;
		item->kind = ITEM_GONE;
	}
	return RESULT_OK;
}

/* Sends what is ready, in order. A successor begins behind the last verdict, and takes what lies before it for done: so no
 * verdict goes out while a dead letter may still be lost. RESULT_AGAIN: the producer is full, or a dead letter is on its way,
 * or a lead still waits for its verdict. */
static enum result publish(struct worker *w)
{
	struct batch *b = &w->batch;

	if (publish_letters(w) == RESULT_AGAIN)
		return RESULT_AGAIN;
	for (; b->next < b->count; b->next++) {
		struct item *item = &b->items[b->next];

		if (item->kind == ITEM_GONE)
			continue;
		if (!item->packed || (w->letters > 0 && !fault_on("letters_overtaken")))
			return RESULT_AGAIN;
		if (ship_or_die(w, item) == RESULT_AGAIN)
			return RESULT_AGAIN;
	}
	return RESULT_OK;
}

void worker_release_batch(struct worker *w)
{
	if (w->batch.taken == 0)
		return;
	bus_release(w->consumer, w->batch.records, w->batch.taken);
	w->batch.taken = 0;
	batch_reset(&w->batch);
}

/* What is judged already goes out in any case. */
static bool may_judge(struct worker *w, bool *ret_restoring)
{
	struct error error = {0};
	enum result r = restore_turn(w, ret_restoring, &error);

	if (r == RESULT_FATAL || r == RESULT_BAD)
		service_die(w->service, "the state can't be restored: %s", error.text);
	if (w->restore.ready && r == RESULT_OK)
		return true;
	(void)publish(w);
	return false;
}

enum turn worker_turn(struct service *s)
{
	struct worker *w = worker_of(s->state);
	bool busy, restoring;

	serve(w);
	busy = take(w) > 0;
	if (batch_done(&w->batch))
		worker_release_batch(w);
	if (!may_judge(w, &restoring))
		return restoring ? TURN_BUSY : TURN_WAIT;
	if (batch_done(&w->batch))
		return busy ? TURN_BUSY : TURN_IDLE;

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
		worker_release_batch(w);
		busy = true;
	}
	/* A full producer wakes the loop with its acknowledgements. */
	return busy ? TURN_BUSY : TURN_IDLE;
}
