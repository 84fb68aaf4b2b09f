/* feedback: packs MarketEvent.settled. */
#include "payout/core/feedback.h"

#include "lead/codec.h"
#include "proto/market.pb-c.h"

_Static_assert((int)FEEDBACK_RETURNED == PUNNET__V1__SETTLEMENT__RETURNED,
	       "feedback carries the numbers of Settlement");

static void publish(struct settlement *s, const Punnet__V1__MarketEvent *event, uint32_t partition,
		    struct slice key)
{
	struct buf out = {0};

	codec_pack(&event->base, &out);
	assert(!out.failed); /* every text in it is bounded */
	settlement_publish(s, FEEDBACK_TOPIC, partition, codec_type(event->base.descriptor), key,
			   arena_dup(s->arena, buf_slice(&out)));
	buf_free(&out);
}

void feedback_publish(struct settlement *s, const struct lead_id *lead_id,
		      const struct assignment *terms, enum feedback f, const char *reason_code)
{
	struct provenance from = {FEEDBACK_SOURCE, s->partition, s->next_seq, 0};
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

	provenance_fill(&from, &source);
	settled.settlement = (Punnet__V1__Settlement)f;
	settled.round = terms->round;
	settled.order_id = (char *)terms->order_id;
	settled.reason_code = (char *)reason_code;
	if (f == FEEDBACK_RETURNED)
		settled.price_minor = terms->price_minor;
	event.lead_id = codec_lead_id(lead_id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	event.settled = &settled;

	publish(s, &event, terms->market_partition, slice_cstr(terms->vertical));
}

void funds_publish(struct settlement *s, const struct funds *f)
{
	struct provenance from = {FEEDBACK_SOURCE, s->partition, s->next_seq, 0};
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

	provenance_fill(&from, &source);
	funds.advertiser_id = (char *)f->advertiser_id;
	funds.currency = (char *)f->currency;
	funds.paid_in_minor = f->paid_in_minor;
	funds.credit_minor = f->credit_minor;
	funds.unlimited = f->unlimited;
	funds.revision = f->revision;
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_FUNDS;
	event.funds = &funds;
	publish(s, &event, f->market_partition, slice_cstr(f->advertiser_id));
}
