/* record_view: a verdict's record as far as judging it again needs it, read in one pass over its bytes. Unpacking all of it
 * into messages costs several times what the judgement does. Pure; everything borrows from the bytes. */
#ifndef PUNNET_FILTER_RECORD_VIEW_H
#define PUNNET_FILTER_RECORD_VIEW_H

#include "base/buf.h"
#include "facts.h"

struct judged_view {
	struct lead_id lead_id;
	uint32_t raw_partition;
	uint64_t raw_offset;
	uint64_t verdict; /* as it stands there: any number */
	struct slice ruleset, lists;
	struct slice vertical, aff_id; /* of the lead */
	int64_t received_at_ms;
	struct facts facts; /* those of facts_from_record() */
};

/* Appends what the judgement made of the record, as judged_record_judgement() writes it; check out->failed. false: it is no
 * verdict with its parts; what was read until then is of no use. */
_must_use_ bool judged_view_read(struct slice bytes, struct judged_view *ret, struct buf *out);

#endif
