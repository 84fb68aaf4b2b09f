/* bus_kafka_leaders: who leads what, asked anew. librdkafka 2.0 sends a question about offsets to whom it remembers as the leader;
 * a leader whose host is gone takes all the time that there is. */
#include "bus_kafka.h"

void kafka_leaders_learn(struct kafka_bus *k, int timeout_ms)
{
	const rd_kafka_metadata_t *md;

	/* Without an answer the old ones are asked: they may live. */
	if (!rd_kafka_metadata(k->admin, 1, NULL, &md, timeout_ms))
		rd_kafka_metadata_destroy(md);
}
