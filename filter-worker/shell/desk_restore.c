/* desk_restore: verdicts of the log, put back into a kv that lost its state. What the desk would have asked for each lead is
 * asked again, with the verdict known: a lead that was not rejected takes its claims, every lead its visits and its place in
 * the sums. Nothing is judged, and nobody hears the answers. */
#include "desk.h"
#include "desk_counts.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/kv.h"

bool desk_past(const struct desk *d, const Punnet__V1__JudgedLead *m, struct desk_lead *ret)
{
	const struct rule_list *l;

	*ret = (struct desk_lead){.partition = m->source ? m->source->partition : 0,
				  .raw_offset = m->source ? m->source->offset : 0};
	if (!m->source || !claim_subject_of_judged(m, &ret->subject))
		return false;
	facts_from_record(m, &ret->facts);
	ret->judgement.verdict = (enum verdict)m->verdict;
	ret->candidate = m->verdict != PUNNET__V1__VERDICT__REJECTED;
	l = desk_rules_for(d, ret);
	rule_list_plan(l, &ret->subject, &ret->plan);
	counts_plan(l, ret);
	return true;
}

/* What is over is not put back. */
static void forget_old(struct kv_lead *lead, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < lead->claim_count; i++) {
		if (now_ms - lead->now_ms < lead->claims[i].ttl_ms)
			lead->claims[kept++] = lead->claims[i];
	}
	lead->claim_count = kept;
	kept = 0;
	for (size_t i = 0; i < lead->trail_count; i++) {
		if (now_ms - lead->now_ms < lead->trails[i].ttl_ms)
			lead->trails[kept++] = lead->trails[i];
	}
	lead->trail_count = kept;
	if (now_ms - lead->now_ms > 2 * MS_PER_DAY)
		lead->source = NULL;
}

enum result desk_restore(struct desk *d, struct desk_lead *leads, size_t count, struct error *e)
{
	struct arena *a = desk_scratch(d);
	struct kv_lead *asked;
	_cleanup_(counts_free) struct counts counts = {.arena = a};
	int64_t now_ms = clock_now_ms();

	assert(count <= DESK_LEADS_MAX);
	arena_reset(a);
	asked = arena_calloc(a, count, sizeof(*asked));
	for (size_t i = 0; i < count; i++) {
		desk_ask(&leads[i], &asked[i]);
		counts_ask(&counts, &leads[i], &asked[i]);
		forget_old(&asked[i], now_ms);
	}
	return kv_put_back(desk_kv(d), asked, count, e);
}
