/* bus_memory: what its two files share. */
#ifndef PUNNET_BUS_MEMORY_INTERNAL_H
#define PUNNET_BUS_MEMORY_INTERNAL_H

#include "bus_backend.h"
#include "bus_memory.h"

#define MEMORY_TOPICS_MAX  64
#define MEMORY_GROUPS_MAX  32
#define MEMORY_MEMBERS_MAX 64   /* of a group */
#define MEMORY_OWNED_MAX   1024 /* partitions of all topics of a group */

struct memory_log {
	struct bus_record **records; /* by offset; live until the bus is closed */
	int64_t low, high;
	size_t cap;
};

struct memory_topic {
	const char *name;
	int32_t partitions;
	struct memory_log *logs;
};

struct memory_group;
struct memory_handle { /* somebody whose fd is told when something happens */
	struct memory_handle *next;
	int fd;
};

struct memory_bus {
	struct bus base;
	struct memory_topic topics[MEMORY_TOPICS_MAX];
	size_t topic_count;
	struct memory_group *groups[MEMORY_GROUPS_MAX];
	size_t group_count;
	struct memory_handle *handles;
	int64_t (*now_ms)(void *ctx);
	void *now_ctx;
	bool hold_acks;
	size_t fail_count;
	uint64_t break_count; /* producers opened under a lower count are broken */
};

struct memory_topic *memory_topic(struct memory_bus *m, const char *name);
/* NULL when there is no such partition. */
struct memory_log *memory_log(struct memory_bus *m, const char *name, int32_t partition);
bool memory_join(struct memory_bus *m, struct memory_handle *h, struct error *ret_error);
void memory_leave(struct memory_bus *m, struct memory_handle *h);
void memory_tell_all(struct memory_bus *m);
void memory_groups_free(struct memory_bus *m);

struct bus_consumer *memory_consumer_open(struct bus *b, const struct bus_consumer_options *o,
					  struct error *ret_error);
enum result memory_take(struct bus_consumer *c, struct bus_record *ret, size_t max,
			size_t *ret_count, struct error *ret_error);
void memory_release(struct bus_consumer *c, struct bus_record *records, size_t count);
void memory_commit(struct bus_consumer *c, const char *topic, int32_t partition, int64_t next,
		   struct slice metadata);
enum result memory_commit_now(struct bus_consumer *c, const char *topic, int32_t partition,
			      int64_t next, struct slice metadata, int timeout_ms);
int64_t memory_held_since_ms(const struct bus_consumer *c);
enum result memory_committed(struct bus *b, const char *group, const char *topic,
			     int32_t partitions, int timeout_ms, int64_t *ret_next,
			     struct error *ret_error);
int memory_consumer_fd(struct bus_consumer *c);
void memory_consumer_close(struct bus_consumer *c);

#endif
