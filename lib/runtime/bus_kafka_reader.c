/* bus_kafka_reader: reading a partition from an offset, without a group.
 *
 * Readers share a handle (connections and threads) unless two of them read the same partition: librdkafka keeps one
 * position per partition and handle. Those that stay have a handle apart, whose questions may wait longer at the broker. Each reader has a queue of its own.
 * The end of a partition is an event: it moves the position over offsets that hold no record any more.
 * Fails: brokers that are away are logged and waited for; an unknown partition is RESULT_BAD. */
#include <stdlib.h>
#include <unistd.h>

#include "bus_kafka.h"
#include "clock.h"

#define READING_READERS_MAX   256 /* readers on one handle */
#define READER_BATCH_MAX      1024
#define READER_EMPTY_WAIT_MS  "20" /* an empty answer must not hold up what comes after it */
#define READER_FOLLOW_WAIT_MS "100"
#define LOOK_BYTES            "65536" /* of a partition, at a time, for who only looks */
#define READER_LEARN_MS       5000    /* for the partitions of a topic at its first use */

struct kafka_reading {
	struct kafka_voice voice; /* first: librdkafka's opaque */
	struct kafka_reading *next;
	rd_kafka_t *rk;
	bool follows; /* for readers that stay */
	struct kafka_reader *readers[READING_READERS_MAX];
	size_t reader_count;
};

struct kafka_reader {
	struct bus_reader base;
	struct kafka_bus *bus;
	struct kafka_reading *reading;
	const char *topic;
	int32_t partition;
	rd_kafka_topic_t *handle;
	rd_kafka_queue_t *queue;
	int fd;
	bool started, jumped, unknown;
	int64_t position;
	rd_kafka_message_t **held; /* what the caller looks at until the next call */
	size_t held_count, held_cap;
};

static struct kafka_reader *of(const struct bus_reader *r)
{
	return (struct kafka_reader *)((char *)(uintptr_t)r - offsetof(struct kafka_reader, base));
}

/* --- the shared handles --- */

static bool reading_has(const struct kafka_reading *g, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < g->reader_count; i++)
		if (g->readers[i]->topic == topic && g->readers[i]->partition == partition)
			return true;
	return false;
}

static struct kafka_reading *reading_for(struct kafka_bus *k, const char *topic, int32_t partition,
					 bool follows, struct error *ret_error)
{
	const struct kafka_setting settings[] = {
	    {"enable.auto.commit", "false"},
	    {"enable.auto.offset.store", "false"},
	    {"auto.offset.reset", "earliest"},
	    {"enable.partition.eof", "true"},
	    {"fetch.wait.max.ms", follows ? READER_FOLLOW_WAIT_MS : READER_EMPTY_WAIT_MS},
	    {"fetch.min.bytes", "1"},
	    {"fetch.error.backoff.ms", "50"},
	    {"queued.min.messages", "100000"}, /* reached, it would cost a second each time */
	    {"fetch.message.max.bytes", k->looks ? LOOK_BYTES : "1048576"},
	    {"queued.max.messages.kbytes", "16384"},
	    {NULL, NULL},
	};
	struct kafka_reading *g;

	for (g = k->readings; g; g = g->next)
		if (g->follows == follows && g->reader_count < READING_READERS_MAX &&
		    !reading_has(g, topic, partition))
			return g;

	g = calloc(1, sizeof(*g));
	assert(g);
	g->voice.what = "reader";
	g->follows = follows;
	g->rk = kafka_handle_open(k, RD_KAFKA_CONSUMER, settings, NULL, &g->voice, ret_error);
	if (!g->rk) {
		free(g);
		return NULL;
	}
	g->next = k->readings;
	k->readings = g;
	return g;
}

void kafka_readings_close(struct kafka_bus *k)
{
	while (k->readings) {
		struct kafka_reading *g = k->readings;

		assert(g->reader_count == 0); /* readers are closed before their bus */
		k->readings = g->next;
		rd_kafka_destroy(g->rk);
		free(g);
	}
}

/* --- life --- */

static void release_held(struct kafka_reader *r)
{
	for (size_t i = 0; i < r->held_count; i++)
		rd_kafka_message_destroy(r->held[i]);
	r->held_count = 0;
}

struct bus_reader *kafka_reader_open(struct bus *b, const char *topic, int32_t partition,
				     int64_t from, bool follows, struct error *ret_error)
{
	static const uint64_t one = 1;
	struct kafka_bus *k = (struct kafka_bus *)b;
	const char *name = bus_intern(b, topic);
	int32_t partitions = bus_partitions(b, topic, READER_LEARN_MS);
	struct kafka_reading *g;
	struct kafka_reader *r;

	if (partition < 0 || partition >= partitions) {
		(void)error_set(ret_error, partitions < 0 ? RESULT_AWAY : RESULT_BAD,
				"%s/%d: no such partition, or it can't be learned", topic,
				(int)partition);
		return NULL;
	}
	g = reading_for(k, name, partition, follows, ret_error);
	if (!g)
		return NULL;
	r = calloc(1, sizeof(*r));
	assert(r);
	*r = (struct kafka_reader){
	    .base.ops = &kafka_ops, .bus = k, .topic = name, .partition = partition};
	r->position = MAX_OF(from, 0);
	r->reading = g;
	g->readers[g->reader_count++] = r;
	r->fd = bus_event_open();
	r->handle = rd_kafka_topic_new(g->rk, name, NULL);
	r->queue = rd_kafka_queue_new(g->rk);
	if (r->fd >= 0 && r->handle) {
		rd_kafka_queue_io_event_enable(r->queue, r->fd, &one, sizeof(one));
		r->started = rd_kafka_consume_start_queue(
				 r->handle, partition, from >= 0 ? from : RD_KAFKA_OFFSET_BEGINNING,
				 r->queue) == 0;
	}
	if (!r->started) {
		(void)error_set(ret_error, RESULT_BAD, "%s/%d: can't be read: %s", topic,
				(int)partition, rd_kafka_err2str(rd_kafka_last_error()));
		bus_reader_close(&r->base);
		return NULL;
	}
	return &r->base;
}

void kafka_reader_close(struct bus_reader *base)
{
	struct kafka_reader *r = of(base);
	struct kafka_reading *g = r->reading;

	release_held(r);
	free(r->held);
	rd_kafka_queue_io_event_enable(r->queue, -1, NULL, 0);
	if (r->started)
		(void)rd_kafka_consume_stop(r->handle, r->partition);
	rd_kafka_queue_destroy(r->queue);
	if (r->handle)
		rd_kafka_topic_destroy(r->handle);
	for (size_t i = 0; i < g->reader_count; i++) {
		if (g->readers[i] == r) {
			g->readers[i] = g->readers[--g->reader_count];
			break;
		}
	}
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r);
}

/* --- taking --- */

/* True when m is a record; it is then held. */
static bool keep(struct kafka_reader *r, rd_kafka_message_t *m, struct bus_record *ret)
{
	if (!m->err) {
		kafka_record(m, r->topic, ret);
		r->held[r->held_count++] = m;
		r->position = m->offset + 1;
		return true;
	}
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		r->jumped |= m->offset > r->position;
		r->position = MAX_OF(r->position, m->offset);
	} else if (m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		   m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		   m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
		r->unknown = true;
	} else {
		kafka_error(r->reading->rk, &r->reading->voice, m->err, rd_kafka_message_errstr(m));
	}
	rd_kafka_message_destroy(m);
	return false;
}

static void held_room(struct kafka_reader *r, size_t max)
{
	if (max <= r->held_cap)
		return;
	r->held = realloc(r->held, max * sizeof(struct rd_kafka_message_t *));
	assert(r->held);
	r->held_cap = max;
}

enum result kafka_reader_take(struct bus_reader *base, struct bus_record *ret, size_t max,
			      int timeout_ms, size_t *ret_count, struct error *ret_error)
{
	struct kafka_reader *r = of(base);
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	rd_kafka_message_t *batch[READER_BATCH_MAX];
	size_t count = 0;
	int wait_ms = 0; /* what is there already comes first */

	release_held(r);
	held_room(r, max);
	r->jumped = false;
	bus_event_drain(r->fd);
	(void)rd_kafka_poll(r->reading->rk, 0); /* its log */
	while (count < max && !r->unknown) {
		/* Waiting is for the first one only: a batch would wait until it is full. */
		size_t room = wait_ms ? 1 : MIN_OF(max - count, READER_BATCH_MAX);
		ssize_t got = rd_kafka_consume_batch_queue(r->queue, wait_ms, batch, room);

		for (ssize_t i = 0; i < got; i++)
			count += keep(r, batch[i], &ret[count]);
		if (count > 0 && got < (ssize_t)room)
			break;
		if (count > 0) {
			wait_ms = 0;
			continue;
		}
		if (r->jumped || clock_monotonic_ms() >= deadline_ms)
			break;
		wait_ms = (int)MIN_OF(deadline_ms - clock_monotonic_ms(), KAFKA_SERVE_MS);
	}
	*ret_count = count;
	if (rd_kafka_queue_length(r->queue) > 0)
		bus_event_signal(r->fd);
	if (r->unknown && count == 0)
		return error_set(ret_error, RESULT_BAD, "%s/%d: no such partition", r->topic,
				 (int)r->partition);
	if (r->reading->voice.fatal)
		return kafka_fatal(&r->reading->voice, ret_error);
	return RESULT_OK;
}

int64_t kafka_reader_position(const struct bus_reader *base)
{
	return of(base)->position;
}

int kafka_reader_fd(struct bus_reader *base)
{
	return of(base)->fd;
}
