/* settled_event: what payout would tell the market of a sale, made by whoever plays a market without payout. */
#ifndef PUNNET_SETTLED_EVENT_H
#define PUNNET_SETTLED_EVENT_H

#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"

/* An event and what it points at. */
struct settled_event {
	Punnet__V1__MarketEvent event;
	Punnet__V1__LeadSettled settled;
	Punnet__V1__Provenance source;
};

/* Borrows from the assignment and from the id. partition and offset are of the outbox. Returns the event. */
static inline const Punnet__V1__MarketEvent *settled_event(struct settled_event *ret,
							   ProtobufCBinaryData lead_id,
							   const Punnet__V1__Assignment *to,
							   Punnet__V1__Settlement settlement,
							   uint32_t partition, uint64_t offset)
{
	punnet__v1__provenance__init(&ret->source);
	ret->source.topic = (char *)"payout.outbox";
	ret->source.partition = partition;
	ret->source.offset = offset;
	punnet__v1__lead_settled__init(&ret->settled);
	ret->settled.settlement = settlement;
	ret->settled.round = to->round;
	ret->settled.order_id = to->order_id;
	punnet__v1__market_event__init(&ret->event);
	ret->event.lead_id = lead_id;
	ret->event.source = &ret->source;
	ret->event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	ret->event.settled = &ret->settled;
	return &ret->event;
}

#endif
