/* draw: facts of leads that never were, and rules that nobody wrote, for tests that try many. */
#ifndef PUNNET_TEST_DRAW_H
#define PUNNET_TEST_DRAW_H

#include "base/rng.h"
#include "filter-worker/core/ruleset.h"

/* Of some leads nearly everything is known, of others nearly nothing. Borrows from static storage and from `id`. */
struct facts draw_facts(struct rng *r, const struct lead_id *id);
struct lead_id draw_lead_id(struct rng *r);
/* In force, with any values within their limits. */
struct filter_rule draw_rule(struct rng *r, const struct filter *f);

#endif
