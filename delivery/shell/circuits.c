/* circuits: what an advertiser's failures lead to outside of delivery: its orders are held in the market, and people hear since
 * when, why, and what each hour of it costs.
 *
 * A hold is an event on every partition of the market that a vertical of the directory lives on. It ends by itself, so that a
 * delivery that dies leaves nobody held; a successor finds out anew. */
#include <stdlib.h>

#include "internal.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define TOPIC_MARKET "market"

/* --- what is said --- */

static int64_t wall_ms(int64_t monotonic_ms)
{
	return monotonic_ms == 0 ? 0 : clock_now_ms() + monotonic_ms - clock_monotonic_ms();
}

static void pack_hold(struct delivery *d, const struct advertiser *a)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__AdvertiserHeld held = PUNNET__V1__ADVERTISER_HELD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Money money[METER_CURRENCIES], *costs[METER_CURRENCIES];

	source.topic = (char *)"delivery";
	held.advertiser_id = a->id;
	held.until_ms = wall_ms(a->breaker.held_until_ms);
	held.reason_code = (char *)reason_code(a->breaker.reason);
	held.since_ms = wall_ms(a->breaker.opened_at_ms);
	held.failures = a->breaker.failures;
	held.held_back = a->breaker.held_back;
	held.hour_leads = a->hour.leads;
	held.hour_cost = costs;
	for (int i = 0; i < METER_CURRENCIES && a->breaker.open; i++) {
		if (!*a->hour.currency[i])
			continue;
		punnet__v1__money__init(&money[i]);
		money[i].amount_minor = a->hour.minor[i];
		money[i].currency = (char *)a->hour.currency[i];
		costs[held.n_hour_cost++] = &money[i];
	}
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_HELD;
	event.held = &held;
	buf_reset(&d->pack);
	codec_pack(&event.base, &d->pack);
}

/* The partitions that verticals live on. */
static size_t market_partitions(const struct delivery *d, bool ret[DELIVERY_PARTITIONS_MAX])
{
	const Punnet__V1__DirectoryEntry *e;
	size_t count = 0;

	memset(ret, 0, DELIVERY_PARTITIONS_MAX * sizeof(*ret));
	for (size_t i = 0; directory_at(d->directory, i, &e); i++) {
		if (e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL ||
		    (int32_t)e->vertical->market_partition >= d->market_partitions)
			continue;
		count += !ret[e->vertical->market_partition];
		ret[e->vertical->market_partition] = true;
	}
	return count;
}

/* false: the bus is full; to be said again. */
static bool say_hold(struct delivery *d, struct advertiser *a)
{
	bool wanted[DELIVERY_PARTITIONS_MAX];

	if (market_partitions(d, wanted) == 0)
		return true;
	pack_hold(d, a);
	for (int32_t p = 0; p < d->market_partitions; p++) {
		enum result r;

		if (!wanted[p])
			continue;
		r = bus_produce(d->producer, TOPIC_MARKET, p, slice_cstr(a->id),
				codec_type(&punnet__v1__market_event__descriptor),
				buf_slice(&d->pack), CIRCUIT_TOKEN);
		if (r == RESULT_AGAIN)
			return false;
		if (r != RESULT_OK) {
			delivery_fail(d, "%s/%d: a record was not taken", TOPIC_MARKET, p);
			return true;
		}
		d->in_bus++;
	}
	return true;
}

static void log_circuit(const struct advertiser *a, const char *event)
{
	log_warn(
	    event, LOG_STR("advertiser", a->id), LOG_STR("reason", reason_code(a->breaker.reason)),
	    LOG_INT("failures", a->breaker.failures), LOG_INT("hour_leads", a->hour.leads),
	    LOG_INT("hour_cost_minor", a->hour.minor[0]), LOG_STR("currency", a->hour.currency[0]));
}

static void say_news(struct delivery *d, const struct advertiser *a, bool opened)
{
	struct circuit_news news = {.advertiser_id = a->id,
				    .reason_code = opened ? reason_code(a->breaker.reason) : "",
				    .opened = opened,
				    .at_ms = clock_now_ms(),
				    .hour = &a->hour};

	if (d->settings.on_circuit)
		d->settings.on_circuit(d->settings.circuit_ctx, &news);
}

/* --- when --- */

void circuit_heard(struct delivery *d, struct task *t, const struct attempt_said *said)
{
	struct advertiser *a = t->advertiser;
	int64_t now_ms = clock_monotonic_ms();
	struct breaker before = a->breaker;
	struct breaker_news news = breaker_heard(
	    &a->breaker, said, &t->lead_id, MAX_OF(now_ms - t->started_monotonic_ms, 0), now_ms);

	if (news.opened) {
		a->hour = meter_read(&a->meter, clock_now_ms());
		log_circuit(a, "circuit_opened");
		metric_add(METRIC_DELIVERY_CIRCUITS_OPENED, 1);
		d->circuits_open++;
		say_news(d, a, true);
	}
	if (news.closed) {
		log_warn("circuit_closed", LOG_STR("advertiser", a->id),
			 LOG_INT("open_for_ms", now_ms - before.opened_at_ms),
			 LOG_INT("held_back", before.held_back));
		d->circuits_open--;
		say_news(d, a, false);
	}
	if (news.hold && !a->hold_unsaid) {
		a->hold_unsaid = true;
		a->hold_next = d->holds_unsaid;
		d->holds_unsaid = a;
	}
	circuits_tell(d);
}

void circuits_tell(struct delivery *d)
{
	while (d->holds_unsaid && !d->failed) {
		struct advertiser *a = d->holds_unsaid;

		if (!say_hold(d, a))
			return;
		d->holds_unsaid = a->hold_next;
		a->hold_unsaid = false;
		a->hold_next = NULL;
	}
	metric_set(METRIC_DELIVERY_CIRCUITS_OPEN, (int64_t)d->circuits_open);
}

void circuit_delivered(struct delivery *d, struct task *t)
{
	const Punnet__V1__Money *m = NULL;
	struct slice assignment, price;
	struct arena *a = &d->record_arena;

	arena_reset(a);
	if (codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_ASSIGNMENT_FIELD,
		       &assignment) &&
	    codec_find(assignment, ASSIGNMENT_PRICE_FIELD, &price))
		m = codec_unpack(a, &punnet__v1__money__descriptor, price);
	meter_add(&t->advertiser->meter, m ? m->currency : "", m ? m->amount_minor : 0,
		  clock_now_ms());
}
