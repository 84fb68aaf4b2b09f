/* resume: see resume.h. */
#include "resume.h"

#include <stdlib.h>

#include "proto/leads_attempts.pb-c.h"

static struct slice offset_key(const int64_t *offset)
{
	return slice_of(offset, sizeof(*offset));
}

void resume_start(struct resume *r, int64_t committed)
{
	*r = (struct resume){.committed = committed};
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

enum resume_learnt resume_learn(struct resume *r, struct arena *scratch, struct slice attempt_bytes,
				int64_t offset)
{
	const Punnet__V1__DeliveryAttempt *a =
	    codec_unpack(scratch, &punnet__v1__delivery_attempt__descriptor, attempt_bytes);
	struct lead_id lead_id;
	struct resumed *known;
	struct slice key;
	int64_t routed_offset;

	if (!a || !a->source || !a->assignment || a->attempt == 0 ||
	    (int)a->result < (int)ATTEMPT_OK || (int)a->result > (int)ATTEMPT_PERMFAIL ||
	    !lead_id_from_bytes(a->lead_id.data, a->lead_id.len, &lead_id))
		return RESUME_UNREADABLE;
	if ((int64_t)a->source->offset < r->committed)
		return RESUME_BEHIND;

	routed_offset = (int64_t)a->source->offset;
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

const struct resumed *resume_find(const struct resume *r, int64_t routed_offset)
{
	return map_get(&r->by_delivery, offset_key(&routed_offset));
}
