/* draw: facts of a lead that never was, for tests that try many. Each text fact is one of the words that filters know, so
 * that every filter finds something to say now and then. */
#ifndef PUNNET_TEST_DRAW_H
#define PUNNET_TEST_DRAW_H

#include "base/rng.h"
#include "filter-worker/core/facts.h"

/* Of some leads nearly everything is known, of others nearly nothing. Borrows from static storage and from `id`. */
struct facts draw_facts(struct rng *r, const struct lead_id *id);
struct lead_id draw_lead_id(struct rng *r);

#endif
