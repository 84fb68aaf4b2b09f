/* letters_read: see letters_read.h. */
#include "letters_read.h"

#include <stdio.h>

#include "lead/codec.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/dead_letters_acts.pb-c.h"

#define ASK_MS   10000
#define WAIT_MS  200
#define PATIENCE 75 /* waits in a row without a record, below the end: the broker is away */
#define BATCH    500

enum result letters_each(struct bus *bus, const char *topic, int32_t partition, int64_t from,
			 int64_t to, letters_record_fn fn, void *ctx, struct error *ret_error)
{
	struct bus_reader *reader;
	struct bus_record records[BATCH];
	enum result r = RESULT_OK;
	size_t count = 0;
	bool more = true;
	int waits = 0;

	if (from >= to)
		return RESULT_OK;
	reader = bus_reader_open(bus, topic, partition, from, ret_error);
	if (!reader)
		return RESULT_AWAY;
	while (r == RESULT_OK && more && bus_reader_position(reader) < to) {
		r = bus_reader_take(reader, records, BATCH, WAIT_MS, &count, ret_error);
		for (size_t i = 0; r == RESULT_OK && more && i < count; i++)
			more = records[i].offset < to && fn(ctx, &records[i]);
		waits = count ? 0 : waits + 1;
		if (r == RESULT_OK && waits > PATIENCE)
			r = error_set(ret_error, RESULT_AWAY, "%s/%d: no answer at %lld of %lld",
				      topic, partition, (long long)bus_reader_position(reader),
				      (long long)to);
	}
	bus_reader_close(reader);
	return r;
}

static struct letter_place place_of(const Punnet__V1__Provenance *p)
{
	struct letter_place ret = {.partition = p->partition, .offset = (int64_t)p->offset};

	snprintf(ret.topic, sizeof(ret.topic), "%s", p->topic);
	return ret;
}

static bool take_letter(void *ctx, const struct bus_record *r)
{
	_cleanup_(arena_free) struct arena a = {0};
	const Punnet__V1__DeadLetter *m =
	    codec_unpack(&a, &punnet__v1__dead_letter__descriptor, r->value);
	struct letter t = {.stands_at = r->offset, .stands_in = (uint32_t)r->partition};

	if (!m || !m->source)
		return true;
	t.source = place_of(m->source);
	t.at_ms = m->at_ms;
	t.has_lead = lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &t.lead_id);
	t.bytes = m->original.len;
	snprintf(t.service, sizeof(t.service), "%s", m->service);
	snprintf(t.reason_code, sizeof(t.reason_code), "%s", m->reason_code);
	snprintf(t.reason, sizeof(t.reason), "%s", m->reason);
	letters_take(ctx, &t);
	return true;
}

static bool take_act(void *ctx, const struct bus_record *r)
{
	_cleanup_(arena_free) struct arena a = {0};
	const Punnet__V1__DeadLetterAct *m =
	    codec_unpack(&a, &punnet__v1__dead_letter_act__descriptor, r->value);
	struct letter_acted act = {.offset = r->offset, .at_ms = r->timestamp_ms};

	if (!m || !m->source || m->kind < PUNNET__V1__DEAD_LETTER_ACT_KIND__RETRY_BEGUN ||
	    m->kind > PUNNET__V1__DEAD_LETTER_ACT_KIND__DISCARDED)
		return true;
	act.source = place_of(m->source);
	if (m->sent)
		act.sent = place_of(m->sent);
	act.act = (enum letter_act)m->kind;
	act.who = m->who;
	letters_acted(ctx, &act);
	return true;
}

static enum result end_of(struct bus *bus, const char *topic, int32_t partition, int64_t *from,
			  int64_t *ret_end, struct error *ret_error)
{
	int64_t low;

	if (bus_offsets(bus, topic, partition, ASK_MS, &low, ret_end) != RESULT_OK)
		return error_set(ret_error, RESULT_AWAY, "%s/%d: its end can't be learned", topic,
				 partition);
	*from = MAX_OF(*from, low);
	return RESULT_OK;
}

enum result letters_read(struct bus *bus, struct letters *l, struct letters_position *at,
			 struct error *ret_error)
{
	int32_t count = bus_partitions(bus, LETTERS_TOPIC, ASK_MS);
	int64_t acts_end, end;
	enum result r;

	if (count < 1 || count > LETTER_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY, "%s: its partitions can't be learned",
				 LETTERS_TOPIC);
	r = end_of(bus, LETTERS_ACTS_TOPIC, 0, &at->acts, &acts_end, ret_error);
	for (int32_t p = 0; p < count && r == RESULT_OK; p++) {
		r = end_of(bus, LETTERS_TOPIC, p, &at->letters[p], &end, ret_error);
		if (r == RESULT_OK)
			r = letters_each(bus, LETTERS_TOPIC, p, at->letters[p], end, take_letter, l,
					 ret_error);
		if (r == RESULT_OK)
			at->letters[p] = end;
	}
	if (r == RESULT_OK)
		r = letters_each(bus, LETTERS_ACTS_TOPIC, 0, at->acts, acts_end, take_act, l,
				 ret_error);
	if (r == RESULT_OK)
		at->acts = acts_end;
	return r;
}
