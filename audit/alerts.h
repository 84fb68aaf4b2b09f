/* alerts: what the auditor found, as metrics, and as a line of the log at level error when something is newly wrong. */
#ifndef PUNNET_AUDITOR_ALERTS_H
#define PUNNET_AUDITOR_ALERTS_H

#include "tools/audit_round.h"

struct alerts {
	uint64_t broken[AUDIT_INVARIANTS]; /* as they were said last */
	bool letters_said;
};

void alerts_begin(void); /* once in a process */
void alerts_tell_stages(const struct audit_stage_line stages[AUDIT_STAGES]);
void alerts_tell(struct alerts *a, const struct audit_findings *f, int64_t letter_alert_ms,
		 int64_t now_ms);

#endif
