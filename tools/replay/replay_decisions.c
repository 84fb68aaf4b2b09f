/* replay_decisions: the market log folded once more, and every decision compared with its record, byte for byte.
 *
 * What the fold decides stands in leads.routed and leads.unsold, spread over their partitions; of one market partition each of
 * them holds a part, in order. So the records lead: they are read by their own time, of all partitions together; each
 * says which market record it was made from, and that market is folded as far as that. What it decides on the way
 * waits in a row for each partition (struct owed) until its record comes. A record that is not the next of its row has no
 * decision, and a decision that is passed over has no record. So nothing is waited for, and the rows stay short.
 *
 * A thread has some of the market's partitions and reads the records of all; with --threads 1 they are read once. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "lead/wire_read.h"
#include "runtime/clock.h"
#include "tools/replay/replay_fold.h"
#include "tools/replay/replay_state.h"

#define TOPIC       "market"
#define ROUTED      "leads.routed"
#define UNSOLD      "leads.unsold"
#define TARGETS_MAX (2 * REPLAY_PARTITIONS_MAX)
#define OWED_MAX    100000 /* of one row: what is older has no record */
#define BEFORE_MS                                                                                  \
	(10 * MS_PER_MIN)       /* the clocks of a broker and of a router may disagree by so much */
#define AFTER_MS     MS_PER_MIN /* behind the end: then markets are folded through to it */
#define UNDER_WAY_MS MS_PER_MIN /* so young a decision may not be written yet */
#define COUNT_MIN    512

/* A decision that waits for its record. */
struct owed {
	struct owed *next;
	uint64_t offset;
	uint32_t step;
	int64_t time_ms; /* of the market record */
	size_t len;
	char bytes[];
};
struct row {
	struct owed *first, *last;
	size_t count;
	/* The newest record that was seen: what is not newer is a repeat. */
	int64_t seen_offset;
	uint32_t seen_step;
};

struct market_part {
	struct fold fold;
	struct row *rows; /* by target */
	struct verdict_part_state s;
	struct replay_difference first;
	int64_t
	    from; /* what stands before it was compared by whom we go on from, or isn't asked for */
	uint64_t under_way;
	size_t owed; /* in all rows */
	int64_t saved_ms;
};

struct target { /* a partition of what was recorded */
	const char *topic;
	struct replay_reading *reading;
	const struct bus_record *head; /* NULL: at its end */
};

struct decisions_run {
	struct replay *replay;
	int32_t partitions, routed, unsold; /* of each topic */
	struct replay_span spans[REPLAY_PARTITIONS_MAX];
	struct market_part *parts;
	size_t threads;
	int64_t began_ms;
	struct replay_state *state;
};

struct team { /* one thread's */
	struct decisions_run *run;
	size_t number;
	struct bus *bus;
	struct target targets[TARGETS_MAX];
	size_t target_count;
	struct buf packed;
	struct arena arena;
	_Atomic int64_t *count;
	int64_t done, told;
	struct error *error;
};

static struct market_part *part_of(struct team *t, uint32_t partition)
{
	return partition < (uint32_t)t->run->partitions && partition % t->run->threads == t->number
		   ? &t->run->parts[partition]
		   : NULL;
}

static void tell(struct team *t, int64_t least)
{
	if (t->done - t->told < least)
		return;
	*t->count += t->done - t->told;
	t->told = t->done;
}

/* --- the rows --- */

static uint64_t digest_of(uint64_t offset, uint32_t step, struct slice bytes)
{
	uint64_t wide[2];

	hash_wide(bytes, wide);
	return hash_mix(wide[0] ^ hash_mix(wide[1] ^ offset << 8 ^ step));
}

static void note(struct market_part *p, struct replay_difference *d)
{
	p->s.different++;
	if (!p->first.found)
		p->first = *d;
}

static struct owed *row_take(struct market_part *p, struct row *row)
{
	struct owed *o = row->first;

	row->first = o->next;
	row->last = row->first ? row->last : NULL;
	row->count--;
	p->owed--;
	return o;
}

static void lead_of(struct slice bytes, struct lead_id *ret)
{
	struct slice id;

	*ret = (struct lead_id){{0}};
	if (codec_find(bytes, 1, &id))
		(void)lead_id_from_bytes(id.data, id.len, ret);
}

/* Nothing stands where it belongs. */
static void pass_over(struct team *t, struct market_part *p, struct row *row, size_t target)
{
	struct replay_difference d = {.found = false};
	struct owed *o = row_take(p, row);
	struct lead_id id;

	lead_of(slice_of(o->bytes, o->len), &id);
	p->s.unknown++;
	p->s.records++;
	p->s.recomputed_digest += digest_of(o->offset, o->step, slice_of(o->bytes, o->len));
	replay_differ(&d, "record", "none",
		      t->targets[target].topic[6] == 'r' ? "a sale" : "an unsold lead");
	replay_where(&d, TOPIC, p->fold.partition, (int64_t)o->offset, &id, o->time_ms);
	note(p, &d);
	free(o);
}

static void row_add(struct team *t, struct market_part *p, size_t target, uint64_t offset,
		    uint32_t step, int64_t time_ms)
{
	struct row *row = &p->rows[target];
	struct owed *o = malloc(sizeof(*o) + t->packed.len);

	if (!o)
		abort();
	*o =
	    (struct owed){.offset = offset, .step = step, .time_ms = time_ms, .len = t->packed.len};
	memcpy(o->bytes, t->packed.data, t->packed.len);
	if (row->last)
		row->last->next = o;
	else
		row->first = o;
	row->last = o;
	row->count++;
	p->owed++;
	if (row->count > OWED_MAX)
		pass_over(t, p, row, target);
}

/* Where the router sends it: as router/shell/decide.c does. */
static size_t target_of(const struct decisions_run *r, const struct decision *d)
{
	if (d->routed)
		return (size_t)hash_partition(slice_cstr(d->routed->assignment->order_id),
					      r->routed);
	return (size_t)(r->routed +
			hash_partition(slice_cstr(d->unsold->lead->vertical), r->unsold));
}

static void keep_decision(struct team *t, struct market_part *p, const struct decision *d,
			  uint32_t step)
{
	buf_reset(&t->packed);
	codec_pack(d->routed ? &d->routed->base : &d->unsold->base, &t->packed);
	assert(!t->packed.failed);
	row_add(t, p, target_of(t->run, d), (uint64_t)p->fold.folded, step, p->fold.time_ms);
}

static enum result fold_to(struct team *t, struct market_part *p, int64_t end)
{
	const Punnet__V1__MarketEvent *event;
	const struct bus_record *record;
	struct decisions made;
	bool there = true;

	while (p->fold.folded + 1 < end) {
		enum result r = fold_next(&p->fold, end, &there, &record, &event, &made, t->error);

		if (r != RESULT_OK)
			return r;
		if (!there)
			break;
		for (size_t i = 0; i < made.count && record->offset >= p->from; i++)
			keep_decision(t, p, &made.items[i], (uint32_t)i);
		fold_folded(&p->fold);
		t->done++;
		tell(t, COUNT_MIN);
	}
	return RESULT_OK;
}

/* --- a record against its decision --- */

struct source {
	bool of_market;
	uint32_t partition, step;
	uint64_t offset;
};

/* false: it can't be read. */
static bool read_source(struct slice bytes, struct source *ret)
{
	struct wire_walk record = wire_walk_of(bytes);
	struct wire_field f;

	*ret = (struct source){.of_market = false};
	while (wire_take_field(&record, &f)) {
		struct wire_walk w;

		if (f.number != 2 || f.kind != WIRE_READ_BYTES)
			continue;
		w = wire_walk_of(f.bytes);
		while (wire_take_field(&w, &f)) {
			if (f.number == 1 && f.kind == WIRE_READ_BYTES)
				ret->of_market = slice_is(f.bytes, TOPIC);
			else if (f.number == 2 && f.kind == WIRE_READ_VARINT)
				ret->partition = (uint32_t)f.value;
			else if (f.number == 3 && f.kind == WIRE_READ_VARINT)
				ret->offset = f.value;
			else if (f.number == 4 && f.kind == WIRE_READ_VARINT)
				ret->step = (uint32_t)f.value;
		}
		return wire_walked_all(&w);
	}
	return false;
}

static void name_difference(struct team *t, struct market_part *p, const struct bus_record *record,
			    struct slice recomputed)
{
	const ProtobufCMessageDescriptor *type = strcmp(record->topic, ROUTED) == 0
						     ? &punnet__v1__routed_lead__descriptor
						     : &punnet__v1__unsold_lead__descriptor;
	struct replay_difference d = {.found = false};
	const ProtobufCMessage *a, *b;
	struct lead_id id;

	arena_reset(&t->arena);
	a = codec_unpack(&t->arena, type, record->value);
	b = codec_unpack(&t->arena, type, recomputed);
	if (!a || !b || !replay_messages_differ(a, b, &d))
		replay_differ(&d, "bytes", "written otherwise", "the same fields");
	lead_of(recomputed, &id);
	replay_where(&d, record->topic, record->partition, record->offset, &id,
		     record->timestamp_ms);
	note(p, &d);
}

static void undecided(struct market_part *p, const struct bus_record *record)
{
	struct replay_difference d = {.found = false};
	struct lead_id id;

	lead_of(record->value, &id);
	replay_differ(&d, "record", "a decision", "none");
	replay_where(&d, record->topic, record->partition, record->offset, &id,
		     record->timestamp_ms);
	note(p, &d);
}

static bool before(const struct owed *o, const struct source *s)
{
	return o->offset != s->offset ? o->offset < s->offset : o->step < s->step;
}

static void compare(struct team *t, struct market_part *p, size_t target, const struct source *s,
		    const struct bus_record *record)
{
	struct row *row = &p->rows[target];
	struct owed *o;

	while (row->first && before(row->first, s))
		pass_over(t, p, row, target);
	p->s.records++;
	p->s.recorded_digest += digest_of(s->offset, s->step, record->value);
	o = row->first;
	if (!o || o->offset != s->offset || o->step != s->step) {
		undecided(p, record);
		return;
	}
	(void)row_take(p, row);
	p->s.recomputed_digest += digest_of(o->offset, o->step, slice_of(o->bytes, o->len));
	if (slice_equal(record->value, slice_of(o->bytes, o->len)))
		p->s.equal++;
	else
		name_difference(t, p, record, slice_of(o->bytes, o->len));
	free(o);
}

static bool is_repeat(struct row *row, const struct source *s)
{
	if ((int64_t)s->offset < row->seen_offset ||
	    ((int64_t)s->offset == row->seen_offset && s->step <= row->seen_step))
		return true;
	row->seen_offset = (int64_t)s->offset;
	row->seen_step = s->step;
	return false;
}

/* How far it has come, with the market's state: only when no decision waits for its record, which is nearly always. */
static void checkpoint(struct decisions_run *run, struct market_part *p, int64_t every_ms)
{
	_cleanup_(buf_free) struct buf bytes = {.max = MARKET_ENCODED_MAX_BYTES};
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - p->saved_ms < every_ms || p->fold.folded < p->from)
		return;
	p->saved_ms = now_ms;
	p->s.next = p->fold.folded + 1;
	market_encode(p->fold.market, &bytes);
	if (!bytes.failed)
		replay_state_put_with(run->state, p->fold.partition, &p->s, &p->first,
				      buf_slice(&bytes));
}

static enum result take_record(struct team *t, size_t target, const struct bus_record *record)
{
	struct market_part *p;
	struct source s;
	enum result r;

	/* One that can't be read is a decision without a record; a retry is the operator's, and was decided before. */
	if (!read_source(record->value, &s) || !s.of_market)
		return RESULT_OK;
	p = part_of(t, s.partition);
	if (!p || (int64_t)s.offset < p->from)
		return RESULT_OK;
	if ((int64_t)s.offset >= p->fold.span.to)
		return fold_to(t, p, p->fold.span.to);
	r = fold_to(t, p, (int64_t)s.offset + 1);
	if (r != RESULT_OK)
		return r;
	if (is_repeat(&p->rows[target], &s))
		p->s.repeats++;
	else
		compare(t, p, target, &s, record);
	p->s.last = MAX_OF(p->s.last, (int64_t)s.offset);
	if (t->run->state && p->owed == 0)
		checkpoint(t->run, p, REPLAY_SAVE_MS);
	return RESULT_OK;
}

/* --- all of them, by their time --- */

static struct target *earliest(struct team *t)
{
	struct target *best = NULL;

	for (size_t i = 0; i < t->target_count; i++) {
		struct target *x = &t->targets[i];

		if (x->head && (!best || x->head->timestamp_ms < best->head->timestamp_ms))
			best = x;
	}
	return best;
}

/* Folds through to the ends; true: nothing is owed any more, so there is nothing to look for. */
static enum result all_done(struct team *t, bool *ret)
{
	*ret = true;
	for (int32_t i = 0; i < t->run->partitions; i++) {
		struct market_part *p = part_of(t, (uint32_t)i);
		enum result r = RESULT_OK;

		if (p && p->fold.span.from < p->fold.span.to)
			r = fold_to(t, p, p->fold.span.to);
		if (r != RESULT_OK)
			return r;
		*ret = *ret && (!p || p->owed == 0);
	}
	return RESULT_OK;
}

static enum result read_through(struct team *t)
{
	const struct replay_bound *to = &t->run->replay->to;
	int64_t end_ms = to->kind == REPLAY_TIME ? to->time_ms + AFTER_MS : INT64_MAX;
	struct target *x;
	bool done = false;
	enum result r = RESULT_OK;

	while (r == RESULT_OK && !done && (x = earliest(t))) {
		if (x->head->timestamp_ms > end_ms) {
			r = all_done(t, &done);
			end_ms = MAX_OF(end_ms, x->head->timestamp_ms);
		}
		if (r == RESULT_OK && !done)
			r = take_record(t, (size_t)(x - t->targets), x->head);
		if (r == RESULT_OK)
			r = reading_next(x->reading, &x->head, t->error);
		if (r == RESULT_OK)
			r = reading_peek(x->reading, &x->head, t->error);
	}
	return r == RESULT_OK ? all_done(t, &done) : r;
}

/* What is left has no record: because it is so young, or because it is lost. */
static void settle_rows(struct team *t, struct market_part *p)
{
	for (size_t i = 0; i < t->target_count; i++) {
		struct row *row = &p->rows[i];

		while (row->first) {
			if ((int64_t)row->first->offset > p->s.last ||
			    t->run->began_ms - row->first->time_ms < UNDER_WAY_MS) {
				free(row_take(p, row));
				p->under_way++;
			} else {
				pass_over(t, p, row, i);
			}
		}
	}
}

/* --- one thread --- */

/* The time of a market record, for where its decisions begin; 0 where that is the beginning. */
static enum result time_at(struct bus *bus, int32_t partition, struct replay_span span,
			   int64_t *ret_ms, struct error *ret_error)
{
	struct replay_reading *reading;
	const struct bus_record *record = NULL;
	enum result r;

	*ret_ms = 0;
	if (span.from == 0)
		return RESULT_OK;
	reading = calloc(1, sizeof(*reading));
	assert(reading);
	r = reading_open(reading, bus, TOPIC, partition, span, ret_error);
	if (r == RESULT_OK)
		r = reading_peek(reading, &record, ret_error);
	if (record)
		*ret_ms = record->timestamp_ms;
	reading_close(reading);
	free(reading);
	return r;
}

static enum result open_parts(struct team *t, int64_t *ret_from_ms)
{
	*ret_from_ms = INT64_MAX;
	for (int32_t i = 0; i < t->run->partitions; i++) {
		struct market_part *p = part_of(t, (uint32_t)i);
		struct replay_span left;
		int64_t time_ms;
		enum result r;

		if (!p || t->run->spans[i].from >= t->run->spans[i].to)
			continue;
		left = (struct replay_span){p->from, t->run->spans[i].to};
		r = fold_open(&p->fold, t->bus, i, left, t->error);
		if (r == RESULT_OK && left.from < left.to) {
			r = time_at(t->bus, i, left, &time_ms, t->error);
			*ret_from_ms = MIN_OF(*ret_from_ms, time_ms - BEFORE_MS);
		}
		if (r != RESULT_OK)
			return r;
		p->rows = calloc((size_t)(t->run->routed + t->run->unsold), sizeof(*p->rows));
		assert(p->rows);
		for (int32_t k = 0; k < t->run->routed + t->run->unsold; k++)
			p->rows[k].seen_offset = -1;
		p->saved_ms = clock_monotonic_ms();
	}
	return RESULT_OK;
}

static enum result open_target(struct team *t, const char *topic, int32_t partition,
			       int64_t from_ms)
{
	const struct replay_bound from = {.kind = REPLAY_TIME, .time_ms = MAX_OF(from_ms, 0)};
	const struct replay_bound open = {.kind = REPLAY_OPEN};
	struct target *x = &t->targets[t->target_count++];
	struct replay_span span;
	enum result r = replay_span_of(t->bus, topic, partition, from_ms > 0 ? &from : &open, &open,
				       &span, t->error);

	x->topic = topic;
	x->reading = calloc(1, sizeof(*x->reading));
	assert(x->reading);
	if (r == RESULT_OK)
		r = reading_open(x->reading, t->bus, topic, partition, span, t->error);
	return r;
}

static enum result open_targets(struct team *t, int64_t from_ms)
{
	enum result r = RESULT_OK;

	for (int32_t i = 0; i < t->run->routed && r == RESULT_OK; i++)
		r = open_target(t, ROUTED, i, from_ms);
	for (int32_t i = 0; i < t->run->unsold && r == RESULT_OK; i++)
		r = open_target(t, UNSOLD, i, from_ms);
	/* All are fetched side by side before the first is waited for. */
	for (size_t i = 0; i < t->target_count && r == RESULT_OK; i++)
		r = reading_peek(t->targets[i].reading, &t->targets[i].head, t->error);
	return r;
}

static void end_parts(struct team *t, bool whole)
{
	for (int32_t i = 0; i < t->run->partitions; i++) {
		struct market_part *p = part_of(t, (uint32_t)i);

		if (!p || !p->rows)
			continue;
		settle_rows(t, p);
		if (whole && t->run->state && p->under_way == 0)
			checkpoint(t->run, p, 0);
		free(p->rows);
		p->rows = NULL;
		fold_close(&p->fold);
	}
	for (size_t i = 0; i < t->target_count; i++) {
		if (t->targets[i].reading)
			reading_close(t->targets[i].reading);
		free(t->targets[i].reading);
	}
}

static enum result run_team(void *ctx, size_t job, _Atomic int64_t *count, struct error *ret_error)
{
	struct team *t = calloc(1, sizeof(*t));
	int64_t from_ms;
	enum result r;

	assert(t);
	*t = (struct team){.run = ctx, .number = job, .count = count, .error = ret_error};
	t->bus = replay_bus(t->run->replay, ret_error);
	r = t->bus ? open_parts(t, &from_ms) : RESULT_AWAY;
	if (r == RESULT_OK && from_ms != INT64_MAX)
		r = open_targets(t, from_ms);
	if (r == RESULT_OK)
		r = read_through(t);
	tell(t, 0);
	end_parts(t, r == RESULT_OK);
	bus_close(t->bus);
	buf_free(&t->packed);
	arena_free(&t->arena);
	free(t);
	return r;
}

/* --- before and after --- */

static enum result take_state(struct decisions_run *run, int32_t partition, struct error *ret_error)
{
	struct market_part *p = &run->parts[partition];
	_cleanup_(buf_free) struct buf bytes = {.max = MARKET_ENCODED_MAX_BYTES};
	const char *why = "it can't be read";

	if (!run->state ||
	    !replay_state_take(run->state, partition, run->spans[partition], &p->s, &p->first) ||
	    p->s.next <= run->spans[partition].from)
		return RESULT_OK;
	if (replay_state_read_with(run->state, partition, p->s.next, &bytes))
		p->fold.market = market_decode(buf_slice(&bytes), (uint32_t)partition, &why);
	if (!p->fold.market)
		return error_set(ret_error, RESULT_BAD,
				 "%s: the state of market/%d beside it: %s; remove them to begin "
				 "anew",
				 run->replay->state_file, (int)partition, why);
	p->fold.folded = p->s.next - 1;
	p->from = p->s.next;
	return RESULT_OK;
}

static enum result plan(struct decisions_run *run, struct bus *bus, int64_t *ret_total,
			struct error *ret_error)
{
	const struct replay *r = run->replay;
	enum result result = RESULT_OK;

	run->partitions = bus_partitions(bus, TOPIC, REPLAY_ASK_MS);
	run->routed = bus_partitions(bus, ROUTED, REPLAY_ASK_MS);
	run->unsold = bus_partitions(bus, UNSOLD, REPLAY_ASK_MS);
	if (MIN_OF(MIN_OF(run->partitions, run->routed), run->unsold) <= 0 ||
	    MAX_OF(MAX_OF(run->partitions, run->routed), run->unsold) > REPLAY_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY,
				 "the market's partitions can't be learned");
	run->parts = calloc((size_t)run->partitions, sizeof(*run->parts));
	assert(run->parts);
	*ret_total = 0;
	for (int32_t i = 0; i < run->partitions && result == RESULT_OK; i++) {
		struct market_part *p = &run->parts[i];
		struct replay_span *span = &run->spans[i];

		result = replay_span_of(bus, TOPIC, i, &r->from, &r->to, span, ret_error);
		p->from = span->from;
		p->fold.folded = -1;
		p->s = (struct verdict_part_state){.next = span->from, .last = -1};
		if (result == RESULT_OK)
			result = take_state(run, i, ret_error);
		*ret_total += span->to - p->from;
	}
	return result;
}

static void print_part(const struct decisions_run *run, int32_t i)
{
	const struct verdict_part_state *s = &run->parts[i].s;
	struct replay_span span = run->spans[i];
	bool equal = s->different == 0;

	if (span.from >= span.to)
		return;
	if (run->replay->tool->json)
		printf("{\"kind\":\"partition\",\"topic\":\"" TOPIC "\",\"partition\":%d,"
		       "\"from\":%lld,\"to\":%lld,\"records\":%llu,\"equal\":%llu,\"repeats\":%llu,"
		       "\"recorded\":\"%016llx\",\"recomputed\":\"%016llx\"}\n",
		       (int)i, (long long)span.from, (long long)span.to,
		       (unsigned long long)s->records, (unsigned long long)s->equal,
		       (unsigned long long)s->repeats, (unsigned long long)s->recorded_digest,
		       (unsigned long long)s->recomputed_digest);
	else
		printf("%s  " TOPIC "/%-9d %10lld to %-10lld %10llu decisions  digest %016llx%s"
		       "%016llx\n",
		       equal ? "equal    " : "DIFFERENT", (int)i, (long long)span.from,
		       (long long)span.to, (unsigned long long)s->records,
		       (unsigned long long)s->recorded_digest, equal ? " = " : " <> ",
		       (unsigned long long)s->recomputed_digest);
}

struct total {
	struct verdict_part_state s;
	uint64_t under_way, snapshots_equal, snapshots_different;
};

static void print_total(const struct decisions_run *run, const struct total *sum)
{
	if (run->replay->tool->json)
		printf("{\"kind\":\"total\",\"what\":\"decisions\",\"records\":%llu,\"equal\":%llu,"
		       "\"different\":%llu,\"missing\":%llu,\"under_way\":%llu,\"repeats\":%llu,"
		       "\"snapshots_equal\":%llu,\"snapshots_different\":%llu}\n",
		       (unsigned long long)sum->s.records, (unsigned long long)sum->s.equal,
		       (unsigned long long)sum->s.different, (unsigned long long)sum->s.unknown,
		       (unsigned long long)sum->under_way, (unsigned long long)sum->s.repeats,
		       (unsigned long long)sum->snapshots_equal,
		       (unsigned long long)sum->snapshots_different);
	else
		printf("%llu decisions recomputed: %llu equal, %llu different, %llu of these not "
		       "recorded at all; %llu under way, %llu repeats fell away; %llu snapshots of "
		       "the router have our state's hash, %llu another\n",
		       (unsigned long long)sum->s.records, (unsigned long long)sum->s.equal,
		       (unsigned long long)sum->s.different, (unsigned long long)sum->s.unknown,
		       (unsigned long long)sum->under_way, (unsigned long long)sum->s.repeats,
		       (unsigned long long)sum->snapshots_equal,
		       (unsigned long long)sum->snapshots_different);
}

/* An exit status. */
static int report(const struct decisions_run *run)
{
	const struct tool *tool = run->replay->tool;
	struct total sum = {.under_way = 0};

	for (int32_t i = 0; i < run->partitions; i++) {
		const struct market_part *p = &run->parts[i];

		print_part(run, i);
		if (p->first.found)
			replay_print_difference(tool, &p->first);
		if (p->fold.snapshots_different > 0)
			replay_print_difference(tool, &p->fold.snapshot_first);
		sum.s.records += p->s.records;
		sum.s.equal += p->s.equal;
		sum.s.different += p->s.different;
		sum.s.unknown += p->s.unknown;
		sum.s.repeats += p->s.repeats;
		sum.under_way += p->under_way;
		sum.snapshots_equal += p->fold.snapshots_equal;
		sum.snapshots_different += p->fold.snapshots_different;
	}
	print_total(run, &sum);
	return sum.s.different + sum.snapshots_different == 0 ? TOOL_DONE : TOOL_FOUND;
}

static int run_all(struct decisions_run *run, struct bus *bus)
{
	struct replay *r = run->replay;
	struct replay_crew crew = {.replay = r, .what = "decisions", .run = run_team, .ctx = run};
	enum result result = plan(run, bus, &crew.total, &r->error);

	run->threads = MIN_OF(r->threads, (size_t)MAX_OF(run->partitions, 1));
	crew.jobs = run->threads;
	if (result == RESULT_OK)
		result = replay_crew_run(&crew, &r->error);
	return result == RESULT_OK ? report(run) : tool_fail("replay", result, &r->error);
}

int replay_decisions(struct replay *r)
{
	struct decisions_run *run = calloc(1, sizeof(*run));
	struct bus *bus = replay_bus(r, &r->error);
	int status;

	assert(run);
	run->replay = r;
	run->began_ms = clock_now_ms();
	if (bus && r->state_file)
		run->state = replay_state_open(r->state_file, "decisions", r->url, &r->error);
	if (!bus || (r->state_file && !run->state))
		status = tool_fail("replay", bus ? RESULT_BAD : RESULT_AWAY, &r->error);
	else
		status = run_all(run, bus);
	replay_state_close(run->state);
	bus_close(bus);
	for (int32_t i = 0; run->parts && i < run->partitions; i++)
		market_free(run->parts[i].fold.market);
	free(run->parts);
	free(run);
	return status;
}
