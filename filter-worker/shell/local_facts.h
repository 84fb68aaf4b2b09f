/* local_facts: what can be known of a lead without asking a server. All of it is gathered, whatever today's rules read:
 * it stands in the record, and other rules can be tried on past leads. */
#ifndef PUNNET_LOCAL_FACTS_H
#define PUNNET_LOCAL_FACTS_H

#include "filter-worker/core/record.h"
#include "suppressions.h"

/* contact NULL: it could not be opened, so what is in it could not be known. suppressions NULL: no list was loaded.
 * The facts borrow from raw and hold nothing of the contact but classes. */
void local_facts_gather(const struct suppressions *suppressions, const Punnet__V1__RawLead *raw,
			const Punnet__V1__Contact *contact, struct arena *a, struct facts *ret);
#endif
