/* findings: what the auditor found, told to audit.findings when it changes: an invariant is broken, or holds again. From there the
 * operators who ask for it hear of it (delivery/shell/alerts.h). It is all that the auditor writes, and nobody's lead or money hangs on
 * it: without the topic, or while Kafka takes nothing, it audits on and tells later.
 *
 * What was told is what stands in the topic, so a new auditor does not tell it again. Blocking: for the thread that reads. */
#ifndef PUNNET_AUDITOR_FINDINGS_H
#define PUNNET_AUDITOR_FINDINGS_H

#include "runtime/bus.h"
#include "tools/audit_round.h"

struct findings;

struct findings *findings_new(struct bus *bus); /* borrowed */
/* RESULT_AWAY: it could not be told; the next call tries again. */
_must_use_ enum result findings_tell(struct findings *f, const struct audit_findings *found,
				     int64_t now_ms, struct error *ret_error);
void findings_free(struct findings *f); /* accepts NULL */

#endif
