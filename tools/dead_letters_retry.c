/* punnet dead-letters retry and discard.
 *
 * A retried record is a new record of its topic, at a new offset, and is judged, folded, handed over or settled under that. The
 * place of the old one stays explained by its letter: no offset is missing. Which topics can take a record again follows from how
 * their readers tell repeats:
 *   leads.raw       by lead: the new record is judged; a lead that was accepted meanwhile is rejected as record_repeated
 *   leads.outcomes  by lead and event, in the ledger
 *   market          orders, rates, funds by their revision; holds, waits and due times by what holds then. A lead or a settlement
 *                   is told by the place of its cause, and the market has seen later ones: it would fall away
 *   leads.routed    the same; but delivery takes it as the operator's own hand-over, under the key that it had
 *   leads.judged    by the place of its raw record, and later ones were seen: it would fall away
 *
 * Once, whoever dies in between: "begun" is a record that says where its topic ended; then the record; then "retried". Who finds
 * a retry that was begun and left behind looks from there whether the record stands already. */
#include <stdio.h>
#include <stdlib.h>

#include "dead_letters.h"
#include "proto/dead_letters_acts.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"

#define WHOLE_MAX_BYTES     (900 * 1000) /* a longer original may have been cut */
#define WHOLE_KEY_MAX_BYTES 2000

static const struct target {
	const char *topic;
	const ProtobufCMessageDescriptor *type;
} targets[] = {
    {"leads.raw", &punnet__v1__raw_lead__descriptor},
    {"leads.outcomes", &punnet__v1__outcome__descriptor},
    {"market", &punnet__v1__market_event__descriptor},
    {"leads.routed", &punnet__v1__routed_lead__descriptor},
};

static const struct target *target_of(const char *topic)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		if (strcmp(targets[i].topic, topic) == 0)
			return &targets[i];
	return NULL;
}

const char *dead_letter_fixed(struct dead_letters *d, const Punnet__V1__DeadLetter *m)
{
	const struct target *to = target_of(m->source->topic);
	const Punnet__V1__MarketEvent *event;
	void *message;

	if (!to)
		return "its topic takes no record a second time: it would fall away as a repeat";
	if (m->original.len > WHOLE_MAX_BYTES || m->original_key.len > WHOLE_KEY_MAX_BYTES)
		return "the copy may be cut";
	if (m->original_type[0] && strcmp(m->original_type, codec_type(to->type)) != 0 &&
	    !d->mend_type)
		return "its header names another type; --mend-type says that the header is wrong";
	message = codec_unpack(&d->arena, to->type, codec_bytes(m->original));
	if (!message)
		return "it can't be read, and would be put aside again";
	if (to->type != &punnet__v1__market_event__descriptor)
		return NULL;
	event = message;
	if (event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED ||
	    event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED)
		return "the market has seen later ones of its cause: it would fall away as a "
		       "repeat";
	return NULL;
}

/* --- storing --- */

struct stored {
	enum result result;
	int64_t offset;
};

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, int64_t offset)
{
	*(struct stored *)ctx = (struct stored){result, offset};
}

/* One record, acknowledged; *ret_offset is where it stands. */
static enum result store(struct dead_letters *d, const char *topic, uint32_t partition,
			 struct slice key, const ProtobufCMessageDescriptor *type,
			 struct slice value, int64_t *ret_offset)
{
	struct stored stored = {.result = RESULT_AWAY};
	struct bus_producer_options options = {.on_ack = on_ack,
					       .ctx = &stored,
					       .message_timeout_ms = TOOL_STORE_TIMEOUT_MS,
					       .max_in_flight = 1};
	struct bus_producer *p = bus_producer_open(d->tool->bus, &options, &d->error);
	enum result r;

	if (!p)
		return RESULT_AWAY;
	r = bus_produce(p, topic, (int32_t)partition, key, codec_type(type), value, 0);
	if (r == RESULT_OK)
		r = bus_producer_flush(p, TOOL_STORE_TIMEOUT_MS);
	if (r == RESULT_OK)
		r = stored.result;
	bus_producer_close(p);
	if (r != RESULT_OK)
		return error_set(&d->error, RESULT_AWAY,
				 "%s/%u: the record was not acknowledged; the same command goes on",
				 topic, partition);
	*ret_offset = stored.offset;
	return RESULT_OK;
}

static enum result say(struct dead_letters *d, const struct letter *t,
		       Punnet__V1__DeadLetterActKind kind, int64_t sent, int64_t *ret_offset)
{
	Punnet__V1__DeadLetterAct act = PUNNET__V1__DEAD_LETTER_ACT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT, to = source;
	_cleanup_(buf_free) struct buf bytes = {0};

	source.topic = to.topic = (char *)t->source.topic;
	source.partition = to.partition = t->source.partition;
	source.offset = (uint64_t)t->source.offset;
	to.offset = (uint64_t)sent;
	act.source = &source;
	act.sent = kind == PUNNET__V1__DEAD_LETTER_ACT_KIND__DISCARDED ? NULL : &to;
	if (t->has_lead)
		act.lead_id = codec_lead_id(&t->lead_id);
	act.kind = kind;
	act.who = (char *)d->who;
	act.why = (char *)d->why;
	act.at_ms = clock_now_ms();
	codec_pack(&act.base, &bytes);
	return store(d, LETTERS_ACTS_TOPIC, 0, (struct slice){0},
		     &punnet__v1__dead_letter_act__descriptor, buf_slice(&bytes), ret_offset);
}

/* --- once --- */

struct search {
	struct slice value;
	int64_t routed; /* the offset that it was put aside at; -1 = it is no assignment */
	int64_t found;
};

/* An assignment carries who retried it: it is told by the place that it came from. */
static bool is_routed_again(const struct bus_record *r, int64_t offset)
{
	_cleanup_(arena_free) struct arena a = {0};
	const Punnet__V1__RoutedLead *m =
	    codec_unpack(&a, &punnet__v1__routed_lead__descriptor, r->value);

	return m && m->retry && m->source && m->source->offset == (uint64_t)offset;
}

static bool is_it(void *ctx, const struct bus_record *r)
{
	struct search *s = ctx;

	if (s->routed >= 0 ? is_routed_again(r, s->routed) : slice_equal(r->value, s->value))
		s->found = r->offset;
	return s->found < 0;
}

/* Where the record stands since `from`; -1 = nowhere. */
static enum result look_for(struct dead_letters *d, const struct letter *t, int64_t from,
			    struct slice value, int64_t *ret_offset)
{
	bool routed = strcmp(t->source.topic, "leads.routed") == 0;
	struct search s = {.value = value, .routed = routed ? t->source.offset : -1, .found = -1};
	int64_t low, end;
	enum result r;

	if (bus_offsets(d->tool->bus, t->source.topic, (int32_t)t->source.partition,
			TOOL_TIMEOUT_MS, &low, &end) != RESULT_OK)
		return error_set(&d->error, RESULT_AWAY, "%s/%u: its end can't be learned",
				 t->source.topic, t->source.partition);
	r = letters_each(d->tool->bus, t->source.topic, (int32_t)t->source.partition,
			 MAX_OF(from, low), end, is_it, &s, &d->error);
	*ret_offset = s.found;
	return r;
}

/* The letter is ours when our beginning is the one that counts. */
static enum result begin(struct dead_letters *d, const struct letter *t)
{
	int64_t low, end, mine;
	enum result r = RESULT_OK;

	if (bus_offsets(d->tool->bus, t->source.topic, (int32_t)t->source.partition,
			TOOL_TIMEOUT_MS, &low, &end) != RESULT_OK)
		r = error_set(&d->error, RESULT_AWAY, "%s/%u: its end can't be learned",
			      t->source.topic, t->source.partition);
	if (r == RESULT_OK)
		r = say(d, t, PUNNET__V1__DEAD_LETTER_ACT_KIND__RETRY_BEGUN, end, &mine);
	if (r == RESULT_OK)
		r = letters_read(d->tool->bus, &d->letters, &d->position, &d->error);
	if (r == RESULT_OK && (t->state != LETTER_RETRYING || t->act_offset != mine))
		r = error_set(&d->error, RESULT_BAD,
			      "%s is at it since a moment ago; if that was left behind, come again "
			      "in %d s",
			      t->who, LETTER_LEASE_MS / 1000);
	return r;
}

/* The bytes that go into the topic: the original's, or of an assignment the operator's own. */
static struct slice bytes_of(struct dead_letters *d, const struct letter *t,
			     const Punnet__V1__DeadLetter *m, struct buf *out)
{
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__RetryRequest retry = PUNNET__V1__RETRY_REQUEST__INIT;
	Punnet__V1__RoutedLead *routed;

	if (strcmp(t->source.topic, "leads.routed") != 0)
		return codec_bytes(m->original);
	routed =
	    codec_unpack(&d->arena, &punnet__v1__routed_lead__descriptor, codec_bytes(m->original));
	assert(routed);
	source.topic = (char *)"operator";
	source.offset = (uint64_t)t->source.offset; /* so that it is found again */
	retry.who = (char *)d->who;
	retry.why = (char *)d->why;
	routed->source = &source;
	routed->retry = &retry;
	codec_pack(&routed->base, out);
	return buf_slice(out);
}

enum result dead_letter_retry(struct dead_letters *d, const struct letter *t,
			      const Punnet__V1__DeadLetter *m)
{
	_cleanup_(buf_free) struct buf out = {0};
	const struct target *to = target_of(t->source.topic);
	bool left_behind = t->state == LETTER_RETRYING;
	int64_t from = t->sent.offset, stands = -1, act;
	struct slice bytes = bytes_of(d, t, m, &out);
	enum result r = begin(d, t);

	if (r == RESULT_OK && left_behind && !fault_on("letter_not_looked_for"))
		r = look_for(d, t, from, bytes, &stands);
	fault_point("letter_begun");
	if (r == RESULT_OK && stands < 0)
		r = store(d, t->source.topic, t->source.partition, codec_bytes(m->original_key),
			  to->type, bytes, &stands);
	fault_point("letter_stored");
	if (r == RESULT_OK)
		r = say(d, t, PUNNET__V1__DEAD_LETTER_ACT_KIND__RETRIED, stands, &act);
	return r;
}

enum result dead_letter_discard(struct dead_letters *d, const struct letter *t)
{
	int64_t act;

	return say(d, t, PUNNET__V1__DEAD_LETTER_ACT_KIND__DISCARDED, 0, &act);
}
