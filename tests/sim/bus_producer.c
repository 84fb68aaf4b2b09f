/* bus_producer: records that are on their way to the brokers, and acknowledgements that are on theirs. See bus.c.
 *
 * A record is stored some time after it was produced, in the order of its producer and partition; what goes to other partitions may
 * overtake it. When its process dies, what had left the machine is stored all the same, and the rest is lost. */
#include <stdlib.h>

#include "base/hash.h"
#include "bus_parts.h"

#define LANES_MAX 64
#define WIRE_MOST_US                                                                               \
	(5 * US_PER_MS) /* what is closer to the broker than that has left the machine */

struct sim_producer;
struct sent {
	struct sent
	    *next; /* of those that are not acknowledged yet, in the order of bus_produce() */
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
	p->lanes[p->lane_count] =
	    (struct lane){.topic = bus_intern(sim.log, topic), .partition = partition};
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

static struct sent *sent_new(const char *topic, int32_t partition, struct slice key,
			     const char *type, struct slice value)
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

enum result sim_produce(struct bus_producer *base, const char *topic, int32_t partition,
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
		sim_at(sim.now_us + p->options.message_timeout_ms * US_PER_MS, NULL, on_too_late,
		       s);
	sim_step(STEP_PRODUCE, topic);
	return RESULT_OK;
}

/* Those of one partition are answered in their order, as they were stored in it. */
enum result sim_producer_poll(struct bus_producer *base, _unused_ struct error *ret_error)
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

int sim_producer_fd(_unused_ struct bus_producer *base)
{
	return 0;
}

size_t sim_producer_in_flight(const struct bus_producer *base)
{
	return ((const struct sim_producer *)base)->in_flight;
}

int64_t sim_producer_oldest_ms(const struct bus_producer *base)
{
	const struct sim_producer *p = (const struct sim_producer *)base;

	return p->first ? MAX_OF((sim.now_us - p->first->produced_us) / US_PER_MS, 1) : 0;
}

enum result sim_producer_flush(struct bus_producer *base, int timeout_ms)
{
	struct sim_producer *p = (struct sim_producer *)base;
	int64_t until_us = sim.now_us + timeout_ms * US_PER_MS;

	/* inside a take time stands still, and nothing comes */
	while (!proc_is_held() && p->first && sim.now_us < until_us) {
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

struct bus_producer *sim_producer_open(struct bus *b, const struct bus_producer_options *o,
				       _unused_ struct error *ret_error)
{
	struct sim_producer *p = calloc(1, sizeof(*p));

	assert(p && sim.running);
	p->base.ops = b->ops;
	p->options = *o;
	p->last = &p->first;
	p->proc = sim.running;
	p->resource =
	    (struct resource){.on_death = producer_dies, .on_freeze = producer_freezes, .ctx = p};
	proc_own(&p->resource);
	return &p->base;
}

/* It stays for what is still on its way. */
void sim_producer_close(struct bus_producer *base)
{
	struct sim_producer *p = (struct sim_producer *)base;

	proc_disown(&p->resource);
	forget_sent(p, sim.now_us + sim_draw(0, WIRE_MOST_US));
}
