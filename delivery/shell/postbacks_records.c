/* postbacks_records: tasks, and what is written of them: attempts and dead letters. */
#include <stdlib.h>
#include <string.h>

#include "postbacks_internal.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/status_attempts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

/* --- tasks --- */

struct pb_task *pb_task_new(struct postbacks *pb, struct pb_partition *p,
			    const struct bus_record *record)
{
	struct pb_task *t = calloc(1, sizeof(*t) + record->value.len);

	if (!t)
		abort();
	t->magic = POSTBACK_TASK_MAGIC;
	t->partition = p;
	t->offset = record->offset;
	t->value_len = record->value.len;
	if (t->value_len > 0)
		memcpy(t->value, record->value.data, t->value_len);
	t->prev = p->last;
	if (p->last)
		p->last->next = t;
	else
		p->first = t;
	p->last = t;
	pb->open++;
	t->token = progress_open(p->progress, record->offset);
	assert(t->token != 0); /* there was room when it was taken */
	progress_hold(p->progress, t->token);
	return t;
}

static void leave_partition(struct pb_task *t)
{
	struct pb_partition *p = t->partition;

	if (t->prev)
		t->prev->next = t->next;
	else
		p->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		p->last = t->prev;
	t->partition = NULL;
	t->prev = t->next = NULL;
}

static void leave_orphans(struct postbacks *pb, struct pb_task *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		pb->orphans = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

void pb_task_free(struct postbacks *pb, struct pb_task *t)
{
	assert(t->magic == POSTBACK_TASK_MAGIC);
	pb_cancel(pb, t);
	if (t->due.place)
		due_remove(&pb->waiting, &t->due);
	if (t->lane && t->state == PB_READY)
		pb_unready(t);
	if (t->partition)
		leave_partition(t);
	else
		leave_orphans(pb, t);
	if (t->in_bus) {
		/* the bus still names it: its acknowledgement frees it */
		t->state = PB_RECORDING;
		t->next = pb->orphans;
		if (t->next)
			t->next->prev = t;
		pb->orphans = t;
		return;
	}
	if (t->lane)
		t->lane->open--;
	pb->open--;
	t->magic = 0;
	free(t);
}

const Punnet__V1__StatusEvent *pb_event(struct postbacks *pb, const struct pb_task *t)
{
	const Punnet__V1__StatusEvent *e;

	arena_reset(&pb->arena);
	e = codec_unpack(&pb->arena, &punnet__v1__status_event__descriptor,
			 slice_of(t->value, t->value_len));
	assert(e); /* it could be read when it was taken */
	return e;
}

/* --- writing --- */

/* The producer has room for a record of every open task. */
static void produce(struct postbacks *pb, struct pb_task *t, const char *topic, int32_t partition,
		    struct slice key, const ProtobufCMessage *m)
{
	buf_reset(&pb->pack);
	codec_pack(m, &pb->pack);
	if (pb->pack.failed ||
	    bus_produce(pb->producer, topic, partition, key, codec_type(m->descriptor),
			buf_slice(&pb->pack), (uint64_t)(uintptr_t)t) != RESULT_OK) {
		postbacks_fail(pb, "%s/%d: a record was not taken", topic, partition);
		return;
	}
	t->in_bus = true;
	pb->in_bus++;
}

static struct provenance source_of(const struct pb_task *t)
{
	return (struct provenance){STATUS_EVENTS, (uint32_t)t->partition->number,
				   (uint64_t)t->offset, 0};
}

static char *host_of(struct postbacks *pb, const Punnet__V1__StatusEvent *e)
{
	const Punnet__V1__Postback *to = pb_wanted(pb, e);

	return to ? arena_cstr(&pb->arena, postback_host(slice_cstr(to->url))) : (char *)"";
}

void pb_record_attempt(struct postbacks *pb, struct pb_task *t)
{
	const Punnet__V1__StatusEvent *e = pb_event(pb, t);
	Punnet__V1__StatusAttempt m = PUNNET__V1__STATUS_ATTEMPT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct provenance from = source_of(t);

	provenance_fill(&from, &source);
	m.lead_id = e->lead_id;
	m.source = &source;
	m.kind = e->kind;
	m.aff_id = e->aff_id;
	m.event_id = e->event_id;
	m.attempt = t->attempt;
	m.result = (Punnet__V1__AttemptResult)postback_result(t->end);
	m.http_status = t->http_status;
	m.reason_code = (char *)postback_end_code(t->end);
	m.host = host_of(pb, e);
	m.started_at_ms = t->started_at_ms;
	m.took_ms = (uint32_t)MAX_OF(clock_monotonic_ms() - t->started_monotonic_ms, (int64_t)0);
	m.next_due_at_ms = t->due.at_ms;
	m.final = t->final;
	m.replayed_by = e->replayed_by;
	t->state = PB_RECORDING;
	produce(pb, t, STATUS_ATTEMPTS, t->partition->number, slice_cstr(e->aff_id), &m.base);
}

void pb_record_dead(struct postbacks *pb, struct pb_task *t)
{
	Punnet__V1__DeadLetter m = PUNNET__V1__DEAD_LETTER__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct provenance from = source_of(t);

	provenance_fill(&from, &source);
	m.source = &source;
	m.original = (ProtobufCBinaryData){.len = t->value_len, .data = (uint8_t *)t->value};
	m.service = (char *)"delivery";
	m.reason_code = (char *)"unreadable_status_event";
	m.reason = (char *)"not a StatusEvent";
	m.attempts = 1;
	m.at_ms = clock_now_ms();
	t->state = PB_BURYING;
	produce(pb, t, STATUS_DEAD, 0, slice_cstr(""), &m.base);
	log_error("record_unreadable", LOG_STR("topic", STATUS_EVENTS),
		  LOG_INT("partition", t->partition->number), LOG_INT("offset", t->offset));
}

/* --- acknowledgements --- */

static void finished(struct postbacks *pb, struct pb_task *t)
{
	progress_release(t->partition->progress, t->token);
	pb_task_free(pb, t);
}

void pb_on_ack(void *ctx, uint64_t token, enum result result, _unused_ int32_t partition,
	       int64_t offset)
{
	struct postbacks *pb = ctx;
	struct pb_task *t = (struct pb_task *)(uintptr_t)token;

	assert(t->magic == POSTBACK_TASK_MAGIC && t->in_bus);
	t->in_bus = false;
	pb->in_bus--;
	if (result != RESULT_OK) {
		postbacks_fail(pb, "a record was not acknowledged");
		return;
	}
	if (!t->partition) {
		pb_task_free(pb, t);
		return;
	}
	if (t->state == PB_BURYING) {
		metric_add(METRIC_DELIVERY_DEAD, 1);
		finished(pb, t);
		return;
	}
	fault_point("postback_attempt_acked");
	t->partition->attempts_end = MAX_OF(t->partition->attempts_end, offset + 1);
	if (t->final)
		finished(pb, t);
	else
		pb_wait(pb, t, t->due.at_ms);
}
