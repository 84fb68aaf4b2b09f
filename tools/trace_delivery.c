/* trace_delivery: what became of an assignment: attempts, outcomes, and what the market was told. */
#include "trace_walk.h"

static bool on_attempt(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	static const char *const words[] = {"?", "OK", "TEMPFAIL", "PERMFAIL"};
	struct walk *w = ctx;
	const Punnet__V1__DeliveryAttempt *m = f->message;
	struct trace *t = w->trace;
	struct trace_step *s;

	if (!m->assignment || m->assignment->round != w->round || m->attempt <= w->attempt)
		return false;
	w->attempt = m->attempt;
	w->due_ms = m->next_due_at_ms;
	s = trace_add(t, f->time_ms, "delivery", "attempt");
	w->at = *f;
	w->found = true;
	w->final = m->final;
	s->advertiser = m->assignment->advertiser_id;
	s->source = f->where;
	s->caused_by = trace_from(t, m->source);
	s->text = arena_printf(&t->arena, "attempt %u: %s, %s in %u ms%s%s%s", m->attempt,
			       (size_t)m->result < ARRAY_LEN(words) ? words[m->result] : "?",
			       m->http_status ? arena_printf(&t->arena, "HTTP %u", m->http_status)
					      : "no answer",
			       m->took_ms, m->unknown ? ", it may have arrived" : "",
			       m->next_due_at_ms ? ", next one at " : "",
			       m->next_due_at_ms ? trace_time(t, m->next_due_at_ms) : "");
	if (m->reason_code[0]) {
		trace_note_reason(t, s, "", m->reason_code, NULL, 0, m->answer_excerpt);
		trace_hide(s, true, false);
	}
	/* What is due much later is looked for there. */
	return m->final || m->next_due_at_ms > f->time_ms + LATE_MS;
}

/* The credit bears the time of the hand-over, which is a little before its record. */
static void show_credit_after(struct trace *t, uint32_t round, int64_t time_ms)
{
	for (size_t i = 0; i < t->count; i++) {
		struct trace_step *s = &t->steps[i];

		if (s->round != (int64_t)round || strcmp(s->what, "credit") != 0)
			continue;
		s->shown_ms = MAX_OF(s->shown_ms, time_ms);
		s->number = TRACE_STEPS_MAX;
	}
}

static bool on_outcome(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	static const char *const words[] = {"?", "delivered", "refused", "undeliverable",
					    "unresolved"};
	struct walk *w = ctx;
	const Punnet__V1__Outcome *m = f->message;
	struct trace *t = w->trace;
	struct trace_step *s;

	if (!m->assignment || m->assignment->round != w->round ||
	    (size_t)m->kind >= ARRAY_LEN(words))
		return false; /* verdicts come from the ledger, with what became of them */
	s = trace_add(t, f->time_ms, "delivery", words[m->kind]);
	w->at = *f;
	w->found = true;
	s->source = f->where;
	s->caused_by = trace_from(t, m->source);
	s->text = arena_printf(&t->arena, "%s %s %s, order %s, after %u attempt%s", words[m->kind],
			       m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED ? "to" : "by",
			       m->assignment->advertiser_id, m->assignment->order_id, m->attempts,
			       m->attempts == 1 ? "" : "s");
	s->advertiser = m->assignment->advertiser_id;
	s->text_for[TRACE_WEBMASTER] = words[m->kind];
	if (m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED)
		show_credit_after(t, w->round, f->time_ms);
	if (m->reason_code[0])
		trace_note_reason(t, s, "", m->reason_code, NULL, 0, NULL);
	return true;
}

static enum result follow_attempts(struct walk *w)
{
	int64_t from_ms = w->at.time_ms;
	enum result r;

	w->attempt = 0;
	do {
		w->due_ms = 0;
		r = walk_look(w, "leads.attempts", &punnet__v1__delivery_attempt__descriptor,
			      w->at.partition, from_ms, FOREVER_MS, on_attempt);
		from_ms = w->due_ms;
	} while (r == RESULT_OK && !w->final && w->due_ms > 0);
	return r;
}

/* What happened to one assignment; w->settlement says whether the lead is offered on. */
enum result walk_assignment(struct walk *w)
{
	struct slice id = slice_of(w->trace->id.bytes, sizeof(w->trace->id.bytes));
	int32_t outcomes = bus_partitions(w->trace->tool->bus, "leads.outcomes", TOOL_TIMEOUT_MS);
	enum result r;

	w->settlement = 0;
	w->final = false;
	if (outcomes <= 0)
		return error_set(&w->trace->error, RESULT_AWAY,
				 "leads.outcomes: its partitions can't be learned");
	r = follow_attempts(w);
	if (r != RESULT_OK || !w->final)
		return r;
	r = walk_look(w, "leads.outcomes", &punnet__v1__outcome__descriptor,
		      hash_partition(id, outcomes), w->at.time_ms, w->at.time_ms + FAR_MS,
		      on_outcome);
	if (r != RESULT_OK || !w->found)
		return r;
	w->least = PUNNET__V1__SETTLEMENT__DELIVERED;
	w->most = PUNNET__V1__SETTLEMENT__UNRESOLVED;
	return walk_look(w, "market", &punnet__v1__market_event__descriptor, w->market,
			 w->at.time_ms, FOREVER_MS, walk_on_settled);
}

/* --- verdicts --- */

/* What the ledger counted came back to the market, too. */
enum result walk_verdicts(struct walk *w)
{
	size_t count = w->trace->count;
	enum result r = RESULT_OK;

	w->least = PUNNET__V1__SETTLEMENT__APPROVED;
	w->most = PUNNET__V1__SETTLEMENT__RETURNED;
	for (size_t i = 0; i < count && r == RESULT_OK; i++) {
		const struct trace_step *s = &w->trace->steps[i];

		if (strcmp(s->what, "approve") != 0 && strcmp(s->what, "reverse") != 0)
			continue;
		r = walk_go(w, "market", &punnet__v1__market_event__descriptor, w->market, s->at_ms,
			    s->at_ms + FAR_MS, walk_on_settled);
	}
	return r;
}
