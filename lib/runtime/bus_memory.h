/* bus_memory: what a test may do to the memory backend beside the contract of bus.h. Each takes a bus that was opened with
 * "memory:". Everything is deterministic: nothing happens but inside a call. */
#ifndef PUNNET_BUS_MEMORY_H
#define PUNNET_BUS_MEMORY_H

#include "bus.h"

/* Where timestamps come from; without it, the wall clock. */
void bus_memory_set_clock(struct bus *b, int64_t (*now_ms)(void *ctx), void *ctx);
/* While on, records are stored but acknowledgements wait. */
void bus_memory_hold_acks(struct bus *b, bool on);
/* The next `count` records of any producer are not stored and end as RESULT_AWAY. */
void bus_memory_fail_produce(struct bus *b, size_t count);
/* Every open producer reports RESULT_FATAL from now on. */
void bus_memory_break_producers(struct bus *b);
/* The group shares its partitions out anew. lost: the members learn it too late, when others may own them already. */
void bus_memory_rebalance(struct bus *b, const char *group, bool lost);
/* Somebody has joined it at some time. */
bool bus_memory_has_group(struct bus *b, const char *group);
/* A static member that is away is given up: the others get its partitions. */
void bus_memory_session_over(struct bus *b, const char *group, const char *instance_id);
/* A member that is not heard of any more is given up although it lives: the others get its partitions. It learns of it in its
 * next bus_take(), as Kafka's clients do: all that it had is lost, and it joins anew. */
void bus_memory_expel(struct bus *b, const char *group, const char *instance_id);
/* Retention: records below `low` are gone. */
void bus_memory_trim(struct bus *b, const char *topic, int32_t partition, int64_t low);

#endif
