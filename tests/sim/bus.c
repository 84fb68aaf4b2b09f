/* bus: a process's connection to the brokers. The brokers' own state is one bus in memory that all processes share; here is what lies
 * between: records that are on their way, acknowledgements that are on theirs, commits that have not left yet.
 *
 * A record is stored some time after it was produced, in the order of its producer and partition; what goes to other partitions may
 * overtake it. When its process dies, what had left the machine is stored all the same, and the rest is lost. */
#include <stdlib.h>

#include "base/hash.h"
#include "runtime/bus_backend.h"
#include "sim.h"

#define LANES_MAX      64
#define WIRE_MOST_US   (5 * US_PER_MS) /* what is closer to the broker than that has left the machine */
#define COMMITS_MAX    64
#define TAKE_LITTLE_PER_10000 2000

struct sim_bus {
	struct bus base;
};

/* --- producing --- */

struct sim_producer;
struct sent {
	struct sent *next; /* of those that are not acknowledged yet, in the order of bus_produce() */
	struct sim_producer *from;
	const char *topic, *type;
	int32_t partition;
	struct slice key, value;
	uint64_t token;
	int64_t produced_us, store_us, offset;
	enum result result;
	bool lost, answered;
};

struct lane {
	const char *topic;
	int32_t partition;
	int64_t free_us, answer_us; /* nothing of it is stored, or acknowledged, before */
};

struct sim_producer {
	struct bus_producer base;
	struct bus_producer_options options;
	struct resource resource;
	struct proc *proc; /* NULL: dead, or closed */
	struct sent *first, **last;
	size_t in_flight;
	struct lane lanes[LANES_MAX];
	size_t lane_count;
};

static struct lane *lane_of(struct sim_producer *p, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < p->lane_count; i++)
		if (p->lanes[i].partition == partition && strcmp(p->lanes[i].topic, topic) == 0)
			return &p->lanes[i];
	assert(p->lane_count < LANES_MAX);
	p->lanes[p->lane_count] = (struct lane){.topic = bus_intern(sim.log, topic), .partition = partition};
	return &p->lanes[p->lane_count++];
}

static void on_answer(void *ctx)
{
	struct sent *s = ctx;

	if (!s->from || s->answered)
		return;
	s->answered = true;
	s->result = RESULT_OK;
	if (s->from->proc)
		proc_wake(s->from->proc);
}

static void on_store(void *ctx)
{
	struct sent *s = ctx;
	struct lane *lane;
	int64_t heard_us;

	if (s->lost)
		return;
	if (s->store_us > sim.now_us) { /* its process was stopped meanwhile */
		sim_at(s->store_us, NULL, on_store, s);
		return;
	}
	sim_append(s->topic, s->partition, s->key, s->type, s->value, &s->offset);
	if (!s->from)
		return;
	lane = lane_of(s->from, s->topic, s->partition);
	heard_us = sim.now_us + sim_draw(100, sim.calm ? 1000 : sim.wire_us / 2);
	lane->answer_us = MAX_OF(lane->answer_us, heard_us);
	sim_at(lane->answer_us, NULL, on_answer, s);
}

static void on_too_late(void *ctx)
{
	struct sent *s = ctx;

	if (!s->from || s->answered)
		return;
	s->answered = true;
	s->result = RESULT_AWAY;
	if (s->from->proc)
		proc_wake(s->from->proc);
}

static struct sent *sent_new(const char *topic, int32_t partition, struct slice key, const char *type,
			     struct slice value)
{
	struct sent *s = malloc(sizeof(*s) + key.len + value.len + 1);
	char *at = (char *)(s + 1);

	assert(s);
	*s = (struct sent){.topic = bus_intern(sim.log, topic),
			   .type = type,
			   .partition = partition,
			   .key = slice_of(at, key.len),
			   .value = slice_of(at + key.len, value.len),
			   .produced_us = sim.now_us,
			   .offset = -1};
	if (key.len)
		memcpy(at, key.data, key.len);
	if (value.len)
		memcpy(at + key.len, value.data, value.len);
	return s;
}

static bool is_among(const char *topic, uint32_t topics)
{
	return topics >> hash_mix(hash_fnv1a(0, slice_cstr(topic))) % 16 & 1;
}

static int64_t travel_us(const struct sim_producer *p, const char *topic)
{
	const struct slot *slot = proc_slot(p->proc);
	int64_t us = sim_draw(200, sim.calm ? 1000 : sim.wire_us);

	if (!sim.calm && sim_chance(300))
		us += sim_draw(0, 400 * US_PER_MS);
	if (sim.now_us < slot->slow_until_us && is_among(topic, slot->slow_topics))
		us += slot->slow_us;
	if (!sim.calm && is_among(topic, sim.lag_topics))
		us += sim_draw(0, sim.lag_us);
	return us;
}

static enum result sim_produce(struct bus_producer *base, const char *topic, int32_t partition,
			       struct slice key, const char *type, struct slice value, uint64_t token)
{
	struct sim_producer *p = (struct sim_producer *)base;
	struct lane *lane;
	struct sent *s;
	int64_t there_us;

	sim_step(STEP_PRODUCE, topic);
	if (partition >= bus_partitions(sim.log, topic, 0))
		return RESULT_BAD;
	if (p->in_flight == p->options.max_in_flight)
		return RESULT_AGAIN;
	s = sent_new(topic, partition, key, type, value);
	s->from = p;
	s->token = token;
	lane = lane_of(p, topic, partition);
	there_us = sim.now_us + travel_us(p, topic);
	s->store_us = lane->free_us = MAX_OF(lane->free_us, there_us);
	*p->last = s;
	p->last = &s->next;
	p->in_flight++;
	sim_at(s->store_us, NULL, on_store, s);
	if (p->options.message_timeout_ms > 0)
		sim_at(sim.now_us + p->options.message_timeout_ms * US_PER_MS, NULL, on_too_late, s);
	sim_step(STEP_PRODUCE, topic);
	return RESULT_OK;
}

/* Those of one partition are answered in their order, as they were stored in it. */
static enum result sim_producer_poll(struct bus_producer *base, _unused_ struct error *ret_error)
{
	struct sim_producer *p = (struct sim_producer *)base;
	struct sent **at = &p->first;

	while (*at) {
		struct sent *s = *at;

		if (!s->answered) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		if (p->last == &s->next)
			p->last = at;
		p->in_flight--;
		s->from = NULL;
		p->options.on_ack(p->options.ctx, s->token, s->result, s->partition, s->offset);
		at = &p->first; /* the callback may have produced */
	}
	return RESULT_OK;
}

static int sim_producer_fd(_unused_ struct bus_producer *base)
{
	return 0;
}

static size_t sim_producer_in_flight(const struct bus_producer *base)
{
	return ((const struct sim_producer *)base)->in_flight;
}

static int64_t sim_producer_oldest_ms(const struct bus_producer *base)
{
	const struct sim_producer *p = (const struct sim_producer *)base;

	return p->first ? MAX_OF((sim.now_us - p->first->produced_us) / US_PER_MS, 1) : 0;
}

static enum result sim_producer_flush(struct bus_producer *base, int timeout_ms)
{
	struct sim_producer *p = (struct sim_producer *)base;
	int64_t until_us = sim.now_us + timeout_ms * US_PER_MS;

	while (p->first && sim.now_us < until_us) {
		(void)sim_producer_poll(base, NULL);
		sim_pause(US_PER_MS);
	}
	return p->first ? RESULT_AWAY : RESULT_OK;
}

static void forget_sent(struct sim_producer *p, int64_t left_us)
{
	for (struct sent *s = p->first; s; s = s->next) {
		s->lost |= s->store_us > left_us;
		s->from = NULL;
	}
	p->first = NULL;
	p->last = &p->first;
	p->proc = NULL;
}

static void producer_dies(void *ctx)
{
	forget_sent(ctx, sim.now_us + sim_draw(0, WIRE_MOST_US));
}

static void producer_freezes(void *ctx, int64_t us)
{
	struct sim_producer *p = ctx;
	int64_t left_us = sim.now_us + sim_draw(0, WIRE_MOST_US);

	for (struct sent *s = p->first; s; s = s->next)
		if (s->store_us > left_us)
			s->store_us += us;
	for (size_t i = 0; i < p->lane_count; i++)
		p->lanes[i].free_us += us;
}

static struct bus_producer *sim_producer_open(struct bus *b, const struct bus_producer_options *o,
					      _unused_ struct error *ret_error)
{
	struct sim_producer *p = calloc(1, sizeof(*p));

	assert(p && sim.running);
	p->base.ops = b->ops;
	p->options = *o;
	p->last = &p->first;
	p->proc = sim.running;
	p->resource = (struct resource){
	    .on_death = producer_dies, .on_freeze = producer_freezes, .ctx = p};
	proc_own(&p->resource);
	return &p->base;
}

/* It stays for what is still on its way. */
static void sim_producer_close(struct bus_producer *base)
{
	struct sim_producer *p = (struct sim_producer *)base;

	proc_disown(&p->resource);
	forget_sent(p, sim.now_us + sim_draw(0, WIRE_MOST_US));
}

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

static void sim_commit(struct bus_consumer *base, const char *topic, int32_t partition, int64_t next,
		       struct slice metadata)
{
	struct sim_consumer *c = (struct sim_consumer *)base;
	struct commit *m;

	sim_step(STEP_COMMIT, c->options.group);
	if (c->commit_count == COMMITS_MAX)
		send_commits(c);
	m = &c->commits[c->commit_count++];
	*m = (struct commit){.topic = bus_intern(sim.log, topic), .partition = partition, .next = next,
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

static enum result sim_offsets(_unused_ struct bus *b, const char *topic, int32_t partition,
			       int timeout_ms, int64_t *ret_low, int64_t *ret_high)
{
	return bus_offsets(sim.log, topic, partition, timeout_ms, ret_low, ret_high);
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
static struct bus_reader *sim_reader_open(_unused_ struct bus *b, const char *topic, int32_t partition,
					  int64_t from, struct error *ret_error)
{
	return bus_reader_open(sim.log, topic, partition, from, ret_error);
}

static const struct bus_ops sim_ops = {
    .close = sim_close,
    .topics_apply = sim_topics_apply,
    .partitions = sim_partitions,
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
