/* bus_kafka_consumer: a member of a group.
 *
 * Two queues. `group` (librdkafka's consumer queue) carries rebalances, commits' answers, errors and logs; `data` carries
 * records, because each partition's queue is forwarded to it before the partition is assigned. So the group is served
 * while nothing is taken, and no rebalance can come in between the records of one bus_take().
 *
 * After a revocation librdkafka drops the old records by their version; the list of owned partitions is asked as well.
 * Assignors are eager: cooperative ones loop in librdkafka 2.0.2.
 * Fails: fenced by another instance of the same static id, out of the poll interval, or an assignment that can't be
 * made: RESULT_FATAL. Brokers that are away are only logged. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus_kafka_consumer.h"
#include "clock.h"
#include "log.h"

/* Who waits to join a group waits for max.poll.interval, whatever its coordinator does meanwhile. To ask who it is shows that it is
 * another one by now; a new one ends the connection to the old one, and what waited there begins anew. */
#define CONSUMER_COORDINATOR_MS "3000"
#define HEARTBEATS_A_SESSION    12 /* a member hears of a rebalance with its next one */
#define CONSUMER_CLOSE_MS       3000
#define CONSUMER_COMMITTED_MS   10000 /* in all, to learn the committed offsets at an assignment */
#define CONSUMER_COMMITTED_TRY  2000  /* a single try */
#define CONSUMER_BATCH_MAX      1024  /* messages moved from the queue at once */
#define CONSUMER_EMPTY_WAIT_MS  50
#define CONSUMER_GATHER_BYTES   "65536"
#define CONSUMER_QUEUE_KBYTES   "65536"
#define CONSUMER_QUEUE_RECORDS  "1000000"

/* --- assignments --- */

struct owned *kafka_owned_find(struct kafka_consumer *c, const char *topic, int32_t partition)
{
	if (c->last_owned < c->owned_count) {
		struct owned *o = &c->owned[c->last_owned];
		if (o->topic == topic && o->partition == partition)
			return o;
	}
	for (size_t i = 0; i < c->owned_count; i++) {
		if (c->owned[i].topic == topic && c->owned[i].partition == partition) {
			c->last_owned = i;
			return &c->owned[i];
		}
	}
	return NULL;
}

/* Committed offsets and metadata into the list; tries again while the brokers are away or the group is moving. */
static bool committed(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
	int64_t deadline_ms = clock_monotonic_ms() + CONSUMER_COMMITTED_MS;
	rd_kafka_resp_err_t err;

	do {
		err = rd_kafka_committed(c->rk, list, CONSUMER_COMMITTED_TRY);
		for (int i = 0; i < list->cnt && !err; i++)
			err = list->elems[i].err;
		if (!err)
			return true;
		kafka_error(c->rk, &c->voice, err, "committed offsets");
	} while (!c->voice.fatal && clock_monotonic_ms() < deadline_ms);

	kafka_set_fatal(&c->voice, "the committed offsets of an assignment could not be learned");
	return false;
}

static int64_t ask_start(struct kafka_consumer *c, const char *topic,
			 const rd_kafka_topic_partition_t *tp)
{
	struct bus_assignment a = {
	    .topic = topic,
	    .partition = tp->partition,
	    .committed = tp->offset >= 0 ? tp->offset : -1,
	    .metadata = slice_of(tp->metadata, tp->metadata ? tp->metadata_size : 0),
	};
	enum result result = RESULT_OK;
	int64_t start = c->options.on_assign(c->options.ctx, &a, &result);

	if (result == RESULT_FATAL)
		kafka_set_fatal(&c->voice, "the owner refused a partition");
	return start;
}

static void forward_to_data(struct kafka_consumer *c, const char *topic, int32_t partition)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(c->rk, topic, partition);

	assert(queue);
	rd_kafka_queue_forward(queue, c->data);
	rd_kafka_queue_destroy(queue);
}

static void partitions_arrive(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *known = rd_kafka_topic_partition_list_copy(list);

	free(c->owned);
	c->owned = calloc((size_t)list->cnt + 1, sizeof(*c->owned));
	assert(c->owned);
	c->owned_count = 0;

	if (list->cnt > 0 && !committed(c, known))
		goto out;
	for (int i = 0; i < list->cnt && !c->voice.fatal; i++) {
		const char *topic = bus_intern(&c->bus->base, known->elems[i].topic);
		int32_t partition = known->elems[i].partition;
		int64_t start = ask_start(c, topic, &known->elems[i]);
		rd_kafka_topic_partition_t *tp =
		    rd_kafka_topic_partition_list_find(list, topic, partition);

		tp->offset = start >= 0 ? start : RD_KAFKA_OFFSET_BEGINNING;
		c->owned[c->owned_count++] =
		    (struct owned){topic, partition, start >= 0 ? start : -1};
		forward_to_data(c, topic, partition);
	}
out:
	rd_kafka_topic_partition_list_destroy(known);
	/* A member that can't go on takes nothing; it must answer the group all the same. */
	(void)rd_kafka_assign(c->rk, c->voice.fatal ? NULL : list);
}

static void partitions_leave(struct kafka_consumer *c, bool lost)
{
	if (lost)
		kafka_commits_drop(c);
	kafka_commits_send(c);
	for (size_t i = 0; i < c->owned_count; i++)
		c->options.on_revoke(c->options.ctx, c->owned[i].topic, c->owned[i].partition,
				     lost);
	kafka_commits_drop(c); /* of an owner that did not commit now, as it may inside this call */
	c->owned_count = 0;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
			 rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_consumer *c = opaque;

	if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		partitions_arrive(c, list);
		return;
	}
	if (err != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
		kafka_error(rk, &c->voice, err, "rebalance");
	partitions_leave(c, rd_kafka_assignment_lost(rk));
	(void)rd_kafka_assign(rk, NULL);
}

static void configure(rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
}

/* --- life --- */

static bool subscribe(struct kafka_consumer *c, struct error *ret_error)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)c->options.topic_count);
	rd_kafka_resp_err_t err;

	for (size_t i = 0; i < c->options.topic_count; i++)
		rd_kafka_topic_partition_list_add(list, c->options.topics[i],
						  RD_KAFKA_PARTITION_UA);
	err = rd_kafka_subscribe(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err)
		(void)error_set(ret_error, RESULT_BAD, "kafka: group %s: %s", c->options.group,
				rd_kafka_err2str(err));
	return !err;
}

static bool consumer_start(struct kafka_consumer *c, struct error *ret_error)
{
	static const uint64_t one = 1;
	int session_ms =
	    c->options.session_timeout_ms ? c->options.session_timeout_ms : BUS_SESSION_MS;
	char session[16], heartbeat[16], wait[16];
	const struct kafka_setting settings[] = {
	    {"group.id", c->options.group},
	    {"group.instance.id", c->options.instance_id},
	    {"enable.auto.commit", "false"},
	    {"enable.auto.offset.store", "false"},
	    {"auto.offset.reset", "earliest"},
	    {"partition.assignment.strategy", "roundrobin"},
	    {"session.timeout.ms", session},
	    {"heartbeat.interval.ms", heartbeat},
	    {"max.poll.interval.ms", "300000"},
	    {"coordinator.query.interval.ms", CONSUMER_COORDINATOR_MS},
	    {"fetch.wait.max.ms", wait},
	    {"fetch.min.bytes", c->options.gather_ms > 0 ? CONSUMER_GATHER_BYTES : "1"},
	    {"fetch.error.backoff.ms", "50"},
	    {"queued.min.messages", CONSUMER_QUEUE_RECORDS},
	    {"queued.max.messages.kbytes", CONSUMER_QUEUE_KBYTES},
	    {NULL, NULL},
	};

	/* Without gathering, only how long the broker holds an empty answer. */
	(void)snprintf(wait, sizeof(wait), "%d",
		       c->options.gather_ms > 0 ? c->options.gather_ms : CONSUMER_EMPTY_WAIT_MS);
	(void)snprintf(session, sizeof(session), "%d", session_ms);
	(void)snprintf(heartbeat, sizeof(heartbeat), "%d",
		       MAX_OF(session_ms / HEARTBEATS_A_SESSION, 100));
	c->rk =
	    kafka_handle_open(c->bus, RD_KAFKA_CONSUMER, settings, configure, &c->voice, ret_error);
	if (!c->rk)
		return false;

	(void)rd_kafka_poll_set_consumer(c->rk);
	c->group = rd_kafka_queue_get_consumer(c->rk);
	c->data = rd_kafka_queue_new(c->rk);
	rd_kafka_queue_io_event_enable(c->group, c->fd, &one, sizeof(one));
	rd_kafka_queue_io_event_enable(c->data, c->fd, &one, sizeof(one));
	return subscribe(c, ret_error);
}

struct bus_consumer *kafka_consumer_open(struct bus *b, const struct bus_consumer_options *o,
					 struct error *ret_error)
{
	struct kafka_consumer *c = calloc(1, sizeof(*c));

	assert(c);
	c->voice.what = "consumer";
	c->base.ops = &kafka_ops;
	c->options = *o;
	c->bus = (struct kafka_bus *)b;
	c->fd = bus_event_open();
	if (c->fd < 0 || !consumer_start(c, ret_error)) {
		if (c->fd < 0)
			(void)error_set(ret_error, RESULT_AWAY, "bus: out of file descriptors");
		bus_consumer_close(&c->base);
		return NULL;
	}
	c->options.topics = NULL; /* the caller's; not needed any more */
	bus_event_signal(c->fd);
	return &c->base;
}

/* Serves revocations until the member has left, or the time is over. */
static void leave(struct kafka_consumer *c)
{
	int64_t deadline_ms = clock_monotonic_ms() + CONSUMER_CLOSE_MS;
	rd_kafka_queue_t *closing = rd_kafka_queue_new(c->rk);
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->rk, closing);

	while (!error && !rd_kafka_consumer_closed(c->rk) && clock_monotonic_ms() < deadline_ms) {
		rd_kafka_message_t *m;

		if (rd_kafka_consume_batch_queue(closing, KAFKA_SERVE_MS, &m, 1) == 1)
			rd_kafka_message_destroy(m);
	}
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_queue_destroy(closing);
	partitions_leave(c, true); /* of a member that was fenced, or could not leave in time */
}

void kafka_consumer_close(struct bus_consumer *base)
{
	struct kafka_consumer *c = kafka_consumer_of(base);

	if (c->rk) {
		kafka_commits_send(c);
		rd_kafka_queue_io_event_enable(c->group, -1, NULL, 0);
		rd_kafka_queue_io_event_enable(c->data, -1, NULL, 0);
		rd_kafka_queue_destroy(c->group);
		leave(c);
		rd_kafka_queue_destroy(c->data);
		rd_kafka_destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	}
	if (c->fd >= 0)
		(void)close(c->fd);
	free(c->owned);
	free(c);
}

/* --- taking --- */

/* A message without a record: an error or an event. */
static void serve_error(struct kafka_consumer *c, const rd_kafka_message_t *m)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		return;
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
		kafka_set_fatal(&c->voice, rd_kafka_message_errstr(m));
		return;
	default:
		kafka_error(c->rk, &c->voice, m->err, rd_kafka_message_errstr(m));
	}
}

static void serve_group(struct kafka_consumer *c)
{
	rd_kafka_message_t *m;

	while (!c->voice.fatal && rd_kafka_consume_batch_queue(c->group, 0, &m, 1) == 1) {
		if (m->err)
			serve_error(c, m);
		rd_kafka_message_destroy(m);
	}
}

/* False when the message is no record of a partition that is owned. */
static bool record_of(struct kafka_consumer *c, rd_kafka_message_t *m, struct bus_record *ret)
{
	struct owned *o;

	if (m->err) {
		serve_error(c, m);
		return false;
	}
	if (m->rkt != c->last_topic) {
		c->last_name = bus_intern(&c->bus->base, rd_kafka_topic_name(m->rkt));
		c->last_topic = m->rkt;
	}
	o = kafka_owned_find(c, c->last_name, m->partition);
	if (!o)
		return false;
	if (o->start != -2) {
		if (o->start >= 0 && m->offset != o->start)
			log_warn("offset_not_there", LOG_STR("topic", o->topic),
				 LOG_INT("partition", o->partition), LOG_INT("asked", o->start),
				 LOG_INT("first", m->offset));
		o->start = -2;
	}
	kafka_record(m, c->last_name, ret);
	return true;
}

enum result kafka_take(struct bus_consumer *base, struct bus_record *ret, size_t max,
		       size_t *ret_count, struct error *ret_error)
{
	struct kafka_consumer *c = kafka_consumer_of(base);
	rd_kafka_message_t *batch[CONSUMER_BATCH_MAX];
	size_t count = 0;

	bus_event_drain(c->fd);
	kafka_commits_send(c);
	serve_group(c);
	while (count < max && !c->voice.fatal) {
		size_t room = MIN_OF(max - count, CONSUMER_BATCH_MAX);
		ssize_t got = rd_kafka_consume_batch_queue(c->data, 0, batch, room);

		for (ssize_t i = 0; i < got; i++) {
			if (record_of(c, batch[i], &ret[count]))
				count++;
			else
				rd_kafka_message_destroy(batch[i]);
		}
		if (got < (ssize_t)room)
			break;
	}
	*ret_count = count;
	/* The queues only tell that they stopped being empty: whoever leaves something behind tells it again. */
	if (rd_kafka_queue_length(c->group) > 0 || (max > 0 && rd_kafka_queue_length(c->data) > 0))
		bus_event_signal(c->fd);
	/* What was taken belongs to the caller; the failure is told at the next call, when there is nothing else. */
	if (c->voice.fatal && count == 0)
		return kafka_fatal(&c->voice, ret_error);
	if (c->voice.fatal)
		bus_event_signal(c->fd);
	return RESULT_OK;
}

void kafka_release(_unused_ struct bus_consumer *base, struct bus_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rd_kafka_message_destroy(records[i].owner);
		records[i] = (struct bus_record){.topic = NULL};
	}
}

int kafka_consumer_fd(struct bus_consumer *base)
{
	return kafka_consumer_of(base)->fd;
}
