/* feedback: packs MarketEvent.settled. */
#include "payout/core/feedback.h"

#include "lead/codec.h"
#include "proto/market.pb-c.h"

_Static_assert((int)FEEDBACK_RETURNED == PUNNET__V1__SETTLEMENT__RETURNED,
	       "feedback carries the numbers of Settlement");

void feedback_publish(struct settlement *s, const struct lead_id *lead_id,
		      const struct assignment *terms, enum feedback f, const char *reason_code)
{
	struct provenance from = {FEEDBACK_SOURCE, s->partition, s->next_seq, 0};
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	struct buf out = {0};

	provenance_fill(&from, &source);
	settled.settlement = (Punnet__V1__Settlement)f;
	settled.round = terms->round;
	settled.order_id = (char *)terms->order_id;
	settled.reason_code = (char *)reason_code;
	event.lead_id = codec_lead_id(lead_id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	event.settled = &settled;

	codec_pack(&event.base, &out);
	assert(!out.failed); /* every text in it is bounded */
	settlement_publish(s, FEEDBACK_TOPIC, terms->market_partition,
			   codec_type(event.base.descriptor), slice_cstr(terms->vertical),
			   arena_dup(s->arena, buf_slice(&out)));
	buf_free(&out);
}
