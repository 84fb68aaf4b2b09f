/* bus_memory: topics, producers and readers of the memory backend; groups are in bus_memory_group.c.
 *
 * Contract: bus.h, with nothing left to chance: a record is stored inside bus_produce(), acknowledged inside
 * bus_producer_poll(). Records stay in memory until the bus is closed; nothing is ever compacted. A reader never waits,
 * because nobody could write in the meantime. */
#include <stdlib.h>

#include "bus_memory_internal.h"
#include "clock.h"

#define LOG_FIRST_CAP 64

/* --- topics --- */

struct memory_topic *memory_topic(struct memory_bus *m, const char *name)
{
	for (size_t i = 0; i < m->topic_count; i++)
		if (strcmp(m->topics[i].name, name) == 0)
			return &m->topics[i];
	return NULL;
}

struct memory_log *memory_log(struct memory_bus *m, const char *name, int32_t partition)
{
	struct memory_topic *t = memory_topic(m, name);

	return t && partition >= 0 && partition < t->partitions ? &t->logs[partition] : NULL;
}

static enum result memory_topics_apply(struct bus *b, const struct bus_topic_spec *specs,
				       size_t count, _unused_ int timeout_ms, size_t *ret_created,
				       struct error *ret_error)
{
	struct memory_bus *m = (struct memory_bus *)b;

	*ret_created = 0;
	for (size_t i = 0; i < count; i++) {
		struct memory_topic *t = memory_topic(m, specs[i].name);

		if (t && t->partitions != specs[i].partitions)
			return error_set(ret_error, RESULT_BAD,
					 "topic %s has %d partitions, %d are declared", t->name,
					 (int)t->partitions, (int)specs[i].partitions);
		if (t)
			continue;
		assert(m->topic_count < MEMORY_TOPICS_MAX && specs[i].partitions > 0);
		t = &m->topics[m->topic_count++];
		t->name = bus_intern(b, specs[i].name);
		t->partitions = specs[i].partitions;
		t->logs = calloc((size_t)t->partitions, sizeof(*t->logs));
		assert(t->logs);
		(*ret_created)++;
	}
	memory_tell_all(m);
	return RESULT_OK;
}

static int32_t memory_partitions(struct bus *b, const char *topic, _unused_ int timeout_ms)
{
	struct memory_topic *t = memory_topic((struct memory_bus *)b, topic);

	return t ? t->partitions : -1;
}

static enum result memory_offsets(struct bus *b, const char *topic, int32_t partition,
				  _unused_ int timeout_ms, int64_t *ret_low, int64_t *ret_high)
{
	struct memory_log *log = memory_log((struct memory_bus *)b, topic, partition);

	if (!log)
		return RESULT_AWAY;
	*ret_low = log->low;
	*ret_high = log->high;
	return RESULT_OK;
}

static enum result memory_offset_at(struct bus *b, const char *topic, int32_t partition,
				    int64_t time_ms, _unused_ int timeout_ms, int64_t *ret_offset)
{
	struct memory_log *log = memory_log((struct memory_bus *)b, topic, partition);
	int64_t offset;

	if (!log)
		return RESULT_AWAY;
	for (offset = log->low; offset < log->high; offset++)
		if (log->records[offset]->timestamp_ms >= time_ms)
			break;
	*ret_offset = offset;
	return RESULT_OK;
}

/* --- who is told --- */

bool memory_join(struct memory_bus *m, struct memory_handle *h, struct error *ret_error)
{
	h->fd = bus_event_open();
	if (h->fd < 0) {
		(void)error_set(ret_error, RESULT_AWAY, "bus: out of file descriptors");
		return false;
	}
	h->next = m->handles;
	m->handles = h;
	bus_event_signal(h->fd);
	return true;
}

void memory_leave(struct memory_bus *m, struct memory_handle *h)
{
	struct memory_handle **at = &m->handles;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	bus_event_close(h->fd);
}

void memory_tell_all(struct memory_bus *m)
{
	for (struct memory_handle *h = m->handles; h; h = h->next)
		bus_event_signal(h->fd);
}

/* --- producers --- */

struct pending_ack {
	uint64_t token;
	enum result result;
	int32_t partition;
	int64_t offset, at_ms;
};

struct memory_producer {
	struct bus_producer base;
	struct memory_handle handle;
	struct memory_bus *bus;
	struct bus_producer_options options;
	struct pending_ack *acks; /* a ring */
	size_t first, count;
	uint64_t break_count;
};

static struct bus_producer *
memory_producer_open(struct bus *b, const struct bus_producer_options *o, struct error *ret_error)
{
	struct memory_bus *m = (struct memory_bus *)b;
	struct memory_producer *p = calloc(1, sizeof(*p));

	assert(p);
	p->base.ops = b->ops;
	p->bus = m;
	p->options = *o;
	p->break_count = m->break_count;
	p->acks = calloc(o->max_in_flight, sizeof(*p->acks));
	assert(p->acks);
	if (!memory_join(m, &p->handle, ret_error)) {
		free(p->acks);
		free(p);
		return NULL;
	}
	return &p->base;
}

static struct slice copy_at(char **at, struct slice s)
{
	struct slice copy = slice_of(*at, s.len);

	if (s.len)
		memcpy(*at, s.data, s.len);
	*at += s.len;
	return s.len ? copy : (struct slice){NULL, 0};
}

/* One block: the record, then its bytes. */
static int64_t log_append(struct memory_bus *m, struct memory_log *log, struct bus_record r)
{
	struct bus_record *stored = malloc(sizeof(r) + r.key.len + r.value.len + r.type.len + 1);
	char *at = (char *)(stored + 1);

	if ((size_t)log->high == log->cap) {
		log->cap = log->cap ? log->cap * 2 : LOG_FIRST_CAP;
		log->records = realloc(log->records, log->cap * sizeof(struct bus_record *));
	}
	assert(stored && log->records);
	r.offset = log->high;
	r.timestamp_ms = m->now_ms(m->now_ctx);
	r.key = copy_at(&at, r.key);
	r.value = copy_at(&at, r.value);
	r.type = copy_at(&at, r.type);
	*stored = r;
	log->records[log->high++] = stored;
	return stored->offset;
}

static enum result memory_produce(struct bus_producer *base, const char *topic, int32_t partition,
				  struct slice key, const char *type, struct slice value,
				  uint64_t token)
{
	struct memory_producer *p = (struct memory_producer *)base;
	struct memory_bus *m = p->bus;
	struct memory_log *log = memory_log(m, topic, partition);
	struct pending_ack *ack;

	if (p->break_count != m->break_count)
		return RESULT_FATAL;
	if (!log)
		return RESULT_BAD;
	if (p->count == p->options.max_in_flight)
		return RESULT_AGAIN;

	ack = &p->acks[(p->first + p->count++) % p->options.max_in_flight];
	*ack = (struct pending_ack){token, RESULT_OK, partition, -1, clock_monotonic_ms()};
	if (m->fail_count > 0) {
		m->fail_count--;
		ack->result = RESULT_AWAY;
	} else {
		ack->offset = log_append(m, log,
					 (struct bus_record){.topic = bus_intern(&m->base, topic),
							     .partition = partition,
							     .key = key,
							     .value = value,
							     .type = slice_cstr(type)});
	}
	memory_tell_all(m);
	return RESULT_OK;
}

static enum result memory_producer_poll(struct bus_producer *base, struct error *ret_error)
{
	struct memory_producer *p = (struct memory_producer *)base;
	size_t served = p->count; /* what the callbacks produce is for the next time */

	bus_event_drain(p->handle.fd);
	if (p->break_count != p->bus->break_count)
		return error_set(ret_error, RESULT_FATAL,
				 "memory: the producer was broken on purpose");
	for (; served > 0 && !p->bus->hold_acks; served--) {
		struct pending_ack ack = p->acks[p->first];

		p->first = (p->first + 1) % p->options.max_in_flight;
		p->count--;
		p->options.on_ack(p->options.ctx, ack.token, ack.result, ack.partition, ack.offset);
	}
	if (p->count > 0 && !p->bus->hold_acks)
		bus_event_signal(p->handle.fd);
	return RESULT_OK;
}

static int memory_producer_fd(struct bus_producer *base)
{
	return ((struct memory_producer *)base)->handle.fd;
}

static size_t memory_producer_in_flight(const struct bus_producer *base)
{
	return ((const struct memory_producer *)base)->count;
}

static int64_t memory_producer_oldest_ms(const struct bus_producer *base)
{
	const struct memory_producer *p = (const struct memory_producer *)base;

	return p->count == 0 ? 0 : clock_monotonic_ms() - p->acks[p->first].at_ms;
}

static enum result memory_producer_flush(struct bus_producer *base, _unused_ int timeout_ms)
{
	struct memory_producer *p = (struct memory_producer *)base;

	while (p->count > 0 && !p->bus->hold_acks) {
		enum result result = memory_producer_poll(base, NULL);

		if (result != RESULT_OK)
			return result;
	}
	return p->count == 0 ? RESULT_OK : RESULT_AWAY;
}

static void memory_producer_close(struct bus_producer *base)
{
	struct memory_producer *p = (struct memory_producer *)base;

	memory_leave(p->bus, &p->handle);
	free(p->acks);
	free(p);
}

/* --- readers --- */

struct memory_reader {
	struct bus_reader base;
	struct memory_handle handle;
	struct memory_bus *bus;
	struct memory_log *log;
	int64_t position;
};

static struct bus_reader *memory_reader_open(struct bus *b, const char *topic, int32_t partition,
					     int64_t from, _unused_ bool follows,
					     struct error *ret_error)
{
	struct memory_bus *m = (struct memory_bus *)b;
	struct memory_log *log = memory_log(m, topic, partition);
	struct memory_reader *r;

	if (!log) {
		(void)error_set(ret_error, RESULT_BAD, "%s/%d: no such partition", topic,
				(int)partition);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	assert(r);
	*r = (struct memory_reader){
	    .base.ops = b->ops, .bus = m, .log = log, .position = MAX_OF(from, 0)};
	if (!memory_join(m, &r->handle, ret_error)) {
		free(r);
		return NULL;
	}
	return &r->base;
}

static enum result memory_reader_take(struct bus_reader *base, struct bus_record *ret, size_t max,
				      _unused_ int timeout_ms, size_t *ret_count,
				      _unused_ struct error *ret_error)
{
	struct memory_reader *r = (struct memory_reader *)base;
	size_t count = 0;

	bus_event_drain(r->handle.fd);
	if (r->position < r->log->low || r->position > r->log->high)
		r->position = r->log->low; /* out of range: the earliest */
	while (count < max && r->position < r->log->high)
		ret[count++] = *r->log->records[r->position++];
	if (r->position < r->log->high)
		bus_event_signal(r->handle.fd);
	*ret_count = count;
	return RESULT_OK;
}

static int64_t memory_reader_position(const struct bus_reader *base)
{
	return ((const struct memory_reader *)base)->position;
}

static int memory_reader_fd(struct bus_reader *base)
{
	return ((struct memory_reader *)base)->handle.fd;
}

static void memory_reader_close(struct bus_reader *base)
{
	struct memory_reader *r = (struct memory_reader *)base;

	memory_leave(r->bus, &r->handle);
	free(r);
}

/* --- the bus --- */

static void memory_close(struct bus *b)
{
	struct memory_bus *m = (struct memory_bus *)b;

	assert(!m->handles); /* all that was opened from it is closed before it */
	memory_groups_free(m);
	for (size_t i = 0; i < m->topic_count; i++) {
		for (int32_t p = 0; p < m->topics[i].partitions; p++) {
			struct memory_log *log = &m->topics[i].logs[p];

			for (int64_t o = 0; o < log->high; o++)
				free(log->records[o]);
			free(log->records);
		}
		free(m->topics[i].logs);
	}
	bus_names_free(b);
	free(m);
}

static int64_t wall_clock(_unused_ void *ctx)
{
	return clock_now_ms();
}

static const struct bus_ops memory_ops = {
    .close = memory_close,
    .topics_apply = memory_topics_apply,
    .partitions = memory_partitions,
    .offsets = memory_offsets,
    .offset_at = memory_offset_at,
    .committed = memory_committed,
    .producer_open = memory_producer_open,
    .produce = memory_produce,
    .producer_poll = memory_producer_poll,
    .producer_fd = memory_producer_fd,
    .producer_in_flight = memory_producer_in_flight,
    .producer_oldest_ms = memory_producer_oldest_ms,
    .producer_flush = memory_producer_flush,
    .producer_close = memory_producer_close,
    .consumer_open = memory_consumer_open,
    .take = memory_take,
    .release = memory_release,
    .commit = memory_commit,
    .commit_now = memory_commit_now,
    .held_since_ms = memory_held_since_ms,
    .consumer_fd = memory_consumer_fd,
    .consumer_close = memory_consumer_close,
    .reader_open = memory_reader_open,
    .reader_take = memory_reader_take,
    .reader_position = memory_reader_position,
    .reader_fd = memory_reader_fd,
    .reader_close = memory_reader_close,
};

struct bus *bus_memory_open(void)
{
	struct memory_bus *m = calloc(1, sizeof(*m));

	assert(m);
	m->base.ops = &memory_ops;
	m->now_ms = wall_clock;
	return &m->base;
}

/* --- hooks --- */

void bus_memory_set_clock(struct bus *b, int64_t (*now_ms)(void *ctx), void *ctx)
{
	struct memory_bus *m = (struct memory_bus *)b;

	m->now_ms = now_ms;
	m->now_ctx = ctx;
}

void bus_memory_hold_acks(struct bus *b, bool on)
{
	((struct memory_bus *)b)->hold_acks = on;
	memory_tell_all((struct memory_bus *)b);
}

void bus_memory_fail_produce(struct bus *b, size_t count)
{
	((struct memory_bus *)b)->fail_count = count;
}

void bus_memory_break_producers(struct bus *b)
{
	((struct memory_bus *)b)->break_count++;
	memory_tell_all((struct memory_bus *)b);
}

void bus_memory_trim(struct bus *b, const char *topic, int32_t partition, int64_t low)
{
	struct memory_log *log = memory_log((struct memory_bus *)b, topic, partition);

	assert(log && low >= log->low && low <= log->high);
	log->low = low;
}
