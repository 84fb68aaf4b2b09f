/* bus_kafka_leaders: who leads what, asked anew, and what else brokers say of a topic. librdkafka 2.0 sends a question about offsets
 * to whom it remembers as the leader; a leader whose host is gone takes all the time that there is. */
#include "bus_kafka.h"

void kafka_leaders_learn(struct kafka_bus *k, int timeout_ms)
{
	const rd_kafka_metadata_t *md;

	/* Without an answer the old ones are asked: they may live. */
	if (!rd_kafka_metadata(k->admin, 1, NULL, &md, timeout_ms))
		rd_kafka_metadata_destroy(md);
}

const rd_kafka_metadata_t *kafka_topic_metadata(struct kafka_bus *k, const char *topic,
						int timeout_ms)
{
	rd_kafka_topic_t *t = rd_kafka_topic_new(k->admin, topic, NULL);
	const rd_kafka_metadata_t *md = NULL;

	if (!t)
		return NULL;
	if (rd_kafka_metadata(k->admin, 0, t, &md, timeout_ms))
		md = NULL;
	rd_kafka_topic_destroy(t);
	return md;
}

static bool led_by_one(const rd_kafka_metadata_t *md)
{
	const rd_kafka_metadata_topic_t *t = md->topics;

	for (int p = 0; md->topic_cnt == 1 && p < t->partition_cnt; p++)
		if (t->partitions[p].replica_cnt != 1)
			return false;
	return md->topic_cnt == 1 && t->partition_cnt > 0;
}

bool kafka_ends_are_sure(struct bus *b, const char *topic, int timeout_ms)
{
	const rd_kafka_metadata_t *md =
	    kafka_topic_metadata((struct kafka_bus *)b, topic, timeout_ms);
	bool sure = md && led_by_one(md);

	if (md)
		rd_kafka_metadata_destroy(md);
	return sure;
}
