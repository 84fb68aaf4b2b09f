/* exact_log: what comes into the log, by chance: leads, changes, and what became of sales; some of it twice. */
#include "base/hash.h"
#include "exact_world.h"
#include "lead/codec.h"
#include "router/core/decision_write.h"

const Punnet__V1__MarketEvent *event_of(struct world *w, const struct record *r)
{
	const Punnet__V1__MarketEvent *event =
	    codec_unpack(&w->arena, &punnet__v1__market_event__descriptor, buf_slice(&r->bytes));

	assert(event);
	return event;
}

uint64_t written_hash(struct world *w, const struct decision *d)
{
	buf_reset(&w->written);
	decision_write(d, &w->written);
	assert(!w->written.failed);
	return hash_fnv1a(0, buf_slice(&w->written));
}

/* The undisturbed fold. */
static void fold(struct world *w, struct record *r)
{
	struct decisions made;

	arena_reset(&w->arena);
	(void)market_apply(w->undisturbed, event_of(w, r), r->time_ms, w->end, &w->arena, &made);
	r->made_count = made.count;
	for (size_t i = 0; i < made.count; i++)
		r->made[i] = written_hash(w, &made.items[i]);
	w->end++;
	w->told.records++;
}

/* The broker's clock may step back a little. */
static struct record *append(struct world *w, enum kind kind)
{
	struct record *r = record_at(w, w->end);
	struct buf bytes = r->bytes;

	*r = (struct record){.bytes = bytes, .kind = kind};
	r->time_ms = w->now_ms - (int64_t)rng_below(&w->draw.rng, 200);
	return r;
}

/* A stage that is not sure says it again. */
static void perhaps_again(struct world *w, const struct record *r)
{
	struct record *again;

	if (!rng_chance(&w->draw.rng, 200))
		return;
	again = append(w, IS_OTHER);
	buf_reset(&again->bytes);
	buf_append_slice(&again->bytes, buf_slice(&r->bytes));
	fold(w, again);
}

void append_order(struct world *w, int order)
{
	struct record *r = append(w, IS_ORDER);

	draw_order(&w->draw, order, w->now_ms, &r->bytes);
	r->order = order;
	r->terms = w->draw.orders[order];
	fold(w, r);
}

void append_funds(struct world *w, int advertiser)
{
	struct record *r = append(w, IS_FUNDS);

	draw_funds(&w->draw, advertiser, &r->bytes);
	r->order = advertiser;
	r->money = w->draw.paid_in[advertiser];
	fold(w, r);
}

void append_lowered(struct world *w)
{
	struct record *r = append(w, IS_LOWERED);

	r->lowered = draw_lowered(&w->draw, w->now_ms, &r->bytes);
	fold(w, r);
}

void append_lead(struct world *w)
{
	struct record *r = append(w, IS_LEAD);

	r->lead = draw_lead(&w->draw, &r->bytes);
	w->told.leads++;
	fold(w, r);
	perhaps_again(w, r);
}

void append_due(struct world *w)
{
	struct lead_id due[16];
	size_t count = market_waits_over(w->undisturbed, MARKET_WAIT_BUYER, w->now_ms, due, 16);

	for (size_t i = 0; i < count; i++) {
		struct record *r = append(w, IS_OTHER);

		draw_due(&due[i], &r->bytes);
		fold(w, r);
	}
}

static void append_settled(struct world *w, const struct out *o, Punnet__V1__Settlement what)
{
	struct record *r = append(w, IS_SETTLED);

	draw_settled(&w->draw, &o->id, o->round, o->order, what, o->price, &r->bytes);
	r->id = o->id;
	r->round = o->round;
	r->order = o->order;
	r->money = o->price;
	r->settlement = what;
	fold(w, r);
	perhaps_again(w, r);
}

static Punnet__V1__Settlement draw_outcome(struct rng *rng)
{
	uint64_t n = rng_below(rng, 100);

	if (n < 84)
		return PUNNET__V1__SETTLEMENT__DELIVERED;
	if (n < 94)
		return PUNNET__V1__SETTLEMENT__REFUSED;
	return n < 97 ? PUNNET__V1__SETTLEMENT__UNDELIVERABLE : PUNNET__V1__SETTLEMENT__UNRESOLVED;
}

/* One of those that are out, whichever: it was out for long, or not. Some are returned later. */
void settle_one(struct world *w)
{
	struct rng *rng = &w->draw.rng;
	Punnet__V1__Settlement what = draw_outcome(rng);
	struct out *o, was;

	if (w->out_count == 0)
		return;
	o = &w->outs[rng_below(rng, w->out_count)];
	was = *o;
	if (was.delivered)
		what = PUNNET__V1__SETTLEMENT__RETURNED;
	o->delivered =
	    what == PUNNET__V1__SETTLEMENT__DELIVERED && !was.test && rng_chance(rng, 300);
	if (!o->delivered)
		*o = w->outs[--w->out_count];
	append_settled(w, &was, what);
}

void append_card(struct world *w)
{
	struct record *r = append(w, IS_OTHER);

	draw_card(&r->bytes);
	fold(w, r);
}
