/* desk: judges leads in batches. It gathers all facts of a batch (one round trip to the kv), asks the pure core, and sets
 * the claims right. The worker stands behind it, and so do the operator's `judge` and the scenarios, with a kv in memory
 * and no servers at all. Blocking, as the kv is. Logs nothing, publishes nothing. */
#ifndef PUNNET_DESK_H
#define PUNNET_DESK_H

#include "base/result.h"
#include "filter-worker/core/judge.h"
#include "filter-worker/core/record.h"
#include "local_facts.h"

struct desk;
struct directory;
struct keyring;
struct kv;

#define DESK_LEADS_MAX 1000 /* in one batch; not more than the kv gathers at once */

/* All borrowed; they outlive the desk. */
struct desk_options {
	const struct ruleset *rules;
	struct kv *kv;
	struct keyring *keyring; /* NULL: sealed contacts stay closed */
	struct directory *
	    directory; /* says who is erased; the caller asks opener_sure() before it judges; NULL: nobody */
	struct local_sources local;
};

struct desk_lead {
	/* given by the caller; raw has no fault, see raw_lead_fault() */
	const Punnet__V1__RawLead *raw;
	uint32_t partition;                 /* where raw stands in leads.raw */
	uint64_t raw_offset;                /* 0: in no log */
	const Punnet__V1__Contact *contact; /* already open; NULL: opened here, in memory only */
	/* valid for judged leads, until the desk's next call */
	const char *lists; /* version of what was looked up in, until the next swap; "": none */
	struct facts facts;
	struct judgement judgement;
	/* the desk's own */
	bool prepared, candidate, weighed;
	int64_t erased_at_ms; /* 0: never */
	struct claim_subject subject;
	struct claim_plan plan;
	struct trail_plan trails;
};

struct desk *desk_open(const struct desk_options *o);
void desk_close(struct desk *d);

/* Judges leads in their order. RESULT_OK: the first *ret_judged of them (at least one) have their verdicts, and their
 * claims stand as the verdicts say; the rest is given again, as it is. RESULT_AWAY: the kv did not answer; nothing is
 * judged, and the same call may be made again. Facts that must outlive the call are put into the arena. */
_must_use_ enum result desk_judge(struct desk *d, struct desk_lead *const *leads, size_t count,
				  struct arena *a, size_t *ret_judged, struct error *ret_error);

/* What the desk would have asked for when it judged this lead; borrows from the verdict. false: its parts are not there, so it was
 * never made by us, and claims nothing. */
_must_use_ bool desk_past(const struct desk *d, const Punnet__V1__JudgedLead *verdict,
			  struct desk_lead *ret);
/* Puts verdicts of one partition, in their order, back into a kv that lost its state; see kv_join(). */
_must_use_ enum result desk_restore(struct desk *d, struct desk_lead *leads, size_t count,
				    struct error *ret_error);

/* --- between the desk's files --- */
struct kv_lead;
const struct rule_list *desk_rules_for(const struct desk *d, const struct desk_lead *lead);
void desk_ask(const struct desk_lead *lead, struct kv_lead *ret); /* its claims */
struct kv *desk_kv(struct desk *d);
struct arena *desk_scratch(struct desk *d);

#endif
