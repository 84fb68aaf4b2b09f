/* take_over: whose a partition of leads.attempts is.
 *
 * A new owner writes a TakeOver and reads what stands before it; only then does it take records, so nothing is sent by it that a
 * successor could not know of. From there on the partition's offsets are its own, one after the other: a gap means
 * that somebody else has written. Is another TakeOver in it, this process owns the partition no longer, whatever the group
 * has told it so far, and ends before it makes anything of its attempt. Otherwise it was a predecessor that woke up, and what
 * it said does not count.
 *
 * What may have been sent by who was there before is read from the same log (takings.c). Where leads.routed ends is not asked
 * for it: a broker that stood still and was deposed answers for a moment with the end of before. Only where somebody of a
 * version that noted nothing is among the owners, the told end is all there is. */
#include "internal.h"
#include "proto/leads_attempts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"

/* Every record of leads.attempts from `from` to before `end`. */
static enum result read_span(struct delivery *d, int32_t number, int64_t from, int64_t end,
			     bus_each_fn fn, void *ctx, struct error *e)
{
	return bus_read_span(d->bus, TOPIC_ATTEMPTS, number, from, end, DELIVERY_BUS_TIMEOUT_MS, fn,
			     ctx, e);
}

/* --- saying it --- */

void take_over_say(struct delivery *d, struct partition *p)
{
	Punnet__V1__TakeOver m = PUNNET__V1__TAKE_OVER__INIT;

	m.instance_id = (char *)(d->settings.instance_id ? d->settings.instance_id : "");
	m.at_ms = clock_now_ms();
	m.notes_takings = true;
	buf_reset(&d->pack);
	codec_pack(&m.base, &d->pack);
	if (bus_produce(d->producer, TOPIC_ATTEMPTS, p->number, slice_of(NULL, 0),
			codec_type(m.base.descriptor), buf_slice(&d->pack),
			TAKE_OVER_TOKEN(p->number)) != RESULT_OK) {
		delivery_fail(d, "%s/%d: the take-over was not taken", TOPIC_ATTEMPTS, p->number);
		return;
	}
	d->in_bus++;
	d->take_overs_in_bus[p->number]++;
}

/* Of several that this process said, the last one is that of the partition as it is now. */
void take_over_acked(struct delivery *d, int32_t number, int64_t offset)
{
	struct partition *p = d->partitions[number];

	if (--d->take_overs_in_bus[number] == 0 && p)
		p->take_over = offset + 1;
}

/* --- what the owners before have left --- */

struct learner {
	struct delivery *d;
	struct partition *p;
};

static enum result learn_record(void *ctx, const struct bus_record *record, struct error *e)
{
	struct learner *l = ctx;

	arena_reset(&l->d->record_arena);
	if (fault_on("takings_of_all"))
		l->p->resume.take_over = RESUME_ANYBODY;
	if (resume_learn(&l->p->resume, &l->d->record_arena, record->type, record->value,
			 record->offset) == RESUME_FULL)
		return error_set(e, RESULT_FATAL, "more than %u deliveries to resume", RESUME_MAX);
	return RESULT_OK;
}

static enum result learn_owner_record(void *ctx, const struct bus_record *record,
				      _unused_ struct error *e)
{
	struct learner *l = ctx;

	arena_reset(&l->d->record_arena);
	if (record->offset ==
	    l->p->owner_before - 1) /* else it is gone, and others come in its place */
		resume_learn_owner(&l->p->resume, &l->d->record_arena, record->type, record->value);
	return RESULT_OK;
}

/* Whether the owner at the place where the reading begins notes what it takes stands before that place. */
static enum result learn_owner(struct learner *l, struct error *e)
{
	int64_t at = l->p->owner_before - 1;

	if (l->p->was_clean || at < 0)
		return RESULT_OK;
	return read_span(l->d, l->p->number, at, at + 1, learn_owner_record, l, e);
}

static enum result learn(struct delivery *d, struct partition *p, struct error *e)
{
	struct learner l = {.d = d, .p = p};
	enum result r;

	if (p->attempts_from >= p->take_over) { /* the topic is another one than the commit's */
		p->attempts_from = p->attempts_end = p->take_over - 1;
		p->owner_before = RESUME_ANYBODY;
	}
	resume_start(&p->resume, p->committed, p->owner_before);
	r = learn_owner(&l, e);
	if (r == RESULT_OK)
		r = read_span(d, p->number, p->attempts_from, p->take_over - 1, learn_record, &l,
			      e);
	if (p->resume.unreadable > 0 || p->resume.stale > 0)
		log_warn("attempts_left_out", LOG_INT("partition", p->number),
			 LOG_INT("unreadable", (int64_t)p->resume.unreadable),
			 LOG_INT("stale", (int64_t)p->resume.stale));
	return r;
}

/* Blocks until the broker has the TakeOver. */
static void await(struct delivery *d, struct partition *p)
{
	int64_t ends_ms = clock_monotonic_ms() + DELIVERY_BUS_TIMEOUT_MS;

	while (p->take_over == 0 && !d->failed) {
		int64_t left_ms = ends_ms - clock_monotonic_ms();

		if (left_ms <= 0 || bus_producer_flush(d->producer, (int)left_ms) == RESULT_FATAL)
			delivery_fail(d, "%s/%d: the take-over was not acknowledged within %d ms",
				      TOPIC_ATTEMPTS, p->number, DELIVERY_BUS_TIMEOUT_MS);
	}
}

/* What the predecessors may have sent. */
static void set_was_there(struct partition *p)
{
	bool noted = p->was_clean || resume_is_noted(&p->resume) || fault_on("takings_assumed");

	p->noted_until = p->was_there_until = p->resume.sent_until;
	if (!noted || fault_on("told_end_counts"))
		p->was_there_until = MAX_OF(p->noted_until, p->told_until);
}

bool take_over_finish(struct delivery *d, struct partition *p)
{
	struct error e = {0};

	if (p->learnt)
		return true;
	await(d, p);
	if (d->failed)
		return false;
	if (learn(d, p, &e) != RESULT_OK) {
		delivery_fail(d, "%s", e.text);
		return false;
	}
	set_was_there(p);
	p->attempts_end = p->take_over;
	p->taken_over_at_ms = clock_now_ms();
	p->learnt = true;
	log_info("partition_learnt", LOG_INT("partition", p->number),
		 LOG_INT("attempts_from", p->attempts_from),
		 LOG_INT("attempts_end", p->attempts_end), LOG_INT("noted_until", p->noted_until),
		 LOG_INT("maybe_sent_until", p->was_there_until),
		 LOG_INT("deliveries_known", (int64_t)map_count(&p->resume.by_delivery)));
	return true;
}

/* --- still ours? --- */

static enum result look_for_take_over(void *ctx, const struct bus_record *record,
				      _unused_ struct error *e)
{
	bool *found = ctx;

	*found |= resume_is_take_over(record->type);
	return RESULT_OK;
}

bool take_over_holds(struct delivery *d, struct partition *p, int64_t offset)
{
	struct error e = {0};
	bool taken = false;

	if (offset == p->attempts_end || d->failed || fault_on("take_over_ignored"))
		return !d->failed;
	if (read_span(d, p->number, p->attempts_end, offset, look_for_take_over, &taken, &e) !=
	    RESULT_OK)
		delivery_fail(d, "%s", e.text);
	else if (taken)
		delivery_fail(d, "%s/%d: another process has taken it over", TOPIC_ATTEMPTS,
			      p->number);
	else
		log_warn("attempts_of_others", LOG_INT("partition", p->number),
			 LOG_INT("from", p->attempts_end), LOG_INT("until", offset));
	return !d->failed;
}
