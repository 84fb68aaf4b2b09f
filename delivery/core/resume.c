/* resume: see resume.h. */
#include "resume.h"

#include <stdlib.h>

#include "proto/leads_attempts.pb-c.h"

static struct slice offset_key(const int64_t *offset)
{
	return slice_of(offset, sizeof(*offset));
}

void resume_start(struct resume *r, int64_t committed, int64_t take_over)
{
	*r = (struct resume){
	    .committed = committed,
	    .take_over = take_over,
	    .unnoted = take_over == RESUME_ANYBODY, /* what is gone may have noted something */
	};
}

void resume_free(struct resume *r)
{
	void *value;
	struct slice key;

	for (size_t i = 0; map_at(&r->by_delivery, i, &key, &value); i++)
		free(value);
	map_free(&r->by_delivery);
	*r = (struct resume){0};
}

static struct resumed resumed_from(const Punnet__V1__DeliveryAttempt *a, int64_t offset)
{
	return (struct resumed){
	    .step =
		{
		    .attempt = a->attempt,
		    .said =
			{
			    .result = (enum attempt_result)a->result,
			    .unknown = a->unknown,
			    .reason = reason_from_code(slice_cstr(a->reason_code)),
			    .http_status = a->http_status,
			},
		    .ever_unknown = a->ever_unknown,
		    .final = a->final,
		    .next_due_at_ms = a->next_due_at_ms,
		},
	    .started_at_ms = a->started_at_ms,
	    .record_offset = offset,
	};
}

bool resume_is_take_over(struct slice type)
{
	return slice_is(type, codec_type(&punnet__v1__take_over__descriptor));
}

bool resume_is_taking(struct slice type)
{
	return slice_is(type, codec_type(&punnet__v1__taking__descriptor));
}

static const Punnet__V1__DeliveryAttempt *read_attempt(struct arena *scratch, struct slice bytes)
{
	const Punnet__V1__DeliveryAttempt *a =
	    codec_unpack(scratch, &punnet__v1__delivery_attempt__descriptor, bytes);
	struct lead_id lead_id;

	if (!a || !a->source || !a->assignment || a->attempt == 0 ||
	    (int)a->result < (int)ATTEMPT_OK || (int)a->result > (int)ATTEMPT_PERMFAIL ||
	    !lead_id_from_bytes(a->lead_id.data, a->lead_id.len, &lead_id))
		return NULL;
	return a;
}

static bool notes_takings(struct arena *scratch, struct slice bytes)
{
	const Punnet__V1__TakeOver *m =
	    codec_unpack(scratch, &punnet__v1__take_over__descriptor, bytes);

	return m && m->notes_takings;
}

static enum resume_learnt learn_take_over(struct resume *r, struct arena *scratch,
					  struct slice bytes, int64_t offset)
{
	r->unnoted |= !r->owner_notes;
	r->owner_notes = notes_takings(scratch, bytes);
	r->take_over = offset + 1;
	return RESUME_TAKE_OVER;
}

void resume_learn_owner(struct resume *r, struct arena *scratch, struct slice type,
			struct slice bytes)
{
	if (resume_is_take_over(type))
		r->owner_notes = notes_takings(scratch, bytes);
}

/* Whoever wrote a record of the owner with that TakeOver: does it count? */
static bool counts(struct resume *r, uint64_t take_over)
{
	if (r->take_over == RESUME_ANYBODY)
		r->take_over = (int64_t)take_over;
	return (int64_t)take_over == r->take_over;
}

static enum resume_learnt learn_taking(struct resume *r, struct arena *scratch, struct slice bytes)
{
	const Punnet__V1__Taking *m = codec_unpack(scratch, &punnet__v1__taking__descriptor, bytes);

	if (!m || m->until > INT64_MAX) {
		r->unnoted = true;
		return RESUME_UNREADABLE;
	}
	if (!counts(r, m->take_over))
		return RESUME_STALE;
	r->owner_notes = true;
	r->sent_until = MAX_OF(r->sent_until, (int64_t)m->until);
	return RESUME_TAKING;
}

static enum resume_learnt learn_attempt(struct resume *r, const Punnet__V1__DeliveryAttempt *a,
					int64_t offset)
{
	struct resumed *known;
	struct slice key;
	int64_t routed_offset;

	if (!counts(r, a->take_over))
		return RESUME_STALE;
	routed_offset = (int64_t)a->source->offset;
	if (routed_offset < r->committed)
		return RESUME_BEHIND;

	/* records are taken in their order: one that noted nothing had taken all before it */
	r->sent_until = MAX_OF(r->sent_until, routed_offset + 1);
	key = offset_key(&routed_offset);
	known = map_get(&r->by_delivery, key);
	if (!known) {
		if (map_count(&r->by_delivery) >= RESUME_MAX)
			return RESUME_FULL;
		known = malloc(sizeof(*known));
		if (!known)
			abort();
		map_put(&r->by_delivery, key, known);
	} else if (known->step.final) {
		return RESUME_KEPT; /* the first final attempt stands, whoever wrote another after it */
	}
	*known = resumed_from(a, offset);
	return RESUME_KEPT;
}

enum resume_learnt resume_learn(struct resume *r, struct arena *scratch, struct slice type,
				struct slice bytes, int64_t offset)
{
	const Punnet__V1__DeliveryAttempt *a;
	enum resume_learnt learnt = RESUME_UNREADABLE;

	if (resume_is_take_over(type))
		return learn_take_over(r, scratch, bytes, offset);
	if (resume_is_taking(type))
		learnt = learn_taking(r, scratch, bytes);
	else if ((a = read_attempt(scratch, bytes)))
		learnt = learn_attempt(r, a, offset);
	r->unreadable += learnt == RESUME_UNREADABLE;
	r->stale += learnt == RESUME_STALE;
	return learnt;
}

bool resume_is_noted(const struct resume *r)
{
	return r->owner_notes && !r->unnoted;
}

const struct resumed *resume_find(const struct resume *r, int64_t routed_offset)
{
	return map_get(&r->by_delivery, offset_key(&routed_offset));
}

int64_t resume_due_ms(const struct resumed *last, int64_t now_ms)
{
	return last->started_at_ms > now_ms ? now_ms : last->step.next_due_at_ms;
}
