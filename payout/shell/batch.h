/* batch: settles the records of one partition in one transaction. The heart of the shell, without a
 * loop or a bus: tests run it against real databases.
 *
 * The stored offset decides what is new: records below it were settled and are passed over. What
 * can't be read, and what contradicts a transfer that was made, goes to dead.letters through the
 * outbox, in the same transaction. */
#ifndef PUNNET_PAYOUT_BATCH_H
#define PUNNET_PAYOUT_BATCH_H

#include "payout/store/store.h"
#include "runtime/bus.h"

/* What is agreed with an advertiser now. */
typedef struct contract (*batch_contract_fn)(void *ctx, const char *advertiser_id);

/* Does the webmaster's tracker hear of this event? */
typedef bool (*batch_wants_fn)(void *ctx, const char *aff_id, const char *event);

struct batch_settings {
	const char *topic; /* leads.outcomes */
	batch_contract_fn contract;
	batch_wants_fn wants; /* NULL: nobody's does */
	void *ctx;
	int64_t now_ms; /* for dead letters */
};

struct batch_report {
	int64_t next; /* offset of the next record to settle */
	size_t settled, passed_over, dead, contradicted, transfers,
	    gap; /* contradicted: of the dead */
	size_t events[EVENT_COUNT], ignored[IGNORED_COUNT];
};

/* count <= STORE_BATCH_MAX; the records are of one partition, in order. The arena is reset. After
 * RESULT_AWAY the same call is to be made again. RESULT_FATAL: the process must end. */
_must_use_ enum result batch_settle(struct store *store, struct arena *arena,
				    const struct batch_settings *settings, uint32_t partition,
				    const struct bus_record *records, size_t count,
				    struct batch_report *ret, struct error *ret_error);

#endif
