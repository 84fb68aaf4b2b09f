/* deliveries_pick: the newest attempts that fit, of all that are read in any order of partitions, and what another reading of
 * their answers would make of them. No servers: the command reads, this keeps and compares. */
#ifndef PUNNET_DELIVERIES_PICK_H
#define PUNNET_DELIVERIES_PICK_H

#include "delivery/channels/channel.h"
#include "lead/codec.h"
#include "proto/leads_attempts.pb-c.h"

#define PICK_MOST     100000 /* attempts that are kept at once */
#define PICK_KINDS    8      /* what an attempt may come to: see pick_word() */
#define PICK_EXAMPLES 3

/* NULL, zero: does not matter. */
struct pick_filter {
	const char *order_id, *advertiser_id, *result; /* "ok", "tempfail", "permfail", "unknown" */
	const struct lead_id *lead_id;
	bool answered; /* only those that brought an answer to a hand-over */
};

struct picked {
	char *bytes; /* the packed DeliveryAttempt */
	size_t len;
	int64_t started_at_ms;
	uint32_t partition;
	uint64_t offset;
};

struct pick {
	struct pick_filter filter;
	size_t limit;
	struct picked *all; /* a heap, the oldest first, until pick_sort() */
	size_t count;
	size_t fitted; /* of all that were read */
};

void pick_start(struct pick *p, const struct pick_filter *filter, size_t limit);
void pick_free(struct pick *p);
void pick_add(struct pick *p, const Punnet__V1__DeliveryAttempt *a, struct slice bytes,
	      uint32_t partition, uint64_t offset);
void pick_sort(struct pick *p); /* oldest first; nothing is added after it */

/* How a mapping reads recorded answers. */
struct mapping_change {
	const char *recorded, *now;
	size_t count;
	struct lead_id examples[PICK_EXAMPLES];
};

struct mapping_trial {
	size_t tried, same, not_whole;
	struct mapping_change changes[PICK_KINDS * PICK_KINDS];
	size_t change_count;
};

/* "delivered", "refused", "duplicate", "again", "unclear", …: what an attempt came to, for people. */
const char *pick_word(enum attempt_result result, bool unknown, enum reason reason);
void mapping_try(const struct pick *p, const struct answer_rules *rules, struct mapping_trial *ret);

#endif
