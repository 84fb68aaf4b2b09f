/* replay_what_if: the market log folded twice side by side: as it was, and with the orders of a file in force from the beginning of
 * the span on, in the place of those of the same ids. Both begin from one state.
 *
 * What became of a sale is in the log only for those that were made. So a sale that both make is settled as it was; one that only
 * the other orders make is taken for delivered at once. Leads that only the other fold has waiting for a buyer are
 * offered again when their time has come, a few seconds late, so that those that both have keep to the log. */
#include "tools/replay/replay_what_if.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/money.h"
#include "tools/order_file.h"
#include "tools/settled_event.h"

#define TOPIC       "market"
#define DUE_LATE_MS (5 * MS_PER_S)
#define DUE_AT_ONCE 64
#define COUNT_MIN   512
#define OWN_SOURCE  0x7fffffffu      /* the partition that what is made here names as its source */
#define REVISION    (UINT64_MAX / 2) /* above any that the log holds */

/* --- counting --- */

struct what_if_line *what_if_line(struct what_if_lines *l, struct slice key, const char *currency)
{
	struct what_if_line *line = map_get(&l->map, key);

	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		abort();
	snprintf(line->currency, sizeof(line->currency), "%.3s", currency);
	map_put(&l->map, key, line);
	return line;
}

static void add(struct what_if_line *line, enum side side, const struct open_sale *s, int sign)
{
	line->leads[side] += (uint64_t)sign;
	if (s->is_test)
		return;
	line->price_minor[side] += sign * s->price_minor;
	line->payout_minor[side] += sign * s->payout_minor;
}

static void count_sale(struct what_if_part *p, enum side side, const struct open_sale *s, int sign)
{
	add(what_if_line(&p->orders, slice_cstr(s->order_id), s->currency), side, s, sign);
	add(what_if_line(&p->webmasters, slice_cstr(s->aff_id), s->currency), side, s, sign);
	add(what_if_line(&p->totals, slice_cstr(s->currency), s->currency), side, s, sign);
}

struct sale_key {
	uint8_t bytes[16];
	uint32_t round;
};

static struct slice key_of(struct sale_key *k, ProtobufCBinaryData id, uint32_t round)
{
	*k = (struct sale_key){.round = round};
	memcpy(k->bytes, id.data, MIN_OF(id.len, sizeof(k->bytes)));
	return slice_of(k, sizeof(*k));
}

void what_if_free_sale(struct open_sale *s)
{
	if (!s)
		return;
	free(s->order_id);
	free(s->aff_id);
	free(s);
}

static void open_sale(struct what_if_part *p, enum side side, const Punnet__V1__RoutedLead *routed)
{
	const Punnet__V1__Assignment *a = routed->assignment;
	struct open_sale *s = calloc(1, sizeof(*s));
	struct sale_key key;

	if (!s)
		abort();
	s->order_id = strdup(a->order_id);
	s->aff_id = strdup(a->aff_id);
	assert(s->order_id && s->aff_id);
	s->price_minor = a->price->amount_minor;
	s->payout_minor = a->payout->amount_minor;
	s->is_test = a->is_test;
	snprintf(s->currency, sizeof(s->currency), "%.3s", a->price->currency);
	count_sale(p, side, s, 1);
	what_if_free_sale(map_put(&p->open[side], key_of(&key, routed->lead_id, a->round), s));
}

/* A sale that did not come about is none. */
static void close_sale(struct what_if_part *p, enum side side, const Punnet__V1__MarketEvent *event)
{
	const Punnet__V1__LeadSettled *m = event->settled;
	struct open_sale *s;
	struct sale_key key;

	if (m->settlement > PUNNET__V1__SETTLEMENT__UNRESOLVED)
		return;
	s = map_get(&p->open[side], key_of(&key, event->lead_id, m->round));
	if (!s || strcmp(s->order_id, m->order_id) != 0)
		return;
	if (m->settlement == PUNNET__V1__SETTLEMENT__REFUSED ||
	    m->settlement == PUNNET__V1__SETTLEMENT__UNDELIVERABLE)
		count_sale(p, side, s, -1);
	what_if_free_sale(map_remove(&p->open[side], key_of(&key, event->lead_id, m->round)));
}

static void count_decisions(struct what_if_part *p, enum side side, const struct decisions *made)
{
	for (size_t i = 0; i < made->count; i++) {
		const struct decision *d = &made->items[i];

		if (d->routed)
			open_sale(p, side, d->routed);
		else
			what_if_line(&p->unsold, slice_cstr(d->unsold->reason_code), "")
			    ->leads[side]++;
	}
}

/* --- the other fold --- */

static void apply_other(struct what_if_part *p, const Punnet__V1__MarketEvent *event, int64_t at_ms,
			struct decisions *ret)
{
	enum market_answer answer =
	    market_apply(p->other, event, at_ms, (uint64_t)p->fold.folded, &p->arena, ret);

	if (event && event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED &&
	    answer == MARKET_CHANGED)
		close_sale(p, WOULD_BE, event);
	count_decisions(p, WOULD_BE, ret);
}

static bool same_sale(const struct decisions *was, const Punnet__V1__RoutedLead *routed)
{
	for (size_t i = 0; i < was->count; i++) {
		const Punnet__V1__RoutedLead *r = was->items[i].routed;

		if (r && slice_equal(codec_bytes(r->lead_id), codec_bytes(routed->lead_id)) &&
		    r->assignment->round == routed->assignment->round &&
		    strcmp(r->assignment->order_id, routed->assignment->order_id) == 0)
			return true;
	}
	return false;
}

/* Nobody knows what the buyer would have said: he takes it. */
static void deliver(struct what_if_part *p, const Punnet__V1__RoutedLead *routed)
{
	struct settled_event delivered;
	struct decisions none;

	apply_other(p,
		    settled_event(&delivered, routed->lead_id, routed->assignment,
				  PUNNET__V1__SETTLEMENT__DELIVERED, OWN_SOURCE, ++p->own_offset),
		    p->fold.time_ms, &none);
}

static void deliver_new(struct what_if_part *p, const struct decisions *was,
			const struct decisions *made)
{
	for (size_t i = 0; i < made->count; i++)
		if (made->items[i].routed && !same_sale(was, made->items[i].routed))
			deliver(p, made->items[i].routed);
}

static void offer_again(struct what_if_part *p)
{
	const struct decisions none = {.count = 0};
	struct lead_id due[DUE_AT_ONCE];
	size_t count =
	    market_waits_over(p->other, MARKET_WAIT_BUYER,
			      market_log_time_ms(p->other) - DUE_LATE_MS, due, ARRAY_LEN(due));

	for (size_t i = 0; i < count; i++) {
		Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
		Punnet__V1__LeadDue m = PUNNET__V1__LEAD_DUE__INIT;
		struct decisions made;

		event.lead_id = codec_lead_id(&due[i]);
		event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_DUE;
		event.due = &m;
		apply_other(p, &event, p->fold.time_ms, &made);
		deliver_new(p, &none, &made);
	}
}

static bool is_replaced(const struct what_if *w, const Punnet__V1__MarketEvent *event)
{
	return event && event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ORDER &&
	       event->order->terms && map_get(&w->named, slice_cstr(event->order->terms->order_id));
}

static void publish(struct what_if *w, struct what_if_part *p, Punnet__V1__OrderTerms *terms)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	const Punnet__V1__DirectoryEntry *vertical =
	    directory_get(w->directory, "vertical", slice_cstr(terms->vertical));
	_cleanup_(buf_free) struct buf packed = {0};
	struct decisions none;

	if (!vertical || vertical->vertical->market_partition != (uint32_t)p->fold.partition)
		return;
	codec_pack(&terms->base, &packed);
	for (size_t i = 0; market_order_at(p->other, i); i++) {
		const struct order *o = market_order_at(p->other, i);

		/* One that stands so already is not touched: its pacing goes on. */
		if (!o->removed && slice_equal(terms_packed(o->terms), buf_slice(&packed)))
			return;
	}
	changed.revision = REVISION;
	changed.terms = terms;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	(void)market_apply(p->other, &event, market_log_time_ms(p->other),
			   (uint64_t)MAX_OF(p->fold.folded, 0), &p->arena, &none);
}

static enum result fork_market(struct what_if *w, struct what_if_part *p, struct error *ret_error)
{
	_cleanup_(buf_free) struct buf bytes = {.max = MARKET_ENCODED_MAX_BYTES};
	const char *why = "too large";

	market_encode(p->fold.market, &bytes);
	if (!bytes.failed)
		p->other = market_decode(buf_slice(&bytes), (uint32_t)p->fold.partition, &why);
	if (!p->other)
		return error_set(ret_error, RESULT_BAD, TOPIC "/%d: its state can't be copied: %s",
				 (int)p->fold.partition, why);
	for (size_t i = 0; i < w->order_count; i++)
		publish(w, p, w->orders[i]);
	return RESULT_OK;
}

/* --- side by side --- */

static void write_decision(const struct decision *d, struct buf *out)
{
	char money[64];

	if (!d) {
		buf_append_cstr(out, "nothing");
		return;
	}
	if (!d->routed) {
		buf_printf(out, "unsold (%s)", d->unsold->reason_code);
		return;
	}
	money_text(d->routed->assignment->price->amount_minor,
		   d->routed->assignment->price->currency, money, sizeof(money));
	buf_printf(out, "%s for %s", d->routed->assignment->order_id, money);
}

static bool same(const struct decisions *a, const struct decisions *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		_cleanup_(buf_free) struct buf x = {0};
		_cleanup_(buf_free) struct buf y = {0};

		write_decision(&a->items[i], &x);
		write_decision(&b->items[i], &y);
		if (!slice_equal(buf_slice(&x), buf_slice(&y)))
			return false;
	}
	return true;
}

static void note_change(struct what_if_part *p, const Punnet__V1__MarketEvent *event,
			const struct decisions *was, const struct decisions *made)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct lead_id id;
	struct what_if_sample *s;

	if ((was->count == 0 && made->count == 0) || same(was, made))
		return;
	p->changed++;
	if (p->sample_count == REPLAY_SAMPLES || !event ||
	    !lead_id_from_bytes(event->lead_id.data, event->lead_id.len, &id))
		return;
	s = &p->samples[p->sample_count++];
	lead_id_text(&id, s->lead);
	write_decision(was->count ? &was->items[0] : NULL, &text);
	buf_append_cstr(&text, " -> ");
	write_decision(made->count ? &made->items[0] : NULL, &text);
	snprintf(s->text, sizeof(s->text), "%s", buf_cstr(&text));
}

static void take(struct what_if *w, struct what_if_part *p, const Punnet__V1__MarketEvent *event,
		 const struct bus_record *record, const struct decisions *was)
{
	struct decisions made = {.count = 0};

	arena_reset(&p->arena);
	p->records++;
	if (event && event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED)
		close_sale(p, WAS, event);
	count_decisions(p, WAS, was);
	offer_again(p);
	if (!is_replaced(w, event))
		apply_other(p, event, record->timestamp_ms, &made);
	deliver_new(p, was, &made);
	note_change(p, event, was, &made);
}

static enum result fold_both(struct what_if *w, struct what_if_part *p, _Atomic int64_t *count,
			     struct error *ret_error)
{
	const Punnet__V1__MarketEvent *event;
	const struct bus_record *record;
	struct decisions was;
	int64_t end = p->span.from;
	enum result r = RESULT_OK;
	bool there = true;

	while (r == RESULT_OK) {
		/* Up to the span as it was; there the other one begins. */
		if (!p->other && p->fold.folded + 1 >= end) {
			r = fork_market(w, p, ret_error);
			end = p->span.to;
			continue;
		}
		r = fold_next(&p->fold, end, &there, &record, &event, &was, ret_error);
		if (r != RESULT_OK || (!there && p->other))
			break;
		if (!there)
			p->fold.folded = end - 1; /* the log begins later */
		else if (p->other)
			take(w, p, event, record, &was);
		if (there)
			fold_folded(&p->fold);
		*count += there;
	}
	return r;
}

static enum result run_job(void *ctx, size_t job, _Atomic int64_t *count, struct error *ret_error)
{
	struct what_if *w = ctx;
	struct what_if_part *p = &w->parts[job];
	struct bus *bus;
	enum result r;

	if (p->span.from >= p->span.to)
		return RESULT_OK;
	bus = replay_bus(w->replay, ret_error);
	if (!bus)
		return RESULT_AWAY;
	p->fold.folded = -1;
	r = fold_open(&p->fold, bus, (int32_t)job, p->span, ret_error);
	if (r == RESULT_OK)
		r = fold_both(w, p, count, ret_error);
	fold_close(&p->fold);
	market_free(p->other);
	arena_free(&p->arena);
	bus_close(bus);
	return r;
}

/* --- before --- */

static enum result read_orders(struct what_if *w, struct bus *bus, struct error *ret_error)
{
	const struct replay_bound *from = &w->replay->from;
	struct yaml_faults faults = {.file = w->replay->orders_file};
	enum result r = RESULT_OK;

	w->directory = directory_open(bus, TOOL_TIMEOUT_MS, ret_error);
	if (!w->directory)
		return RESULT_AWAY;
	/* By the time that the span begins at: what is over by now was not over then. */
	w->orders = order_file_read(&w->arena, w->replay->orders_file, w->directory,
				    from->kind == REPLAY_TIME ? from->time_ms : 0, &w->order_count,
				    &faults);
	if (!w->orders)
		r = error_set(ret_error, RESULT_BAD, "%s", buf_cstr(&faults.text));
	yaml_faults_free(&faults);
	for (size_t i = 0; r == RESULT_OK && i < w->order_count; i++)
		map_put(&w->named, slice_cstr(w->orders[i]->order_id), w->orders[i]);
	return r;
}

static enum result plan(struct what_if *w, struct bus *bus, int64_t *ret_total,
			struct error *ret_error)
{
	const struct replay *r = w->replay;
	enum result result = RESULT_OK;

	w->partitions = bus_partitions(bus, TOPIC, REPLAY_ASK_MS);
	if (w->partitions <= 0 || w->partitions > REPLAY_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY, TOPIC ": its partitions can't be learned");
	w->parts = calloc((size_t)w->partitions, sizeof(*w->parts));
	assert(w->parts);
	*ret_total = 0;
	for (int32_t i = 0; i < w->partitions && result == RESULT_OK; i++) {
		result =
		    replay_span_of(bus, TOPIC, i, &r->from, &r->to, &w->parts[i].span, ret_error);
		*ret_total += w->parts[i].span.to - w->parts[i].span.from;
	}
	return result;
}

int replay_decisions_what_if(struct replay *r)
{
	struct what_if w = {.replay = r};
	struct replay_crew crew = {
	    .replay = r, .what = "market records", .run = run_job, .ctx = &w};
	struct bus *bus = replay_bus(r, &r->error);
	enum result result = bus ? read_orders(&w, bus, &r->error) : RESULT_AWAY;

	if (result == RESULT_OK)
		result = plan(&w, bus, &crew.total, &r->error);
	crew.jobs = (size_t)MAX_OF(w.partitions, 0);
	if (result == RESULT_OK)
		result = replay_crew_run(&crew, &r->error);
	if (result == RESULT_OK)
		what_if_report(&w);
	for (int32_t i = 0; w.parts && i < w.partitions; i++)
		what_if_part_free(&w.parts[i]);
	free(w.parts);
	map_free(&w.named);
	directory_close(w.directory);
	bus_close(bus);
	arena_free(&w.arena);
	return result == RESULT_OK ? TOOL_DONE : tool_fail("replay", result, &r->error);
}
