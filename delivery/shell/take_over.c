/* take_over: whose a partition of leads.attempts is.
 *
 * A new owner writes a TakeOver and reads what stands before it; only then does it take records, so nothing is sent by it that a
 * successor could not know of. From there on the partition's offsets are its own, one after the other: a gap means
 * that somebody else has written. Is another TakeOver in it, this process owns the partition no longer, whatever the group
 * has told it so far, and ends before it makes anything of its attempt. Otherwise it was a predecessor that woke up, and what
 * it said does not count. */
#include "internal.h"
#include "proto/leads_attempts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"

#define READ_BATCH 500

typedef void (*each_fn)(void *ctx, const struct bus_record *record);

/* Every record of leads.attempts from `from` to before `end`. */
static enum result read_span(struct delivery *d, int32_t number, int64_t from, int64_t end,
			     each_fn fn, void *ctx, struct error *e)
{
	struct bus_record records[READ_BATCH];
	struct bus_reader *reader;
	enum result r = RESULT_OK;

	if (from >= end)
		return RESULT_OK;
	reader = bus_reader_open(d->bus, TOPIC_ATTEMPTS, number, from, e);
	if (!reader)
		return RESULT_FATAL;
	while (r == RESULT_OK && bus_reader_position(reader) < end) {
		size_t count = 0;

		r = bus_reader_take(reader, records, READ_BATCH, DELIVERY_BUS_TIMEOUT_MS, &count,
				    e);
		if (r == RESULT_OK && count == 0 && bus_reader_position(reader) < end)
			r = error_set(e, RESULT_AWAY, "%s/%d: nothing came", TOPIC_ATTEMPTS,
				      number);
		for (size_t i = 0; r == RESULT_OK && i < count && records[i].offset < end; i++)
			fn(ctx, &records[i]);
	}
	bus_reader_close(reader);
	return r;
}

/* --- saying it --- */

void take_over_say(struct delivery *d, struct partition *p)
{
	Punnet__V1__TakeOver m = PUNNET__V1__TAKE_OVER__INIT;

	m.instance_id = (char *)(d->settings.instance_id ? d->settings.instance_id : "");
	m.at_ms = clock_now_ms();
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

bool take_overs_stand(const struct delivery *d)
{
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++)
		if (d->partitions[i] && d->partitions[i]->take_over == 0)
			return false;
	return true;
}

/* --- what the owners before have left --- */

struct learner {
	struct delivery *d;
	struct partition *p;
	bool full;
};

static void learn_record(void *ctx, const struct bus_record *record)
{
	struct learner *l = ctx;

	arena_reset(&l->d->record_arena);
	l->full |= resume_learn(&l->p->resume, &l->d->record_arena, record->type, record->value,
				record->offset) == RESUME_FULL;
}

static enum result learn(struct delivery *d, struct partition *p, struct error *e)
{
	struct learner l = {.d = d, .p = p};
	enum result r;

	resume_start(&p->resume, p->committed, p->owner_before);
	r = read_span(d, p->number, p->attempts_from, p->take_over - 1, learn_record, &l, e);
	if (r == RESULT_OK && l.full)
		r = error_set(e, RESULT_FATAL, "more than %u deliveries to resume", RESUME_MAX);
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
	p->attempts_end = p->take_over;
	p->taken_over_at_ms = clock_now_ms();
	p->learnt = true;
	log_info("partition_learnt", LOG_INT("partition", p->number),
		 LOG_INT("attempts_from", p->attempts_from),
		 LOG_INT("attempts_end", p->attempts_end),
		 LOG_INT("deliveries_known", (int64_t)map_count(&p->resume.by_delivery)));
	return true;
}

/* --- still ours? --- */

static void look_for_take_over(void *ctx, const struct bus_record *record)
{
	bool *found = ctx;

	*found |= resume_is_take_over(record->type);
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
