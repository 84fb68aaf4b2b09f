/* batch: records taken from leads.raw, from their taking to their publishing. It holds them for as long as the kv or the
 * broker makes it wait; a partition that leaves takes its records out. */
#ifndef PUNNET_FILTER_BATCH_H
#define PUNNET_FILTER_BATCH_H

#include "desk.h"
#include "runtime/bus.h"

enum item_kind {
	ITEM_LEAD,   /* to be judged */
	ITEM_POISON, /* to be put aside as a dead letter */
	ITEM_GONE,   /* published, repeated, or its partition left */
};

struct item {
	enum item_kind kind;
	const struct bus_record *record;
	uint32_t generation; /* of the partition */
	uint64_t entry;      /* in the partition's progress */
	const char *fault;   /* ITEM_POISON: why */
	bool packed;         /* the output stands in batch.out */
	size_t out_at, out_len;
	struct desk_lead lead;
};

struct batch {
	struct bus_record records[DESK_LEADS_MAX];
	struct item items[DESK_LEADS_MAX];
	size_t taken; /* records; not all of them became items */
	size_t count;
	size_t next; /* the first item that is not done with */
	struct arena arena;
	struct buf out;
};

/* Reads the record of an item: ITEM_LEAD or ITEM_POISON. */
void batch_read(struct batch *b, struct item *item);
/* The leads from `next` on that wait for their verdicts. Returns how many. */
size_t batch_unjudged(struct batch *b, struct desk_lead *ret_leads[DESK_LEADS_MAX],
		      struct item *ret_items[DESK_LEADS_MAX]);
/* Packs the output of an item: the verdict, or the dead letter. Leads that would not fit a record become poison. */
void batch_pack_lead(struct batch *b, struct item *item, const struct ruleset *rs);
void batch_pack_poison(struct batch *b, struct item *item, int64_t now_ms);
void batch_drop_partition(struct batch *b, int32_t partition);
void batch_reset(struct batch *b); /* the records must have been released */
void batch_free(struct batch *b);

static inline bool batch_done(const struct batch *b)
{
	return b->next == b->count;
}

#endif
