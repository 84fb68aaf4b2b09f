/* status: packs StatusEvent. */
#include "payout/core/status.h"

#include "lead/codec.h"
#include "payout/core/feedback.h"
#include "proto/status_events.pb-c.h"

static const struct {
	const char *name;
	Punnet__V1__StatusKind kind;
} by_state[LIFE_STATE_COUNT] = {
    [LIFE_DELIVERED] = {"delivered", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED},
    [LIFE_APPROVED] = {"approved", PUNNET__V1__STATUS_KIND__STATUS_APPROVED},
    [LIFE_RETURNED] = {"returned", PUNNET__V1__STATUS_KIND__STATUS_RETURNED},
};

const char *status_event_name(enum life_state s)
{
	assert(s < LIFE_STATE_COUNT);
	return by_state[s].name;
}

/* The partition follows from the key where it is published: this code knows no topics' sizes. */
static void publish(struct settlement *s, Punnet__V1__StatusEvent *m)
{
	struct provenance from = {FEEDBACK_SOURCE, s->partition, s->next_seq, 0};
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct buf out = {0};

	provenance_fill(&from, &source);
	m->source = &source;
	codec_pack(&m->base, &out);
	assert(!out.failed); /* every text in it is bounded */
	settlement_publish(s, STATUS_TOPIC, 0, codec_type(m->base.descriptor),
			   slice_cstr(m->aff_id), arena_dup(s->arena, buf_slice(&out)));
	buf_free(&out);
}

void status_publish(struct settlement *s, const struct lead_id *lead_id, const struct life *l,
		    int64_t at_ms)
{
	const struct assignment *a = &l->terms;
	const char *name = status_event_name(l->state);
	Punnet__V1__StatusEvent m = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Money payout = PUNNET__V1__MONEY__INIT;
	char id[LEAD_ID_TEXT_LEN + 1];

	if (!name || !s->wants || !s->wants(s->wants_ctx, a->aff_id, name))
		return;
	lead_id_text(lead_id, id);
	payout.amount_minor = a->payout_minor;
	payout.currency = (char *)a->currency;
	m.lead_id = codec_lead_id(lead_id);
	m.kind = by_state[l->state].kind;
	m.aff_id = (char *)a->aff_id;
	m.event_id = arena_printf(s->arena, "%s.%u.%s", id, (unsigned)a->round, name);
	m.round = a->round;
	m.vertical = (char *)a->vertical;
	m.payout = &payout;
	m.reason_code = (char *)l->reason_code;
	m.at_ms = at_ms;
	m.sub1 = (char *)a->sub[0];
	m.sub2 = (char *)a->sub[1];
	m.sub3 = (char *)a->sub[2];
	m.sub4 = (char *)a->sub[3];
	m.sub5 = (char *)a->sub[4];
	m.click_id = (char *)a->click_id;
	m.is_test = a->is_test;
	publish(s, &m);
}

/* Becomes part of a header: no spaces, no controls. */
static char *id_text(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			*c = '-';
	return text;
}

void status_publish_paid(struct settlement *s, const struct payment *p)
{
	Punnet__V1__StatusEvent m = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Money payout = PUNNET__V1__MONEY__INIT;

	payout.amount_minor = p->amount.amount_minor;
	payout.currency = (char *)p->amount.currency;
	m.kind = PUNNET__V1__STATUS_KIND__STATUS_PAID;
	m.aff_id = (char *)p->aff_id;
	m.event_id = id_text(arena_printf(s->arena, "%s.%s.%s." STATUS_PAID_NAME, p->aff_id,
					  p->reference, p->amount.currency));
	m.payout = &payout;
	m.at_ms = p->at_ms;
	m.reference = (char *)p->reference;
	publish(s, &m);
}
