/* settle: one outcome against what is known about its lead. */
#include "payout/core/settle.h"

#include "payout/core/feedback.h"
#include "payout/core/status.h"
#include "payout/core/tally.h"

static struct life *find_life(const struct dossier *d, uint32_t round)
{
	for (size_t i = 0; i < d->life_count; i++)
		if (d->lives[i].terms.round == round)
			return &d->lives[i];
	return NULL;
}

/* The assignment that a verdict of this advertiser is about: the sold one (of several the earliest round, whatever the order in
 * which they came), else the newest. */
static struct life *find_life_of(const struct dossier *d, const char *advertiser_id)
{
	struct life *best = NULL, *sold = NULL;

	for (size_t i = 0; i < d->life_count; i++) {
		struct life *l = &d->lives[i];

		if (strcmp(l->terms.advertiser_id, advertiser_id) != 0)
			continue;
		if (life_is_sold(l->state) && (!sold || l->terms.round < sold->terms.round))
			sold = l;
		if (!best || l->terms.round > best->terms.round)
			best = l;
	}
	return sold ? sold : best;
}

static bool sold_exclusively(const struct dossier *d)
{
	for (size_t i = 0; i < d->life_count; i++)
		if (life_is_sold(d->lives[i].state) && d->lives[i].terms.exclusive)
			return true;
	return false;
}

/* --- moving --- */

static const struct known_transfer *known_of(const struct dossier *d, const struct transfer *t)
{
	for (size_t i = 0; i < d->known_count; i++)
		if (d->known[i].round == t->round && d->known[i].event == t->event)
			return &d->known[i];
	return NULL;
}

static enum result other_body(const struct dossier *d, const struct assignment *terms,
			      enum transfer_event event, enum result r, struct error *ret_error)
{
	char text[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(&d->lead_id, text);
	return error_set(ret_error, r,
			 "transfer %s.%u %s was made before with other entries (order %s, "
			 "%lld of %lld %s%s now)",
			 text, (unsigned)terms->round, transfer_event_name(event), terms->order_id,
			 (long long)terms->payout_minor, (long long)terms->price_minor,
			 terms->currency, terms->is_test ? ", as a test" : "");
}

/* Here nobody asks for it a second time: that the transfer is there with other entries means that the ledger is not what we
 * wrote, and then nothing may be settled until somebody has looked. */
static enum result transfer_once(struct settlement *s, struct dossier *d,
				 const struct assignment *terms, enum transfer_event event,
				 int64_t at_ms, struct error *ret_error)
{
	const struct known_transfer *known;
	struct transfer t;

	if (terms->is_test)
		return RESULT_OK;
	transfer_make(s->arena, &d->lead_id, terms, event, at_ms, &t);
	known = known_of(d, &t);
	if (known)
		return known->body_hash == t.body_hash
			   ? RESULT_OK
			   : other_body(d, terms, event, RESULT_FATAL, ret_error);
	settlement_book(s, &t);
	dossier_add_known(s, d, &(struct known_transfer){t.round, t.event, t.body_hash});
	return RESULT_OK;
}

static enum result move(struct settlement *s, struct dossier *d, struct life *l,
			const struct life_rule *rule, int64_t at_ms, const char *reason_code,
			struct error *ret_error)
{
	enum result r;

	if (rule->transfer != TRANSFER_NONE) {
		r = transfer_once(s, d, &l->terms, rule->transfer, at_ms, ret_error);
		if (r != RESULT_OK)
			return r;
	}
	if (l->state == LIFE_NONE)
		l->settled_at_ms = at_ms;
	if (rule->to == LIFE_APPROVED || rule->to == LIFE_RETURNED)
		l->closed_at_ms = at_ms;
	if (rule->to == LIFE_WAIVED)
		l->waived_at_ms = at_ms;
	l->state = rule->to;
	l->reason_code = reason_code;
	l->changed = true;
	tally_verdict(s, &l->terms, rule->to, at_ms);
	if (rule->feedback != FEEDBACK_NONE)
		feedback_publish(s, &d->lead_id, &l->terms, rule->feedback, reason_code);
	status_publish(s, &d->lead_id, l, at_ms);
	return RESULT_OK;
}

/* As the table says for `event`, and once more where it says so. */
static enum result move_on(struct settlement *s, struct dossier *d, struct life *l,
			   enum life_event event, int64_t at_ms, const char *reason_code,
			   struct error *ret_error)
{
	const struct life_rule *rule = life_rule(l->state, event);
	enum result r = move(s, d, l, rule, at_ms, reason_code, ret_error);

	if (r != RESULT_OK || rule->step != STEP_AGAIN)
		return r;
	rule = life_rule(l->state, event);
	assert(rule->step == STEP_MOVE);
	return move(s, d, l, rule, at_ms, reason_code, ret_error);
}

/* --- verdicts --- */

static void verdict_ignore(struct settlement *s, const struct dossier *d, struct verdict *v,
			   uint32_t round, enum ignored why)
{
	v->standing = VERDICT_IGNORED;
	v->changed = true;
	settlement_ignore(s, &(struct ignored_outcome){.lead_id = d->lead_id,
						       .round = round,
						       .event = v->event,
						       .why = why,
						       .advertiser_id = v->advertiser_id,
						       .verdict_id = v->verdict_id,
						       .partition = v->partition,
						       .offset = v->offset,
						       .at_ms = v->at_ms});
}

/* A return that the table would let pass, or that came for an approved lead: what else is agreed about returns. A return
 * for the buyer's own cause becomes a waiver where that is agreed. */
static enum ignored check_return(struct settlement *s, const struct life *l,
				 const struct verdict *v, enum life_event *ret_event)
{
	if (v->at_ms > l->return_until_ms)
		return IGNORED_WINDOW_OVER;
	if (l->state != LIFE_DELIVERED)
		return IGNORED_NONE;
	if (return_fault_of(v->reason_code) == FAULT_BUYER && !l->own_cause_borne)
		return IGNORED_OWN_CAUSE;
	if (l->returns_max_bp > 0 && !l->terms.is_test) {
		struct return_share *share =
		    settlement_share(s, l->terms.advertiser_id, l->delivered_at_ms);

		if (!return_share_fits(share, l->returns_max_bp))
			return IGNORED_SHARE_OVER;
		share->returned_now++;
	}
	if (return_fault_of(v->reason_code) == FAULT_BUYER)
		*ret_event = EVENT_WAIVED;
	return IGNORED_NONE;
}

static void note_call(struct life *l, const struct verdict *v)
{
	if (v->called_at_ms == 0 || v->called_at_ms < l->delivered_at_ms ||
	    (l->called_at_ms != 0 && l->called_at_ms <= v->called_at_ms))
		return;
	l->called_at_ms = v->called_at_ms;
	l->changed = true;
}

/* The verdict's lead is sold, and its buyer said it. */
static enum result verdict_on_sold(struct settlement *s, struct dossier *d, struct life *l,
				   struct verdict *v, struct error *ret_error)
{
	enum life_event event = v->event;
	const struct life_rule *rule;
	enum ignored why = IGNORED_NONE;

	note_call(l, v);
	if (event == EVENT_RETURNED && (l->state == LIFE_DELIVERED || l->state == LIFE_APPROVED))
		why = check_return(s, l, v, &event);
	rule = life_rule(l->state, event);
	assert(rule->step != STEP_WAIT);
	if (why == IGNORED_NONE && rule->step == STEP_IGNORE)
		why = rule->ignored;
	if (why != IGNORED_NONE) {
		verdict_ignore(s, d, v, l->terms.round, why);
		return RESULT_OK;
	}
	v->changed = true;
	v->standing = rule->step == STEP_RECORD ? VERDICT_RECORDED : VERDICT_COUNTED;
	if (rule->step == STEP_RECORD)
		return RESULT_OK;
	return move_on(s, d, l, event, v->at_ms, v->reason_code, ret_error);
}

static enum result verdict_apply(struct settlement *s, struct dossier *d, struct verdict *v,
				 struct error *ret_error)
{
	struct life *l = find_life_of(d, v->advertiser_id);

	if (l && life_is_sold(l->state))
		return verdict_on_sold(s, d, l, v, ret_error);
	assert(life_rule(l ? l->state : LIFE_NONE, v->event)->step == STEP_WAIT);
	if (sold_exclusively(d))
		verdict_ignore(s, d, v, l ? l->terms.round : 0, IGNORED_FOREIGN_LEAD);
	return RESULT_OK;
}

static enum result settle_verdict(struct settlement *s, struct dossier *d, const struct outcome *o,
				  struct error *ret_error)
{
	struct verdict v = {.advertiser_id = o->advertiser_id,
			    .verdict_id = o->verdict_id,
			    .reason_code = o->reason_code,
			    .event = o->event,
			    .amount = o->amount,
			    .at_ms = o->at_ms,
			    .called_at_ms = o->called_at_ms,
			    .partition = o->partition,
			    .offset = o->offset,
			    .standing = VERDICT_WAITING,
			    .changed = true};

	for (size_t i = 0; i < d->verdict_count; i++) {
		const struct verdict *was = &d->verdicts[i];

		if (strcmp(was->advertiser_id, v.advertiser_id) != 0 ||
		    strcmp(was->verdict_id, v.verdict_id) != 0)
			continue;
		/* v is not added: the first one under this id stays as it is. */
		verdict_ignore(s, d, &v, 0,
			       was->event == v.event ? IGNORED_REPEAT : IGNORED_VERDICT_ID_REUSED);
		return RESULT_OK;
	}
	dossier_add_verdict(s, d, &v);
	return verdict_apply(s, d, &d->verdicts[d->verdict_count - 1], ret_error);
}

/* --- delivery's outcomes --- */

static enum ignored guard(const struct dossier *d, const struct outcome *o)
{
	const struct assignment *a = &o->assignment;
	bool newer = false;

	for (size_t i = 0; i < d->life_count; i++) {
		const struct life *l = &d->lives[i];

		if (l->terms.round == a->round || !(l->terms.exclusive || a->exclusive))
			continue;
		if (o->event == EVENT_DELIVERED && life_is_sold(l->state))
			return IGNORED_ALREADY_DELIVERED;
		newer = newer || l->terms.round > a->round;
	}
	return newer ? IGNORED_OLDER_ROUND : IGNORED_NONE;
}

static void delivery_ignore(struct settlement *s, const struct outcome *o, enum ignored why)
{
	settlement_ignore(s, &(struct ignored_outcome){.lead_id = o->lead_id,
						       .round = o->assignment.round,
						       .event = o->event,
						       .why = why,
						       .advertiser_id = o->assignment.advertiser_id,
						       .verdict_id = "",
						       .partition = o->partition,
						       .offset = o->offset,
						       .at_ms = o->at_ms});
}

/* A repeat says the same thing. One that names other money, or a sale where a test was, must not pass as a repeat: it changes
 * nothing, and the caller puts it aside. */
static enum result check_repeat(struct settlement *s, const struct dossier *d, const struct life *l,
				const struct outcome *o, const struct life_rule *rule,
				struct error *ret_error)
{
	struct assignment terms = o->assignment;
	const struct known_transfer *known;
	struct transfer t;

	if (o->event != EVENT_DELIVERED || rule->step != STEP_IGNORE ||
	    rule->ignored != IGNORED_REPEAT)
		return RESULT_OK;
	if (terms.is_test && l->terms.is_test)
		return RESULT_OK;
	terms.vat_minor = l->terms.vat_minor; /* whatever the contract is by now */
	transfer_make(s->arena, &d->lead_id, &terms, TRANSFER_CREDIT, o->at_ms, &t);
	known = known_of(d, &t);
	if (known && known->body_hash == t.body_hash && !terms.is_test)
		return RESULT_OK;
	return other_body(d, &terms, TRANSFER_CREDIT, RESULT_BAD, ret_error);
}

static enum result settle_waiting(struct settlement *s, struct dossier *d, struct error *ret_error)
{
	for (size_t i = 0; i < d->verdict_count; i++) {
		enum result r = RESULT_OK;

		if (d->verdicts[i].standing == VERDICT_WAITING)
			r = verdict_apply(s, d, &d->verdicts[i], ret_error);
		if (r != RESULT_OK)
			return r;
	}
	return RESULT_OK;
}

/* What was agreed on the day of delivery holds for this lead for ever. */
static void fix_contract(struct settlement *s, struct life *l, const struct outcome *o)
{
	const struct contract *c = &o->contract;

	l->delivered_at_ms = o->at_ms;
	l->payable_at_ms = o->at_ms + c->hold_ms;
	l->return_until_ms = o->at_ms + c->return_window_ms;
	l->terms.vat_minor = money_share_bp(l->terms.price_minor, c->vat_bp);
	l->returns_max_bp = c->returns_max_bp;
	l->own_cause_borne = c->own_cause_borne;
	if (c->returns_max_bp > 0 && !l->terms.is_test)
		settlement_share(s, l->terms.advertiser_id, o->at_ms)->delivered_now++;
}

static enum result settle_delivery(struct settlement *s, struct dossier *d, const struct outcome *o,
				   struct error *ret_error)
{
	struct life *l = find_life(d, o->assignment.round);
	const struct life_rule *rule = life_rule(l ? l->state : LIFE_NONE, o->event);
	enum ignored why = rule->step == STEP_IGNORE ? rule->ignored : guard(d, o);
	enum result r;

	assert(rule->step == STEP_IGNORE || rule->step == STEP_MOVE);
	r = check_repeat(s, d, l, o, rule, ret_error);
	if (r != RESULT_OK)
		return r;
	if (why != IGNORED_NONE) {
		delivery_ignore(s, o, why);
		return RESULT_OK;
	}
	if (!l) {
		dossier_add_life(s, d, &(struct life){.state = LIFE_NONE, .reason_code = ""});
		l = &d->lives[d->life_count - 1];
	}
	l->terms = o->assignment;
	if (o->event == EVENT_DELIVERED)
		fix_contract(s, l, o);
	r = move(s, d, l, rule, o->at_ms, o->reason_code, ret_error);
	if (r != RESULT_OK || o->event != EVENT_DELIVERED)
		return r;
	return settle_waiting(s, d, ret_error);
}

/* --- what is due --- */

/* By the log's time: a return that stands before this record in the log has been settled, and one after it is too late. */
static enum result settle_due(struct settlement *s, struct dossier *d, const struct outcome *o,
			      struct error *ret_error)
{
	bool idle = true;

	for (size_t i = 0; i < d->life_count; i++) {
		struct life *l = &d->lives[i];
		enum result r;

		if (life_rule(l->state, EVENT_DUE)->step != STEP_MOVE ||
		    o->logged_at_ms <= l->return_until_ms)
			continue;
		idle = false;
		r = move_on(s, d, l, EVENT_DUE, o->logged_at_ms, "", ret_error);
		if (r != RESULT_OK)
			return r;
	}
	for (size_t i = 0; i < d->verdict_count; i++) {
		struct verdict *v = &d->verdicts[i];

		if (v->standing != VERDICT_WAITING ||
		    o->logged_at_ms <= v->at_ms + VERDICT_WAITS_MS)
			continue;
		idle = false;
		verdict_ignore(s, d, v, 0, IGNORED_UNKNOWN_LEAD);
	}
	s->idle += idle;
	return RESULT_OK;
}

enum result settle(struct settlement *s, const struct outcome *o, struct error *ret_error)
{
	struct dossier *d = settlement_dossier(s, &o->lead_id);

	if (o->event == EVENT_DUE)
		return settle_due(s, d, o, ret_error);
	if (event_is_verdict(o->event))
		return settle_verdict(s, d, o, ret_error);
	return settle_delivery(s, d, o, ret_error);
}
