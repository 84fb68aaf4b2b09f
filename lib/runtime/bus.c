/* bus: finds the backend by the URL and passes each call on to it; checks what holds for every backend.
 *
 * Contract and failures: see bus.h. bus_last() and bus_read_span() are made of the other calls, so they are written once, here. */
#include "bus.h"

#include <stdlib.h>

#include "bus_backend.h"
#include "clock.h"

#define LAST_STEP_MAX    4096 /* offsets that bus_last() goes back further at each try */
#define LAST_BATCH       64   /* records taken at once while it looks for the end */
#define LAST_TAKE_MAX_MS 1000
#define LAST_STEP_GROWTH 8
#define SPAN_BATCH       500

struct bus *bus_open(const char *url, const char *client_id, struct error *ret_error)
{
	struct slice u = slice_cstr(url);

	if (slice_is(u, "memory:"))
		return bus_memory_open();
	if (slice_starts_with(u, "kafka://"))
		return bus_kafka_open(url + strlen("kafka://"), client_id, ret_error);

	(void)error_set(ret_error, RESULT_BAD,
			"bus: %s: expected kafka://host:port,host:port or memory:", url ? url : "");
	return NULL;
}

static struct bus *open_reading(const char *url, const char *client_id, bool looks,
				struct error *ret_error)
{
	struct slice u = slice_cstr(url);

	if (slice_starts_with(u, "files:"))
		return bus_files_open(url + strlen("files:"), ret_error);
	if (slice_starts_with(u, "kafka://"))
		return bus_kafka_open_reading(url + strlen("kafka://"), client_id, looks,
					      ret_error);

	(void)error_set(ret_error, RESULT_BAD,
			"bus: %s: expected kafka://host:port,host:port or files:FOLDER",
			url ? url : "");
	return NULL;
}

struct bus *bus_open_reading(const char *url, const char *client_id, struct error *ret_error)
{
	return open_reading(url, client_id, false, ret_error);
}

struct bus *bus_open_looking(const char *url, const char *client_id, struct error *ret_error)
{
	return open_reading(url, client_id, true, ret_error);
}

static enum result refuse(const char *what, struct error *ret_error)
{
	return error_set(ret_error, RESULT_BAD, "bus: opened for reading: %s", what);
}

void bus_close(struct bus *b)
{
	if (b)
		b->ops->close(b);
}

const char *bus_intern(struct bus *b, const char *topic)
{
	char *name = map_get(&b->names, slice_cstr(topic));

	if (name)
		return name;

	name = strdup(topic);
	assert(name);
	(void)map_put(&b->names, slice_cstr(topic), name);
	return name;
}

void bus_names_free(struct bus *b)
{
	struct slice key;
	void *name;

	for (size_t i = 0; map_at(&b->names, i, &key, &name); i++)
		free(name);
	map_free(&b->names);
}

enum result bus_topics_apply(struct bus *b, const struct bus_topic_spec *specs, size_t count,
			     int timeout_ms, size_t *ret_created, struct error *ret_error)
{
	if (!b->ops->topics_apply)
		return refuse("it makes no topics", ret_error);
	return b->ops->topics_apply(b, specs, count, timeout_ms, ret_created, ret_error);
}

int32_t bus_partitions(struct bus *b, const char *topic, int timeout_ms)
{
	return b->ops->partitions(b, topic, timeout_ms);
}

bool bus_ends_are_sure(struct bus *b, const char *topic, int timeout_ms)
{
	return !b->ops->ends_are_sure || b->ops->ends_are_sure(b, topic, timeout_ms);
}

enum result bus_offsets(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			int64_t *ret_low, int64_t *ret_high)
{
	return b->ops->offsets(b, topic, partition, timeout_ms, ret_low, ret_high);
}

enum result bus_offset_at(struct bus *b, const char *topic, int32_t partition, int64_t time_ms,
			  int timeout_ms, int64_t *ret_offset)
{
	return b->ops->offset_at(b, topic, partition, time_ms, timeout_ms, ret_offset);
}

enum result bus_offsets_since(struct bus *b, const char *topic, int32_t count, int64_t time_ms,
			      int timeout_ms, int64_t *ret_from, int64_t *ret_end)
{
	enum result r = RESULT_OK;
	int64_t low;

	assert(count > 0);
	if (b->ops->offsets_since)
		return b->ops->offsets_since(b, topic, count, time_ms, timeout_ms, ret_from,
					     ret_end);
	for (int32_t p = 0; p < count && r == RESULT_OK; p++) {
		r = bus_offset_at(b, topic, p, time_ms, timeout_ms, &ret_from[p]);
		if (r == RESULT_OK)
			r = bus_offsets(b, topic, p, timeout_ms, &low, &ret_end[p]);
	}
	return r;
}

enum result bus_committed(struct bus *b, const char *group, const char *topic, int32_t partitions,
			  int timeout_ms, int64_t *ret_next, struct error *ret_error)
{
	assert(partitions > 0);
	if (!b->ops->committed)
		return refuse("it asks about no group", ret_error);
	return b->ops->committed(b, group, topic, partitions, timeout_ms, ret_next, ret_error);
}

struct bus_producer *bus_producer_open(struct bus *b, const struct bus_producer_options *o,
				       struct error *ret_error)
{
	assert(o->on_ack && o->max_in_flight > 0 && o->linger_ms_x10 >= 0 &&
	       o->message_timeout_ms >= 0);
	if (!b->ops->producer_open) {
		(void)refuse("it has no producer", ret_error);
		return NULL;
	}
	return b->ops->producer_open(b, o, ret_error);
}

enum result bus_produce(struct bus_producer *p, const char *topic, int32_t partition,
			struct slice key, const char *type, struct slice value, uint64_t token)
{
	assert(partition >= 0);
	if (key.len > BUS_RECORD_MAX_BYTES || value.len > BUS_RECORD_MAX_BYTES - key.len)
		return RESULT_BAD;
	return p->ops->produce(p, topic, partition, key, type, value, token);
}

enum result bus_producer_poll(struct bus_producer *p, struct error *ret_error)
{
	return p->ops->producer_poll(p, ret_error);
}

int bus_producer_fd(struct bus_producer *p)
{
	return p->ops->producer_fd(p);
}

size_t bus_producer_in_flight(const struct bus_producer *p)
{
	return p->ops->producer_in_flight(p);
}

int64_t bus_producer_oldest_ms(const struct bus_producer *p)
{
	return p->ops->producer_oldest_ms(p);
}

enum result bus_producer_flush(struct bus_producer *p, int timeout_ms)
{
	return p->ops->producer_flush(p, timeout_ms);
}

void bus_producer_close(struct bus_producer *p)
{
	if (p)
		p->ops->producer_close(p);
}

struct bus_consumer *bus_consumer_open(struct bus *b, const struct bus_consumer_options *o,
				       struct error *ret_error)
{
	assert(o->group && o->topic_count > 0 && o->on_assign && o->on_revoke);
	if (!b->ops->consumer_open) {
		(void)refuse("it joins no group", ret_error);
		return NULL;
	}
	return b->ops->consumer_open(b, o, ret_error);
}

enum result bus_take(struct bus_consumer *c, struct bus_record *ret, size_t max, size_t *ret_count,
		     struct error *ret_error)
{
	*ret_count = 0;
	return c->ops->take(c, ret, max, ret_count, ret_error);
}

void bus_release(struct bus_consumer *c, struct bus_record *records, size_t count)
{
	c->ops->release(c, records, count);
}

void bus_commit(struct bus_consumer *c, const char *topic, int32_t partition, int64_t next,
		struct slice metadata)
{
	assert(metadata.len <= BUS_METADATA_MAX_BYTES && next >= 0);
	c->ops->commit(c, topic, partition, next, metadata);
}

enum result bus_commit_now(struct bus_consumer *c, const char *topic, int32_t partition,
			   int64_t next, struct slice metadata, int timeout_ms)
{
	assert(metadata.len <= BUS_METADATA_MAX_BYTES && next >= 0);
	return c->ops->commit_now(c, topic, partition, next, metadata, timeout_ms);
}

int64_t bus_held_since_ms(const struct bus_consumer *c)
{
	return c->ops->held_since_ms(c);
}

int bus_consumer_fd(struct bus_consumer *c)
{
	return c->ops->consumer_fd(c);
}

void bus_consumer_close(struct bus_consumer *c)
{
	if (c)
		c->ops->consumer_close(c);
}

struct bus_reader *bus_reader_open(struct bus *b, const char *topic, int32_t partition,
				   int64_t from, struct error *ret_error)
{
	return b->ops->reader_open(b, topic, partition, from, false, ret_error);
}

struct bus_reader *bus_reader_follow(struct bus *b, const char *topic, int32_t partition,
				     int64_t from, struct error *ret_error)
{
	return b->ops->reader_open(b, topic, partition, from, true, ret_error);
}

enum result bus_reader_take(struct bus_reader *r, struct bus_record *ret, size_t max,
			    int timeout_ms, size_t *ret_count, struct error *ret_error)
{
	*ret_count = 0;
	return r->ops->reader_take(r, ret, max, timeout_ms, ret_count, ret_error);
}

int64_t bus_reader_position(const struct bus_reader *r)
{
	return r->ops->reader_position(r);
}

int bus_reader_fd(struct bus_reader *r)
{
	return r->ops->reader_fd(r);
}

void bus_reader_close(struct bus_reader *r)
{
	if (r)
		r->ops->reader_close(r);
}

/* Reads up to `high`. Returns the offset of the last record on the way, or -1 when there
 * is none (compacted away), or -2 when the time is over or the reader failed. */
static int64_t last_offset_before(struct bus_reader *r, int64_t high, int64_t deadline_ms,
				  struct error *ret_error)
{
	struct bus_record batch[LAST_BATCH];
	int64_t last = -1;

	while (bus_reader_position(r) < high) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		size_t count;

		if (left_ms <= 0)
			return -2;
		if (bus_reader_take(r, batch, LAST_BATCH, (int)MIN_OF(left_ms, LAST_TAKE_MAX_MS),
				    &count, ret_error) != RESULT_OK)
			return -2;
		if (count > 0)
			last = batch[count - 1].offset;
	}
	return last;
}

/* The reader that gives the record at `offset` first. */
static enum result last_take(struct bus *b, const char *topic, int32_t partition, int64_t offset,
			     int64_t deadline_ms, struct bus_reader **ret_reader,
			     struct bus_record *ret, struct error *ret_error)
{
	struct bus_reader *r = bus_reader_open(b, topic, partition, offset, ret_error);
	size_t count = 0;

	if (!r)
		return RESULT_AWAY;

	while (count == 0) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		if (left_ms <= 0)
			break;
		if (bus_reader_take(r, ret, 1, (int)MIN_OF(left_ms, LAST_TAKE_MAX_MS), &count,
				    ret_error) != RESULT_OK)
			break;
	}
	if (count == 0) {
		bus_reader_close(r);
		return error_set(ret_error, RESULT_AWAY, "%s/%d: the last record could not be read",
				 topic, (int)partition);
	}
	*ret_reader = r;
	return RESULT_OK;
}

enum result bus_read_span(struct bus *b, const char *topic, int32_t partition, int64_t from,
			  int64_t end, int timeout_ms, bus_each_fn fn, void *ctx,
			  struct error *ret_error)
{
	struct bus_record records[SPAN_BATCH];
	struct bus_reader *reader;
	enum result r = RESULT_OK;

	if (from >= end)
		return RESULT_OK;
	reader = bus_reader_open(b, topic, partition, from, ret_error);
	if (!reader)
		return RESULT_FATAL;
	while (r == RESULT_OK && bus_reader_position(reader) < end) {
		size_t count = 0;

		r = bus_reader_take(reader, records, SPAN_BATCH, timeout_ms, &count, ret_error);
		if (r == RESULT_OK && count == 0 && bus_reader_position(reader) < end)
			r = error_set(ret_error, RESULT_AWAY, "%s/%d: nothing came", topic,
				      (int)partition);
		for (size_t i = 0; r == RESULT_OK && i < count && records[i].offset < end; i++)
			r = fn(ctx, &records[i], ret_error);
	}
	bus_reader_close(reader);
	return r;
}

enum result bus_last(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
		     struct bus_reader **ret_reader, struct bus_record *ret,
		     struct error *ret_error)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	int64_t low, high, step = 1, last = -1;

	if (bus_offsets(b, topic, partition, timeout_ms, &low, &high) != RESULT_OK)
		return error_set(ret_error, RESULT_AWAY, "%s/%d: its offsets could not be learned",
				 topic, (int)partition);

	/* Compaction leaves holes, so the record before `high` may be gone: go back further and further. */
	for (int64_t from = high; last == -1 && from > low;) {
		struct bus_reader *r;

		from = MAX_OF(low, from - step);
		step = MIN_OF(step * LAST_STEP_GROWTH, LAST_STEP_MAX);
		r = bus_reader_open(b, topic, partition, from, ret_error);
		if (!r)
			return RESULT_AWAY;
		last = last_offset_before(r, high, deadline_ms, ret_error);
		bus_reader_close(r);
	}
	if (last == -2)
		return error_set(ret_error, RESULT_AWAY, "%s/%d: its end could not be read in time",
				 topic, (int)partition);
	if (last == -1)
		return RESULT_AGAIN;

	return last_take(b, topic, partition, last, deadline_ms, ret_reader, ret, ret_error);
}
