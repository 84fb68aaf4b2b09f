/* payees: how webmasters are paid, from a CSV file of the operator's. Bank accounts stand in no topic and no directory: only in this
 * file, and in the lines of a run. */
#ifndef PUNNET_PAYEES_H
#define PUNNET_PAYEES_H

#include "base/arena.h"
#include "base/map.h"
#include "payout/store/runs.h"

struct payees {
	struct arena arena;
	struct map by_id;
};

/* Every fault of the file is printed with its row; false then. */
_must_use_ bool payees_read(struct payees *p, const char *path);
void payees_free(struct payees *p);
const struct payee *payees_find(void *ctx, const char *aff_id); /* a payee_fn */

#endif
