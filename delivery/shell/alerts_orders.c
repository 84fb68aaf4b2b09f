/* alerts_orders: an order's pace becomes short, ahead or filled. */
#include <string.h>

#include "alerts_internal.h"
#include "delivery/core/postback.h"
#include "proto/orders_progress.pb-c.h"
#include "runtime/log.h"

#define TOPIC "orders.progress"

static Punnet__V1__StatusKind kind_of(Punnet__V1__PaceState state)
{
	switch (state) {
	case PUNNET__V1__PACE_STATE__PACE_SHORT:
		return PUNNET__V1__STATUS_KIND__STATUS_ORDER_SHORT;
	case PUNNET__V1__PACE_STATE__PACE_FAST:
		return PUNNET__V1__STATUS_KIND__STATUS_ORDER_AHEAD;
	case PUNNET__V1__PACE_STATE__PACE_FILLED:
		return PUNNET__V1__STATUS_KIND__STATUS_ORDER_FILLED;
	default:
		return PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED;
	}
}

/* true: this record begins a state. A tombstone forgets the order. */
static bool learn(struct alerts *a, const struct bus_record *record,
		  const Punnet__V1__OrderProgress **ret)
{
	const Punnet__V1__OrderProgress *m;
	uintptr_t state, before;

	if (record->value.len == 0) {
		map_remove(&a->told, record->key);
		return false;
	}
	arena_reset(&a->arena);
	m = codec_unpack(&a->arena, &punnet__v1__order_progress__descriptor, record->value);
	if (!m) {
		log_error("record_unreadable", LOG_STR("topic", TOPIC),
			  LOG_INT("partition", record->partition),
			  LOG_INT("offset", record->offset));
		return false;
	}
	before = (uintptr_t)map_get(&a->told, record->key);
	state = m->pace ? (uintptr_t)m->pace->state : 0;
	if (state == before)
		return false;
	if (state)
		map_put(&a->told, record->key, (void *)state);
	else
		map_remove(&a->told, record->key);
	*ret = m;
	return true;
}

static void tell(struct alerts *a, const struct bus_record *record,
		 const Punnet__V1__OrderProgress *m, Punnet__V1__StatusKind kind)
{
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)TOPIC;
	source.partition = (uint32_t)record->partition;
	source.offset = (uint64_t)record->offset;
	e.source = &source;
	e.kind = kind;
	e.event_id = arena_printf(&a->arena, "%s.%s.%lld", m->order_id, postback_event_name(kind),
				  (long long)record->offset);
	e.vertical = m->vertical;
	e.at_ms = m->log_time_ms;
	e.advertiser_id = m->advertiser_id;
	e.order_id = m->order_id;
	e.quantity = m->quantity;
	e.taken = m->reserved + m->delivered;
	e.planned = m->pace->planned;
	e.expected = m->pace->expected;
	alerts_write(a, &e, 0);
}

void alerts_order_take(struct alerts *a, const struct bus_record *record)
{
	const Punnet__V1__OrderProgress *m = NULL;
	Punnet__V1__StatusKind kind;

	if (!learn(a, record, &m))
		return;
	kind = kind_of(m->pace ? m->pace->state : PUNNET__V1__PACE_STATE__PACE_NONE);
	if (kind != PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED)
		tell(a, record, m, kind);
}

enum result alerts_order_learn(void *ctx, const struct bus_record *record, _unused_ struct error *e)
{
	const Punnet__V1__OrderProgress *m;

	(void)learn(ctx, record, &m);
	return RESULT_OK;
}
