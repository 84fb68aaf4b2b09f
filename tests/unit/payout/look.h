/* look: into the ledger, for the tests. A query that fails fails the test. */
#ifndef PUNNET_TEST_LOOK_H
#define PUNNET_TEST_LOOK_H

#include "payout/store/db.h"
#include "payout/store/store.h"

void query(struct store *s, const char *sql, db_row_fn fn, void *ctx);
int64_t number(struct store *s, const char *sql); /* -1 when there is no row */
/* The records of the outbox in their order, of every partition; the row lives during the call. */
typedef void (*outbox_fn)(void *ctx, uint32_t partition, const struct outbox_row *row);
void each_outbox_record(struct store *s, outbox_fn fn, void *ctx);
/* As a row of its own, as all were before version 4: partition, seq, topic, target, type, key, payload. */
#define OUTBOX_VALUES 7
void outbox_values(uint32_t partition, const struct outbox_row *row,
		   struct db_value ret[OUTBOX_VALUES]);
int64_t outbox_records(struct store *s, const char *topic); /* NULL: of all */
/* Everything that two runs over the same outcomes must agree on, nothing published. */
uint64_t digest(struct store *s);
/* Each transfer sums to zero, each balance is the sum of its entries, each sold lead has one
 * credit. */
void check_books(struct store *s);

#endif
