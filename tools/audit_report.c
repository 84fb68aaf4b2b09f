/* audit_report: what is missing now, and whether it may still come. */
#include "audit_tables.h"

#define BIT(n) (1u << (n))

static void missing(struct audit *a, struct audit_line *ret, enum audit_invariant i,
		    enum audit_topic topic, uint32_t partition, int64_t offset,
		    const struct lead_id *id, const char *what)
{
	if (audit_is_dead(a, topic, partition, offset))
		return;
	if (audit_is_ahead(a, topic, partition, offset))
		ret[i].pending++;
	else
		audit_found(ret, i, FOUND_LOST, "%s/%u@%lld: lead %s: %s", audit_topic_name(topic),
			    partition, (long long)offset, audit_text(id), what);
}

void audit_check_lead(struct audit *a, const struct a_lead *l, struct audit_line *ret)
{
	if (!(l->flags & LEAD_RAW))
		return;
	if (!(l->flags & LEAD_JUDGED))
		missing(a, ret, AUDIT_RAW_JUDGED, AUDIT_RAW, l->raw_partition, l->raw_offset,
			&l->id, "no verdict");
	else if ((l->flags & (LEAD_ACCEPTED | LEAD_QUARANTINED)) && !(l->flags & LEAD_ADMITTED))
		missing(a, ret, AUDIT_ACCEPTED_ADMITTED, AUDIT_JUDGED, l->raw_partition,
			l->judged_offset, &l->id, "accepted, and not in the market");
}

/* Which records must have come back to the market for a state of the ledger. */
static unsigned feedback_of(int life)
{
	if (life == LIFE_APPROVED)
		return BIT(AUDIT_DELIVERED) | BIT(AUDIT_APPROVED);
	if (life == LIFE_RETURNED)
		return BIT(AUDIT_DELIVERED) | BIT(AUDIT_RETURNED);
	if (life == LIFE_WAIVED)
		return BIT(AUDIT_DELIVERED) | BIT(AUDIT_APPROVED) | BIT(AUDIT_RETURNED);
	if (life == LIFE_DELIVERED)
		return BIT(AUDIT_DELIVERED);
	return life ? BIT(life - 2) : 0; /* refused, undeliverable, unresolved: 4, 5, 6 */
}

/* The ledger has settled only just what was last said of the lead: the market's end may be older. */
static bool was_settled_just_now(const struct audit *a, const struct a_lead *l)
{
	return l->said_offset >= 0 && l->said_offset >= a->due[AUDIT_OUTCOMES][l->said_partition];
}

static void check_feedback(const struct audit *a, const struct a_decision *d,
			   const struct a_lead *l, struct audit_line *ret)
{
	unsigned needed = feedback_of(d->life);
	const struct lead_id *id = &l->id;

	if (!d->life)
		return;
	if ((d->settled & needed) == needed) {
		audit_count(&ret[AUDIT_FEEDBACK], id);
		return;
	}
	/* Not there, or there and not folded yet. */
	if (a->outbox[d->outcome_partition] > 0 || was_settled_just_now(a, l))
		ret[AUDIT_FEEDBACK].pending++;
	else if (a->markets[d->market_partition].folded <
		 a->markets[d->market_partition].events.count)
		return;
	else
		audit_found(ret, AUDIT_FEEDBACK, FOUND_LOST,
			    "ledger: lead %s round %u: what was settled never came to the market",
			    audit_text(id), d->round);
}

static void check_credit(const struct audit *a, const struct a_decision *d,
			 const struct lead_id *id, struct audit_line *ret)
{
	bool settled = d->outcome_offset < a->committed[AUDIT_OUTCOMES][d->outcome_partition];
	bool credited = d->transfers & BIT(CREDIT);

	if (d->transfers != d->balanced)
		audit_found(ret, AUDIT_TRANSFERS, FOUND_WRONG,
			    "ledger: lead %s round %u: entries without a transfer, or none for one",
			    audit_text(id), d->round);
	if (credited && (d->state != AUDIT_DELIVERED || d->is_test)) {
		audit_found(ret, AUDIT_DELIVERED_CREDITED, FOUND_WRONG,
			    "ledger: lead %s round %u is credited, and was %s", audit_text(id),
			    d->round, d->is_test ? "a test" : "not delivered");
		return;
	}
	if (d->state != AUDIT_DELIVERED || d->is_test || !settled)
		return;
	if (credited)
		audit_count(&ret[AUDIT_DELIVERED_CREDITED], id);
	else
		audit_found(
		    ret, AUDIT_DELIVERED_CREDITED, FOUND_LOST,
		    "leads.outcomes/%u@%lld: lead %s round %u is delivered, and not credited",
		    d->outcome_partition, (long long)d->outcome_offset, audit_text(id), d->round);
}

static void check_paid(const struct a_decision *d, const struct a_lead *l, struct audit_line *ret)
{
	const char *wrong = NULL;

	/* Who may have approved it: the advertiser, the end of the window, or whoever let the advertiser off. */
	unsigned approving = LEAD_SAID_APPROVED | LEAD_SAID_DUE | LEAD_SAID_WAIVED;
	unsigned waiving = LEAD_SAID_WAIVED | LEAD_SAID_RETURNED;

	if (d->transfers & BIT(BEAR))
		approving |= LEAD_SAID_RETURNED;
	if (!d->transfers)
		return;
	if (!(d->transfers & BIT(CREDIT)))
		wrong = "approved or reversed, and never credited";
	else if ((d->transfers & BIT(APPROVE)) && (d->transfers & BIT(REVERSE)))
		wrong = "approved and reversed";
	else if ((d->transfers & BIT(BEAR)) && !(d->transfers & BIT(APPROVE)))
		wrong = "borne by the network, and not approved";
	else if ((d->transfers & BIT(APPROVE)) && !(l->flags & approving))
		wrong = "approved, and nobody said so";
	else if ((d->transfers & BIT(BEAR)) && !(l->flags & waiving))
		wrong = "borne by the network, and nobody let the buyer off";
	else if ((d->transfers & BIT(REVERSE)) && !(l->flags & LEAD_SAID_RETURNED))
		wrong = "reversed, and nobody returned it";
	if (wrong)
		audit_found(ret, AUDIT_PAID_ONCE, FOUND_WRONG, "ledger: lead %s round %u: %s",
			    audit_text(&l->id), d->round, wrong);
	else
		audit_count(&ret[AUDIT_PAID_ONCE], &l->id);
}

static void check_answered(struct audit *a, const struct a_decision *d, const struct lead_id *id,
			   struct audit_line *ret)
{
	if (!d->outcomes) {
		missing(a, ret, AUDIT_ASSIGNED_ANSWERED, AUDIT_ROUTED, d->partition, d->offset, id,
			"routed, and no outcome");
		return;
	}
	if (!d->answered)
		audit_found(ret, AUDIT_ASSIGNED_ANSWERED, FOUND_WRONG,
			    "leads.routed/%u@%lld: lead %s: an outcome without a last attempt",
			    d->partition, (long long)d->offset, audit_text(id));
	else
		audit_count(&ret[AUDIT_ASSIGNED_ANSWERED], id);
}

void audit_check_decision(struct audit *a, const struct a_decision *d, struct audit_line *ret)
{
	const struct a_lead *l = &a->leads.items[d->lead];
	const struct a_market *m = &a->markets[d->market_partition];

	/* Its cause was folded without it, or is not there: what was read of the market reaches further than what was decided. */
	if (!d->folded && m->whole &&
	    (d->market_offset < m->position || d->market_offset >= m->end))
		audit_found(ret, AUDIT_OFFERED_ON, FOUND_WRONG,
			    "market/%u@%lld: lead %s: no record of the market explains round %u",
			    d->market_partition, (long long)d->market_offset, audit_text(&l->id),
			    d->round);
	if (d->order == NONE)
		return;
	check_answered(a, d, &l->id, ret);
	check_credit(a, d, &l->id, ret);
	check_paid(d, l, ret);
	check_feedback(a, d, l, ret);
}

/* Market records that wait for their decision. */
static void check_market(struct audit *a, uint32_t p, struct audit_line *ret)
{
	const struct a_market *m = &a->markets[p];

	for (size_t i = m->folded; i < m->events.count; i++) {
		const struct a_event *e = &m->events.items[i];

		if ((e->kind == EVENT_ADMITTED || e->kind == EVENT_WAIT_ENDED) &&
		    !audit_find(a, &a->leads.items[e->about], 0))
			ret[AUDIT_ADMITTED_DECIDED].pending++;
		else if (e->kind == EVENT_SETTLED &&
			 (e->settlement == AUDIT_REFUSED || e->settlement == AUDIT_UNDELIVERABLE) &&
			 !audit_find(a, &a->leads.items[e->about], e->round + 1u))
			ret[AUDIT_OFFERED_ON].pending++;
	}
}

static void check_outcomes(const struct audit *a, uint32_t p, struct audit_line *ret)
{
	int64_t base = a->outcomes_base[p], end = a->outcomes_end[p];
	int64_t next = MIN_OF(MAX_OF(a->committed[AUDIT_OUTCOMES][p], base), end);

	if (base < 0)
		return;
	ret[AUDIT_OUTCOMES_SETTLED].count += (uint64_t)(next - base);
	ret[AUDIT_OUTCOMES_SETTLED].pending += (uint64_t)(end - next);
}

static void add(struct audit_line *to, const struct audit_line *from)
{
	to->count += from->count;
	to->pending += from->pending;
	to->broken += from->broken;
	to->lost += from->lost;
	to->twice += from->twice;
	to->hash += from->hash;
	if (!to->first[0])
		memcpy(to->first, from->first, sizeof(to->first));
}

void audit_report(struct audit *a, struct audit_line ret[AUDIT_INVARIANTS])
{
	audit_fold(a);
	memcpy(ret, a->line, sizeof(a->line));
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		add(&ret[i], &a->ledger[i]);
	for (size_t i = 0; i < a->leads.count; i++)
		audit_check_lead(a, &a->leads.items[i], ret);
	for (size_t i = 0; i < a->decisions.count; i++)
		audit_check_decision(a, &a->decisions.items[i], ret);
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++) {
		check_market(a, p, ret);
		check_outcomes(a, p, ret);
	}
	audit_sums_report(a, ret);
	audit_rest_begin(a);
}
