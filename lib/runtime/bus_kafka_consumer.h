/* bus_kafka_consumer: a member of a group, as its files share it. */
#ifndef PUNNET_BUS_KAFKA_CONSUMER_H
#define PUNNET_BUS_KAFKA_CONSUMER_H

#include "bus_kafka.h"

struct owned {
	const char *topic; /* interned */
	int32_t partition;
	int64_t start; /* offset asked for; -1 = the earliest; -2 = its first record was seen */
};

struct kafka_consumer {
	struct kafka_voice voice; /* first: librdkafka's opaque */
	struct bus_consumer base;
	struct bus_consumer_options options;
	struct kafka_bus *bus;
	rd_kafka_t *rk;
	rd_kafka_queue_t *group, *data;
	int fd;
	struct owned *owned;
	size_t owned_count, last_owned; /* last_owned: where the last record was found */
	const rd_kafka_topic_t
	    *last_topic; /* librdkafka's handle of the last record, and its interned name */
	const char *last_name;
	rd_kafka_topic_partition_list_t *commits; /* not sent yet; NULL: none */
	int64_t held_since_ms; /* the last commit that the group took was asked for then; 0: none */
};

static inline struct kafka_consumer *kafka_consumer_of(struct bus_consumer *c)
{
	return (struct kafka_consumer *)((char *)c - offsetof(struct kafka_consumer, base));
}

/* NULL: the partition is somebody else's. topic is interned. */
struct owned *kafka_owned_find(struct kafka_consumer *c, const char *topic, int32_t partition);

/* Sends what was committed since the last time, as one request; without waiting for its answer. */
void kafka_commits_send(struct kafka_consumer *c);
/* Forgets it. */
void kafka_commits_drop(struct kafka_consumer *c);

#endif
