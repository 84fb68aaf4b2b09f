/* agents_open: reads the expressions that tell programs from people, and compiles them (about 0.1 s). */
#ifndef PUNNET_AGENTS_OPEN_H
#define PUNNET_AGENTS_OPEN_H

#include "base/result.h"
#include "filter-worker/core/agents.h"

#define AGENTS_HASH_LEN 64 /* hex digits */

/* patterns: set-up's agent-patterns.tsv; NULL: none. own: the operator's list, of the same form: a kind, blanks, and an
 * expression up to the line's end. NULL: *ret_error says what is wrong, with file and line. */
_must_use_ struct agents *agents_open(const char *patterns, const char *own,
				      struct error *ret_error);
void agents_close(struct agents *a);
/* Of all that is in them. */
const char *agents_hash(const struct agents *a);

#endif
