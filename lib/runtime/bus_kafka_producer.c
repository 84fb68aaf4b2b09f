/* bus_kafka_producer: one idempotent, gapless rd_kafka_t per producer.
 *
 * What an ordered producer (one that never gives up) has sent is stored in the order of the calls, and nothing is left out. Two
 * things besides librdkafka see to it: a gate a partition (bus_kafka_gate.h), and that what is acknowledged without a place in the
 * log counts as not stored. For an unordered producer the second one is enough.
 *
 * Each record in flight holds a slot, and the slots in flight are linked in the order of the calls, so that the age of
 * the oldest is at hand although acknowledgements come in any order across partitions. msg_opaque is the slot.
 * Fails: an error that is not a time-out means that the series has a hole or will have one: RESULT_FATAL. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus_kafka.h"
#include "bus_kafka_gate.h"
#include "clock.h"
#include "fault.h"
#include "log.h"

#define PRODUCER_TOPICS_MAX    32 /* topics that one producer writes to */
#define PRODUCER_BUFFER_KBYTES "1048576"
#define PRODUCER_MESSAGES_MAX  10000000
#define PRODUCER_RECORD_MAX                                                                        \
	"1040000" /* BUS_RECORD_MAX_BYTES and its framing; below the broker's 1048588 */
#define PRODUCER_COMPRESSION "none" /* lz4 costs the sender 1.1 us a record more */
#define PRODUCER_CLOSE_MS    1000
#define PRODUCER_SOCKET_MS                                                                         \
	"10000" /* longer than a follower that is lost holds up an acknowledgement */
#define SLOT_NONE      UINT32_MAX
#define PARTITIONS_MAX 10000

struct slot {
	uint64_t token;
	int64_t at_ms;
	uint32_t before, after;  /* in flight: neighbours; free: `after` is the next free one */
	struct kafka_gate *gate; /* NULL: unordered */
};

/* A topic that the producer writes to. */
struct target {
	const char *name; /* as the caller gave it: compared by pointer first */
	rd_kafka_topic_t *topic;
	struct kafka_gate **gates; /* by partition; NULL where nothing was sent to */
	int32_t gate_count;
};

struct kafka_producer {
	struct kafka_voice voice; /* first: librdkafka's opaque; see kafka_voice */
	struct bus_producer base;
	struct bus_producer_options options;
	struct kafka_bus *bus;
	rd_kafka_t *rk;
	int fd;
	bool ordered, closing;
	struct slot *slots;
	uint32_t oldest, newest, free;
	size_t in_flight;
	struct target targets[PRODUCER_TOPICS_MAX];
	size_t target_count;
};

static struct kafka_producer *of(const struct bus_producer *p)
{
	return (struct kafka_producer *)((char *)(uintptr_t)p -
					 offsetof(struct kafka_producer, base));
}

/* --- slots --- */

static uint32_t slot_take(struct kafka_producer *p, uint64_t token)
{
	uint32_t i = p->free;
	struct slot *s = &p->slots[i];

	p->free = s->after;
	*s = (struct slot){token, clock_monotonic_coarse_ms(), p->newest, SLOT_NONE, NULL};
	if (p->newest != SLOT_NONE)
		p->slots[p->newest].after = i;
	else
		p->oldest = i;
	p->newest = i;
	p->in_flight++;
	return i;
}

static void slot_give(struct kafka_producer *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	if (s->before != SLOT_NONE)
		p->slots[s->before].after = s->after;
	else
		p->oldest = s->after;
	if (s->after != SLOT_NONE)
		p->slots[s->after].before = s->before;
	else
		p->newest = s->before;
	s->after = p->free;
	p->free = i;
	p->in_flight--;
}

static void slots_make(struct kafka_producer *p, size_t count)
{
	assert(count < SLOT_NONE);
	p->slots = calloc(count, sizeof(*p->slots));
	assert(p->slots);
	for (size_t i = 0; i < count; i++)
		p->slots[i].after = i + 1 < count ? (uint32_t)i + 1 : SLOT_NONE;
	p->free = 0;
	p->oldest = p->newest = SLOT_NONE;
}

/* --- sending --- */

static rd_kafka_resp_err_t send_now(struct kafka_producer *p, rd_kafka_topic_t *topic,
				    int32_t partition, struct slice key, const char *type,
				    struct slice value, uint32_t slot)
{
	return rd_kafka_producev(
	    p->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data, key.len),
	    RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.len),
	    RD_KAFKA_V_HEADER("message", type ? type : "", (ssize_t)(type ? strlen(type) : 0)),
	    RD_KAFKA_V_OPAQUE((void *)((uintptr_t)slot + 1)), RD_KAFKA_V_END);
}

/* They were taken; that librdkafka has no room for them now can't be told to anybody. */
static void send_held(struct kafka_producer *p, rd_kafka_topic_t *topic, int32_t partition,
		      struct kafka_gate *g)
{
	int64_t now_ms = clock_monotonic_coarse_ms();
	struct gate_held *h;

	while (!p->voice.fatal && (h = gate_next(g, now_ms))) {
		rd_kafka_resp_err_t err =
		    send_now(p, topic, partition, gate_key(h), h->type, gate_value(h), h->slot);

		if (err)
			kafka_set_fatal(&p->voice, rd_kafka_err2str(err));
		free(h);
	}
}

/* --- acknowledgements --- */

static bool without_a_place(const rd_kafka_message_t *m)
{
	return !m->err && m->offset < 0 && !fault_on("any_place");
}

/* What an ordered producer could not store stays unacknowledged: the end is all that is left. */
static void not_stored(struct kafka_producer *p, const rd_kafka_message_t *m)
{
	char text[KAFKA_TEXT_LEN];

	(void)snprintf(text, sizeof(text), "%s/%d: not stored: %s", rd_kafka_topic_name(m->rkt),
		       (int)m->partition,
		       m->err ? rd_kafka_err2str(m->err) : "acknowledged without a place");
	if (p->ordered || m->err)
		kafka_set_fatal(&p->voice, text);
	else
		log_error("kafka_lost", LOG_STR("why", text));
}

static void stored(struct kafka_producer *p, const rd_kafka_message_t *m, const struct slot *slot)
{
	if (!slot->gate)
		return;
	gate_stored(slot->gate, slot->at_ms);
	send_held(p, m->rkt, m->partition, slot->gate);
}

static void on_delivery(_unused_ rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka_producer *p = opaque;
	uint32_t i = (uint32_t)((uintptr_t)m->_private - 1);
	struct slot slot = p->slots[i];
	bool fine = !m->err && !without_a_place(m);

	if (p->closing)
		return;
	if (!fine && m->err != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
		not_stored(p, m);
	if (!fine && p->ordered)
		return;
	slot_give(p, i);
	if (fine)
		stored(p, m, &slot);
	p->options.on_ack(p->options.ctx, slot.token, fine ? RESULT_OK : RESULT_AWAY, m->partition,
			  fine ? m->offset : -1);
}

static void configure(rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

/* --- life --- */

static bool producer_start(struct kafka_producer *p, struct error *ret_error)
{
	static const uint64_t one = 1;
	char linger[32], timeout[32];
	const struct kafka_setting settings[] = {
	    {"enable.idempotence", "true"},
	    {"enable.gapless.guarantee", "true"},
	    {"acks", "all"},
	    {"socket.timeout.ms", PRODUCER_SOCKET_MS},
	    {"queue.buffering.max.messages", "10000000"}, /* max_in_flight is the limit */
	    {"queue.buffering.max.kbytes", PRODUCER_BUFFER_KBYTES},
	    {"queue.buffering.max.ms", linger},
	    {"message.max.bytes", PRODUCER_RECORD_MAX},
	    {"message.timeout.ms", timeout},
	    {"compression.codec", PRODUCER_COMPRESSION},
	    {NULL, NULL},
	};
	rd_kafka_queue_t *queue;

	(void)snprintf(linger, sizeof(linger), "%d.%d", p->options.linger_ms_x10 / 10,
		       p->options.linger_ms_x10 % 10);
	(void)snprintf(timeout, sizeof(timeout), "%d", p->options.message_timeout_ms);
	p->rk =
	    kafka_handle_open(p->bus, RD_KAFKA_PRODUCER, settings, configure, &p->voice, ret_error);
	if (!p->rk)
		return false;

	queue = rd_kafka_queue_get_main(p->rk);
	rd_kafka_queue_io_event_enable(queue, p->fd, &one, sizeof(one));
	rd_kafka_queue_destroy(queue);
	return true;
}

struct bus_producer *kafka_producer_open(struct bus *b, const struct bus_producer_options *o,
					 struct error *ret_error)
{
	struct kafka_producer *p = calloc(1, sizeof(*p));

	assert(p && o->max_in_flight <= PRODUCER_MESSAGES_MAX);
	p->voice.what = "producer";
	p->base.ops = &kafka_ops;
	p->options = *o;
	p->ordered = o->message_timeout_ms == 0;
	p->bus = (struct kafka_bus *)b;
	slots_make(p, o->max_in_flight);
	p->fd = bus_event_open();
	if (p->fd < 0 || !producer_start(p, ret_error)) {
		if (p->fd < 0)
			(void)error_set(ret_error, RESULT_AWAY, "bus: out of file descriptors");
		bus_producer_close(&p->base);
		return NULL;
	}
	bus_event_signal(p->fd); /* what came before the queue was watched */
	return &p->base;
}

static void target_close(struct target *t)
{
	for (int32_t i = 0; i < t->gate_count; i++) {
		if (t->gates[i])
			gate_drop(t->gates[i]);
		free(t->gates[i]);
	}
	free(t->gates);
	rd_kafka_topic_destroy(t->topic);
}

void kafka_producer_close(struct bus_producer *base)
{
	struct kafka_producer *p = of(base);

	p->closing = true;
	if (p->rk) {
		rd_kafka_queue_t *queue = rd_kafka_queue_get_main(p->rk);

		rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
		rd_kafka_queue_destroy(queue);
		(void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		(void)rd_kafka_flush(p->rk, PRODUCER_CLOSE_MS);
		for (size_t i = 0; i < p->target_count; i++)
			target_close(&p->targets[i]);
		rd_kafka_destroy(p->rk);
	}
	if (p->fd >= 0)
		(void)close(p->fd);
	free(p->slots);
	free(p);
}

/* --- writing --- */

static struct target *target_of(struct kafka_producer *p, const char *name)
{
	rd_kafka_topic_t *topic;

	for (size_t i = 0; i < p->target_count; i++)
		if (p->targets[i].name == name)
			return &p->targets[i];
	name = bus_intern(&p->bus->base, name);
	for (size_t i = 0; i < p->target_count; i++)
		if (p->targets[i].name == name)
			return &p->targets[i];

	assert(p->target_count < PRODUCER_TOPICS_MAX);
	topic = rd_kafka_topic_new(p->rk, name, NULL);
	if (!topic)
		return NULL;
	p->targets[p->target_count] = (struct target){.name = name, .topic = topic};
	return &p->targets[p->target_count++];
}

static struct kafka_gate *gate_of(struct target *t, int32_t partition)
{
	if (partition >= t->gate_count) {
		int32_t count = partition + 1;

		t->gates = realloc(t->gates, (size_t)count * sizeof(*t->gates));
		if (!t->gates)
			abort();
		memset(&t->gates[t->gate_count], 0,
		       (size_t)(count - t->gate_count) * sizeof(*t->gates));
		t->gate_count = count;
	}
	if (!t->gates[partition] &&
	    !(t->gates[partition] = calloc(1, sizeof(*t->gates[partition]))))
		abort();
	return t->gates[partition];
}

static enum result produce_failed(struct kafka_producer *p, rd_kafka_resp_err_t err, uint32_t slot)
{
	slot_give(p, slot);
	if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return RESULT_AGAIN;
	kafka_error(p->rk, &p->voice, err, rd_kafka_err2str(err));
	return p->voice.fatal ? RESULT_FATAL : RESULT_BAD;
}

enum result kafka_produce(struct bus_producer *base, const char *topic, int32_t partition,
			  struct slice key, const char *type, struct slice value, uint64_t token)
{
	struct kafka_producer *p = of(base);
	struct kafka_gate *gate;
	rd_kafka_resp_err_t err;
	struct target *t;
	uint32_t slot;

	assert(partition >= 0 && partition < PARTITIONS_MAX);
	if (p->voice.fatal)
		return RESULT_FATAL;
	if (p->free == SLOT_NONE)
		return RESULT_AGAIN;
	t = target_of(p, topic);
	if (!t)
		return RESULT_BAD;

	slot = slot_take(p, token);
	gate = p->ordered ? gate_of(t, partition) : NULL;
	p->slots[slot].gate = gate;
	if (gate && !gate_lets(gate, p->slots[slot].at_ms)) {
		gate_hold(gate, slot, key, type, value);
		return RESULT_OK;
	}
	err = send_now(p, t->topic, partition, key, type, value, slot);
	if (!err)
		return RESULT_OK;
	if (gate)
		gate_refused(gate);
	return produce_failed(p, err, slot);
}

enum result kafka_producer_poll(struct bus_producer *base, struct error *ret_error)
{
	struct kafka_producer *p = of(base);

	bus_event_drain(p->fd);
	(void)rd_kafka_poll(p->rk, 0);
	return p->voice.fatal ? kafka_fatal(&p->voice, ret_error) : RESULT_OK;
}

int kafka_producer_fd(struct bus_producer *base)
{
	return of(base)->fd;
}

size_t kafka_producer_in_flight(const struct bus_producer *base)
{
	return of(base)->in_flight;
}

int64_t kafka_producer_oldest_ms(const struct bus_producer *base)
{
	const struct kafka_producer *p = of(base);

	return p->oldest == SLOT_NONE ? 0 : clock_monotonic_ms() - p->slots[p->oldest].at_ms;
}

enum result kafka_producer_flush(struct bus_producer *base, int timeout_ms)
{
	struct kafka_producer *p = of(base);
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	while (p->in_flight > 0 && !p->voice.fatal) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();

		if (left_ms <= 0)
			return RESULT_AWAY;
		/* rd_kafka_flush() ends the lingering; acknowledgements are served from inside it. */
		(void)rd_kafka_flush(p->rk, (int)MIN_OF(left_ms, KAFKA_SERVE_MS));
	}
	bus_event_signal(p->fd); /* the wake-ups for what was served here may be gone */
	return p->voice.fatal ? RESULT_FATAL : RESULT_OK;
}
