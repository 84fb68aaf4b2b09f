/* replay_rows: recorded decisions against those that the fold makes. See replay_decisions.c. */
#include <stdlib.h>

#include "base/hash.h"
#include "lead/wire_read.h"
#include "router/core/decision_write.h"
#include "runtime/clock.h"
#include "tools/replay/replay_decisions.h"

struct market_part *decisions_part(struct team *t, uint32_t partition)
{
	return partition < (uint32_t)t->run->partitions && partition % t->run->threads == t->number
		   ? &t->run->parts[partition]
		   : NULL;
}

void decisions_tell(struct team *t, int64_t least)
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
	replay_where(&d, MARKET, p->fold.partition, (int64_t)o->offset, &id, o->time_ms);
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
	decision_write(d, &t->packed);
	assert(!t->packed.failed);
	row_add(t, p, target_of(t->run, d), (uint64_t)p->fold.folded, step, p->fold.time_ms);
}

enum result decisions_fold_to(struct team *t, struct market_part *p, int64_t end)
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
		decisions_tell(t, COUNT_MIN);
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
				ret->of_market = slice_is(f.bytes, MARKET);
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
	struct slice made;
	struct owed *o;
	uint64_t digest;

	while (row->first && before(row->first, s))
		pass_over(t, p, row, target);
	p->s.records++;
	digest = digest_of(s->offset, s->step, record->value);
	p->s.recorded_digest += digest;
	o = row->first;
	if (!o || o->offset != s->offset || o->step != s->step) {
		undecided(p, record);
		return;
	}
	(void)row_take(p, row);
	made = slice_of(o->bytes, o->len);
	if (slice_equal(record->value, made)) {
		p->s.equal++;
		p->s.recomputed_digest += digest;
	} else {
		p->s.recomputed_digest += digest_of(o->offset, o->step, made);
		name_difference(t, p, record, made);
	}
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
void decisions_checkpoint(struct decisions_run *run, struct market_part *p, int64_t every_ms)
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

enum result decisions_take(struct team *t, size_t target, const struct bus_record *record)
{
	struct market_part *p;
	struct source s;
	enum result r;

	/* One that can't be read is a decision without a record; a retry is the operator's, and was decided before. */
	if (!read_source(record->value, &s) || !s.of_market)
		return RESULT_OK;
	p = decisions_part(t, s.partition);
	if (!p || (int64_t)s.offset < p->from)
		return RESULT_OK;
	if ((int64_t)s.offset >= p->fold.span.to)
		return decisions_fold_to(t, p, p->fold.span.to);
	r = decisions_fold_to(t, p, (int64_t)s.offset + 1);
	if (r != RESULT_OK)
		return r;
	if (is_repeat(&p->rows[target], &s))
		p->s.repeats++;
	else
		compare(t, p, target, &s, record);
	p->s.last = MAX_OF(p->s.last, (int64_t)s.offset);
	if (t->run->state && p->owed == 0)
		decisions_checkpoint(t->run, p, REPLAY_SAVE_MS);
	return RESULT_OK;
}

/* What is left has no record: because it is so young, or because it is lost. */
void decisions_settle_rows(struct team *t, struct market_part *p)
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
