/* trace_topics: from record to record along the flow. What isn't there yet ends the walk: the lead is under way. */
#include "runtime/clock.h"
#include "trace_walk.h"

/* First where the clocks agree, which is nearly always the place, and is read in a moment. */
static enum result go_near(struct walk *w, const char *topic,
			   const ProtobufCMessageDescriptor *type, int32_t partition,
			   int64_t from_ms, int64_t near_ms,
			   bool (*fn)(void *, struct seek *, const struct found *))
{
	struct seek s = {.trace = w->trace,
			 .topic = topic,
			 .type = type,
			 .partition = partition,
			 .from_ms = from_ms - CLOSE_MS,
			 .until_ms = from_ms + near_ms,
			 .fn = fn,
			 .ctx = w};

	w->found = false;
	return trace_seek(&s);
}

enum result walk_go(struct walk *w, const char *topic, const ProtobufCMessageDescriptor *type,
		    int32_t partition, int64_t from_ms, int64_t until_ms,
		    bool (*fn)(void *, struct seek *, const struct found *))
{
	struct seek s = {.trace = w->trace,
			 .topic = topic,
			 .type = type,
			 .partition = partition,
			 .from_ms = from_ms - SKEW_MS,
			 .until_ms = until_ms,
			 .fn = fn,
			 .ctx = w};

	w->found = false;
	return trace_seek(&s);
}

/* Near by, else up to until_ms. */
enum result walk_look(struct walk *w, const char *topic, const ProtobufCMessageDescriptor *type,
		      int32_t partition, int64_t from_ms, int64_t until_ms,
		      bool (*fn)(void *, struct seek *, const struct found *))
{
	int64_t near_ms = partition < 0 ? NEAR_MS : LATE_MS;
	enum result r =
	    go_near(w, topic, type, partition, from_ms, MIN_OF(near_ms, until_ms - from_ms), fn);

	return r == RESULT_OK && !w->found
		   ? walk_go(w, topic, type, partition, from_ms, until_ms, fn)
		   : r;
}

/* --- received --- */

static bool on_raw(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__RawLead *m = f->message;
	const Punnet__V1__Lead *l = m->lead;
	struct trace_step *s = trace_add(w->trace, f->time_ms, "collector", "received");

	w->raw = m;
	w->at = *f;
	w->found = true;
	s->source = f->where;
	if (l)
		s->text = arena_printf(&w->trace->arena, "%s from webmaster %s%s%s%s", l->vertical,
				       l->aff_id, l->country[0] ? ", " : "", l->country,
				       l->is_test ? ", a test lead" : "");
	for (size_t i = 0; i < m->n_ignored_fields; i++)
		trace_note(s, m->ignored_fields[i], "field not known, put aside");
	s->text_for[TRACE_ADVERTISER] = l ? l->vertical : "";
	trace_open_contact(w->trace, m);
	return true;
}

static enum result find_raw(struct walk *w)
{
	int64_t at_ms = lead_id_time_ms(&w->trace->id);

	return walk_look(w, "leads.raw", &punnet__v1__raw_lead__descriptor, -1, at_ms,
			 at_ms + FAR_MS, on_raw);
}

/* --- judged --- */

static const char *facts_of(struct walk *w, const Punnet__V1__JudgedLead *m)
{
	struct buf out = {0};
	char owner[LEAD_ID_TEXT_LEN + 1];
	const char *ret;

	for (size_t i = 0; i < m->n_facts; i++) {
		const Punnet__V1__Fact *f = m->facts[i];
		struct lead_id id;

		if (out.len + strlen(f->name) + 60 > FACTS_MAX) {
			buf_append_cstr(&out, ", …");
			break;
		}
		if (out.len)
			buf_append_cstr(&out, ", ");
		buf_append_cstr(&out, f->name);
		if (f->value_case == PUNNET__V1__FACT__VALUE_NUMBER) {
			buf_printf(&out, "=%lld", (long long)f->number);
		} else if (f->value_case == PUNNET__V1__FACT__VALUE_TEXT) {
			buf_printf(&out, "=%.40s", f->text);
		} else if (f->value_case == PUNNET__V1__FACT__VALUE_CLAIM &&
			   lead_id_from_bytes(f->claim->owner_lead_id.data,
					      f->claim->owner_lead_id.len, &id)) {
			lead_id_text(&id, owner);
			buf_printf(&out, " claimed by %s",
				   lead_id_equal(&id, &w->trace->id) ? "this lead" : owner);
		}
	}
	ret = arena_cstr(&w->trace->arena, buf_slice(&out));
	buf_free(&out);
	return ret;
}

static const char *verdict_word(Punnet__V1__Verdict v)
{
	if (v == PUNNET__V1__VERDICT__ACCEPTED)
		return "accepted";
	if (v == PUNNET__V1__VERDICT__REJECTED)
		return "rejected";
	return v == PUNNET__V1__VERDICT__QUARANTINED ? "quarantined" : "no verdict";
}

static void judged_again(struct walk *w, const struct found *f, const Punnet__V1__JudgedLead *m)
{
	struct trace_step *s = trace_add(w->trace, f->time_ms, "filter-worker", "judged again");

	s->source = f->where;
	s->caused_by = trace_from(w->trace, m->source);
	s->ruleset = m->ruleset;
	s->text = arena_printf(&w->trace->arena,
			       "judged again, ignored (%s): the first verdict in the log wins",
			       verdict_word(m->verdict));
}

static bool on_judged(void *ctx, struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__JudgedLead *m = f->message;
	struct trace_step *s;

	if (w->judged) {
		judged_again(w, f, m);
		return false;
	}
	w->judged = m;
	w->at = *f;
	w->found = true;
	seek->until_ms = FOREVER_MS;
	seek->left = AGAIN_MAX;
	s = trace_add(w->trace, f->time_ms, "filter-worker", verdict_word(m->verdict));
	s->source = f->where;
	s->caused_by = trace_from(w->trace, m->source);
	s->ruleset = m->ruleset;
	s->text = arena_printf(&w->trace->arena, "score %d", m->score);
	for (size_t i = 0; i < m->n_reasons; i++)
		trace_note_reason(w->trace, s, "", m->reasons[i]->code, m->reasons[i]->params,
				  m->reasons[i]->n_params, NULL);
	for (size_t i = 0; i < m->n_shadow; i++)
		trace_note_reason(w->trace, s, "(shadow) ", m->shadow[i]->code,
				  m->shadow[i]->params, m->shadow[i]->n_params, NULL);
	if (m->n_facts) {
		trace_note(s, "facts", facts_of(w, m));
		trace_hide(s, true, true);
	}
	return false;
}

/* --- the market --- */

static bool on_admitted(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__MarketEvent *m = f->message;
	struct trace_step *s;

	if (m->event_case != PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED)
		return false;
	s = trace_add(w->trace, f->time_ms, "router", "admitted");
	w->at = *f;
	w->found = true;
	w->market = f->partition;
	s->source = f->where;
	s->caused_by = trace_from(w->trace, m->source);
	s->text = "to the market of its vertical";
	if (m->admitted->quarantined_until_ms)
		s->text = arena_printf(&w->trace->arena, "waits for an operator until %s",
				       trace_time(w->trace, m->admitted->quarantined_until_ms));
	return true;
}

/* The one that counted: a wait expires when log time has come. */
static bool on_wait_ended(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__MarketEvent *m = f->message;
	const Punnet__V1__QuarantineEnded *e = m->quarantine;
	struct trace_step *s;

	if (m->event_case != PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE ||
	    (e->expired && f->time_ms < w->judged->quarantine_until_ms))
		return false;
	s = trace_add(w->trace, f->time_ms, e->expired ? "router" : "operator",
		      e->expired ? "expired" : (e->release ? "released" : "rejected"));
	w->at = *f;
	w->found = true;
	s->source = f->where;
	s->text = e->expired ? "nobody looked at it in time"
			     : arena_printf(&w->trace->arena, "%s: %s", e->who, e->why);
	s->text_for[TRACE_WEBMASTER] = s->text_for[TRACE_ADVERTISER] =
	    e->expired ? "the wait for an operator is over" : "an operator has decided";
	return true;
}

static const char *settlement_word(int settlement)
{
	static const char *const words[] = {"nothing",    "delivered", "refused", "undeliverable",
					    "unresolved", "approved",  "returned"};

	return (size_t)settlement < ARRAY_LEN(words) ? words[settlement] : "?";
}

bool walk_on_settled(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__MarketEvent *m = f->message;
	struct trace_step *s;

	if (m->event_case != PUNNET__V1__MARKET_EVENT__EVENT_SETTLED ||
	    m->settled->round != w->round || (int)m->settled->settlement < w->least ||
	    (int)m->settled->settlement > w->most)
		return false;
	s = trace_add(w->trace, f->time_ms, "payout", "settled");
	w->at = *f;
	w->found = true;
	w->settlement = (int)m->settled->settlement;
	s->source = f->where;
	s->caused_by = trace_from(w->trace, m->source);
	s->text = arena_printf(&w->trace->arena, "the market learns: %s, order %s, round %u",
			       settlement_word(w->settlement), m->settled->order_id, w->round);
	s->text_for[TRACE_WEBMASTER] = s->text_for[TRACE_ADVERTISER] = "";
	return true;
}

/* --- decisions --- */

static void note_candidates(struct walk *w, struct trace_step *s,
			    const Punnet__V1__DecisionRecord *d)
{
	for (size_t i = 0; d && i < d->n_candidates; i++) {
		const Punnet__V1__Candidate *c = d->candidates[i];
		struct trace *t = w->trace;
		const char *why = trace_reason(t, c->code, NULL, 0, c->detail);

		trace_note(s, c->code,
			   arena_printf(&t->arena, "%-28s %14s  %s%s%s", c->order_id,
					c->price ? trace_money(t, c->price) : "", why,
					c->until_ms ? " until " : "",
					c->until_ms ? trace_time(t, c->until_ms) : ""));
		trace_hide(s, true, true);
	}
}

/* Why the webmaster gets so much: the line of the rate card. */
static void note_payout(struct walk *w, struct trace_step *s, const Punnet__V1__PayoutBasis *b)
{
	struct arena *a = &w->trace->arena;
	const char *tier = "", *by = "the vertical's share";

	if (!b)
		return;
	if (*b->aff_id || *b->order_id || *b->source_class || *b->tier)
		by = arena_printf(a, "the line for%s%s%s%s%s%s", *b->aff_id ? " webmaster " : "",
				  b->aff_id, *b->order_id ? " order " : "", b->order_id,
				  *b->source_class ? " class " : "", b->source_class);
	if (*b->tier)
		tier = arena_printf(a, " tier %s (%llu leads approved in %s)", b->tier,
				    (unsigned long long)b->tier_leads, b->tier_month);
	if (b->fixed_minor > 0)
		trace_note(s, "payout", arena_printf(a, "payout by %s%s: fixed", by, tier));
	else
		trace_note(s, "payout",
			   arena_printf(a, "payout by %s%s: %u.%02u %% of the price", by, tier,
					b->share_bp / 100, b->share_bp % 100));
	trace_hide(s, true, true); /* it tells the price, or the order */
}

static bool on_routed(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__RoutedLead *m = f->message;
	const Punnet__V1__Assignment *a = m->assignment;
	struct trace_step *s;

	if (!a || a->round != w->round)
		return false;
	w->routed = m;
	w->at = *f;
	w->found = true;
	s = trace_add(w->trace, f->time_ms, "router", "routed");
	s->source = f->where;
	s->caused_by = trace_from(w->trace, m->source);
	s->text = arena_printf(&w->trace->arena, "order %s of %s won at %s, payout %s, round %u%s",
			       a->order_id, a->advertiser_id, trace_money(w->trace, a->price),
			       trace_money(w->trace, a->payout), a->round,
			       a->exclusive ? ", exclusive" : "");
	s->advertiser = a->advertiser_id;
	s->text_for[TRACE_WEBMASTER] =
	    arena_printf(&w->trace->arena, "sold, payout %s", trace_money(w->trace, a->payout));
	s->text_for[TRACE_ADVERTISER] =
	    arena_printf(&w->trace->arena, "order %s at %s%s", a->order_id,
			 trace_money(w->trace, a->price), a->exclusive ? ", exclusive" : "");
	note_payout(w, s, m->decision ? m->decision->payout : NULL);
	note_candidates(w, s, m->decision);
	return true;
}

static bool on_unsold(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	struct walk *w = ctx;
	const Punnet__V1__UnsoldLead *m = f->message;
	struct trace_step *s;

	if (!m->decision || m->decision->round != w->round)
		return false;
	w->found = w->unsold = true;
	w->at = *f;
	s = trace_add(w->trace, f->time_ms, "router", "unsold");
	s->source = f->where;
	s->caused_by = trace_from(w->trace, m->source);
	s->text = arena_printf(&w->trace->arena, "%s: %s", m->reason_code,
			       trace_reason(w->trace, m->reason_code, NULL, 0, NULL));
	note_candidates(w, s, m->decision);
	return true;
}

static enum result find_decision(struct walk *w, int64_t market_ms)
{
	const int64_t spans_ms[] = {LATE_MS, FAR_MS};
	enum result r;

	w->routed = NULL;
	w->unsold = w->found = false;
	r = go_near(w, "leads.routed", &punnet__v1__routed_lead__descriptor, -1, market_ms, NEAR_MS,
		    on_routed);
	if (r == RESULT_OK && !w->found)
		r = go_near(w, "leads.unsold", &punnet__v1__unsold_lead__descriptor, -1, market_ms,
			    NEAR_MS, on_unsold);
	for (size_t i = 0; i < ARRAY_LEN(spans_ms) && r == RESULT_OK && !w->found; i++) {
		int64_t until_ms = market_ms + spans_ms[i];

		r = walk_go(w, "leads.routed", &punnet__v1__routed_lead__descriptor, -1, market_ms,
			    until_ms, on_routed);
		if (r == RESULT_OK && !w->found)
			r = walk_go(w, "leads.unsold", &punnet__v1__unsold_lead__descriptor, -1,
				    market_ms, until_ms, on_unsold);
		if (until_ms > clock_now_ms())
			break;
	}
	return r;
}

static enum result follow_market(struct walk *w)
{
	enum result r = RESULT_OK;

	for (w->round = 0; w->round < ROUNDS_MAX && r == RESULT_OK; w->round++) {
		r = find_decision(w, w->at.time_ms);
		if (r != RESULT_OK || !w->routed)
			break;
		r = walk_assignment(w);
		if (r != RESULT_OK || (w->settlement != PUNNET__V1__SETTLEMENT__REFUSED &&
				       w->settlement != PUNNET__V1__SETTLEMENT__UNDELIVERABLE))
			break;
	}
	return r == RESULT_OK ? walk_verdicts(w) : r;
}

enum result trace_topics(struct trace *t, bool *ret_known)
{
	struct walk w = {.trace = t};
	enum result r = find_raw(&w);

	*ret_known = w.raw != NULL;
	if (r != RESULT_OK || !w.raw)
		return r;
	r = walk_look(&w, "leads.judged", &punnet__v1__judged_lead__descriptor, w.at.partition,
		      w.at.time_ms, FOREVER_MS, on_judged);
	if (r != RESULT_OK || !w.judged || w.judged->verdict == PUNNET__V1__VERDICT__REJECTED)
		return r;
	r = walk_look(&w, "market", &punnet__v1__market_event__descriptor, -1, w.at.time_ms,
		      w.at.time_ms + FAR_MS, on_admitted);
	if (r == RESULT_OK && w.found && w.judged->verdict == PUNNET__V1__VERDICT__QUARANTINED)
		r = walk_look(&w, "market", &punnet__v1__market_event__descriptor, w.market,
			      w.at.time_ms, FOREVER_MS, on_wait_ended);
	return r == RESULT_OK && w.found ? follow_market(&w) : r;
}
