/* bus_kafka_committed: what a group has committed, asked from outside the group. */
#include "bus_kafka.h"

static enum result read_answer(rd_kafka_event_t *event, const char *group, int32_t partitions,
			       int64_t *ret_next, struct error *ret_error)
{
	const rd_kafka_ListConsumerGroupOffsets_result_t *answer =
	    rd_kafka_event_ListConsumerGroupOffsets_result(event);
	const rd_kafka_topic_partition_list_t *list;
	const rd_kafka_group_result_t **groups;
	const rd_kafka_error_t *wrong;
	size_t count = 0;

	if (rd_kafka_event_error(event) || !answer)
		return error_set(ret_error, RESULT_AWAY,
				 "kafka: the commits of %s can't be learned: %s", group,
				 rd_kafka_event_error_string(event));
	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(answer, &count);
	wrong = count ? rd_kafka_group_result_error(groups[0]) : NULL;
	if (count == 0 || wrong)
		return error_set(ret_error, RESULT_AWAY,
				 "kafka: the commits of %s can't be learned: %s", group,
				 wrong ? rd_kafka_error_string(wrong) : "no answer");
	list = rd_kafka_group_result_partitions(groups[0]);
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *t = &list->elems[i];

		if (t->partition >= 0 && t->partition < partitions && t->offset >= 0)
			ret_next[t->partition] = t->offset;
	}
	return RESULT_OK;
}

enum result kafka_committed(struct bus *b, const char *group, const char *topic, int32_t partitions,
			    int timeout_ms, int64_t *ret_next, struct error *ret_error)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(k->admin);
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(k->admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	rd_kafka_ListConsumerGroupOffsets_t *ask;
	rd_kafka_event_t *event;
	char text[KAFKA_TEXT_LEN];
	enum result result;

	for (int32_t p = 0; p < partitions; p++) {
		ret_next[p] = -1;
		(void)rd_kafka_topic_partition_list_add(list, topic, p);
	}
	ask = rd_kafka_ListConsumerGroupOffsets_new(group, list);
	(void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text));
	rd_kafka_ListConsumerGroupOffsets(k->admin, &ask, 1, options, queue);
	event = rd_kafka_queue_poll(queue, timeout_ms);
	if (event) {
		result = read_answer(event, group, partitions, ret_next, ret_error);
		rd_kafka_event_destroy(event);
	} else {
		result = error_set(ret_error, RESULT_AWAY, "kafka: %s did not answer within %d ms",
				   k->brokers, timeout_ms);
	}
	rd_kafka_ListConsumerGroupOffsets_destroy(ask);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	rd_kafka_topic_partition_list_destroy(list);
	return result;
}
