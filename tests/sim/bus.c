/* bus: a process's connection to the brokers. The brokers' own state is one bus in memory that all processes share; here is what lies
 * between: records on their way (bus_producer.c), and commits that have not left yet. */
#include <stdlib.h>

#include "bus_parts.h"

#define COMMITS_MAX           64
#define TAKE_LITTLE_PER_10000 2000
#define OLD_ENDS_WORLDS       4
#define OLD_ENDS_EVERY_US     (8000 * US_PER_MS)
#define OLD_ENDS_FOR_US       (2500 * US_PER_MS)
#define OLD_END_PER_10000     8000
#define OLD_END_MOST          4 /* records */

/* --- consuming --- */

struct commit {
	const char *topic;
	int32_t partition;
	int64_t next;
	char metadata[BUS_METADATA_MAX_BYTES];
	size_t metadata_len;
};

struct sim_consumer {
	struct bus_consumer base;
	struct bus_consumer *inner;
	struct bus_consumer_options options;
	struct resource resource;
	bool dead;
	struct commit commits[COMMITS_MAX]; /* asked for, and not sent */
	size_t commit_count;
};

static void send_commits(struct sim_consumer *c)
{
	for (size_t i = 0; i < c->commit_count; i++) {
		const struct commit *m = &c->commits[i];

		bus_commit(c->inner, m->topic, m->partition, m->next,
			   slice_of(m->metadata, m->metadata_len));
	}
	c->commit_count = 0;
}

static int64_t on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
{
	struct sim_consumer *c = ctx;

	return c->options.on_assign(c->options.ctx, a, ret_result);
}

static void on_revoke(void *ctx, const char *topic, int32_t partition, bool lost)
{
	struct sim_consumer *c = ctx;

	if (!c->dead)
		c->options.on_revoke(c->options.ctx, topic, partition, lost);
}

static void consumer_dies(void *ctx)
{
	struct sim_consumer *c = ctx;

	c->dead = true;
	if (sim_chance(5000))
		send_commits(c);
	bus_consumer_close(c->inner);
}

static struct bus_consumer *sim_consumer_open(struct bus *b, const struct bus_consumer_options *o,
					      struct error *ret_error)
{
	struct sim_consumer *c = calloc(1, sizeof(*c));
	struct bus_consumer_options inner = *o;

	assert(c && sim.running);
	c->base.ops = b->ops;
	c->options = *o;
	inner.on_assign = on_assign;
	inner.on_revoke = on_revoke;
	inner.ctx = c;
	c->inner = bus_consumer_open(sim.log, &inner, ret_error);
	assert(c->inner);
	c->resource = (struct resource){.on_death = consumer_dies, .ctx = c};
	proc_own(&c->resource);
	return &c->base;
}

static enum result sim_take(struct bus_consumer *base, struct bus_record *ret, size_t max,
			    size_t *ret_count, struct error *ret_error)
{
	struct sim_consumer *c = (struct sim_consumer *)base;
	enum result r;

	sim_step(STEP_TAKE, c->options.group);
	send_commits(c);
	if (max > 0 && !sim.calm && sim_chance(TAKE_LITTLE_PER_10000))
		max = (size_t)sim_draw(0, 3);
	proc_hold();
	r = bus_take(c->inner, ret, max, ret_count, ret_error);
	proc_let_go();
	if (*ret_count > 0)
		sim_step(STEP_TAKE, c->options.group);
	return r;
}

static void sim_release(struct bus_consumer *base, struct bus_record *records, size_t count)
{
	bus_release(((struct sim_consumer *)base)->inner, records, count);
}

static void sim_commit(struct bus_consumer *base, const char *topic, int32_t partition,
		       int64_t next, struct slice metadata)
{
	struct sim_consumer *c = (struct sim_consumer *)base;
	struct commit *m;

	sim_step(STEP_COMMIT, c->options.group);
	if (c->commit_count == COMMITS_MAX)
		send_commits(c);
	m = &c->commits[c->commit_count++];
	*m = (struct commit){.topic = bus_intern(sim.log, topic),
			     .partition = partition,
			     .next = next,
			     .metadata_len = metadata.len};
	if (metadata.len)
		memcpy(m->metadata, metadata.data, metadata.len);
}

static enum result sim_commit_now(struct bus_consumer *base, const char *topic, int32_t partition,
				  int64_t next, struct slice metadata, int timeout_ms)
{
	struct sim_consumer *c = (struct sim_consumer *)base;
	enum result r;

	sim_step(STEP_COMMIT, c->options.group);
	send_commits(c);
	r = bus_commit_now(c->inner, topic, partition, next, metadata, timeout_ms);
	sim_step(STEP_COMMIT, c->options.group);
	return r;
}

static int64_t sim_held_since_ms(const struct bus_consumer *base)
{
	return bus_held_since_ms(((const struct sim_consumer *)base)->inner);
}

static int sim_consumer_fd(_unused_ struct bus_consumer *base)
{
	return 0;
}

static void sim_consumer_close(struct bus_consumer *base)
{
	struct sim_consumer *c = (struct sim_consumer *)base;

	send_commits(c);
	proc_hold();
	bus_consumer_close(c->inner);
	proc_let_go();
	proc_disown(&c->resource);
	free(c);
}

/* --- reading, and the rest --- */

static void sim_close(struct bus *b)
{
	free(b);
}

static enum result sim_topics_apply(_unused_ struct bus *b, const struct bus_topic_spec *specs,
				    size_t count, int timeout_ms, size_t *ret_created,
				    struct error *ret_error)
{
	return bus_topics_apply(sim.log, specs, count, timeout_ms, ret_created, ret_error);
}

static int32_t sim_partitions(_unused_ struct bus *b, const char *topic, int timeout_ms)
{
	return bus_partitions(sim.log, topic, timeout_ms);
}

/* In one world of four a broker was deposed, and tells for a while where a topic ended before: in half of them every now and then, in the
 * others when the kv loses its state, too. */
static bool sim_ends_are_sure(_unused_ struct bus *b, _unused_ const char *topic,
			      _unused_ int timeout_ms)
{
	return sim.seed % OLD_ENDS_WORLDS != 0;
}

static bool broker_is_deposed(void)
{
	if (sim.calm || sim.seed % OLD_ENDS_WORLDS != 0)
		return false;
	if (sim.seed % (2 * OLD_ENDS_WORLDS) == 0)
		return sim.now_us % OLD_ENDS_EVERY_US < OLD_ENDS_FOR_US;
	return sim.kv_emptied_us && sim.now_us - sim.kv_emptied_us < OLD_ENDS_FOR_US;
}

/* Drawn from a source of its own. */
static int64_t older_end(int64_t low, int64_t high)
{
	static struct rng r;
	static bool begun;

	if (!begun)
		r = rng_seed(sim.seed ^ 0x656e6473ULL);
	begun = true;
	if (!broker_is_deposed() || !rng_chance(&r, OLD_END_PER_10000))
		return high;
	return MAX_OF(low, high - 1 - (int64_t)rng_below(&r, OLD_END_MOST));
}

static enum result sim_offsets(_unused_ struct bus *b, const char *topic, int32_t partition,
			       int timeout_ms, int64_t *ret_low, int64_t *ret_high)
{
	enum result r = bus_offsets(sim.log, topic, partition, timeout_ms, ret_low, ret_high);

	if (r == RESULT_OK && sim.running)
		*ret_high = older_end(*ret_low, *ret_high);
	return r;
}

static enum result sim_offset_at(_unused_ struct bus *b, const char *topic, int32_t partition,
				 int64_t time_ms, int timeout_ms, int64_t *ret_offset)
{
	return bus_offset_at(sim.log, topic, partition, time_ms, timeout_ms, ret_offset);
}

static enum result sim_committed(_unused_ struct bus *b, const char *group, const char *topic,
				 int32_t partitions, int timeout_ms, int64_t *ret_next,
				 struct error *ret_error)
{
	return bus_committed(sim.log, group, topic, partitions, timeout_ms, ret_next, ret_error);
}

/* A reader of the memory bus as it is: it never waits, and what it holds is nobody's. */
static struct bus_reader *sim_reader_open(_unused_ struct bus *b, const char *topic,
					  int32_t partition, int64_t from, _unused_ bool follows,
					  struct error *ret_error)
{
	return bus_reader_open(sim.log, topic, partition, from, ret_error);
}

static const struct bus_ops sim_ops = {
    .close = sim_close,
    .topics_apply = sim_topics_apply,
    .partitions = sim_partitions,
    .ends_are_sure = sim_ends_are_sure,
    .offsets = sim_offsets,
    .offset_at = sim_offset_at,
    .committed = sim_committed,
    .producer_open = sim_producer_open,
    .produce = sim_produce,
    .producer_poll = sim_producer_poll,
    .producer_fd = sim_producer_fd,
    .producer_in_flight = sim_producer_in_flight,
    .producer_oldest_ms = sim_producer_oldest_ms,
    .producer_flush = sim_producer_flush,
    .producer_close = sim_producer_close,
    .consumer_open = sim_consumer_open,
    .take = sim_take,
    .release = sim_release,
    .commit = sim_commit,
    .commit_now = sim_commit_now,
    .held_since_ms = sim_held_since_ms,
    .consumer_fd = sim_consumer_fd,
    .consumer_close = sim_consumer_close,
    .reader_open = sim_reader_open,
};

/* In the place of Kafka's backend: whoever is configured with kafka://… gets this. */
struct bus *bus_kafka_open(_unused_ const char *brokers, _unused_ const char *client_id,
			   _unused_ struct error *ret_error)
{
	struct bus *b = calloc(1, sizeof(*b));

	assert(b);
	b->ops = &sim_ops;
	return b;
}

/* No service asks for it. */
struct bus *bus_kafka_open_reading(const char *brokers, const char *client_id, _unused_ bool looks,
				   struct error *ret_error)
{
	return bus_kafka_open(brokers, client_id, ret_error);
}
