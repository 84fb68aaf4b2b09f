/* bus_kafka_offsets: where partitions begin and end, and what stands there at a time. */
#include "bus_kafka.h"
#include "clock.h"

bool kafka_ask_again(struct kafka_bus *k, int64_t deadline_ms)
{
	rd_kafka_poll(k->admin, KAFKA_SERVE_MS);
	return clock_monotonic_ms() < deadline_ms;
}

/* `time_ms` may be RD_KAFKA_OFFSET_BEGINNING or _END. RD_KAFKA_OFFSET_INVALID when it could not be learned in time. Nothing else is
 * asked for offsets: before 2.3.0 rd_kafka_query_watermark_offsets() waits for a dead leader until it is back, whatever its time-out. */
static int64_t ask(struct kafka_bus *k, const char *topic, int32_t partition, int64_t time_ms,
		   int timeout_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t offset = RD_KAFKA_OFFSET_INVALID;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time_ms;
	if (!rd_kafka_offsets_for_times(k->admin, list, timeout_ms) && !list->elems[0].err)
		offset = MAX_OF(list->elems[0].offset, -1);
	rd_kafka_topic_partition_list_destroy(list);
	return offset;
}

enum result kafka_offsets(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			  int64_t *ret_low, int64_t *ret_high)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	int64_t low, high;

	do {
		int left_ms = (int)MAX_OF(deadline_ms - clock_monotonic_ms(), 1);

		kafka_leaders_learn(k, left_ms);
		low = ask(k, topic, partition, RD_KAFKA_OFFSET_BEGINNING, left_ms);
		if (low < 0)
			continue;
		left_ms = (int)MAX_OF(deadline_ms - clock_monotonic_ms(), 1);
		high = ask(k, topic, partition, RD_KAFKA_OFFSET_END, left_ms);
		if (high >= 0) {
			*ret_low = low;
			*ret_high = high;
			return RESULT_OK;
		}
	} while (kafka_ask_again(k, deadline_ms));
	return RESULT_AWAY;
}

enum result kafka_offset_at(struct bus *b, const char *topic, int32_t partition, int64_t time_ms,
			    int timeout_ms, int64_t *ret_offset)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	int64_t low;

	do {
		int left_ms = (int)MAX_OF(deadline_ms - clock_monotonic_ms(), 1);
		int64_t offset = ask(k, topic, partition, MAX_OF(time_ms, 0), left_ms);

		if (offset == -1) /* no record is that late */
			return kafka_offsets(b, topic, partition, left_ms, &low, ret_offset);
		if (offset >= 0) {
			*ret_offset = offset;
			return RESULT_OK;
		}
	} while (kafka_ask_again(k, deadline_ms));
	return RESULT_AWAY;
}

/* Of all partitions at once; time_ms RD_KAFKA_OFFSET_END asks for the ends. false: one of them could not be learned. */
static bool ask_all(struct kafka_bus *k, const char *topic, int32_t count, int64_t time_ms,
		    int timeout_ms, int64_t *ret)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
	bool ok;

	for (int32_t p = 0; p < count; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = time_ms;
	ok = !rd_kafka_offsets_for_times(k->admin, list, timeout_ms);
	for (int32_t p = 0; p < count && ok; p++) {
		ok = !list->elems[p].err;
		ret[p] = list->elems[p].offset;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return ok;
}

enum result kafka_offsets_since(struct bus *b, const char *topic, int32_t count, int64_t time_ms,
				int timeout_ms, int64_t *ret_from, int64_t *ret_end)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	do {
		int left_ms = (int)MAX_OF(deadline_ms - clock_monotonic_ms(), 1);

		if (!ask_all(k, topic, count, MAX_OF(time_ms, 0), left_ms, ret_from) ||
		    !ask_all(k, topic, count, RD_KAFKA_OFFSET_END, left_ms, ret_end))
			continue;
		for (int32_t p = 0; p < count; p++) /* no record is that late */
			if (ret_from[p] < 0)
				ret_from[p] = ret_end[p];
		return RESULT_OK;
	} while (kafka_ask_again(k, deadline_ms));
	return RESULT_AWAY;
}
