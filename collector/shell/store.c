/* store: see store.h.
 *
 * A slot is what waits for one acknowledgement. Its token carries a generation, so that an acknowledgement that comes
 * after the time-out finds nobody, instead of the slot's next user. The slots in use form a list in the order of their
 * start, which is the order of their time-outs. */
#include "store.h"

#include <stdlib.h>

#include "collector/core/pressure.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define STORE_REOPEN_MS 1000 /* between attempts to make a producer */
#define SINGLES_SHARE   4    /* a quarter of the room is for single leads alone */
#define NO_SLOT         UINT32_MAX

struct slot {
	void *waiter; /* NULL: free */
	int64_t started_us;
	uint32_t line, generation;
	uint32_t prev, next; /* next also chains the free ones */
};

struct store {
	struct store_options o;
	struct bus_producer *producer; /* NULL: to be made anew */
	int64_t reopen_at_ms;
	struct slot *slots;
	uint32_t free, oldest, newest;
	size_t used;
	struct pressure pressure;
	bool early;               /* the fault: says "stored" before it is */
	int64_t put_us, acked_us; /* now, for what is put, and for what is acknowledged */
};

static void slot_unlink(struct store *s, uint32_t i)
{
	struct slot *slot = &s->slots[i];

	if (slot->prev != NO_SLOT)
		s->slots[slot->prev].next = slot->next;
	else
		s->oldest = slot->next;
	if (slot->next != NO_SLOT)
		s->slots[slot->next].prev = slot->prev;
	else
		s->newest = slot->prev;
	slot->waiter = NULL;
	slot->generation++;
	slot->next = s->free;
	s->free = i;
	s->used--;
}

static uint32_t slot_take(struct store *s, void *waiter, uint32_t line)
{
	uint32_t i = s->free;
	struct slot *slot = &s->slots[i];

	s->free = slot->next;
	slot->waiter = waiter;
	slot->line = line;
	slot->started_us = s->put_us;
	slot->prev = s->newest;
	slot->next = NO_SLOT;
	if (s->newest != NO_SLOT)
		s->slots[s->newest].next = i;
	else
		s->oldest = i;
	s->newest = i;
	s->used++;
	return i;
}

static void slot_done(struct store *s, uint32_t i, bool stored)
{
	void *waiter = s->slots[i].waiter;
	uint32_t line = s->slots[i].line;

	slot_unlink(s, i);
	s->o.on_stored(waiter, line, stored);
}

static void on_ack(void *ctx, uint64_t token, enum result result, _unused_ int32_t partition,
		   _unused_ int64_t offset)
{
	struct store *s = ctx;
	uint32_t i = (uint32_t)token;

	assert(i < s->o.max_unacked);
	if (!s->slots[i].waiter || s->slots[i].generation != (uint32_t)(token >> 32))
		return; /* it had been given up */
	if (result == RESULT_OK) {
		int64_t took_us = s->acked_us - s->slots[i].started_us;

		metric_observe_us(METRIC_COLLECTOR_ACK_TIME, took_us);
		pressure_acked(&s->pressure, s->acked_us, took_us);
		fault_point("collector_acked");
	}
	slot_done(s, i, result == RESULT_OK);
}

static enum result producer_open(struct store *s, struct error *ret_error)
{
	struct bus_producer_options options = {
	    .on_ack = on_ack,
	    .ctx = s,
	    .linger_ms_x10 = s->o.linger_us / 100,
	    .message_timeout_ms = s->o.message_timeout_ms,
	    .max_in_flight = s->o.max_unacked,
	};

	s->producer = bus_producer_open(s->o.bus, &options, ret_error);
	if (!s->producer)
		return RESULT_AWAY;
	service_watch(s->o.service, bus_producer_fd(s->producer));
	return RESULT_OK;
}

static void give_up_all(struct store *s)
{
	while (s->oldest != NO_SLOT)
		slot_done(s, s->oldest, false);
}

static void producer_close(struct store *s)
{
	if (!s->producer)
		return;
	service_unwatch(s->o.service, bus_producer_fd(s->producer));
	bus_producer_close(s->producer);
	s->producer = NULL;
}

struct store *store_open(const struct store_options *o, struct error *ret_error)
{
	struct store *s = calloc(1, sizeof(*s));

	assert(s && o->max_unacked > 0 && o->max_unacked < NO_SLOT);
	s->o = *o;
	s->slots = calloc(o->max_unacked, sizeof(*s->slots));
	assert(s->slots);
	for (uint32_t i = 0; i < o->max_unacked; i++)
		s->slots[i].next = i + 1 < o->max_unacked ? i + 1 : NO_SLOT;
	s->oldest = s->newest = NO_SLOT;
	s->early = fault_on("ack_before_store");
	s->pressure.busy_after_us = o->busy_after_ms * 1000;
	if (producer_open(s, ret_error) == RESULT_OK)
		return s;
	free(s->slots);
	free(s);
	return NULL;
}

void store_mark(struct store *s)
{
	s->put_us = clock_monotonic_us();
}

bool store_has_batch_room(const struct store *s)
{
	size_t room = s->o.max_unacked - s->o.max_unacked / SINGLES_SHARE;

	return s->used < room && pressure_has_batch_room(&s->pressure, s->used);
}

enum result store_put(struct store *s, const char *topic, int32_t partition, struct slice key,
		      const char *type, struct slice value, void *waiter, uint32_t line)
{
	enum result r;
	uint32_t i = s->free;
	uint64_t token;

	if (!s->producer)
		return RESULT_AWAY;
	if (i == NO_SLOT || pressure_is_high(&s->pressure, s->used))
		return RESULT_AGAIN;
	token = (uint64_t)s->slots[i].generation << 32 | i;
	r = bus_produce(s->producer, topic, partition, key, type, value, token);
	if (r != RESULT_OK)
		return r == RESULT_AGAIN ? RESULT_AGAIN : RESULT_AWAY;
	slot_take(s, waiter, line);
	fault_point("collector_produced");
	if (s->early)
		slot_done(s, i, true);
	return RESULT_OK;
}

static void give_up_late(struct store *s)
{
	int64_t limit_us = clock_monotonic_us() - s->o.ack_timeout_ms * 1000;

	while (s->oldest != NO_SLOT && s->slots[s->oldest].started_us <= limit_us)
		slot_done(s, s->oldest, false);
}

void store_turn(struct store *s)
{
	struct error error = {0};

	s->acked_us = clock_monotonic_us();
	if (s->producer && bus_producer_poll(s->producer, &error) == RESULT_FATAL) {
		log_error("producer_failed", LOG_STR("reason", error.text),
			  LOG_INT("unacked", s->used));
		producer_close(s);
		give_up_all(s);
		s->reopen_at_ms = clock_monotonic_ms();
	}
	if (!s->producer && clock_monotonic_ms() >= s->reopen_at_ms) {
		s->reopen_at_ms = clock_monotonic_ms() + STORE_REOPEN_MS;
		if (producer_open(s, &error) == RESULT_OK) {
			metric_add(METRIC_COLLECTOR_REOPENED, 1);
			log_info("producer_reopened");
		}
	}
	give_up_late(s);
	metric_set(METRIC_COLLECTOR_UNACKED, (int64_t)s->used);
	metric_set(METRIC_COLLECTOR_WAIT_BOUND, pressure_wait_us(&s->pressure) / 1000);
}

bool store_working(const struct store *s)
{
	return s->producer != NULL;
}

size_t store_unacked(const struct store *s)
{
	return s->used;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	producer_close(s);
	give_up_all(s);
	free(s->slots);
	free(s);
}
