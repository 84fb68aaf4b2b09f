/* status_filter: see status_filter.h. */
#include "status_filter.h"

#include "postback.h"

static bool result_fits(const char *wanted, Punnet__V1__AttemptResult r)
{
	static const char *const words[] = {"", "ok", "tempfail", "permfail"};

	return !wanted || ((size_t)r < ARRAY_LEN(words) && strcmp(wanted, words[r]) == 0);
}

static bool fits(const struct status_filter *f, ProtobufCBinaryData lead, const char *aff_id,
		 const char *event_id, Punnet__V1__StatusKind kind, int64_t at_ms)
{
	struct lead_id id;

	if (at_ms < f->from_ms || (f->until_ms != 0 && at_ms >= f->until_ms))
		return false;
	if (f->lead_id &&
	    (!lead_id_from_bytes(lead.data, lead.len, &id) || !lead_id_equal(f->lead_id, &id)))
		return false;
	return (!f->aff_id || strcmp(f->aff_id, aff_id) == 0) &&
	       (!f->event_id || strcmp(f->event_id, event_id) == 0) &&
	       (!f->event || strcmp(f->event, postback_event_name(kind)) == 0);
}

bool status_event_fits(const struct status_filter *f, const Punnet__V1__StatusEvent *e)
{
	return fits(f, e->lead_id, e->aff_id, e->event_id, e->kind, e->at_ms);
}

bool status_attempt_fits(const struct status_filter *f, const Punnet__V1__StatusAttempt *a)
{
	return fits(f, a->lead_id, a->aff_id, a->event_id, a->kind, a->started_at_ms) &&
	       result_fits(f->result, a->result);
}
