/* records: what delivery writes: attempts, outcomes, dead letters. The attempt is acknowledged before its outcome is
 * produced; the record read is released when the outcome is acknowledged too.
 *
 * A full bus takes nothing: the task then waits in the stuck list, and is written again from its own state. */
#include <stdlib.h>

#include "base/hash.h"
#include "internal.h"
#include "lead/wire.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define DEAD_ORIGINAL_MAX (900 * 1000) /* the dead letter must fit into a record itself */
#define DEAD_KEY_MAX      4096

_Static_assert((int)ATTEMPT_OK == PUNNET__V1__ATTEMPT_RESULT__OK, "numbers of AttemptResult");
_Static_assert((int)ATTEMPT_TEMPFAIL == PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL,
	       "numbers of AttemptResult");
_Static_assert((int)ATTEMPT_PERMFAIL == PUNNET__V1__ATTEMPT_RESULT__PERMFAIL,
	       "numbers of AttemptResult");
_Static_assert((int)TASK_DELIVERED == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED,
	       "numbers of OutcomeKind");
_Static_assert((int)TASK_REFUSED == PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED,
	       "numbers of OutcomeKind");
_Static_assert((int)TASK_UNDELIVERABLE == PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
	       "numbers of OutcomeKind");
_Static_assert((int)TASK_UNRESOLVED == PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED,
	       "numbers of OutcomeKind");

/* --- writing --- */

static void stick(struct delivery *d, struct task *t)
{
	t->stuck = true;
	t->stuck_next = NULL;
	if (d->stuck_last)
		d->stuck_last->stuck_next = t;
	else
		d->stuck_first = t;
	d->stuck_last = t;
}

void records_unstick(struct delivery *d, struct task *t)
{
	struct task **link = &d->stuck_first, *before = NULL;

	while (*link != t) {
		assert(*link);
		before = *link;
		link = &before->stuck_next;
	}
	*link = t->stuck_next;
	if (d->stuck_last == t)
		d->stuck_last = before;
	t->stuck = false;
	t->stuck_next = NULL;
}

/* What stands in d->pack. */
static void produce(struct delivery *d, struct task *t, const char *topic, int32_t partition,
		    const ProtobufCMessageDescriptor *type)
{
	enum result r;

	if (d->pack.failed) {
		delivery_fail(d, "%s: a record could not be packed", topic);
		return;
	}
	r = bus_produce(d->producer, topic, partition,
			slice_of(t->lead_id.bytes, sizeof(t->lead_id.bytes)), codec_type(type),
			buf_slice(&d->pack), (uint64_t)(uintptr_t)t);
	if (r == RESULT_AGAIN) {
		stick(d, t);
		return;
	}
	if (r != RESULT_OK) {
		delivery_fail(d, "%s/%d: a record was not taken", topic, partition);
		return;
	}
	t->in_bus = true;
	d->in_bus++;
}

/* The first fields of both records; the fields of all of them are written in the order of their numbers. */
static void write_head(struct buf *out, const struct task *t, const char *topic, int64_t offset)
{
	size_t source;

	buf_reset(out);
	wire_bytes(out, 1, slice_of(t->lead_id.bytes, sizeof(t->lead_id.bytes)));
	source = wire_begin(out, 2);
	wire_text(out, 1, slice_cstr(topic));
	wire_uint(out, 2, (uint32_t)t->partition->number);
	wire_uint(out, 3, (uint64_t)offset);
	wire_end(out, source);
}

/* The assignment goes on as it came, byte for byte. */
static struct slice assignment_of(const struct task *t)
{
	struct slice bytes;
	bool found =
	    codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_ASSIGNMENT_FIELD, &bytes);

	assert(found); /* it could be read when it was taken */
	return bytes;
}

static void write_answer(struct buf *out, const struct task *t)
{
	struct slice assignment, price, currency;
	size_t money;

	if (!t->kept) {
		/* an answer without a body is a whole one */
		wire_bool(out, 18, t->step.said.http_status != 0 && !t->step.said.unknown);
		return;
	}
	wire_text(out, 17, slice_cstr(t->kept->sample.text));
	wire_bool(out, 18, t->kept->sample.whole);
	assignment = assignment_of(t);
	if (!t->kept->has_price || !codec_find(assignment, ASSIGNMENT_PRICE_FIELD, &price) ||
	    !codec_find(price, MONEY_CURRENCY_FIELD, &currency))
		return;
	money = wire_begin(out, 19);
	wire_int(out, 1, t->kept->price_minor);
	wire_text(out, 2, currency);
	wire_end(out, money);
}

static void write_retry(struct buf *out, const struct task *t)
{
	struct slice retry, who;

	if (t->retry &&
	    codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_RETRY_FIELD, &retry) &&
	    codec_find(retry, 1, &who))
		wire_text(out, 20, who);
}

void record_attempt(struct delivery *d, struct task *t)
{
	struct buf *out = &d->pack;

	write_head(out, t, TOPIC_ROUTED, t->offset);
	wire_bytes_set(out, 3, assignment_of(t));
	wire_uint(out, 4, t->step.attempt);
	wire_uint(out, 5, t->step.said.result);
	wire_bool(out, 6, t->step.said.unknown);
	wire_bool(out, 7, t->step.ever_unknown);
	wire_uint(out, 8, t->step.said.http_status);
	wire_text(out, 9, slice_cstr(reason_code(t->step.said.reason)));
	wire_text(out, 10, slice_cstr(t->kept ? t->kept->excerpt : ""));
	wire_int(out, 11, t->started_at_ms);
	wire_uint(out, 12, (uint32_t)t->took_ms);
	wire_int(out, 13, t->step.next_due_at_ms);
	wire_bool(out, 14, t->step.final);
	wire_text(out, 15, slice_cstr(t->channel ? t->channel : ""));
	wire_uint(out, 16, t->asks);
	write_answer(out, t);
	write_retry(out, t);
	wire_uint(out, 21, (uint64_t)t->partition->take_over);
	t->state = TASK_RECORDING;
	produce(d, t, TOPIC_ATTEMPTS, t->partition->number,
		&punnet__v1__delivery_attempt__descriptor);
}

static enum task_outcome outcome_of_task(const struct task *t)
{
	return outcome_of(t->step.said.result, t->step.said.reason, t->step.ever_unknown);
}

void record_outcome(struct delivery *d, struct task *t)
{
	enum task_outcome outcome = outcome_of_task(t);
	int32_t partition = hash_partition(slice_of(t->lead_id.bytes, sizeof(t->lead_id.bytes)),
					   d->outcome_partitions);
	struct buf *out = &d->pack;

	assert(t->step.final);
	write_head(out, t, TOPIC_ATTEMPTS, t->attempt_offset);
	wire_uint(out, 3, outcome);
	wire_bytes_set(out, 4, assignment_of(t));
	wire_text(out, 5, slice_cstr(t->advertiser->id));
	wire_text(out, 7, slice_cstr(reason_code(outcome_reason(outcome, t->step.said.reason))));
	wire_int(out, 9, t->started_at_ms);
	wire_uint(out, 10, t->step.attempt);
	t->state = TASK_SETTLING;
	produce(d, t, TOPIC_OUTCOMES, partition, &punnet__v1__outcome__descriptor);
	fault_point("delivery_outcome_produced");
}

void record_dead(struct delivery *d, struct task *t)
{
	Punnet__V1__DeadLetter m = PUNNET__V1__DEAD_LETTER__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct provenance from = {TOPIC_ROUTED, (uint32_t)t->partition->number, (uint64_t)t->offset,
				  0};
	struct slice type = slice_of(t->value + t->value_len + t->key_len, t->type_len);

	provenance_fill(&from, &source);
	m.source = &source;
	m.original = (ProtobufCBinaryData){MIN_OF(t->value_len, (size_t)DEAD_ORIGINAL_MAX),
					   (uint8_t *)t->value};
	m.original_key = (ProtobufCBinaryData){MIN_OF(t->key_len, (size_t)DEAD_KEY_MAX),
					       (uint8_t *)t->value + t->value_len};
	arena_reset(&d->record_arena);
	m.original_type = slice_utf8_valid(type) ? arena_cstr(&d->record_arena, type) : (char *)"";
	m.service = (char *)"delivery";
	m.reason_code = (char *)"unreadable";
	m.reason =
	    (char *)"not a RoutedLead with a lead id, an assignment and a place in the market log";
	m.attempts = 1;
	m.at_ms = clock_now_ms();
	t->state = TASK_BURYING;
	buf_reset(&d->pack);
	codec_pack(&m.base, &d->pack);
	produce(d, t, TOPIC_DEAD, 0, m.base.descriptor);
}

void records_retry_stuck(struct delivery *d)
{
	struct task *t = d->stuck_first;

	d->stuck_first = d->stuck_last = NULL;
	while (t && !d->failed) {
		struct task *next = t->stuck_next;

		t->stuck = false;
		if (t->state == TASK_RECORDING)
			record_attempt(d, t);
		else if (t->state == TASK_SETTLING)
			record_outcome(d, t);
		else
			record_dead(d, t);
		t = next;
	}
}

/* --- acknowledgements --- */

static void count_attempt(const struct task_step *step)
{
	static const enum metric by_result[] = {
	    [ATTEMPT_OK] = METRIC_DELIVERY_ATTEMPT_OK,
	    [ATTEMPT_TEMPFAIL] = METRIC_DELIVERY_ATTEMPT_TEMPFAIL,
	    [ATTEMPT_PERMFAIL] = METRIC_DELIVERY_ATTEMPT_PERMFAIL,
	};

	metric_add(by_result[step->said.result], 1);
	if (step->said.unknown)
		metric_add(METRIC_DELIVERY_ATTEMPT_UNKNOWN, 1);
}

static void attempt_acked(struct delivery *d, struct task *t, int64_t offset)
{
	fault_point("delivery_attempt_acked");
	count_attempt(&t->step);
	t->attempt_offset = offset;
	if (!take_over_holds(d, t->partition, offset))
		return;
	t->partition->attempts_end = offset + 1;
	if (t->step.final) {
		record_outcome(d, t);
		return;
	}
	t->past =
	    (struct task_past){.attempts = t->step.attempt, .ever_unknown = t->step.ever_unknown};
	task_wait(d, t, t->step.next_due_at_ms);
}

static void outcome_acked(struct delivery *d, struct task *t)
{
	static const enum metric by_outcome[] = {
	    [TASK_DELIVERED] = METRIC_DELIVERY_DELIVERED,
	    [TASK_REFUSED] = METRIC_DELIVERY_REFUSED,
	    [TASK_UNDELIVERABLE] = METRIC_DELIVERY_UNDELIVERABLE,
	    [TASK_UNRESOLVED] = METRIC_DELIVERY_UNRESOLVED,
	};

	metric_add(by_outcome[outcome_of_task(t)], 1);
	if (outcome_of_task(t) == TASK_DELIVERED)
		circuit_delivered(d, t);
	progress_release(t->partition->progress, t->token);
	task_free(d, t);
}

void delivery_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition,
		     int64_t offset)
{
	struct delivery *d = ctx;
	struct task *t = IS_TASK(token) ? (struct task *)(uintptr_t)token : NULL;

	d->in_bus--;
	if (t) {
		assert(t->magic == TASK_MAGIC && t->in_bus);
		t->in_bus = false;
	}
	if (result != RESULT_OK) {
		delivery_fail(d, "a record was not acknowledged");
		return;
	}
	if (IS_TAKE_OVER(token))
		take_over_acked(d, partition, offset);
	if (IS_TAKING(token))
		taking_acked(d, partition, offset);
	if (!t)
		return;
	if (!t->partition) {
		task_free(d, t);
		return;
	}
	switch (t->state) {
	case TASK_RECORDING:
		attempt_acked(d, t, offset);
		return;
	case TASK_SETTLING:
		outcome_acked(d, t);
		return;
	default:
		assert(t->state == TASK_BURYING);
		metric_add(METRIC_DELIVERY_DEAD, 1);
		progress_release(t->partition->progress, t->token);
		task_free(d, t);
	}
}
