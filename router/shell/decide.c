/* decide: market → leads.routed | leads.unsold. The fold of core/market.h, its input and its output.
 *
 * On arrival the newest whole snapshot is loaded and the log is folded on from there; decisions of records below the
 * committed offset were acknowledged already and are not sent again. What is sent again after a crash carries the same
 * provenance and falls away downstream. */
#include "decide.h"

#include <stdlib.h>

#include "router/core/decision_write.h"
#include "router/core/state.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "shared_memory.h"

#define WAITS_EVERY_MS     1000
#define WAITS_ENDED_A_TURN 256

static int64_t decide_arrive(struct part *p, const struct bus_assignment *a)
{
	struct router *r = p->stage->router;
	struct decide *d = calloc(1, sizeof(*d));
	int64_t low, high;

	if (!d)
		abort();
	p->state = d;
	d->emit_from = MAX_OF(a->committed, 0);
	d->folded = -1;
	d->snapshot_at = -1;
	d->snapshot_ms = clock_monotonic_ms();
	if (bus_offsets(r->bus, a->topic, a->partition, ROUTER_TOPIC_WAIT_MS, &low, &high) !=
	    RESULT_OK)
		service_die(r->service, "%s/%d: its offsets can't be learned", a->topic,
			    a->partition);
	d->live_from = high;
	snapshots_load(p, (uint64_t)high);
	/* Deciding from half of a history would sell over caps; nobody but the operator can mend that. */
	if (d->folded + 1 < low)
		service_die(
		    r->service,
		    "%s/%d: its log begins at %lld, and there is no snapshot that reaches so far",
		    a->topic, a->partition, (long long)low);
	if (!d->market)
		d->market = market_new_in((uint32_t)p->partition, &shared_memory);
	if (fault_on("emission_skips"))
		d->emit_from = high;
	return d->folded + 1;
}

static void decide_leave(struct part *p)
{
	struct decide *d = p->state;

	snapshot_drop(d);
	market_free(d->market);
	free(d);
	p->state = NULL;
}

static void emit(struct part *p, uint64_t entry, const struct decision *decision)
{
	struct router *r = p->stage->router;
	const char *topic = decision->routed ? "leads.routed" : "leads.unsold";
	struct slice key = slice_cstr(decision->routed ? decision->routed->assignment->order_id
						       : decision->unsold->lead->vertical);

	buf_reset(&r->packed);
	decision_write(decision, &r->packed);
	part_emit_packed(p, entry, topic, router_partition(r, topic, key), key,
			 decision_type(decision));
	metric_add(decision->routed ? METRIC_ROUTER_ROUTED : METRIC_ROUTER_UNSOLD, 1);
	fault_point("decide_produced");
}

/* Negative controls, too: something that an event says is not heard. */
static void mishear(Punnet__V1__MarketEvent *event)
{
	if (!event)
		return;
	if (event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED &&
	    fault_on("bids_ignored"))
		event->admitted->n_bids = 0;
	if (event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_RATE && fault_on("margin_ignored"))
		event->rate->margin_floor_minor = 0;
	if (event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_LOWERED &&
	    fault_on("lowered_ignored"))
		event->lowered->lower_bp = 0;
}

/* The negative control: every record becomes new, as if nothing was remembered. */
static void forget_provenance(Punnet__V1__MarketEvent *event, int64_t offset)
{
	if (event && event->source && fault_on("watermark_off"))
		event->source->offset = (uint64_t)offset;
}

static enum step decide_record(struct part *p, const struct bus_record *record)
{
	struct router *r = p->stage->router;
	struct decide *d = p->state;
	bool emitting = record->offset >= d->emit_from;
	Punnet__V1__MarketEvent *event =
	    codec_unpack(&r->arena, &punnet__v1__market_event__descriptor, record->value);
	struct decisions decisions;
	enum market_answer answer;
	uint64_t entry = part_open(p, record->offset);

	forget_provenance(event, record->offset);
	mishear(event);
	if (fault_on("log_time_back"))
		d->market->log_time_ms = MIN_OF(d->market->log_time_ms, record->timestamp_ms);
	answer = market_apply(d->market, event, record->timestamp_ms, (uint64_t)record->offset,
			      &r->arena, &decisions);
	d->folded = record->offset;
	if (record->offset >= d->live_from)
		d->log_ahead_ms = record->timestamp_ms - clock_now_ms();
	fault_point("decide_folded");
	if (answer == MARKET_REPEAT)
		metric_add(METRIC_ROUTER_MARKET_REPEATS, 1);
	if (answer == MARKET_MALFORMED && emitting)
		part_dead_letter(p, entry, record, "unreadable",
				 "not a market event that makes sense");
	for (size_t i = 0; i < decisions.count && emitting; i++)
		emit(p, entry, &decisions.items[i]);
	if (!emitting)
		metric_add(METRIC_ROUTER_REFOLDED, (int64_t)decisions.count);
	progress_release(p->progress, entry);
	metric_set(METRIC_ROUTER_LAG, MAX_OF(clock_now_ms() - record->timestamp_ms, 0));
	return STEP_DONE;
}

static void say_over(struct part *p, enum market_wait what, const struct lead_id *id)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__QuarantineEnded ended = PUNNET__V1__QUARANTINE_ENDED__INIT;
	Punnet__V1__LeadDue due = PUNNET__V1__LEAD_DUE__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)"router";
	event.source = &source;
	event.lead_id = codec_lead_id(id);
	if (what == MARKET_WAIT_OPERATOR) {
		ended.expired = true;
		event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE;
		event.quarantine = &ended;
	} else {
		event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_DUE;
		event.due = &due;
	}
	part_send(p, MARKET_TOPIC, p->partition, slice_of(id->bytes, sizeof(id->bytes)),
		  &event.base, NULL, 0);
}

/* The end of each wait, for an operator or for a buyer, that is over by the log's clock as far as we know it. Log time decides whether
 * it is: what comes too early, or twice, does not matter, and is said again. */
static void end_waits(struct part *p)
{
	struct decide *d = p->state;
	int64_t now_ms = clock_monotonic_ms(), log_ms = clock_now_ms() + d->log_ahead_ms;
	struct lead_id over[WAITS_ENDED_A_TURN];

	if (now_ms - d->waits_ended_ms < WAITS_EVERY_MS)
		return;
	d->waits_ended_ms = now_ms;
	for (enum market_wait what = MARKET_WAIT_OPERATOR; what <= MARKET_WAIT_BUYER; what++) {
		size_t count = market_waits_over(d->market, what, log_ms, over, ARRAY_LEN(over));

		for (size_t i = 0; i < count && router_has_room(p->stage->router); i++)
			say_over(p, what, &over[i]);
	}
}

/* What is not bound to a record: snapshots, progress of orders, gauges. */
void decide_housekeeping(struct stage *s)
{
	size_t open = 0, orders = 0, waiting = 0;

	for (size_t i = 0; i < s->part_count; i++) {
		struct part *p = s->parts[i];
		struct decide *d = p->state;

		snapshot_turn(p);
		order_progress_turn(p);
		end_waits(p);
		waiting += market_waiting_leads(d->market);
		open += market_open_leads(d->market);
		orders += market_orders(d->market);
	}
	metric_set(METRIC_ROUTER_OPEN_LEADS, (int64_t)open);
	metric_set(METRIC_ROUTER_WAITING, (int64_t)waiting);
	metric_set(METRIC_ROUTER_ORDERS, (int64_t)orders);
	metric_set(METRIC_ROUTER_PARTITIONS, (int64_t)s->part_count);
	if (s->batch_count == 0)
		metric_set(METRIC_ROUTER_LAG, 0);
}

const struct stage_ops decide_ops = {
    .group = "router-decide",
    .topic = MARKET_TOPIC,
    .arrive = decide_arrive,
    .leave = decide_leave,
    .record = decide_record,
};
