/* bus_kafka_commit: what a member of a group has finished.
 *
 * A commit is kept until the next bus_take(), and then goes out with all others as one request: an owner commits partition
 * by partition, and a request costs the broker a record in its own log, whatever it holds. */
#include "bus_kafka_consumer.h"
#include "clock.h"

#define COMMITS_EXPECTED 16 /* the list grows */

/* Into the list, in the place of an older commit of the same partition. */
static void put(rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition,
		int64_t next, struct slice metadata)
{
	rd_kafka_topic_partition_t *tp = rd_kafka_topic_partition_list_find(list, topic, partition);

	if (!tp)
		tp = rd_kafka_topic_partition_list_add(list, topic, partition);
	if (tp->metadata)
		rd_kafka_mem_free(NULL, tp->metadata);
	tp->metadata = NULL;
	tp->metadata_size = 0;
	tp->offset = next;
	if (metadata.len == 0)
		return;
	tp->metadata = rd_kafka_mem_malloc(NULL, metadata.len + 1); /* the list owns it */
	assert(tp->metadata);
	memcpy(tp->metadata, metadata.data, metadata.len);
	((char *)tp->metadata)[metadata.len] = 0;
	tp->metadata_size = metadata.len;
}

void kafka_commit(struct bus_consumer *base, const char *topic, int32_t partition, int64_t next,
		  struct slice metadata)
{
	struct kafka_consumer *c = kafka_consumer_of(base);

	if (!kafka_owned_find(c, bus_intern(&c->bus->base, topic), partition))
		return;
	if (!c->commits) {
		c->commits = rd_kafka_topic_partition_list_new(COMMITS_EXPECTED);
		bus_event_signal(c->fd); /* so that somebody takes, and sends it */
	}
	put(c->commits, topic, partition, next, metadata);
}

void kafka_commits_drop(struct kafka_consumer *c)
{
	if (c->commits)
		rd_kafka_topic_partition_list_destroy(c->commits);
	c->commits = NULL;
}

static bool was_taken(rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *list)
{
	return !err && list && list->cnt > 0 && !list->elems[0].err;
}

static void note_held(struct kafka_consumer *c, int64_t asked_ms)
{
	c->held_since_ms = MAX_OF(c->held_since_ms, asked_ms);
}

/* The opaque is no memory: nobody would free it when the handle goes first. */
static void on_commit_sent(rd_kafka_t *rk, rd_kafka_resp_err_t err,
			   rd_kafka_topic_partition_list_t *list, void *asked_ms)
{
	struct kafka_consumer *c = rd_kafka_opaque(rk);

	if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
		kafka_error(rk, &c->voice, err, "commit");
	if (was_taken(err, list))
		note_held(c, (intptr_t)asked_ms);
}

void kafka_commits_send(struct kafka_consumer *c)
{
	rd_kafka_resp_err_t err;

	if (!c->commits)
		return;
	err = rd_kafka_commit_queue(c->rk, c->commits, c->group, on_commit_sent,
				    (void *)(intptr_t)clock_monotonic_ms());
	kafka_commits_drop(c);
	if (err)
		kafka_error(c->rk, &c->voice, err, "commit");
}

/* Older than what is committed now: it must not arrive after it. */
static void forget(struct kafka_consumer *c, const char *topic, int32_t partition)
{
	if (c->commits)
		(void)rd_kafka_topic_partition_list_del(c->commits, topic, partition);
	if (c->commits && c->commits->cnt == 0)
		kafka_commits_drop(c);
}

struct commit_answer {
	bool done, taken;
};

static void on_commit_now(_unused_ rd_kafka_t *rk, rd_kafka_resp_err_t err,
			  rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct commit_answer *answer = opaque;

	answer->done = true;
	answer->taken = was_taken(err, list);
}

enum result kafka_commit_now(struct bus_consumer *base, const char *topic, int32_t partition,
			     int64_t next, struct slice metadata, int timeout_ms)
{
	struct kafka_consumer *c = kafka_consumer_of(base);
	int64_t asked_ms = clock_monotonic_ms(), deadline_ms = asked_ms + timeout_ms;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_queue_t *queue;
	struct commit_answer answer = {.done = false};

	if (!kafka_owned_find(c, bus_intern(&c->bus->base, topic), partition))
		return RESULT_OK; /* dropped, as bus_commit() does */

	forget(c, topic, partition);
	list = rd_kafka_topic_partition_list_new(1);
	put(list, topic, partition, next, metadata);
	queue = rd_kafka_queue_new(c->rk);
	answer.done = rd_kafka_commit_queue(c->rk, list, queue, on_commit_now, &answer) !=
		      RD_KAFKA_RESP_ERR_NO_ERROR;
	while (!answer.done) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();

		if (left_ms <= 0)
			break;
		(void)rd_kafka_queue_poll_callback(queue, (int)MIN_OF(left_ms, KAFKA_SERVE_MS));
	}
	rd_kafka_queue_destroy(queue); /* an answer that comes later finds nobody */
	rd_kafka_topic_partition_list_destroy(list);
	if (!answer.taken)
		return RESULT_AWAY;
	note_held(c, asked_ms);
	return RESULT_OK;
}

int64_t kafka_held_since_ms(const struct bus_consumer *base)
{
	return kafka_consumer_of((struct bus_consumer *)base)->held_since_ms;
}
