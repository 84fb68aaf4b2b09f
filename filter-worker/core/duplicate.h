/* duplicate: what the filters share that look for a value which an earlier accepted lead holds. Each has a file of its own
 * in filters/, says there which value, and takes the rest from here. */
#ifndef PUNNET_FILTER_DUPLICATE_H
#define PUNNET_FILTER_DUPLICATE_H

#include <stddef.h>

#include "filter.h"

struct duplicate {
	enum fact_name claim;
	enum reason reason;
	const char *purpose; /* two letters, unique to the filter's claim */
	size_t value_at;     /* where the fingerprint stands in a struct claim_subject */
	/* A filter whose claim these hold as well, where their rules reject in the same scope; NULL: it takes its own. */
	const struct duplicate *shares[2];
};
/* The duplicates that others share. */
extern const struct duplicate duplicate_phone, duplicate_email;

enum { DUPLICATE_SCOPE, DUPLICATE_WINDOW }; /* the rule's parameters */

/* After all other claims of the plan: see claim_plan_share(). */
_must_use_ bool duplicate_shares(const struct filter_rule *rule, const struct claim_subject *s,
				 struct claim_plan *plan);
void duplicate_need(const struct filter_rule *rule, const struct claim_subject *s,
		    struct claim_plan *plan);
enum answer duplicate_judge(const struct filter_rule *rule, const struct facts *facts,
			    struct finding *ret);

/* The members of a struct filter that are the same for all of them. window_ms, window_help: of the parameter `window`. */
#define DUPLICATE_FILTER(what, claim_fact, window_ms, window_help)                                 \
	.action = ACTION_REJECT, .weight = 100, .duplicate = (what), .need = duplicate_need,       \
	.judge = duplicate_judge,                                                                  \
	FILTER_FACTS(FACT_LEAD_ID, FACT_RAW_OFFSET, FACT_RECEIVED_AT, FACT_VERTICAL, claim_fact),  \
	.params = {                                                                                \
	    [DUPLICATE_SCOPE] =                                                                    \
		{.name = "scope",                                                                  \
		 .type = PARAM_CHOICE,                                                             \
		 .standard = SCOPE_VERTICAL,                                                       \
		 .choices = {[SCOPE_VERTICAL] = "vertical", [SCOPE_NETWORK] = "network"},          \
		 .help = "Where two leads count as the same: within a vertical, "                  \
			 "or everywhere."},                                                        \
	    [DUPLICATE_WINDOW] = {.name = "window",                                                \
				  .type = PARAM_DURATION,                                          \
				  .standard = (window_ms),                                         \
				  .least = MS_PER_MIN,                                             \
				  .most = 400 * MS_PER_DAY,                                        \
				  .help = (window_help)},                                          \
	}

#endif
