/* source: what one webmaster sent lately, in sums. For filters that judge a lead by the company it comes in. Counted for every
 * lead, test leads apart, by the leads' own time. */
#ifndef PUNNET_FILTER_SOURCE_H
#define PUNNET_FILTER_SOURCE_H

#include "base/base.h"

#define SOURCE_MINUTES 60

struct source_day {
	uint32_t leads;
	uint32_t rejected; /* by the filters */
	uint32_t subs;     /* different values of sub1, about; not more than `leads` and one */
};

/* Up to the minute before the lead's own: what came since is not among them. */
struct source {
	uint32_t minutes[SOURCE_MINUTES];   /* leads a minute: [0] is the last one that is over */
	struct source_day today, yesterday; /* UTC */
	int64_t today_ms;                   /* how much of today is over */
	bool has_sub, sub_yesterday;        /* the lead has a sub1; yesterday had leads under it */
};

#endif
