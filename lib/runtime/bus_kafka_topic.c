/* bus_kafka_topic: what a topic is made like. See bus_kafka.h. */
#include <inttypes.h>
#include <stdio.h>

#include "bus_kafka.h"

#define SEGMENT_MS "86400000" /* a day */

rd_kafka_NewTopic_t *kafka_new_topic(const struct bus_topic_spec *s, struct error *ret_error)
{
	char text[KAFKA_TEXT_LEN], retention[32];
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(
	    s->name, s->partitions, s->replication > 0 ? s->replication : -1, text, sizeof(text));

	if (!t) {
		(void)error_set(ret_error, RESULT_BAD, "topic %s: %s", s->name, text);
		return NULL;
	}
	(void)snprintf(retention, sizeof(retention), "%" PRId64, s->retention_ms);
	rd_kafka_NewTopic_set_config(t, "retention.ms", retention);
	rd_kafka_NewTopic_set_config(t, "cleanup.policy", s->compact ? "compact" : "delete");
	/* A segment that is still written to is never deleted: it must end for what is in it to go in time. */
	if (s->retention_ms >= 0 || s->compact)
		rd_kafka_NewTopic_set_config(t, "segment.ms", SEGMENT_MS);
	rd_kafka_NewTopic_set_config(t, "message.timestamp.type",
				     s->append_time ? "LogAppendTime" : "CreateTime");
	return t;
}
