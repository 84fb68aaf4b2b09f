/* status_filter: which events, or attempts to tell them, are meant. Pure. */
#ifndef PUNNET_DELIVERY_STATUS_FILTER_H
#define PUNNET_DELIVERY_STATUS_FILTER_H

#include "base/ids.h"
#include "proto/status_attempts.pb-c.h"
#include "proto/status_events.pb-c.h"

struct status_filter {
	const char *aff_id; /* NULL = any */
	const char *event;  /* "approved" */
	const char *event_id;
	const char *result; /* "ok", "tempfail", "permfail"; of attempts only */
	const struct lead_id *lead_id;
	int64_t from_ms,
	    until_ms; /* until_ms 0 = no end; events: when it happened, attempts: when they began */
};

bool status_event_fits(const struct status_filter *f, const Punnet__V1__StatusEvent *e);
bool status_attempt_fits(const struct status_filter *f, const Punnet__V1__StatusAttempt *a);

#endif
