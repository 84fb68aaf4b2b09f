/* desk_counts: the counting side of the desk: trails and sources of a batch, from the filters to the kv and back. A lead sees
 * what came before it: what the kv holds, and the leads before it in the batch. */
#ifndef PUNNET_DESK_COUNTS_H
#define PUNNET_DESK_COUNTS_H

#include "base/map.h"
#include "desk.h"
#include "runtime/kv.h"

/* What the rules in force and in shadow count: each filter once. */
void counts_plan(const struct rule_list *l, struct desk_lead *lead);

/* The sources of one gather, shared among its leads. */
struct counts {
	struct map by_source; /* key → the first of its sources */
	struct arena *arena;
};

void counts_ask(struct counts *c, const struct desk_lead *lead, struct kv_lead *ret);
/* Trails: their filters learn what they say. */
void counts_hear(const struct kv_lead *answer, struct desk_lead *lead);
/* Sources: before the lead is judged. */
void counts_weigh(const struct kv_lead *answer, const struct rule_list *l, struct desk_lead *lead);
/* The lead is judged: those after it see it among its source's. */
void counts_judged(const struct kv_lead *answer, bool rejected);
void counts_free(struct counts *c);

#endif
