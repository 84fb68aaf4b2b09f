/* audit_answers: what delivery and the advertisers say of an assignment, as it comes. */
#include "audit_tables.h"

/* --- attempts and outcomes --- */

/* The assignment that a record is about; NULL where it can't be known, or is nobody's, which is then said. */
static struct a_decision *assignment(struct audit *a, enum audit_topic topic, struct audit_at at,
				     const struct lead_id *id, uint32_t round)
{
	struct a_lead *l = audit_lead(a, id);
	struct a_decision *d = audit_find(a, l, round);

	if (d && d->order != NONE)
		return d;
	/* Of a lead that is forgotten, a late word of delivery changes nothing: its books are compared. */
	if (l || (!a->cut && !audit_is_forgotten(a, id)))
		audit_found(a->line, AUDIT_ASSIGNED_ANSWERED, FOUND_WRONG,
			    "%s/%u@%lld: lead %s was not routed in round %u",
			    audit_topic_name(topic), at.partition, (long long)at.offset,
			    audit_text(id), round);
	return NULL;
}

void audit_attempt(struct audit *a, struct audit_at at, const struct lead_id *id, uint32_t round,
		   bool final)
{
	struct a_decision *d = assignment(a, AUDIT_ATTEMPTS, at, id, round);

	if (!d)
		return;
	d->attempted = true;
	d->answered |= final;
}

/* Whether an outcome moves its assignment on: the first one does, and a late delivery after nobody knew. */
static bool counts(struct audit *a, const struct a_lead *l, const struct a_decision *d, int kind)
{
	if (d->state != AUDIT_NOT_SETTLED &&
	    !(d->state == AUDIT_UNRESOLVED && kind == AUDIT_DELIVERED))
		return false;
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next) {
		const struct a_decision *other = &a->decisions.items[i];

		if (other != d && (other->exclusive || d->exclusive) && other->round > d->round &&
		    other->state != AUDIT_NOT_SETTLED)
			return false;
	}
	return true;
}

static void outcome_counts(struct audit *a, const struct audit_outcome *o, struct a_lead *l,
			   struct a_decision *d)
{
	if (o->kind == AUDIT_DELIVERED && d->state != AUDIT_DELIVERED &&
	    (l->flags & LEAD_SOLD_ALONE)) {
		audit_found(
		    a->line, AUDIT_DELIVERED_ONCE, FOUND_TWICE,
		    "leads.outcomes/%u@%lld: lead %s is delivered in round %u, and was before",
		    o->at.partition, (long long)o->at.offset, audit_text(&o->id), o->round);
		return;
	}
	if (!counts(a, l, d, o->kind))
		return;
	d->state = (uint8_t)o->kind;
	d->outcome_partition = (uint16_t)o->at.partition;
	d->outcome_offset = o->at.offset;
	if (o->kind != AUDIT_DELIVERED)
		return;
	audit_count(&a->line[AUDIT_DELIVERED_ONCE], &l->id);
	if (!d->is_test)
		audit_sum(a, SIDE_DELIVERED, &l->id,
			  audit_sale(d->round, 0, d->price_minor, d->payout_minor));
	if (d->exclusive)
		l->flags |= LEAD_SOLD_ALONE;
}

static void first_answer(struct audit *a, const struct audit_outcome *o, const struct a_decision *d)
{
	static const char *const ends[] = {[AUDIT_REFUSED] = "refused",
					   [AUDIT_UNDELIVERABLE] = "undeliverable",
					   [AUDIT_UNRESOLVED] = "unresolved"};

	audit_sum(a, SIDE_ANSWERED, &o->id,
		  audit_sale(o->round, d->order, o->price.amount_minor, o->payout_minor));
	if (o->kind != AUDIT_DELIVERED)
		audit_word(a, AUDIT_DELIVERING, ends[o->kind], 1);
}

static bool same_terms(struct audit *a, const struct audit_outcome *o, const struct a_decision *d)
{
	if (audit_order_of(a, o->order_id) == d->order && o->price.amount_minor == d->price_minor &&
	    o->payout_minor == d->payout_minor && strcmp(o->price.currency, d->currency) == 0)
		return true;
	audit_found(a->line, AUDIT_ASSIGNED_ANSWERED, FOUND_WRONG,
		    "leads.outcomes/%u@%lld: lead %s round %u: other terms than it was routed at",
		    o->at.partition, (long long)o->at.offset, audit_text(&o->id), o->round);
	return false;
}

static void delivery_outcome(struct audit *a, const struct audit_outcome *o, bool is_dead)
{
	struct a_decision *d = assignment(a, AUDIT_OUTCOMES, o->at, &o->id, o->round);

	/* Who was put aside settles nothing; that it contradicts its assignment is a finding all the same. */
	if (!d || !same_terms(a, o, d) || is_dead)
		return;
	if (!d->outcomes)
		first_answer(a, o, d);
	d->outcomes |= (uint8_t)(1u << o->kind);
	outcome_counts(a, o, &a->leads.items[d->lead], d);
}

void audit_outcome(struct audit *a, const struct audit_outcome *o)
{
	uint32_t p = o->at.partition;
	bool is_dead, is_delivery = o->kind >= AUDIT_DELIVERED && o->kind <= AUDIT_UNRESOLVED;
	struct a_lead *l;

	assert(p < AUDIT_PARTITIONS_MAX);
	if (a->outcomes_base[p] < 0)
		a->outcomes_base[p] = o->at.offset;
	a->outcomes_end[p] = o->at.offset + 1;
	is_dead = audit_is_dead(a, AUDIT_OUTCOMES, p, o->at.offset);
	if (is_dead && !is_delivery)
		return;
	l = audit_lead(a, &o->id); /* anybody may send a verdict about anything: payout judges it */
	if (l && !is_dead) {
		l->said_partition = (uint16_t)p;
		l->said_offset = o->at.offset;
	}
	if (is_delivery) {
		delivery_outcome(a, o, is_dead);
		return;
	}
	if (!l && o->kind == AUDIT_WAIVED && audit_is_forgotten(a, &o->id)) {
		struct a_bucket *b = audit_bucket_known(a, &o->id);

		b->waived_partition = (uint16_t)p;
		b->waived_offset = o->at.offset;
	}
	if (l && o->kind == AUDIT_APPROVED)
		l->flags |= LEAD_SAID_APPROVED;
	if (l && o->kind == AUDIT_RETURNED)
		l->flags |= LEAD_SAID_RETURNED;
	if (l && o->kind == AUDIT_DUE)
		l->flags |= LEAD_SAID_DUE;
	if (l && o->kind == AUDIT_WAIVED)
		l->flags |= LEAD_SAID_WAIVED;
}
