/* desk: see desk.h.
 *
 * Why the claims are exact. One gather takes the claims of a whole batch before anything is judged, so it acts on a
 * forecast: a candidate (no local fact rejects it) that finds all of its claims free is accepted and takes them; any
 * other lead is rejected and takes none but its `always` ones. Each lead's facts are what the leads before it left.
 * With rules in which every duplicate rejects, the forecast is the verdict: a lead rejected locally stays so, for a hit
 * never lowers a score; one that holds all of its claims hears PASS from each filter that asked for one. Three things can
 * make the forecast wrong, and the verdict is compared with it every time:
 *
 *   - a duplicate only scores: the lead is accepted although it took nothing. It now takes what is free;
 *   - the lead holds claims from an earlier reading of the log, under other rules, and is rejected now. It gives them up;
 *   - a claim is older than the window by the leads' own clock (the kv keeps it a little longer, see CLAIM_SLACK_MS). It
 *     is given up on behalf of its owner, and the gather is made again, so that the kv alone decides who gets it next.
 *
 * Such a change is made before the verdict is published. Leads after it in the batch have gathered without it; if one of
 * them asks for a changed key, the batch is cut there: the rest gives up what it took, and is gathered again
 * after the change. So every verdict is what judging the leads one by one would have given.
 *
 * A crash in between may make each step again, by the same owner, and nothing was published that relied on it. Where the
 * lost batch is judged again, a lead that is rejected anyway may name one more reason, a later lead that already holds what
 * this one left free. And a claim that ran out between two leads of the lost batch already belongs to the later one, so
 * that the earlier one may pass; to keep that to the moment of the crash, a stale claim is given up only when the lead that
 * it hinders is the first one not yet published. */
#include "desk.h"

#include <stdlib.h>

#include "desk_counts.h"
#include "local_facts.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/kv.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/opener.h"

_Static_assert(DESK_LEADS_MAX <= KV_LEADS_PER_GATHER, "one batch is one gather");
_Static_assert(CLAIMS_MAX <= KV_CLAIMS_PER_LEAD && CLAIM_KEY_MAX <= KV_KEY_MAX,
	       "the kv takes what the core plans");

/* A stale claim comes back only if somebody far behind in time takes it between two gathers. */
#define STALE_ROUNDS_MAX 3

struct desk {
	struct desk_options o;
	struct arena scratch; /* of one call */
	struct opener opener;
};

/* What one round of judging wants changed in the kv. Give-ups go before takes: room is made first. */
struct changes {
	struct claim_change *give_up, *take;
	size_t give_up_count, take_count;
};

struct desk *desk_open(const struct desk_options *o)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert(d && o->rules && o->kv);
	d->o = *o;
	d->opener = (struct opener){.directory = o->directory, .keyring = o->keyring};
	return d;
}

void desk_close(struct desk *d)
{
	if (!d)
		return;
	arena_free(&d->scratch);
	opener_free(&d->opener);
	free(d);
}

struct kv *desk_kv(struct desk *d)
{
	return d->o.kv;
}

struct arena *desk_scratch(struct desk *d)
{
	return &d->scratch;
}

/* NULL: the day's key is destroyed, the person is erased, or the box is not what was sealed. What is inside could then not be
 * known. */
static const Punnet__V1__Contact *open_contact(struct desk *d, const struct desk_lead *lead,
					       struct arena *a)
{
	Punnet__V1__Contact *contact = NULL;

	if (lead->contact)
		return lead->contact;
	if (lead->erased_at_ms || opener_open(&d->opener, &lead->subject.self.lead_id,
					      lead->raw->contact, a, &contact) != OPENED)
		return NULL;
	return contact;
}

/* Known by the fingerprints beside the box, so that nothing need be opened to know it. */
static int64_t erased_at_ms(const struct desk *d, const struct claim_subject *s)
{
	const struct person person = {.phone = s->phone, .email = s->email, .mailbox = s->mailbox};

	return opener_erased_at_ms(&d->opener, &person);
}

const struct rule_list *desk_rules_for(const struct desk *d, const struct desk_lead *lead)
{
	return ruleset_list(d->o.rules, lead->subject.vertical, lead->subject.aff_id);
}

/* The opened contacts of the leads that are not prepared yet. They live in the scratch arena: gone with this call. What has
 * to be asked outside of it is asked here, once for the whole batch. */
static const Punnet__V1__Contact **open_batch(struct desk *d, struct desk_lead *const *leads,
					      size_t count)
{
	const Punnet__V1__Contact **contacts =
	    arena_calloc(&d->scratch, count, sizeof(const Punnet__V1__Contact *));

	for (size_t i = 0; i < count; i++) {
		if (leads[i]->prepared)
			continue;
		leads[i]->subject = claim_subject_of(leads[i]->raw, leads[i]->raw_offset);
		leads[i]->erased_at_ms = erased_at_ms(d, &leads[i]->subject);
		contacts[i] = open_contact(d, leads[i], &d->scratch);
	}
	local_facts_ask(&d->o.local, contacts, count, &d->scratch);
	return contacts;
}

/* The negative control of the test that looks for contacts where none may be. */
static void leak(const Punnet__V1__Contact *contact, struct arena *a, struct facts *facts)
{
	if (!contact || !fault_on("leak_contact"))
		return;
	log_warn("leak", LOG_STR("phone", contact->phone));
	facts_set_text(facts, FACT_PHONE_REGION,
		       slice_cstr(arena_cstr(a, slice_cstr(contact->email))));
}

/* Everything that needs no kv; once for each lead, however often its batch is gathered. */
static void prepare(struct desk *d, struct desk_lead *lead, const Punnet__V1__Contact *contact,
		    struct arena *a)
{
	if (lead->prepared)
		return;
	local_facts_gather(&d->o.local, lead->raw, contact, a, &lead->facts);
	leak(contact, a, &lead->facts);
	/* A lead that came after the erasure is one of a suppressed person, like any later one. */
	if (lead->erased_at_ms && lead->erased_at_ms >= lead->subject.received_at_ms)
		facts_set_number(&lead->facts, FACT_ERASED_AT, lead->erased_at_ms);
	lead->lists = d->o.local.lists ? d->o.local.lists->version : "";
	facts_set_number(&lead->facts, FACT_RAW_OFFSET, (int64_t)lead->raw_offset);
	rule_list_plan(desk_rules_for(d, lead), &lead->subject, &lead->plan);
	counts_plan(desk_rules_for(d, lead), lead);
	lead->candidate = judge_candidate(d->o.rules, &lead->facts);
	lead->prepared = true;
}

void desk_ask(const struct desk_lead *lead, struct kv_lead *ret)
{
	*ret = (struct kv_lead){
	    .self = lead->subject.self,
	    .now_ms = lead->subject.received_at_ms,
	    .candidate = lead->candidate,
	    .claim_count = lead->plan.count,
	};
	for (size_t i = 0; i < lead->plan.count; i++) {
		const struct claim_want *w = &lead->plan.wants[i];

		ret->claims[i] = (struct kv_claim){.key = claim_key(w),
						   .ttl_ms = w->window_ms + CLAIM_SLACK_MS,
						   .group = w->group,
						   .always = w->always};
	}
}

static void hear(const struct kv_lead *answer, struct desk_lead *lead)
{
	for (size_t i = 0; i < lead->plan.count; i++) {
		const struct kv_claim *c = &answer->claims[i];
		struct claim *found = &lead->plan.wants[i].found;

		*found = (struct claim){.held = c->held};
		if (c->held) {
			found->owner = c->owner;
			found->claimed_at_ms = c->claimed_at_ms;
			if (fault_on("claim_unowned"))
				found->owner = (struct lead_record){.raw_offset = UINT64_MAX};
		}
		claim_set_facts(&lead->plan.wants[i], lead->subject.received_at_ms, &lead->facts);
	}
}

/* ret_asked: the kv's answers, of which sources are still to be weighed. */
static enum result gather(struct desk *d, struct desk_lead *const *leads, size_t count,
			  struct kv_lead **ret_asked, struct error *e)
{
	_cleanup_(counts_free) struct counts counts = {.arena = &d->scratch};
	struct kv_lead *asked = arena_calloc(&d->scratch, count, sizeof(*asked));
	int64_t began_us = clock_monotonic_us();
	enum result r;

	for (size_t i = 0; i < count; i++) {
		desk_ask(leads[i], &asked[i]);
		counts_ask(&counts, leads[i], &asked[i]);
	}
	r = kv_gather(d->o.kv, asked, count, e);
	metric_observe_us(METRIC_FILTER_KV, clock_monotonic_us() - began_us);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < count; i++) {
		hear(&asked[i], leads[i]);
		counts_hear(&asked[i], leads[i]);
	}
	*ret_asked = asked;
	fault_point("worker_gathered");
	return RESULT_OK;
}

static void add_changes(struct changes *all, const struct claim_change *more, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (more[i].take)
			all->take[all->take_count++] = more[i];
		else
			all->give_up[all->give_up_count++] = more[i];
	}
}

static bool has_stale_claim(const struct desk_lead *lead)
{
	for (size_t i = 0; i < lead->plan.count; i++) {
		if (claim_is_stale(&lead->plan.wants[i], &lead->subject))
			return true;
	}
	return false;
}

/* Judges from the front; stops before a lead that a stale claim stands in the way of, and after one whose changes a later
 * lead would have to know. Returns how many are judged. */
static size_t judge_front(struct desk *d, struct desk_lead *const *leads, size_t count,
			  const struct kv_lead *answers, bool heed_stale, struct changes *changes)
{
	for (size_t i = 0; i < count; i++) {
		struct desk_lead *lead = leads[i];
		struct claim_change own[CLAIMS_MAX];
		size_t own_count;

		if (heed_stale && has_stale_claim(lead))
			return i;
		counts_weigh(&answers[i], desk_rules_for(d, lead), lead);
		judge_lead(d->o.rules, &lead->facts, &d->scratch, &lead->judgement);
		counts_judged(&answers[i], lead->judgement.verdict == LEAD_REJECTED);
		own_count = claim_changes_after(&lead->plan, &lead->subject,
						lead->judgement.verdict != LEAD_REJECTED, own);
		add_changes(changes, own, own_count);
		for (size_t k = i + 1; own_count > 0 && k < count; k++) {
			if (claim_plan_touches(&leads[k]->plan, own, own_count))
				return i + 1;
		}
	}
	return count;
}

/* A process that died had judged them and published nothing. What it counted stays: should the verdict be another one now, then
 * the sum of its source's rejects is what the first one said, and only this line tells. */
static void tell_judged_again(struct desk_lead *const *leads, const struct kv_lead *answers,
			      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t last = i, seen = i;

		if (!answers[i].judged)
			continue;
		for (size_t k = 0; k < count; k++) {
			if (!answers[k].judged || leads[k]->partition != leads[i]->partition)
				continue;
			seen = MIN_OF(seen, k);
			last = MAX_OF(last, k);
		}
		if (seen == i)
			log_info("judged_again", LOG_INT("partition", leads[i]->partition),
				 LOG_INT("first", (int64_t)leads[i]->raw_offset),
				 LOG_INT("last", (int64_t)leads[last]->raw_offset));
	}
}

/* The leads after the cut give up what they took too early. */
static void undo_rest(struct desk_lead *const *rest, size_t count, struct changes *changes)
{
	struct claim_change own[CLAIMS_MAX];

	for (size_t i = 0; i < count; i++)
		add_changes(changes, own,
			    claim_changes_undo(&rest[i]->plan, &rest[i]->subject, own));
}

/* What is stale goes, on behalf of whoever held it; the next gather decides who gets it. */
static void make_room(const struct desk_lead *lead, struct changes *changes)
{
	struct claim_change stale[CLAIMS_MAX];

	add_changes(changes, stale, claim_changes_stale(&lead->plan, &lead->subject, stale));
}

static void fill_settle(const struct claim_change *c, struct kv_settle *ret)
{
	*ret = (struct kv_settle){.self = c->self,
				  .key = c->key,
				  .ttl_ms = c->ttl_ms,
				  .now_ms = c->now_ms,
				  .group = c->group,
				  .always = c->always,
				  .take = c->take};
}

/* The verdicts of the leads whose sources are counted. */
static struct kv_verdict *verdicts_of(struct desk *d, struct desk_lead *const *leads,
				      const struct kv_lead *answers, size_t count,
				      size_t *ret_count)
{
	struct kv_verdict *all = arena_calloc(&d->scratch, count, sizeof(*all));

	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (answers[i].source)
			all[(*ret_count)++] = (struct kv_verdict){
			    .partition = leads[i]->partition,
			    .raw_offset = leads[i]->raw_offset,
			    .now_ms = answers[i].now_ms,
			    .source = answers[i].source,
			    .rejected = leads[i]->judgement.verdict == LEAD_REJECTED,
			};
	}
	return all;
}

static enum result settle(struct desk *d, const struct changes *changes,
			  const struct kv_verdict *verdicts, size_t verdict_count, struct error *e)
{
	size_t count = changes->give_up_count + changes->take_count;

	if (count + verdict_count == 0)
		return RESULT_OK;

	struct kv_settle *ops = arena_calloc(&d->scratch, count, sizeof(*ops));

	for (size_t i = 0; i < changes->give_up_count; i++)
		fill_settle(&changes->give_up[i], &ops[i]);
	for (size_t i = 0; i < changes->take_count; i++)
		fill_settle(&changes->take[i], &ops[changes->give_up_count + i]);
	metric_add(METRIC_FILTER_SETTLED, (int64_t)count);
	return kv_close_batch(d->o.kv, ops, count, verdicts, verdict_count, e);
}

static enum result judge_round(struct desk *d, struct desk_lead *const *leads, size_t count,
			       bool heed_stale, size_t *ret_judged, struct error *e)
{
	/* A lead adds at most CLAIMS_MAX of either kind: judged, or undone; the first of the rest may add its stale ones. */
	size_t room = (count + 1) * CLAIMS_MAX;
	struct changes changes = {
	    .give_up = arena_alloc(&d->scratch, room * sizeof(struct claim_change)),
	    .take = arena_alloc(&d->scratch, room * sizeof(struct claim_change)),
	};
	struct kv_lead *answers;
	struct kv_verdict *verdicts;
	enum result r = gather(d, leads, count, &answers, e);
	size_t judged, verdict_count;

	if (r != RESULT_OK)
		return r;
	judged = judge_front(d, leads, count, answers, heed_stale, &changes);
	tell_judged_again(leads, answers, judged);
	undo_rest(leads + judged, count - judged, &changes);
	if (judged == 0)
		make_room(leads[0], &changes);
	verdicts = verdicts_of(d, leads, answers, judged, &verdict_count);
	fault_point("worker_unsettled");
	r = settle(d, &changes, verdicts, verdict_count, e);
	if (r == RESULT_OK)
		*ret_judged = judged;
	return r;
}

enum result desk_judge(struct desk *d, struct desk_lead *const *leads, size_t count,
		       struct arena *a, size_t *ret_judged, struct error *ret_error)
{
	const Punnet__V1__Contact **contacts;
	size_t judged = 0;

	assert(count > 0 && count <= DESK_LEADS_MAX);
	arena_reset(&d->scratch);
	contacts = open_batch(d, leads, count);
	for (size_t i = 0; i < count; i++)
		prepare(d, leads[i], contacts[i], a);
	for (int round = 0; judged == 0; round++) {
		enum result r =
		    judge_round(d, leads, count, round < STALE_ROUNDS_MAX, &judged, ret_error);

		if (r != RESULT_OK)
			return r;
	}
	*ret_judged = judged;
	return RESULT_OK;
}
