/* audit_rest: leads that are over leave the tables. Of one that an advertiser may still judge, or whose end is young, so much is kept
 * that a further record brings it back as it was; of the others only what its minute's sums know.
 *
 * Over is a lead of which nothing is pending and nothing is wrong, about which nothing was written for a while, and of whose
 * outcomes the ledger has seen all. Its rows of the ledger are frozen then: their sum must stay what it was (audit_sums.c).
 *
 * An id's last 62 bits are random, and told apart within a minute. */
#include <stdlib.h>

#include "audit_tables.h"

#define TAIL_MASK  (UINT64_MAX >> 2)
#define END_SHIFT  62
#define END_REJECT 0
#define END_UNSOLD 1
#define END_WAITED 2 /* unsold, and was in quarantine */

void audit_set_rest(struct audit *a, const struct audit_rest_settings *s)
{
	a->rest = *s;
	a->rest_next = s->least;
}

uint64_t audit_leads_forgotten(const struct audit *a)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < a->buckets.count; i++)
		sum += a->buckets.items[i].forgotten;
	return sum;
}

void audit_rest_free(struct audit *a)
{
	for (size_t i = 0; i < a->buckets.count; i++) {
		free(a->buckets.items[i].rests.items);
		free(a->buckets.items[i].briefs.items);
	}
}

static uint64_t tail_of(const struct lead_id *id)
{
	uint64_t tail;

	memcpy(&tail, id->bytes + 8, sizeof(tail));
	return __builtin_bswap64(tail) & TAIL_MASK;
}

/* --- looking it up --- */

static size_t first_rest(const struct a_bucket *b, uint64_t tail)
{
	size_t low = 0, high = b->rests.count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (b->rests.items[mid].tail < tail)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_rest(const struct a_bucket *b, size_t i, uint64_t tail)
{
	return i < b->rests.count && b->rests.items[i].tail == tail;
}

/* b->briefs.count: it is not there. */
static size_t brief_at(const struct a_bucket *b, uint64_t tail)
{
	size_t low = 0, high = b->briefs.count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if ((b->briefs.items[mid] & TAIL_MASK) < tail)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < b->briefs.count && (b->briefs.items[low] & TAIL_MASK) == tail)
		return low;
	return b->briefs.count;
}

bool audit_is_forgotten(const struct audit *a, const struct lead_id *id)
{
	const struct a_bucket *b = audit_bucket_known(a, id);
	uint64_t tail = tail_of(id);

	return b && b->forgotten > 0 && !has_rest(b, first_rest(b, tail), tail) &&
	       brief_at(b, tail) == b->briefs.count;
}

bool audit_at_rest(const struct audit *a, const struct lead_id *id)
{
	const struct a_bucket *b = audit_bucket_known(a, id);
	uint64_t tail = tail_of(id);

	return b && (b->forgotten > 0 || has_rest(b, first_rest(b, tail), tail) ||
		     brief_at(b, tail) < b->briefs.count);
}

/* --- bringing it back --- */

static void freeze(struct a_bucket *b, uint64_t books, uint64_t rows)
{
	b->side[SIDE_FROZEN].sum += books;
	b->side[SIDE_FROZEN].count += rows;
	b->side[SIDE_BOOKED].sum += books;
	b->side[SIDE_BOOKED].count += rows;
}

static void decision_back(struct audit *a, struct a_lead *l, const struct a_rest *r)
{
	struct a_decision *d = VECTOR_ADD(a->decisions);
	uint32_t terms = a->orders.items[r->order].terms;

	*d = (struct a_decision){.lead = (uint32_t)(l - a->leads.items),
				 .next = l->first,
				 .order = r->order,
				 .round = r->round,
				 .market_partition = r->market_partition,
				 .outcome_partition = r->outcome_partition,
				 .price_minor = r->price_minor,
				 .payout_minor = r->payout_minor,
				 .party = NONE,
				 .webmaster = NONE,
				 .outcomes = r->outcomes,
				 .settled = r->settled,
				 .state = r->state,
				 .life = r->life,
				 .transfers = r->transfers,
				 .balanced = r->balanced,
				 .book_rows = r->book_rows,
				 .books = r->books,
				 .exclusive = r->exclusive,
				 .is_test = r->is_test,
				 .attempted = r->attempted,
				 .answered = r->answered,
				 .held = r->held,
				 .folded = true,
				 .closed = true};
	memcpy(d->currency, a->terms.items[terms].currency, sizeof(d->currency));
	l->first = (uint32_t)a->decisions.count - 1;
	l->flags |= r->flags;
	l->rounds = r->rounds;
}

static void unsold_back(struct audit *a, struct a_lead *l)
{
	*VECTOR_ADD(a->decisions) = (struct a_decision){.lead = (uint32_t)(l - a->leads.items),
							.next = NONE,
							.order = NONE,
							.party = NONE,
							.webmaster = NONE,
							.folded = true};
	l->first = (uint32_t)a->decisions.count - 1;
}

/* What it adds to the findings, as long as it is at rest; sign -1: no longer. */
static void count_in(struct audit *a, const struct a_lead *l, int sign)
{
	struct audit_line lines[AUDIT_INVARIANTS] = {0};

	audit_check_lead(a, l, lines);
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next)
		audit_check_decision(a, &a->decisions.items[i], lines);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		a->line[i].count += sign > 0 ? lines[i].count : -lines[i].count;
		a->line[i].hash += sign > 0 ? lines[i].hash : -lines[i].hash;
	}
}

struct a_lead *audit_rest_end(struct audit *a, const struct lead_id *id)
{
	static const uint16_t ends[] = {[END_REJECT] = 0,
					[END_UNSOLD] = LEAD_ACCEPTED | LEAD_ADMITTED,
					[END_WAITED] = LEAD_QUARANTINED | LEAD_ADMITTED};
	struct a_bucket *b = audit_bucket_known(a, id);
	uint64_t tail = tail_of(id);
	size_t from, until, brief;
	struct a_lead *l;

	if (!b || (b->rests.count == 0 && b->briefs.count == 0))
		return NULL;
	from = until = first_rest(b, tail);
	brief = brief_at(b, tail);
	if (!has_rest(b, from, tail) && brief == b->briefs.count)
		return NULL;
	l = audit_lead_add(a, id);
	l->flags = LEAD_RAW | LEAD_JUDGED;
	if (brief < b->briefs.count) {
		l->flags |= ends[b->briefs.items[brief] >> END_SHIFT];
		if (l->flags & LEAD_ADMITTED)
			unsold_back(a, l);
		memmove(&b->briefs.items[brief], &b->briefs.items[brief + 1],
			(--b->briefs.count - brief) * sizeof(*b->briefs.items));
	}
	for (; has_rest(b, until, tail); until++) {
		const struct a_rest *r = &b->rests.items[until];

		decision_back(a, l, r);
		freeze(b, -r->books, -(uint64_t)r->book_rows);
	}
	if (until > from)
		memmove(&b->rests.items[from], &b->rests.items[until],
			(b->rests.count - until) * sizeof(*b->rests.items));
	b->rests.count -= until - from;
	count_in(a, l, -1);
	return l;
}

/* --- is it over? --- */

static bool decision_is_over(const struct audit *a, const struct a_decision *d)
{
	const struct a_order *o = d->order == NONE ? NULL : &a->orders.items[d->order];

	if (!d->folded)
		return false;
	if (!o)
		return true;
	return o->terms != NONE && d->outcomes && d->life && d->closed &&
	       d->market_partition <= UINT8_MAX && d->round <= UINT8_MAX && d->price_minor >= 0 &&
	       d->price_minor <= UINT32_MAX && d->payout_minor >= 0 &&
	       d->payout_minor <= UINT32_MAX &&
	       strcmp(a->terms.items[o->terms].currency, d->currency) == 0;
}

static bool lead_is_over(const struct audit *a, const struct a_lead *l)
{
	const uint16_t unfinished = LEAD_BUSY | LEAD_UNREADABLE | LEAD_WAITS | LEAD_WAITS_BUYER;

	if ((l->flags & unfinished) || !(l->flags & LEAD_RAW) || !(l->flags & LEAD_JUDGED))
		return false;
	if ((int64_t)l->touched_s + a->rest.after_ms / 1000 > a->newest_s)
		return false;
	if (l->said_offset >= 0 &&
	    audit_is_ahead(a, AUDIT_OUTCOMES, l->said_partition, l->said_offset))
		return false;
	if ((l->flags & (LEAD_ACCEPTED | LEAD_QUARANTINED)) &&
	    (!(l->flags & LEAD_ADMITTED) || l->first == NONE))
		return false;
	if (l->rounds > UINT8_MAX)
		return false;
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next)
		if (!decision_is_over(a, &a->decisions.items[i]))
			return false;
	return true;
}

static uint64_t trouble(const struct audit_line *lines)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		sum += lines[i].broken + lines[i].pending;
	return sum;
}

/* `scratch`: what was counted for the leads before it. */
static bool is_sound(struct audit *a, const struct a_lead *l, struct audit_line *scratch)
{
	uint64_t before = trouble(scratch);

	audit_check_lead(a, l, scratch);
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next)
		audit_check_decision(a, &a->decisions.items[i], scratch);
	return trouble(scratch) == before;
}

/* --- going to rest --- */

static struct a_rest rest_of(const struct a_lead *l, const struct a_decision *d)
{
	const uint16_t gone = LEAD_BUSY | LEAD_OVER;

	return (struct a_rest){.tail = tail_of(&l->id),
			       .books = d->books,
			       .price_minor = (uint32_t)d->price_minor,
			       .payout_minor = (uint32_t)d->payout_minor,
			       .order = d->order,
			       .flags = l->flags & (uint16_t)~gone,
			       .outcome_partition = d->outcome_partition,
			       .market_partition = (uint8_t)d->market_partition,
			       .round = (uint8_t)d->round,
			       .rounds = (uint8_t)l->rounds,
			       .outcomes = d->outcomes,
			       .settled = d->settled,
			       .state = d->state,
			       .life = d->life,
			       .transfers = d->transfers,
			       .balanced = d->balanced,
			       .book_rows = d->book_rows,
			       .exclusive = d->exclusive,
			       .is_test = d->is_test,
			       .attempted = d->attempted,
			       .answered = d->answered,
			       .held = d->held};
}

static void lay_down(struct audit *a, struct a_lead *l)
{
	struct a_bucket *b = audit_bucket(a, &l->id);
	uint64_t end = l->flags & LEAD_QUARANTINED ? END_WAITED
		       : l->flags & LEAD_ACCEPTED  ? END_UNSOLD
						   : END_REJECT;
	bool sold = false;

	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next) {
		const struct a_decision *d = &a->decisions.items[i];

		if (d->order == NONE)
			continue;
		sold = true;
		*VECTOR_ADD(b->rests) = rest_of(l, d);
		freeze(b, d->books, d->book_rows);
	}
	if (!sold)
		*VECTOR_ADD(b->briefs) = tail_of(&l->id) | end << END_SHIFT;
	b->touched_s = MAX_OF(b->touched_s, l->touched_s);
	b->in_disorder = true;
	count_in(a, l, 1);
	l->flags |= LEAD_OVER;
}

static int compare_rests(const void *x, const void *y)
{
	const struct a_rest *a = x, *b = y;

	if (a->tail != b->tail)
		return a->tail < b->tail ? -1 : 1;
	return a->round - b->round;
}

static int compare_briefs(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x & TAIL_MASK, b = *(const uint64_t *)y & TAIL_MASK;

	return a < b ? -1 : a > b;
}

static void sort(struct a_bucket *b)
{
	if (b->rests.count > 0)
		qsort(b->rests.items, b->rests.count, sizeof(*b->rests.items), compare_rests);
	if (b->briefs.count > 0)
		qsort(b->briefs.items, b->briefs.count, sizeof(*b->briefs.items), compare_briefs);
	SHRINK(b->rests);
	SHRINK(b->briefs);
	b->in_disorder = false;
}

/* --- forgetting it --- */

/* No outcome moves it on, but for one that the operator makes: a waiver, which is looked out for. */
static bool is_final(const struct a_rest *r)
{
	return r->life != LIFE_DELIVERED && r->life != LIFE_UNRESOLVED;
}

static void forget(struct a_bucket *b)
{
	size_t kept = 0, i = 0;

	while (i < b->rests.count) {
		size_t next = i;
		bool final = true;

		for (; has_rest(b, next, b->rests.items[i].tail); next++)
			final &= is_final(&b->rests.items[next]);
		b->forgotten += final;
		for (; i < next; i++)
			if (!final)
				b->rests.items[kept++] = b->rests.items[i];
	}
	b->rests.count = kept;
	b->forgotten += (uint32_t)b->briefs.count;
	b->briefs.count = 0;
	SHRINK(b->rests);
	SHRINK(b->briefs);
}

/* The ledger has seen the waiver: what it says now is what must stay. */
void audit_rest_refreeze(struct audit *a)
{
	for (size_t i = 0; i < a->buckets.count; i++) {
		struct a_bucket *b = &a->buckets.items[i];

		if (b->waived_offset < 0 ||
		    audit_is_ahead(a, AUDIT_OUTCOMES, b->waived_partition, b->waived_offset))
			continue;
		b->side[SIDE_FROZEN] = b->side[SIDE_BOOKED];
		b->waived_offset = -1;
	}
}

static void tidy(struct audit *a)
{
	for (size_t i = 0; i < a->buckets.count; i++) {
		struct a_bucket *b = &a->buckets.items[i];

		if (b->in_disorder)
			sort(b);
		if ((b->rests.count > 0 || b->briefs.count > 0) &&
		    (int64_t)b->touched_s + a->rest.remember_ms / 1000 <= a->newest_s)
			forget(b);
	}
}

/* --- all of it --- */

void audit_rest_begin(struct audit *a)
{
	struct audit_line *scratch;
	size_t over = 0;

	if (a->leads.count < a->rest_next || a->full)
		return;
	scratch = calloc(AUDIT_INVARIANTS, sizeof(*scratch));
	if (!scratch)
		abort();
	for (uint32_t p = 0; p < AUDIT_PARTITIONS_MAX; p++)
		if (a->markets[p].begun)
			audit_mark_busy(a, &a->markets[p]);
	for (size_t i = 0; i < a->leads.count; i++) {
		struct a_lead *l = &a->leads.items[i];

		if (!lead_is_over(a, l) || !is_sound(a, l, scratch))
			continue;
		lay_down(a, l);
		over++;
	}
	free(scratch);
	tidy(a);
	audit_close_gaps(a);
	a->rest_next = MAX_OF(a->rest.least, a->leads.count + a->leads.count / 4);
}
