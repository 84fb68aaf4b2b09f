/* verdict: what an advertiser says about a lead, read, checked and made a record of leads.outcomes. Pure. */
#ifndef PUNNET_COLLECTOR_VERDICT_H
#define PUNNET_COLLECTOR_VERDICT_H

#include "base/arena.h"
#include "base/ids.h"
#include "base/money.h"
#include "problem.h"
#include "proto/leads_outcomes.pb-c.h"

#define VERDICT_ID_MAX      128
#define VERDICT_REASON_MAX  64
#define VERDICT_ID_MADE_LEN 32 /* hex digits of one that is made here */

struct verdict {
	struct lead_id lead_id;
	Punnet__V1__OutcomeKind kind;
	struct slice reason_code;
	bool has_amount;
	struct money amount;
	int64_t at_ms, called_at_ms; /* 0: not given */
	struct slice verdict_id;
};

/* false: not a JSON object, *ret_why says why. Otherwise every fault is added; the verdict may be used when there is
 * none. A verdict without an id of its own gets one from all that it says, so that a repeat has the same. */
_must_use_ bool verdict_read(struct verdict *v, struct arena *a, struct slice body,
			     struct slice advertiser_id, int64_t now_ms, struct faults *f,
			     const char **ret_why);
/* Appends the packed Outcome. */
void verdict_build(const struct verdict *v, const char *advertiser_id, int64_t now_ms,
		   struct arena *a, struct buf *out);

#endif
