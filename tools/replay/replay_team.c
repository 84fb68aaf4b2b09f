/* replay_team: one thread's partitions of the market, and the records of all, by their time. See replay_decisions.c. */
#include <stdlib.h>

#include "runtime/clock.h"
#include "tools/replay/replay_decisions.h"

/* --- all of them, by their time --- */

static struct target *earliest(struct team *t)
{
	struct target *best = NULL;

	for (size_t i = 0; i < t->target_count; i++) {
		struct target *x = &t->targets[i];

		if (x->head && (!best || x->head->timestamp_ms < best->head->timestamp_ms))
			best = x;
	}
	return best;
}

/* Folds through to the ends; true: nothing is owed any more, so there is nothing to look for. */
static enum result all_done(struct team *t, bool *ret)
{
	*ret = true;
	for (int32_t i = 0; i < t->run->partitions; i++) {
		struct market_part *p = decisions_part(t, (uint32_t)i);
		enum result r = RESULT_OK;

		if (p && p->fold.span.from < p->fold.span.to)
			r = decisions_fold_to(t, p, p->fold.span.to);
		if (r != RESULT_OK)
			return r;
		*ret = *ret && (!p || p->owed == 0);
	}
	return RESULT_OK;
}

static enum result read_through(struct team *t)
{
	const struct replay_bound *to = &t->run->replay->to;
	int64_t end_ms = to->kind == REPLAY_TIME ? to->time_ms + AFTER_MS : INT64_MAX;
	struct target *x;
	bool done = false;
	enum result r = RESULT_OK;

	while (r == RESULT_OK && !done && (x = earliest(t))) {
		if (x->head->timestamp_ms > end_ms) {
			r = all_done(t, &done);
			end_ms = MAX_OF(end_ms, x->head->timestamp_ms);
		}
		if (r == RESULT_OK && !done)
			r = decisions_take(t, (size_t)(x - t->targets), x->head);
		if (r == RESULT_OK)
			r = reading_next(x->reading, &x->head, t->error);
		if (r == RESULT_OK)
			r = reading_peek(x->reading, &x->head, t->error);
	}
	return r == RESULT_OK ? all_done(t, &done) : r;
}

/* --- one thread --- */

/* The time of a market record, for where its decisions begin; 0 where that is the beginning. */
static enum result time_at(struct bus *bus, int32_t partition, struct replay_span span,
			   int64_t *ret_ms, struct error *ret_error)
{
	struct replay_reading *reading;
	const struct bus_record *record = NULL;
	enum result r;

	*ret_ms = 0;
	if (span.from == 0)
		return RESULT_OK;
	reading = calloc(1, sizeof(*reading));
	assert(reading);
	r = reading_open(reading, bus, MARKET, partition, span, ret_error);
	if (r == RESULT_OK)
		r = reading_peek(reading, &record, ret_error);
	if (record)
		*ret_ms = record->timestamp_ms;
	reading_close(reading);
	free(reading);
	return r;
}

static enum result open_parts(struct team *t, int64_t *ret_from_ms)
{
	*ret_from_ms = INT64_MAX;
	for (int32_t i = 0; i < t->run->partitions; i++) {
		struct market_part *p = decisions_part(t, (uint32_t)i);
		struct replay_span left;
		int64_t time_ms;
		enum result r;

		if (!p || t->run->spans[i].from >= t->run->spans[i].to)
			continue;
		left = (struct replay_span){p->from, t->run->spans[i].to};
		r = fold_open(&p->fold, t->bus, i, left, t->error);
		if (r == RESULT_OK && left.from < left.to) {
			r = time_at(t->bus, i, left, &time_ms, t->error);
			*ret_from_ms = MIN_OF(*ret_from_ms, time_ms - BEFORE_MS);
		}
		if (r != RESULT_OK)
			return r;
		p->rows = calloc((size_t)(t->run->routed + t->run->unsold), sizeof(*p->rows));
		assert(p->rows);
		for (int32_t k = 0; k < t->run->routed + t->run->unsold; k++)
			p->rows[k].seen_offset = -1;
		p->saved_ms = clock_monotonic_ms();
	}
	return RESULT_OK;
}

static enum result open_target(struct team *t, const char *topic, int32_t partition,
			       int64_t from_ms)
{
	const struct replay_bound from = {.kind = REPLAY_TIME, .time_ms = MAX_OF(from_ms, 0)};
	const struct replay_bound open = {.kind = REPLAY_OPEN};
	struct target *x = &t->targets[t->target_count++];
	struct replay_span span;
	enum result r = replay_span_of(t->bus, topic, partition, from_ms > 0 ? &from : &open, &open,
				       &span, t->error);

	x->topic = topic;
	x->reading = calloc(1, sizeof(*x->reading));
	assert(x->reading);
	if (r == RESULT_OK)
		r = reading_open(x->reading, t->bus, topic, partition, span, t->error);
	return r;
}

static enum result open_targets(struct team *t, int64_t from_ms)
{
	enum result r = RESULT_OK;

	for (int32_t i = 0; i < t->run->routed && r == RESULT_OK; i++)
		r = open_target(t, ROUTED, i, from_ms);
	for (int32_t i = 0; i < t->run->unsold && r == RESULT_OK; i++)
		r = open_target(t, UNSOLD, i, from_ms);
	/* All are fetched side by side before the first is waited for. */
	for (size_t i = 0; i < t->target_count && r == RESULT_OK; i++)
		r = reading_peek(t->targets[i].reading, &t->targets[i].head, t->error);
	return r;
}

static void end_parts(struct team *t, bool whole)
{
	for (int32_t i = 0; i < t->run->partitions; i++) {
		struct market_part *p = decisions_part(t, (uint32_t)i);

		if (!p || !p->rows)
			continue;
		decisions_settle_rows(t, p);
		if (whole && t->run->state && p->under_way == 0)
			decisions_checkpoint(t->run, p, 0);
		free(p->rows);
		p->rows = NULL;
		fold_close(&p->fold);
	}
	for (size_t i = 0; i < t->target_count; i++) {
		if (t->targets[i].reading)
			reading_close(t->targets[i].reading);
		free(t->targets[i].reading);
	}
}

enum result decisions_run_team(void *ctx, size_t job, _Atomic int64_t *count,
			       struct error *ret_error)
{
	struct team *t = calloc(1, sizeof(*t));
	int64_t from_ms;
	enum result r;

	assert(t);
	*t = (struct team){.run = ctx, .number = job, .count = count, .error = ret_error};
	t->bus = job == 0 ? t->run->bus : replay_bus(t->run->replay, ret_error);
	r = t->bus ? open_parts(t, &from_ms) : RESULT_AWAY;
	if (r == RESULT_OK && from_ms != INT64_MAX)
		r = open_targets(t, from_ms);
	if (r == RESULT_OK)
		r = read_through(t);
	decisions_tell(t, 0);
	end_parts(t, r == RESULT_OK);
	if (job != 0)
		bus_close(t->bus);
	buf_free(&t->packed);
	arena_free(&t->arena);
	free(t);
	return r;
}
