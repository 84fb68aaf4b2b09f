/* kv_memory_counts: the memory backend's trails and sources. The clock is the leads' own time. */
#ifndef PUNNET_KV_MEMORY_COUNTS_H
#define PUNNET_KV_MEMORY_COUNTS_H

#include "base/map.h"
#include "kv_internal.h"

#define KV_MEMORY_PARTITIONS_MAX 1024

/* Entries with an end; what has ended is swept out when the table has doubled. */
struct kv_table {
	struct map entries;
	size_t sweep_at;
};

struct kv_memory_counts {
	struct kv_table trails, hours, days;
	uint64_t counted
	    [KV_MEMORY_PARTITIONS_MAX]; /* the offset after the highest one that was counted */
	uint64_t judged[KV_MEMORY_PARTITIONS_MAX];
	struct arena answers; /* of one call */
};

/* Answers trails and sources of the leads, and counts those that were not. */
void kv_memory_count(struct kv_memory_counts *c, struct kv_lead *leads, size_t count);
void kv_memory_reject(struct kv_memory_counts *c, const struct kv_verdict *verdicts, size_t count);
void kv_memory_counts_free(struct kv_memory_counts *c);

#endif
