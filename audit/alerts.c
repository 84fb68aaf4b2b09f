/* alerts: see alerts.h. */
#include "alerts.h"

#include "runtime/log.h"
#include "runtime/metrics.h"

void alerts_begin(void)
{
	static const char *invariants[AUDIT_INVARIANTS], *stages[AUDIT_STAGES];

	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		invariants[i] = audit_name((enum audit_invariant)i);
	for (size_t i = 0; i < AUDIT_STAGES; i++)
		stages[i] = audit_stage_name((enum audit_stage)i);
	metric_members(METRIC_AUDIT_STATE, invariants, AUDIT_INVARIANTS);
	metric_members(METRIC_AUDIT_BROKEN, invariants, AUDIT_INVARIANTS);
	metric_members(METRIC_AUDIT_PENDING, invariants, AUDIT_INVARIANTS);
	metric_members(METRIC_AUDIT_BEHIND, stages, AUDIT_STAGES);
	metric_members(METRIC_AUDIT_BEHIND_TIME, stages, AUDIT_STAGES);
}

static void tell_invariant(struct alerts *a, size_t i, const struct audit_line *l)
{
	metric_set_member(METRIC_AUDIT_STATE, i, l->broken ? 2 : l->pending ? 1 : 0);
	metric_set_member(METRIC_AUDIT_BROKEN, i, (int64_t)l->broken);
	metric_set_member(METRIC_AUDIT_PENDING, i, (int64_t)l->pending);
	if (l->broken > a->broken[i])
		log_error("invariant_broken", LOG_STR("invariant", audit_name(i)),
			  LOG_INT("findings", l->broken), LOG_STR("first", l->first));
	else if (l->broken == 0 && a->broken[i] > 0)
		log_info("invariant_holds", LOG_STR("invariant", audit_name(i)));
	a->broken[i] = l->broken;
}

static void tell_letters(struct alerts *a, const struct audit_findings *f, int64_t letter_alert_ms,
			 int64_t now_ms)
{
	int64_t age_ms = f->letters_open ? MAX_OF(now_ms - f->letters_oldest_ms, 0) : 0;
	bool old = f->letters_open > 0 && age_ms >= letter_alert_ms;

	metric_set(METRIC_AUDIT_LETTERS, (int64_t)f->letters_open);
	metric_set(METRIC_AUDIT_LETTERS_AGE, age_ms / 1000);
	if (old && !a->letters_said)
		log_error("dead_letters_open", LOG_INT("open", f->letters_open),
			  LOG_INT("oldest_s", age_ms / 1000));
	a->letters_said = old;
}

void alerts_tell_stages(const struct audit_stage_line stages[AUDIT_STAGES])
{
	for (size_t i = 0; i < AUDIT_STAGES; i++) {
		metric_set_member(METRIC_AUDIT_BEHIND, i, (int64_t)stages[i].behind);
		metric_set_member(METRIC_AUDIT_BEHIND_TIME, i, stages[i].behind_ms / 1000);
	}
}

void alerts_tell(struct alerts *a, const struct audit_findings *f, int64_t letter_alert_ms,
		 int64_t now_ms)
{
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		tell_invariant(a, i, &f->lines[i]);
	alerts_tell_stages(f->stages);
	tell_letters(a, f, letter_alert_ms, now_ms);
	metric_set(METRIC_AUDIT_LEADS, (int64_t)f->leads);
}
