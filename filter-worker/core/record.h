/* record: facts and verdicts as they stand in leads.judged, and back. The record alone is enough to judge again. */
#ifndef PUNNET_FILTER_RECORD_H
#define PUNNET_FILTER_RECORD_H

#include "judge.h"
#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_raw.pb-c.h"

/* Can the raw lead be judged at all? NULL, or what is missing. */
const char *raw_lead_fault(const Punnet__V1__RawLead *raw);
/* What claims are made of; borrows from raw, which has no fault. raw_offset: where it stands in leads.raw. */
struct claim_subject claim_subject_of(const Punnet__V1__RawLead *raw, uint64_t raw_offset);

/* The same of a verdict; false: it lacks parts. */
_must_use_ bool claim_subject_of_judged(const Punnet__V1__JudgedLead *judged,
					struct claim_subject *ret);

/* Appends the verdict as a JudgedLead; check out->failed. raw_bytes: the packed raw lead, whose messages go on as they are. lists:
 * their version, "" where none were loaded. The sealed contact goes on only with a lead that may still be sold: nobody else's
 * need be opened again. */
void judged_record_write(const Punnet__V1__RawLead *raw, struct slice raw_bytes,
			 const struct provenance *source, const struct ruleset *rs,
			 const struct facts *facts, const struct judgement *judgement,
			 const char *lists, struct buf *out);
/* Only what the judgement made of it: verdict, score, reasons, those in shadow, scope, end of a wait, answers. The same bytes
 * stand among the record's; see record_view.h. */
void judged_record_judgement(const struct ruleset *rs, int64_t received_at_ms,
			     const struct judgement *judgement, struct buf *out);
/* The facts of a record, borrowed from it. Facts that this version does not know are left out. */
void facts_from_record(const Punnet__V1__JudgedLead *record, struct facts *ret);

#endif
