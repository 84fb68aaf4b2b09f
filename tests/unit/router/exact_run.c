/* exact_run: see exact.h. What each part stands for:
 *
 * - The log grows by one record at a time; the undisturbed fold takes each at once.
 * - An instance folds the log from a snapshot, and publishes what is not below what the group had committed when it began.
 *   Killed, it is gone in the middle of a record's decisions, too; frozen, it goes on later where it was, and publishes
 *   late; there are three, and often more than one of them runs.
 * - A snapshot counts once all decisions that it knows of are out.
 * - Of what is published the first counts, by provenance; a repeat must be the same, byte for byte. */
#include "exact_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "router/core/decision_write.h"

/* --- what is published --- */

static void tell_books(struct world *w, const struct record *r)
{
	books_time(w->books, r->time_ms);
	if (r->kind == IS_LEAD)
		books_lead(w->books, &r->lead);
	else if (r->kind == IS_ORDER)
		books_order(w->books, r->order, &r->terms);
	else if (r->kind == IS_FUNDS)
		books_funds(w->books, r->order, r->money);
	else if (r->kind == IS_LOWERED)
		books_lowered(w->books, &r->lowered);
	else if (r->kind == IS_SETTLED)
		books_settled(w->books, &r->id, r->round, r->order, r->settlement, r->money);
}

static void read_routed(struct world *w)
{
	const Punnet__V1__RoutedLead *routed =
	    codec_unpack(&w->reading, &punnet__v1__routed_lead__descriptor, buf_slice(&w->written));
	struct out *o;

	if (!routed || !routed->assignment || !routed->assignment->price)
		exact_die("a sale that can't be read");
	books_routed(w->books, routed);
	if (w->out_count == OUT_MOST)
		exact_die("too many are out");
	o = &w->outs[w->out_count++];
	*o = (struct out){.round = routed->assignment->round,
			  .order = atoi(routed->assignment->order_id + 1),
			  .price = routed->assignment->price->amount_minor,
			  .test = routed->assignment->is_test};
	memcpy(o->id.bytes, routed->lead_id.data, sizeof(o->id.bytes));
}

static void read_decision(struct world *w, bool sold)
{
	const Punnet__V1__UnsoldLead *unsold;
	struct lead_id id;

	arena_reset(&w->reading);
	if (sold) {
		read_routed(w);
		return;
	}
	unsold =
	    codec_unpack(&w->reading, &punnet__v1__unsold_lead__descriptor, buf_slice(&w->written));
	if (!unsold || !lead_id_from_bytes(unsold->lead_id.data, unsold->lead_id.len, &id))
		exact_die("an unsold lead that can't be read");
	books_unsold(w->books, &id);
}

/* To the books go all records up to this one; those that are passed over must have had nothing more to say. */
static void reach(struct world *w, uint64_t offset)
{
	while (w->published < offset) {
		if (w->published_steps != record_at(w, w->published)->made_count)
			exact_die("record %llu: %llu of %zu decisions were published",
				  (unsigned long long)w->published,
				  (unsigned long long)w->published_steps,
				  record_at(w, w->published)->made_count);
		w->published++;
		w->published_steps = 0;
		if (w->published < w->end)
			tell_books(w, record_at(w, w->published));
	}
}

static void publish(struct world *w, uint64_t offset, size_t step, const struct decision *d)
{
	const struct record *r = record_at(w, offset);
	uint64_t hash = written_hash(w, d);
	bool repeat =
	    offset < w->published || (offset == w->published && step < w->published_steps);

	if (step >= r->made_count || hash != r->made[step])
		exact_die("record %llu: a decision differs from the undisturbed one",
			  (unsigned long long)offset);
	if (repeat) {
		w->told.repeats++;
		if (w->fault != EXACT_REPEATS_COUNT)
			return;
	}
	reach(w, offset);
	if (!repeat && step != w->published_steps)
		exact_die("record %llu: a decision is missing", (unsigned long long)offset);
	w->published_steps += !repeat;
	read_decision(w, d->routed != NULL);
}

/* --- instances --- */

/* The committed offset trails what is out. */
static void commit(struct world *w)
{
	uint64_t to = w->published;

	if (w->fault == EXACT_EARLY_COMMIT)
		to = w->end;
	if (to > w->committed && rng_chance(&w->draw.rng, 3000))
		w->committed = to;
}

static void instance_stop(struct instance *i)
{
	market_free(i->market);
	i->market = NULL;
}

static void instance_start(struct world *w, struct instance *i)
{
	const char *why = "";

	i->next = 0;
	if (w->snapshot.whole) {
		i->market = market_decode(buf_slice(&w->snapshot.bytes), 0, &why);
		if (!i->market)
			exact_die("a snapshot can't be read: %s", why);
		i->next = w->snapshot.at;
	} else {
		i->market = market_new(0);
	}
	if (w->end - i->next > EXACT_KEPT)
		exact_die("the snapshot is too old for the log");
	i->emit_from = w->committed;
	i->snapshot_at = i->next;
	i->frozen_until = 0;
}

/* Of all records below the decisions are out. */
static uint64_t out_below(struct world *w)
{
	return w->published + (w->published_steps == record_at(w, w->published)->made_count);
}

static void snapshot_store(struct world *w, const struct instance *i)
{
	if (w->snapshot.whole && i->next <= w->snapshot.at)
		return;
	buf_reset(&w->snapshot.bytes);
	market_encode(i->market, &w->snapshot.bytes);
	if (w->snapshot.bytes.failed)
		exact_die("a snapshot is too large");
	w->snapshot.at = i->next;
	w->snapshot.whole = true;
	w->told.snapshots++;
}

/* Not before all that it knows of is out. */
static void instance_snapshot(struct world *w, struct instance *i)
{
	if (i->next < i->snapshot_at + SNAPSHOT_GAP || i->next > out_below(w))
		return;
	i->snapshot_at = i->next;
	snapshot_store(w, i);
}

/* false: it died. */
static bool instance_fold(struct world *w, struct instance *i, bool dies)
{
	uint64_t offset = i->next++;
	const struct record *r = record_at(w, offset);
	struct decisions made;

	arena_reset(&w->arena);
	(void)market_apply(i->market, event_of(w, r), r->time_ms, offset, &w->arena, &made);
	for (size_t step = 0; step < made.count && offset >= i->emit_from; step++) {
		if (dies && step + 1 == made.count) {
			if (w->fault == EXACT_EARLY_SNAPSHOT)
				snapshot_store(w, i);
			return false;
		}
		publish(w, offset, step, &made.items[step]);
	}
	return !dies;
}

static void instance_turn(struct world *w, struct instance *i, bool alone)
{
	struct rng *rng = &w->draw.rng;
	uint64_t most = alone ? FOLDS_MOST : rng_below(rng, FOLDS_MOST);
	bool lags = w->end - i->next > LAG_MOST;

	if (i->frozen_until > w->turn && !lags)
		return;
	if (!alone && !lags && rng_chance(rng, 20)) {
		i->frozen_until = w->turn + 1 + rng_below(rng, 400);
		w->told.freezes++;
		return;
	}
	for (uint64_t n = 0; (n < most || lags) && i->next < w->end; n++) {
		if (!instance_fold(w, i, rng_chance(rng, 1))) {
			instance_stop(i);
			w->told.kills++;
			return;
		}
		instance_snapshot(w, i);
	}
	if (i->next == w->end)
		reach(w, w->end - 1);
}

static void instances_turn(struct world *w)
{
	size_t alive = 0;

	for (size_t n = 0; n < INSTANCES; n++)
		alive += w->instances[n].market && w->instances[n].frozen_until <= w->turn;
	for (size_t n = 0; n < INSTANCES; n++) {
		struct instance *i = &w->instances[n];
		bool begins = alive == 0 || rng_chance(&w->draw.rng, 100);

		if (!i->market && begins) {
			instance_start(w, i);
			w->told.doubles += alive > 0;
			alive++;
		}
		if (i->market)
			instance_turn(w, i, alive <= 1);
	}
	commit(w);
	w->turn++;
}

/* --- the whole --- */

static void begin(struct world *w)
{
	w->now_ms = EXACT_NOW_MS;
	w->undisturbed = market_new(0);
	w->books = books_new(w->draw.orders);
	w->snapshot.bytes.max = MARKET_ENCODED_MAX_BYTES;
	append_card(w);
	tell_books(w, record_at(w, 0));
	for (int i = 0; i < EXACT_ADVERTISERS; i += 2)
		append_funds(w, i);
	for (int i = 0; i < EXACT_ORDERS; i++)
		append_order(w, i);
}

static void one_more(struct world *w)
{
	struct rng *rng = &w->draw.rng;

	w->now_ms += (int64_t)rng_below(rng, GAP_MS);
	append_lead(w);
	for (int i = 0; i < SETTLED_MOST; i++) {
		if (w->out_count <= OUT_MANY && rng_chance(rng, 5000))
			break;
		settle_one(w);
	}
	if (rng_below(rng, CHANGE_EVERY) == 0)
		append_order(w, (int)rng_below(rng, EXACT_ORDERS));
	if (rng_below(rng, 2ULL * CHANGE_EVERY) == 0)
		append_funds(w, 2 * (int)rng_below(rng, EXACT_ADVERTISERS / 2));
	if (rng_below(rng, 2ULL * CHANGE_EVERY) == 0)
		append_lowered(w);
	if (rng_below(rng, 20) == 0)
		append_due(w);
}

/* All that were left behind come to the end, and agree. */
static void finish(struct world *w)
{
	for (size_t n = 0; n < INSTANCES; n++) {
		struct instance *i = &w->instances[n];

		if (!i->market)
			instance_start(w, i);
		while (i->next < w->end)
			(void)instance_fold(w, i, false);
		reach(w, w->end - 1);
		if (market_digest(i->market) != market_digest(w->undisturbed))
			exact_die("instance %zu ends with another digest", n);
		buf_reset(&w->encoded);
		buf_reset(&i->state);
		w->encoded.max = i->state.max = MARKET_ENCODED_MAX_BYTES;
		market_encode(i->market, &i->state);
		market_encode(w->undisturbed, &w->encoded);
		if (!slice_equal(buf_slice(&w->encoded), buf_slice(&i->state)))
			exact_die("instance %zu ends with another state", n);
	}
}

static void end(struct world *w)
{
	for (size_t n = 0; n < INSTANCES; n++) {
		instance_stop(&w->instances[n]);
		buf_free(&w->instances[n].state);
	}
	for (size_t i = 0; i < EXACT_KEPT; i++)
		buf_free(&w->log[i].bytes);
	market_free(w->undisturbed);
	books_free(w->books);
	buf_free(&w->snapshot.bytes);
	buf_free(&w->written);
	buf_free(&w->encoded);
	arena_free(&w->arena);
	arena_free(&w->reading);
	free(w);
}

struct exact_outcome exact_run(uint64_t leads, uint64_t seed, enum exact_fault fault)
{
	struct world *w = calloc(1, sizeof(*w));
	struct exact_outcome told;

	if (!w)
		abort();
	w->fault = fault;
	w->draw.rng = rng_seed(seed);
	begin(w);
	while (w->told.leads < leads) {
		one_more(w);
		if (rng_chance(&w->draw.rng, 1000))
			instances_turn(w);
	}
	finish(w);
	told = w->told;
	told.sold = books_sold(w->books);
	told.unsold = books_unsold_count(w->books);
	told.digest = market_digest(w->undisturbed);
	end(w);
	return told;
}
