/* trace_walk: from record to record: what trace_topics.c and trace_delivery.c share. */
#ifndef PUNNET_TRACE_WALK_H
#define PUNNET_TRACE_WALK_H

#include "base/hash.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"
#include "proto/market.pb-c.h"
#include "trace.h"

#define SKEW_MS    2000 /* between the clocks of two machines */
#define NEAR_MS    MS_PER_S
#define LATE_MS    (20 * MS_PER_S)
#define FAR_MS     (10 * MS_PER_MIN)
#define FOREVER_MS INT64_MAX
#define CLOSE_MS   50   /* between the clocks of machines whose clocks are kept: looked at first */
#define AGAIN_MAX  1000 /* so many records behind a verdict its repeats are looked for */
#define FACTS_MAX  400  /* bytes of the facts' summary, about */
#define ROUNDS_MAX 100

struct walk {
	struct trace *trace;
	const Punnet__V1__RawLead *raw;
	const Punnet__V1__JudgedLead *judged;
	const Punnet__V1__RoutedLead *routed;
	struct found at;  /* where the last find stands */
	int32_t market;   /* partition */
	uint32_t round;   /* that is looked for */
	uint32_t attempt; /* the last one that was found, and when the next one is due */
	int64_t due_ms;
	int settlement; /* that came back; 0 = none yet */
	bool found, unsold, final;
	int32_t least, most; /* settlements that are looked for */
};

typedef bool (*walk_fn)(void *, struct seek *, const struct found *);

/* From a little before from_ms to until_ms. */
_must_use_ enum result walk_go(struct walk *w, const char *topic,
			       const ProtobufCMessageDescriptor *type, int32_t partition,
			       int64_t from_ms, int64_t until_ms, walk_fn fn);
/* Near by, else up to until_ms. */
_must_use_ enum result walk_look(struct walk *w, const char *topic,
				 const ProtobufCMessageDescriptor *type, int32_t partition,
				 int64_t from_ms, int64_t until_ms, walk_fn fn);
bool walk_on_settled(void *ctx, struct seek *seek, const struct found *f);
/* What happened to one assignment; w->settlement says whether the lead is offered on. */
_must_use_ enum result walk_assignment(struct walk *w);
/* What the ledger counted came back to the market, too. */
_must_use_ enum result walk_verdicts(struct walk *w);

#endif
