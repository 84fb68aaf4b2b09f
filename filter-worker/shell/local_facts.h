/* local_facts: what can be known of a lead without asking a server. All of it is gathered, whatever today's rules read:
 * it stands in the record, and other rules can be tried on past leads. */
#ifndef PUNNET_LOCAL_FACTS_H
#define PUNNET_LOCAL_FACTS_H

#include "filter-worker/core/record.h"
#include "mx.h"
#include "suppressions.h"
#include "verdict_book.h"

/* What is looked up in; all borrowed. */
struct local_sources {
	const struct suppressions *suppressions; /* NULL: none were loaded */
	const struct lists *lists;               /* NULL: none were loaded */
	const struct verdict_book *verdicts;     /* NULL: none were loaded */
	struct mx *mx;                           /* NULL: the DNS is not asked */
	const uint8_t *digest_key;               /* NULL: no digests are made */
};

/* Before the facts of a batch are gathered: asks once, for all of its contacts, what has to be asked outside. NULL among
 * them: could not be opened. */
void local_facts_ask(const struct local_sources *from, const Punnet__V1__Contact *const *contacts,
		     size_t count, struct arena *scratch);

/* contact NULL: it could not be opened, so what is in it could not be known. The facts borrow from raw and the arena, and
 * hold nothing of the contact but classes. A filter's own facts are learned by its look, see filter.h. */
void local_facts_gather(const struct local_sources *from, const Punnet__V1__RawLead *raw,
			const Punnet__V1__Contact *contact, struct arena *a, struct facts *ret);

#endif
