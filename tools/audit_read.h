/* audit_read: brings the topics and the ledger to the auditor's core. */
#ifndef PUNNET_AUDIT_READ_H
#define PUNNET_AUDIT_READ_H

#include "audit_core.h"
#include "base/result.h"
#include "scan.h"

struct db;

void audit_take(void *ctx, enum scan_topic topic, const struct bus_record *record,
		const void *message); /* a scan_fn; ctx is the struct audit */

/* How far payout has settled leads.outcomes, by partition: the next offset; -1 where it has settled nothing. */
_must_use_ enum result audit_ledger_cursors(struct db *ledger,
					    int64_t ret_next[AUDIT_PARTITIONS_MAX],
					    struct error *ret_error);
/* What payout has settled up to, from one reading of the ledger that audit_ledger_read() then goes on with: both see the
 * same moment. *ret_mark changes when anything in the ledger has. */
_must_use_ enum result audit_ledger_open(struct db *ledger, struct audit *a, int64_t *ret_mark,
					 struct error *ret_error);
_must_use_ enum result audit_ledger_read(struct db *ledger, struct audit *a,
					 struct error *ret_error);
void audit_ledger_close(struct db *ledger);

#endif
