/* decision_write: see decision_write.h. Fields stand in the order of their numbers in proto/leads_routed.proto,
 * leads_unsold.proto, decision.proto and common.proto.
 *
 * What a lead carries from a newer version than ours must go on: a lead with a field that is not known here is left to
 * protobuf-c, which keeps such fields. */
#include "decision_write.h"

#include "lead/codec.h"
#include "lead/wire.h"

/* Most texts of a lead are empty. */
static inline struct slice text(const char *s)
{
	return s[0] ? slice_cstr(s) : (struct slice){0};
}

static void put_provenance(struct buf *out, uint32_t field, const Punnet__V1__Provenance *p)
{
	size_t at = wire_begin(out, field);

	wire_text(out, 1, text(p->topic));
	wire_uint(out, 2, p->partition);
	wire_uint(out, 3, p->offset);
	wire_uint(out, 4, p->step);
	wire_end(out, at);
}

static void put_money(struct buf *out, uint32_t field, const Punnet__V1__Money *m)
{
	size_t at;

	if (!m)
		return;
	at = wire_begin(out, field);
	wire_int(out, 1, m->amount_minor);
	wire_text(out, 2, text(m->currency));
	wire_end(out, at);
}

static void put_field(struct buf *out, uint32_t field, const Punnet__V1__Field *f)
{
	size_t at = wire_begin(out, field);

	wire_text(out, 1, text(f->name));
	switch (f->value_case) {
	case PUNNET__V1__FIELD__VALUE_TEXT:
		wire_text_set(out, 2, text(f->text));
		break;
	case PUNNET__V1__FIELD__VALUE_INTEGER:
		wire_sint_set(out, 3, f->integer);
		break;
	case PUNNET__V1__FIELD__VALUE_FLAG:
		wire_bool_set(out, 4, f->flag);
		break;
	case PUNNET__V1__FIELD__VALUE_DECIMAL:
		wire_text_set(out, 5, text(f->decimal));
		break;
	case PUNNET__V1__FIELD__VALUE_JSON:
		wire_text_set(out, 6, text(f->json));
		break;
	default:
		break;
	}
	wire_end(out, at);
}

static void put_lead(struct buf *out, uint32_t field, const Punnet__V1__Lead *l)
{
	size_t at = wire_begin(out, field);

	wire_text(out, 1, text(l->vertical));
	wire_text(out, 2, text(l->aff_id));
	wire_text(out, 3, text(l->sub1));
	wire_text(out, 4, text(l->sub2));
	wire_text(out, 5, text(l->sub3));
	wire_text(out, 6, text(l->sub4));
	wire_text(out, 7, text(l->sub5));
	wire_text(out, 8, text(l->click_id));
	wire_text(out, 9, text(l->country));
	wire_text(out, 10, text(l->region));
	wire_text(out, 11, text(l->city));
	wire_text(out, 12, text(l->postal_code));
	wire_text(out, 13, text(l->language));
	wire_text(out, 14, text(l->os));
	wire_text(out, 15, text(l->erid));
	wire_bool(out, 16, l->is_test);
	wire_int(out, 17, l->received_at_ms);
	for (size_t i = 0; i < l->n_fields; i++)
		put_field(out, 18, l->fields[i]);
	wire_end(out, at);
}

static void put_contact(struct buf *out, uint32_t field, const Punnet__V1__SealedContact *c)
{
	size_t at;

	if (!c)
		return;
	at = wire_begin(out, field);
	wire_uint(out, 1, c->key_day);
	wire_bytes(out, 2, codec_bytes(c->nonce));
	wire_bytes(out, 3, codec_bytes(c->box));
	wire_bytes(out, 4, codec_bytes(c->phone));
	wire_bytes(out, 5, codec_bytes(c->email));
	wire_bytes(out, 6, codec_bytes(c->mailbox));
	wire_end(out, at);
}

static void put_assignment(struct buf *out, uint32_t field, const Punnet__V1__Assignment *a)
{
	size_t at = wire_begin(out, field);

	wire_uint(out, 1, a->round);
	wire_text(out, 2, text(a->order_id));
	wire_text(out, 3, text(a->advertiser_id));
	wire_text(out, 4, text(a->vertical));
	wire_text(out, 5, text(a->aff_id));
	put_money(out, 6, a->price);
	put_money(out, 7, a->payout);
	wire_int(out, 8, a->decided_at_ms);
	wire_uint(out, 9, a->order_revision);
	wire_bool(out, 10, a->exclusive);
	wire_bool(out, 11, a->is_test);
	wire_text(out, 12, text(a->sub1));
	wire_text(out, 13, text(a->sub2));
	wire_text(out, 14, text(a->sub3));
	wire_text(out, 15, text(a->sub4));
	wire_text(out, 16, text(a->sub5));
	wire_text(out, 17, text(a->click_id));
	put_provenance(out, 18, a->market);
	wire_end(out, at);
}

static void put_candidate(struct buf *out, uint32_t field, const Punnet__V1__Candidate *c)
{
	size_t at = wire_begin(out, field);

	wire_text(out, 1, text(c->order_id));
	wire_text(out, 2, text(c->code));
	put_money(out, 3, c->price);
	wire_int(out, 4, c->until_ms);
	wire_text(out, 5, text(c->detail));
	wire_end(out, at);
}

static void put_basis(struct buf *out, uint32_t field, const Punnet__V1__PayoutBasis *b)
{
	size_t at;

	if (!b)
		return;
	at = wire_begin(out, field);
	wire_uint(out, 1, b->share_bp);
	wire_int(out, 2, b->fixed_minor);
	wire_text(out, 3, text(b->order_id));
	wire_text(out, 4, text(b->aff_id));
	wire_text(out, 5, text(b->source_class));
	wire_int(out, 6, b->margin_floor_minor);
	wire_text(out, 7, text(b->tier));
	wire_text(out, 8, text(b->tier_month));
	wire_uint(out, 9, b->tier_leads);
	wire_end(out, at);
}

static void put_decision(struct buf *out, uint32_t field, const Punnet__V1__DecisionRecord *d)
{
	size_t at = wire_begin(out, field);

	wire_int(out, 1, d->log_time_ms);
	wire_uint(out, 2, d->round);
	for (size_t i = 0; i < d->n_candidates; i++)
		put_candidate(out, 3, d->candidates[i]);
	wire_uint(out, 4, d->market_digest);
	put_basis(out, 5, d->payout);
	wire_end(out, at);
}

static void put_routed(struct buf *out, const Punnet__V1__RoutedLead *r)
{
	wire_bytes(out, 1, codec_bytes(r->lead_id));
	put_provenance(out, 2, r->source);
	put_assignment(out, 3, r->assignment);
	put_lead(out, 4, r->lead);
	put_contact(out, 5, r->contact);
	put_decision(out, 6, r->decision);
	wire_text(out, 7, text(r->delivery_json));
}

static void put_unsold(struct buf *out, const Punnet__V1__UnsoldLead *u)
{
	wire_bytes(out, 1, codec_bytes(u->lead_id));
	put_provenance(out, 2, u->source);
	put_lead(out, 3, u->lead);
	put_decision(out, 4, u->decision);
	wire_text(out, 5, text(u->reason_code));
}

/* All else in a decision was made here. */
static bool carries_unknown(const Punnet__V1__Lead *l, const Punnet__V1__SealedContact *c)
{
	if (l->base.n_unknown_fields > 0 || (c && c->base.n_unknown_fields > 0))
		return true;
	for (size_t i = 0; i < l->n_fields; i++) {
		if (l->fields[i]->base.n_unknown_fields > 0)
			return true;
	}
	return false;
}

static const ProtobufCMessage *message_of(const struct decision *d)
{
	return d->routed ? &d->routed->base : &d->unsold->base;
}

const char *decision_type(const struct decision *d)
{
	return codec_type(message_of(d)->descriptor);
}

static void put_fact(struct buf *out, uint32_t field, const Punnet__V1__Fact *f)
{
	size_t at = wire_begin(out, field);

	wire_text(out, 1, text(f->name));
	if (f->value_case == PUNNET__V1__FACT__VALUE_NUMBER)
		wire_sint_set(out, 2, f->number);
	else if (f->value_case == PUNNET__V1__FACT__VALUE_BYTES_VALUE)
		wire_bytes_set(out, 3, codec_bytes(f->bytes_value));
	else if (f->value_case == PUNNET__V1__FACT__VALUE_TEXT)
		wire_text_set(out, 4, text(f->text));
	wire_end(out, at);
}

static void put_bid(struct buf *out, uint32_t field, const Punnet__V1__Bid *b)
{
	size_t at = wire_begin(out, field);

	wire_text(out, 1, text(b->order_id));
	wire_int(out, 2, b->amount_minor);
	wire_end(out, at);
}

/* Claims are no facts that orders ask for. */
static bool admitted_is_plain(const Punnet__V1__LeadAdmitted *a)
{
	if (a->base.n_unknown_fields > 0 || carries_unknown(a->lead, a->contact))
		return false;
	for (size_t i = 0; i < a->n_facts; i++) {
		if (a->facts[i]->base.n_unknown_fields > 0 ||
		    a->facts[i]->value_case == PUNNET__V1__FACT__VALUE_CLAIM)
			return false;
	}
	for (size_t i = 0; i < a->n_bids; i++) {
		if (a->bids[i]->base.n_unknown_fields > 0)
			return false;
	}
	return true;
}

void admitted_write(const Punnet__V1__LeadAdmitted *a, struct buf *out)
{
	if (!admitted_is_plain(a)) {
		codec_pack(&a->base, out);
		return;
	}
	put_lead(out, 1, a->lead);
	put_contact(out, 2, a->contact);
	wire_sint(out, 3, a->score);
	wire_int(out, 4, a->quarantined_until_ms);
	wire_bool(out, 5, a->quarantine_accepts);
	for (size_t i = 0; i < a->n_facts; i++)
		put_fact(out, 6, a->facts[i]);
	for (size_t i = 0; i < a->n_bids; i++)
		put_bid(out, 7, a->bids[i]);
}

void decision_write(const struct decision *d, struct buf *out)
{
	if (carries_unknown(d->routed ? d->routed->lead : d->unsold->lead,
			    d->routed ? d->routed->contact : NULL)) {
		codec_pack(message_of(d), out);
		return;
	}
	if (d->routed)
		put_routed(out, d->routed);
	else
		put_unsold(out, d->unsold);
}
