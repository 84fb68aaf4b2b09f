/* intake: one request's lines, their results, and its answer.
 *
 * A single lead is a batch of one line that is answered differently. A batch is worked on in pieces, so that the requests
 * of others are served between them; when the store is full it waits, until its deadline. The answer goes out when the
 * last line has its result: stored, refused, or not acknowledged in time. */
#include "collector.h"

#include <stdlib.h>

#include "collector/core/lines.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

/* --- life --- */

struct intake *intake_new(struct collector *c, struct http_request *r)
{
	struct intake *i = c->pool;

	if (i) {
		c->pool = i->next;
		c->pooled--;
	} else {
		i = calloc(1, sizeof(*i));
		assert(i);
	}
	i->magic = INTAKE_MAGIC;
	i->c = c;
	i->request = r;
	c->intakes++;
	return i;
}

void intake_free(struct intake *i)
{
	struct collector *c = i->c;
	struct buf text = i->text;

	assert(i->magic == INTAKE_MAGIC);
	if (i->lines != &i->single)
		free(i->lines);
	if (text.cap > COLLECTOR_KEPT_TEXT_BYTES || text.failed)
		buf_free(&text);
	buf_reset(&text);
	text.failed = false;
	*i = (struct intake){.text = text};
	c->intakes--;
	if (c->pooled < COLLECTOR_POOLED_MAX) {
		i->next = c->pool;
		c->pool = i;
		c->pooled++;
	} else {
		buf_free(&i->text);
		free(i);
	}
}

/* At the end: who came first is served first when there is room for one only. */
static void running_add(struct intake *i)
{
	struct collector *c = i->c;

	i->next = NULL;
	i->prev = c->running_last;
	if (i->prev)
		i->prev->next = i;
	else
		c->running = i;
	c->running_last = i;
}

static void running_remove(struct intake *i)
{
	if (i->prev)
		i->prev->next = i->next;
	else
		i->c->running = i->next;
	if (i->next)
		i->next->prev = i->prev;
	else
		i->c->running_last = i->prev;
	i->prev = i->next = NULL;
}

/* --- the answer --- */

static struct slice line_text(const struct intake *i, const struct line *l)
{
	return l->text_len ? slice_of(i->text.data + l->text_at, l->text_len) : SLICE("");
}

static void write_taken(const struct intake *i, const struct line *l, size_t number,
			struct buf *out)
{
	char id[LEAD_ID_TEXT_LEN + 1];

	buf_append_slice(out, number > 0 ? SLICE("{\"line\":") : SLICE("{"));
	if (number > 0) {
		buf_append_int(out, (int64_t)number);
		buf_append(out, ",", 1);
	}
	if (i->replay) {
		buf_append_slice(out, line_text(i, l));
		buf_append_slice(out, SLICE(",\"outcome\":\"received\"}"));
		return;
	}
	if (i->party_kind == PARTY_WEBMASTER) {
		lead_id_text(&l->lead_id, id); /* hex and hyphens: nothing to escape */
		buf_append_slice(out, SLICE("\"lead_id\":\""));
		buf_append(out, id, LEAD_ID_TEXT_LEN);
		buf_append_slice(out, SLICE("\",\"outcome\":\"received\"}"));
		return;
	}
	json_write_member(out, "verdict_id", line_text(i, l));
	buf_append_slice(out, SLICE(",\"outcome\":\"received\"}"));
}

/* Tells the Idempotency-Key's record what became of it: kept only where sending again would change nothing. */
static void close_key(struct intake *i, bool keep, struct slice answer)
{
	if (!i->idem)
		return;
	kv_idem_done(i->c->kv, slice_cstr(i->idem_key), i->body_hash, keep ? answer : SLICE(""),
		     i->c->idempotency_ttl_ms);
}

static void answer_single(struct intake *i)
{
	struct answer_extra extra = {.page_origin = i->page_origin};
	struct buf *out = &i->c->answer;
	const struct line *l = &i->lines[0];

	if (l->state == LINE_TAKEN) {
		buf_reset(out);
		write_taken(i, l, 0, out);
		close_key(i, true, buf_slice(out));
		answer_send(i->request, 202, "application/json", buf_slice(out), &extra);
		return;
	}
	close_key(i, false, SLICE(""));
	if (l->state == LINE_UNSTORED)
		extra.retry_after_s = COLLECTOR_PAUSE_S;
	if (problem_status(l->problem) == 401)
		extra.challenge = true;
	answer_send(i->request, problem_status(l->problem), "application/problem+json",
		    line_text(i, l), &extra);
}

static void answer_batch(struct intake *i)
{
	struct answer_extra extra = {.page_origin = i->page_origin};
	struct buf *out = &i->c->answer;
	bool all_final = true;

	buf_reset(out);
	for (size_t n = 0; n < i->line_count; n++) {
		const struct line *l = &i->lines[n];

		all_final = all_final && l->state != LINE_UNSTORED;
		if (l->state == LINE_TAKEN)
			write_taken(i, l, n + 1, out);
		else
			buf_append_slice(out, line_text(i, l));
		buf_append_char(out, '\n');
	}
	close_key(i, all_final && !out->failed, buf_slice(out));
	answer_send(i->request, 200, "application/x-ndjson", buf_slice(out), &extra);
}

/* One wait less; with the last one the answer goes out and the intake is gone. */
static void release(struct intake *i)
{
	assert(i->magic == INTAKE_MAGIC && i->waiting > 0);
	if (--i->waiting > 0 || i->next_line < i->line_count)
		return;
	if (i->batch)
		running_remove(i);
	if (i->batch)
		answer_batch(i);
	else
		answer_single(i);
	intake_free(i);
}

void intake_stored(void *waiter, uint32_t line, bool stored)
{
	struct intake *i = waiter;

	assert(i->magic == INTAKE_MAGIC && line < i->line_count);
	if (stored) {
		i->lines[line].state = LINE_TAKEN;
		metric_add(i->replay                          ? METRIC_COLLECTOR_REPLAYS
			   : i->party_kind == PARTY_WEBMASTER ? METRIC_COLLECTOR_ACCEPTED
							      : METRIC_COLLECTOR_VERDICTS,
			   1);
	} else {
		take_refuse(i, line, PROBLEM_NOT_ACKNOWLEDGED, NULL, NULL);
	}
	release(i);
}

/* --- working through the lines --- */

static const char *party_name(enum party_kind kind)
{
	return kind == PARTY_WEBMASTER ? "webmaster" : "advertiser";
}

/* NULL: taken out of the directory meanwhile. */
static const Punnet__V1__DirectoryEntry *party_of(const struct intake *i)
{
	if (i->entry_version == directory_version(i->c->directory))
		return i->entry;
	return directory_get(i->c->directory, party_name(i->party_kind), slice_cstr(i->party));
}

/* What follows was taken now: a clock is dear where there is one lead after the other. */
static void mark_time(struct collector *c)
{
	c->taken_at_ms = clock_now_ms();
	store_mark(c->store);
}

static void run_single(struct intake *i)
{
	mark_time(i->c);
	i->next_line = 1;
	if (take_line(i, party_of(i), i->rest, 0) == TAKEN_LATER)
		take_refuse(i, 0, PROBLEM_BUSY, NULL, NULL);
}

/* A piece of a batch; true when there is more to do at once. */
static bool run_batch(struct intake *i)
{
	const Punnet__V1__DirectoryEntry *party = party_of(i);

	mark_time(i->c);
	for (int n = 0; n < COLLECTOR_LINES_A_TURN && i->next_line < i->line_count; n++) {
		struct slice before = i->rest, text = SLICE("");
		bool found = lines_next(&i->rest, &text);

		assert(found);
		if (!store_has_batch_room(i->c->store) ||
		    take_line(i, party, text, i->next_line) == TAKEN_LATER) {
			if (collector_now_ms(i->c) < i->deadline_ms) {
				i->rest = before;
				return false; /* an acknowledgement makes room */
			}
			take_refuse(i, i->next_line, PROBLEM_BUSY, NULL, NULL);
		}
		i->next_line++;
	}
	return i->next_line < i->line_count;
}

bool intake_turn(struct collector *c)
{
	struct intake *i = c->running;
	bool more = false;

	while (i) {
		struct intake *next = i->next;

		if (i->next_line < i->line_count) {
			i->waiting++; /* so that it is not answered under our hands */
			more = run_batch(i) || more;
			release(i);
		}
		i = next;
	}
	return more;
}

static void run(struct intake *i)
{
	i->deadline_ms = collector_now_ms(i->c) + i->c->ack_timeout_ms;
	i->waiting = 1;
	if (i->batch) {
		running_add(i);
		(void)run_batch(i);
	} else {
		run_single(i);
	}
	release(i);
}

/* --- Idempotency-Key --- */

static void refuse_whole(struct intake *i, enum problem p)
{
	answer_problem(i->request, p, NULL, &(struct answer_extra){.page_origin = i->page_origin});
	intake_free(i);
}

static void on_key(void *ctx, enum kv_idem outcome, struct slice answer)
{
	struct intake *i = ctx;
	struct answer_extra extra = {.page_origin = i->page_origin, .replayed = true};

	assert(i->magic == INTAKE_MAGIC);
	switch (outcome) {
	case KV_IDEM_REPLAY:
		metric_add(METRIC_COLLECTOR_REPLAYED, 1);
		answer_send(i->request, i->batch ? 200 : 202,
			    i->batch ? "application/x-ndjson" : "application/json", answer, &extra);
		intake_free(i);
		return;
	case KV_IDEM_CONFLICT:
		refuse_whole(i, PROBLEM_IDEMPOTENCY_CONFLICT);
		return;
	case KV_IDEM_PENDING:
		refuse_whole(i, PROBLEM_IDEMPOTENCY_PENDING);
		return;
	case KV_IDEM_AWAY:
		metric_add(METRIC_COLLECTOR_UNKEYED, 1);
		break;
	case KV_IDEM_FIRST:
		i->idem = true;
		break;
	}
	run(i);
}

void intake_begin(struct intake *i)
{
	i->lines = &i->single;
	if (i->batch) {
		i->lines = calloc(i->line_count, sizeof(*i->lines));
		assert(i->lines);
	}
	if (i->key.len == 0) {
		run(i);
		return;
	}
	kv_idem_begin(i->c->kv, slice_cstr(i->idem_key), i->body_hash,
		      i->c->ack_timeout_ms + COLLECTOR_PENDING_MARGIN_MS, on_key, i);
}
