/* decision: builds RoutedLead and UnsoldLead in the arena. The digest covers who was asked, what each said, and the
 * money; two routers that agree on it agree on every decision before it too. */
#include "decision.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/money.h"
#include "lead/codec.h"

static void digest_bytes(struct market *m, struct slice bytes)
{
	m->digest = hash_fnv1a_number(m->digest, bytes.len, 4);
	m->digest = hash_fnv1a(m->digest, bytes);
}

static void digest_number(struct market *m, uint64_t n)
{
	m->digest = hash_fnv1a_number(m->digest, n, 8);
}

/* Nearly all candidates of a record have one code, and a digest waits for each byte in turn. */
static void digest_code(struct market *m, enum reason code)
{
	struct slice text = slice_cstr(reason_code(code));
	struct hash_text *t = m->code_hashes[code];

	if (!t) {
		t = m->code_hashes[code] = malloc(sizeof(*t));
		if (!t)
			abort();
		hash_text_make(t, text);
	}
	m->digest = hash_fnv1a_number(m->digest, text.len, 4);
	m->digest = hash_fnv1a_text(m->digest, t);
}

static Punnet__V1__Money *money_message(struct arena *a, int64_t amount_minor, const char *currency)
{
	Punnet__V1__Money *money = arena_alloc(a, sizeof(*money));

	punnet__v1__money__init(money);
	money->amount_minor = amount_minor;
	money->currency = (char *)currency;
	return money;
}

static Punnet__V1__Provenance *provenance_message(struct arena *a, const struct market *m,
						  const struct offer *offer)
{
	Punnet__V1__Provenance *p = arena_alloc(a, sizeof(*p));

	punnet__v1__provenance__init(p);
	p->topic = (char *)MARKET_TOPIC;
	p->partition = m->partition;
	p->offset = offer->offset;
	p->step = offer->step;
	return p;
}

/* The detail is only worded here, for the few that are recorded: the constraints are asked once more. */
static const char *miss_detail(const struct market *m, const struct candidate *c,
			       const struct lead_view *view, struct arena *a)
{
	struct miss miss = {.words = a};

	(void)constraints_ask(c->order, view, m->log_time_ms, &miss);
	assert(miss.code == c->miss.code);
	return miss.detail ? miss.detail : "";
}

/* What a candidate is told as; of all of a record in one block. */
struct told {
	Punnet__V1__Candidate candidate;
	Punnet__V1__Money price;
};

/* Of one who could have had it: why it stands lower than by its price. */
static const char *rank_detail(const struct market *m, const struct candidate *c, struct arena *a)
{
	int64_t counted = rank_price(c->order, c->price_minor, m->log_time_ms);
	char money[48];

	if (counted == c->price_minor)
		return "";
	money_text(counted, c->order->terms->currency, money, sizeof(money));
	return arena_printf(a, "ranks as if it paid %s: a rule lowers its advertiser", money);
}

static Punnet__V1__Candidate *candidate_message(struct market *m, const struct candidate *c,
						bool first, const struct lead_view *view,
						struct told *told, struct arena *a)
{
	static const struct told empty = {PUNNET__V1__CANDIDATE__INIT, PUNNET__V1__MONEY__INIT};
	Punnet__V1__Candidate *ret = &told->candidate;
	enum reason code =
	    c->fits ? (first ? REASON_ROUTE_WON : REASON_ROUTE_OUTBID) : c->miss.code;

	*told = empty;
	told->price.amount_minor = c->price_minor;
	told->price.currency = (char *)c->order->terms->currency;
	ret->order_id = (char *)c->order->terms->order_id;
	ret->code = (char *)reason_code(code);
	ret->price = &told->price;
	if (!c->fits) {
		ret->until_ms = c->miss.until_ms;
		ret->detail = (char *)miss_detail(m, c, view, a);
	} else {
		ret->detail = (char *)rank_detail(m, c, a);
	}
	digest_bytes(m, slice_cstr(ret->order_id));
	digest_code(m, code);
	digest_number(m, (uint64_t)ret->price->amount_minor);
	digest_number(m, (uint64_t)ret->until_ms);
	return ret;
}

static Punnet__V1__Candidate *rest_message(struct market *m, size_t rest, struct arena *a)
{
	Punnet__V1__Candidate *ret = arena_alloc(a, sizeof(*ret));

	punnet__v1__candidate__init(ret);
	ret->code = (char *)reason_code(REASON_ROUTE_MORE_ORDERS);
	buf_reset(&m->scratch);
	buf_append_int(&m->scratch, (int64_t)rest);
	buf_append_cstr(&m->scratch, " more orders");
	ret->detail = arena_cstr(a, buf_slice(&m->scratch));
	digest_number(m, rest);
	return ret;
}

static Punnet__V1__DecisionRecord *record_message(struct market *m, const struct match *match,
						  const struct offer *offer, struct arena *a)
{
	Punnet__V1__DecisionRecord *d = arena_alloc(a, sizeof(*d));
	struct told *told = arena_alloc(a, match->count * sizeof(*told));
	size_t rest = match->asked - match->count;

	punnet__v1__decision_record__init(d);
	d->log_time_ms = m->log_time_ms;
	d->round = offer->round;
	d->candidates = arena_calloc(a, match->count + 1, sizeof(*d->candidates));
	digest_bytes(m, slice_of(offer->id->bytes, sizeof(offer->id->bytes)));
	digest_number(m, offer->round);
	digest_number(m, (uint64_t)m->log_time_ms);
	for (size_t i = 0; i < match->count; i++)
		d->candidates[d->n_candidates++] =
		    candidate_message(m, &match->best[i], i == 0, offer->view, &told[i], a);
	if (rest > 0)
		d->candidates[d->n_candidates++] = rest_message(m, rest, a);
	return d;
}

static Punnet__V1__PayoutBasis *basis_message(struct arena *a, const struct payout *payout,
					      const struct lead_view *view)
{
	Punnet__V1__PayoutBasis *b = arena_alloc(a, sizeof(*b));

	punnet__v1__payout_basis__init(b);
	b->share_bp = payout->fixed_minor > 0 ? 0 : payout->share_bp;
	b->fixed_minor = payout->fixed_minor;
	b->margin_floor_minor = payout->margin_floor_minor;
	if (payout->rate) {
		b->order_id = payout->rate->order_id;
		b->aff_id = payout->rate->aff_id;
		b->source_class = payout->rate->source_class;
	}
	if (payout->rate && payout->rate->tier[0]) {
		b->tier = payout->rate->tier;
		b->tier_month = view->card->tier_month;
		b->tier_leads = view->tier->approved;
	}
	return b;
}

static Punnet__V1__Assignment *assignment_message(struct market *m, const struct candidate *winner,
						  const struct payout *payout,
						  const struct offer *offer, struct arena *a)
{
	Punnet__V1__Assignment *s = arena_alloc(a, sizeof(*s));
	const Punnet__V1__Lead *lead = offer->admitted->lead;
	const struct order *o = winner->order;

	punnet__v1__assignment__init(s);
	s->round = offer->round;
	s->order_id = (char *)o->terms->order_id;
	s->advertiser_id = (char *)o->terms->advertiser_id;
	s->vertical = lead->vertical;
	s->aff_id = lead->aff_id;
	s->price = money_message(a, winner->price_minor, o->terms->currency);
	s->payout = money_message(a, payout->amount_minor, o->terms->currency);
	s->decided_at_ms = m->log_time_ms;
	s->order_revision = o->revision;
	s->exclusive = o->terms->exclusive;
	s->is_test = lead->is_test;
	s->sub1 = lead->sub1;
	s->sub2 = lead->sub2;
	s->sub3 = lead->sub3;
	s->sub4 = lead->sub4;
	s->sub5 = lead->sub5;
	s->click_id = lead->click_id;
	s->market = provenance_message(a, m, offer);
	digest_number(m, (uint64_t)payout->amount_minor);
	return s;
}

static struct decision unsold_decision(struct market *m, const struct offer *offer,
				       Punnet__V1__DecisionRecord *record, enum reason why,
				       struct arena *a)
{
	Punnet__V1__UnsoldLead *unsold = arena_alloc(a, sizeof(*unsold));

	punnet__v1__unsold_lead__init(unsold);
	unsold->lead_id = codec_lead_id(offer->id);
	unsold->source = provenance_message(a, m, offer);
	unsold->lead = offer->admitted->lead;
	unsold->decision = record;
	unsold->reason_code = (char *)reason_code(why);
	digest_code(m, why);
	record->market_digest = m->digest;
	return (struct decision){.unsold = unsold};
}

struct decision decision_refuse(struct market *m, const struct offer *offer, enum reason why,
				struct arena *a)
{
	const struct match nobody = {0};

	return unsold_decision(m, offer, record_message(m, &nobody, offer, a), why, a);
}

struct decision decision_make(struct market *m, const struct match *match,
			      const struct offer *offer, struct arena *a)
{
	Punnet__V1__DecisionRecord *record = record_message(m, match, offer, a);
	const struct candidate *winner = &match->best[0];
	Punnet__V1__RoutedLead *routed;
	struct payout payout;

	if (!match->won)
		return unsold_decision(m, offer, record, match->summary, a);
	payout = payout_of(winner->order, offer->view, winner->price_minor);
	routed = arena_alloc(a, sizeof(*routed));
	punnet__v1__routed_lead__init(routed);
	routed->lead_id = codec_lead_id(offer->id);
	routed->source = provenance_message(a, m, offer);
	routed->assignment = assignment_message(m, winner, &payout, offer, a);
	routed->lead = offer->admitted->lead;
	routed->contact = offer->admitted->contact;
	routed->delivery_json = terms_delivery_json(winner->order->terms, a);
	routed->decision = record;
	record->payout = basis_message(a, &payout, offer->view);
	record->market_digest = m->digest;
	return (struct decision){.routed = routed};
}
