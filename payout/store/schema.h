/* schema: the ledger's tables, as migrations that are applied in order, each once. A migration that
 * was released is never changed; the next change is a new one at the end. */
#ifndef PUNNET_PAYOUT_SCHEMA_H
#define PUNNET_PAYOUT_SCHEMA_H

#include "db.h"

_must_use_ enum result schema_apply(struct db *d, struct error *ret_error);
int schema_version(void); /* what this build knows */
/* Up to this version and no further: how a ledger of before came to be, for the tests of migrations. */
_must_use_ enum result schema_apply_to(struct db *d, int version, struct error *ret_error);

#endif
