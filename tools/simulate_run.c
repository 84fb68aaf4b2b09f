/* simulate_run: see simulate_run.h. */
#include "simulate_run.h"

#include <inttypes.h>

#include "base/money.h"
#include "base/rng.h"
#include "lead/codec.h"
#include "router/core/pace_forecast.h"
#include "settled_event.h"

void sim_open(struct sim *s, uint64_t seed)
{
	*s = (struct sim){.market = market_new(0), .seed = seed};
}

void sim_close(struct sim *s)
{
	market_free(s->market);
	arena_free(&s->arena);
}

static void apply(struct sim *s, const Punnet__V1__MarketEvent *event, int64_t at_ms,
		  struct decisions *ret)
{
	enum market_answer answer =
	    market_apply(s->market, event, at_ms, s->offset++, &s->arena, ret);

	/* Whatever a file can say makes sense to the market: its reader has seen to it. */
	assert(answer == MARKET_CHANGED);
}

static Punnet__V1__Provenance source_of(const char *topic, uint64_t offset)
{
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)topic;
	source.offset = offset;
	return source;
}

/* No rate card is known here: the webmasters' share must not keep anybody from buying. */
static void publish_rate(struct sim *s, char *vertical, int64_t at_ms)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__RateChanged rate = PUNNET__V1__RATE_CHANGED__INIT;
	struct decisions none;

	rate.vertical = vertical;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = &rate;
	apply(s, &event, at_ms, &none);
}

void sim_publish(struct sim *s, Punnet__V1__OrderTerms *terms, int64_t at_ms)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged change = PUNNET__V1__ORDER_CHANGED__INIT;
	struct decisions none;

	change.revision = 1;
	change.terms = terms;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &change;
	apply(s, &event, at_ms, &none);
	publish_rate(s, terms->vertical, at_ms);
	arena_reset(&s->arena);
}

/* The same seed gives the same ids. */
static struct lead_id id_of(const struct sim *s, int64_t at_ms)
{
	struct rng rng = rng_seed(s->seed ^ (s->judged << 20));
	uint64_t draw[2] = {rng_next(&rng), rng_next(&rng)};
	uint8_t random[10];

	memcpy(random, draw, sizeof(random));
	return lead_id_make(at_ms, random);
}

static void count_unsold(struct sim *s, const char *reason)
{
	size_t i = 0;

	while (i < s->unsold_count && strcmp(s->unsold[i].reason, reason) != 0)
		i++;
	assert(i < SIM_REASONS_MAX);
	if (i == s->unsold_count)
		s->unsold[s->unsold_count++].reason = reason;
	s->unsold[i].leads++;
}

/* Says on what the buyer did; true while the lead was offered on. */
static bool settle(struct sim *s, const struct sim_lead *lead, const struct lead_id *id,
		   struct decisions *made)
{
	const Punnet__V1__Assignment *to = made->items[0].routed->assignment;
	struct settled_event settled;

	apply(s,
	      settled_event(&settled, codec_lead_id(id), to, sim_lead_outcome(lead, to->order_id),
			    0, s->settled++),
	      lead->at_ms, made);
	return made->count > 0;
}

static void admit(struct sim *s, struct sim_lead *lead, const struct lead_id *id,
		  struct decisions *made)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = source_of("leads.judged", s->judged++);

	event.lead_id = codec_lead_id(id);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &lead->admitted;
	apply(s, &event, lead->at_ms, made);
}

struct sim_result sim_play(struct sim *s, struct sim_lead *lead)
{
	struct lead_id id = id_of(s, lead->at_ms);
	struct sim_result result = {0};
	struct decisions made;

	s->leads++;
	admit(s, lead, &id, &made);
	while (made.count > 0 && made.items[0].routed) {
		const Punnet__V1__Assignment *to = made.items[0].routed->assignment;

		result = (struct sim_result){to->order_id, to->price->amount_minor, "sold"};
		if (!settle(s, lead, &id, &made))
			break;
	}
	if (made.count > 0) {
		/* The code of a reason is static text, whatever the record says of its owner. */
		result = (struct sim_result){.reason = made.items[0].unsold->reason_code};
		count_unsold(s, result.reason);
	} else {
		s->sold++;
	}
	arena_reset(&s->arena);
	return result;
}

/* --- the report --- */

/* As of the last lead, of orders that still want some then. */
static void write_forecast(const struct market *m, const struct order *o, struct buf *out)
{
	int64_t now_ms = market_log_time_ms(m);
	struct pace_forecast f;

	if (!pace_ready(o) || pace_left(o) == 0 || o->terms->until_ms <= now_ms)
		return;
	f = pace_forecast(market_pacer(m, o), o, now_ms);
	buf_printf(out,
		   ",\"forecast\":{\"expected\":%" PRIu64 ",\"low\":%" PRIu64 ",\"high\":%" PRIu64
		   ",\"state\":\"%s\"}",
		   f.expected, f.low, f.high, pace_state_name(pace_state_of(o, &f)));
}

static void write_order(const struct market *m, const struct order *o, bool first, struct buf *out)
{
	if (!first)
		buf_append_char(out, ',');
	json_write_string(out, slice_cstr(o->terms->order_id));
	buf_printf(out,
		   ":{\"filled\":%" PRIu64 ",\"quantity\":%" PRIu64 ",\"revenue_minor\":%" PRId64,
		   o->delivered, o->terms->quantity, o->spent_minor);
	write_forecast(m, o, out);
	buf_append_char(out, '}');
}

static int64_t revenue(const struct sim *s)
{
	const struct order *o;
	int64_t sum = 0;

	for (size_t i = 0; (o = market_order_at(s->market, i)); i++) {
		if (!money_add(sum, o->spent_minor, &sum))
			return INT64_MAX;
	}
	return sum;
}

void sim_report(const struct sim *s, struct buf *out)
{
	const struct order *o;

	buf_printf(out,
		   "{\"leads\":%" PRIu64 ",\"sold\":%" PRIu64 ",\"revenue_minor\":%" PRId64
		   ",\"orders\":{",
		   s->leads, s->sold, revenue(s));
	for (size_t i = 0; (o = market_order_at(s->market, i)); i++)
		write_order(s->market, o, i == 0, out);
	buf_append_cstr(out, "},\"unsold\":{");
	for (size_t i = 0; i < s->unsold_count; i++)
		buf_printf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", s->unsold[i].reason,
			   s->unsold[i].leads);
	buf_printf(out, "},\"digest\":\"%016" PRIx64 "\"}\n", market_digest(s->market));
}
