/* audit_backlog: how far behind the stages are, without reading what they have done: what the groups and the ledger have committed, where
 * the topics end, and the one record at each commit. For whoever has not read everything yet. */
#ifndef PUNNET_AUDIT_BACKLOG_H
#define PUNNET_AUDIT_BACKLOG_H

#include "audit_round.h"

/* Of each line `behind` (records that are not committed) and `behind_ms`, nothing else. Blocking. */
_must_use_ enum result audit_backlog_read(struct bus *bus, const struct audit_round_settings *s,
					  int64_t now_ms, struct audit_stage_line ret[AUDIT_STAGES],
					  struct error *ret_error);

#endif
