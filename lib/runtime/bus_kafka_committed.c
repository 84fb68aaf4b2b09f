/* bus_kafka_committed: what a group has committed, asked from outside the group: a handle that knows the group's name and
 * never joins it. librdkafka 2.0's own request for this (ListConsumerGroupOffsets) ends the process when the group's
 * coordinator is not there yet; this way it is an error that can be answered. */
#include "bus_kafka.h"

enum result kafka_committed(struct bus *b, const char *group, const char *topic, int32_t partitions,
			    int timeout_ms, int64_t *ret_next, struct error *ret_error)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	const struct kafka_setting settings[] = {
	    {"group.id", group}, {"enable.auto.commit", "false"}, {NULL, NULL}};
	struct kafka_voice voice = {.what = "commits"};
	rd_kafka_t *rk = kafka_handle_open(k, RD_KAFKA_CONSUMER, settings, NULL, &voice, ret_error);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t err;

	if (!rk)
		return RESULT_BAD;
	list = rd_kafka_topic_partition_list_new(partitions);
	for (int32_t p = 0; p < partitions; p++) {
		ret_next[p] = -1;
		(void)rd_kafka_topic_partition_list_add(list, topic, p);
	}
	err = rd_kafka_committed(rk, list, timeout_ms);
	for (int i = 0; i < list->cnt && !err; i++) {
		const rd_kafka_topic_partition_t *t = &list->elems[i];

		err = t->err;
		if (t->partition >= 0 && t->partition < partitions && t->offset >= 0)
			ret_next[t->partition] = t->offset;
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	if (err)
		return error_set(ret_error, RESULT_AWAY,
				 "kafka: the commits of %s can't be learned: %s", group,
				 rd_kafka_err2str(err));
	return RESULT_OK;
}
