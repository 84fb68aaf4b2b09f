/* world: time, the brokers' side of the log, the supervisor, and the loop that lets somebody go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bidders.h"
#include "runtime/bus_memory.h"
#include "runtime/kv_internal.h"
#include "runtime/log.h"
#include "seams.h"
#include "setup.h"
#include "world.h"

#define LEAD_EVERY_US (150 * US_PER_MS)
#define SPAN_LEAST_US (12000 * US_PER_MS)
#define AFTER_US      (6000 * US_PER_MS) /* faults go on for so long after the last lead */
#define QUIET_US      (9000 * US_PER_MS) /* longer than the longest wait of a retry, and of a session */
#define LATER_US      (2 * MS_PER_DAY * US_PER_MS) /* the return windows are over then */
#define LONGEST_US    (1800 * 1000 * US_PER_MS)
#define ROUNDS_MAX    2000000
#define PASSES_MAX    10

struct sim sim;

/* --- what is to come --- */

struct event {
	int64_t at_us;
	uint64_t number;
	struct proc *who; /* NULL: the world */
	uint32_t life;
	void (*fn)(void *ctx);
	void *ctx;
};

static struct event *events;
static size_t event_count, event_cap;
static uint64_t event_number;

static bool before(const struct event *a, const struct event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

static void swap(size_t a, size_t b)
{
	struct event e = events[a];

	events[a] = events[b];
	events[b] = e;
}

void sim_at(int64_t at_us, struct proc *who, void (*fn)(void *ctx), void *ctx)
{
	size_t i = event_count++;

	if (event_count > event_cap) {
		event_cap = event_cap ? event_cap * 2 : 1024;
		events = realloc(events, event_cap * sizeof(*events));
		assert(events);
	}
	events[i] = (struct event){.at_us = MAX_OF(at_us, sim.now_us),
				   .number = event_number++,
				   .who = who,
				   .fn = fn,
				   .ctx = ctx};
	for (; i > 0 && before(&events[i], &events[(i - 1) / 2]); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static struct event event_take(void)
{
	struct event first = events[0];
	size_t i = 0;

	events[0] = events[--event_count];
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < event_count; child++)
			if (before(&events[child], &events[least]))
				least = child;
		if (least == i)
			return first;
		swap(i, least);
		i = least;
	}
}

static void serve_events(void)
{
	while (event_count > 0 && events[0].at_us <= sim.now_us) {
		struct event e = event_take();

		if (!e.who)
			e.fn(e.ctx);
		else if (proc_state_of(e.who) != PROC_DEAD)
			proc_post(e.who, e.fn, e.ctx);
	}
}

int64_t sim_draw(int64_t least, int64_t most)
{
	return least + (int64_t)rng_below(&sim.rng, (uint64_t)(most - least + 1));
}

bool sim_chance(uint32_t per_10000)
{
	return rng_chance(&sim.rng, per_10000);
}

/* --- the log --- */

static struct bus_producer *appender;
static int64_t appended;

static void on_append(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		      _unused_ int32_t partition, int64_t offset)
{
	assert(result == RESULT_OK);
	appended = offset;
}

static int64_t log_clock(_unused_ void *ctx)
{
	return SIM_BASE_MS + sim.now_us / US_PER_MS + sim.log_skew_ms;
}

static bool is_aside(const char *topic)
{
	return strcmp(topic, "orders.progress") == 0 || strcmp(topic, "market.snapshots") == 0 ||
	       strcmp(topic, "webmasters.verdicts") == 0;
}

static void open_log(void)
{
	struct bus_producer_options o = {.on_ack = on_append, .max_in_flight = 1};

	sim.log = bus_open("memory:", "sim", NULL);
	bus_memory_set_clock(sim.log, log_clock, NULL);
	appender = bus_producer_open(sim.log, &o, NULL);
	assert(sim.log && appender);
}

void sim_wake_readers(void)
{
	for (int i = 0; i < SIM_SLOTS; i++)
		if (sim.slots[i].proc)
			proc_wake(sim.slots[i].proc);
}

static void wake_for(const char *topic)
{
	static const struct {
		const char *topic, *service;
	} reads[] = {
	    {"leads.raw", "filter-worker"}, {"leads.judged", "router"},   {"market", "router"},
	    {"leads.routed", "delivery"},   {"leads.outcomes", "payout"},
	};

	for (size_t r = 0; r < ARRAY_LEN(reads); r++)
		for (int i = 0; strcmp(reads[r].topic, topic) == 0 && i < SIM_SLOTS; i++)
			if (sim.slots[i].proc &&
			    strcmp(sim.slots[i].service, reads[r].service) == 0)
				proc_wake(sim.slots[i].proc);
}

/* The keys of attempts and outcomes are lead ids. */
static void say_stored(const char *topic, int32_t partition, struct slice key)
{
	struct lead_id id = {{0}};

	(void)!lead_id_from_bytes(key.data, key.len, &id);
	log_info("stored", LOG_STR("topic", topic), LOG_INT("partition", partition),
		 LOG_INT("offset", appended), LOG_LEAD(&id));
}

void sim_append(const char *topic, int32_t partition, struct slice key, const char *type,
		struct slice value, int64_t *ret_offset)
{
	_cleanup_(buf_free) struct buf with_bids = {0};
	int times = 1;

	if (strcmp(topic, "market") == 0 && bidders_bid(partition, value, &with_bids))
		value = buf_slice(&with_bids);
	if (sim.raw_twice > 0 && strcmp(topic, "leads.raw") == 0) {
		sim.raw_twice--;
		times = 2;
	}
	for (int i = 0; i < times; i++) {
		if (bus_produce(appender, topic, partition, key, type, value, 0) != RESULT_OK ||
		    bus_producer_poll(appender, NULL) != RESULT_OK)
			abort();
		if (i == 0 && ret_offset)
			*ret_offset = appended;
		if (sim.verbose && !is_aside(topic))
			say_stored(topic, partition, key);
	}
	if (strcmp(topic, "market") == 0 ? operator_looks(partition, value) : !is_aside(topic))
		sim.moved_us = sim.now_us;
	if (strcmp(topic, "leads.routed") == 0)
		sim.begun_us = sim.now_us;
	wake_for(topic);
}

/* --- services --- */

static const struct {
	const char *service, *instance;
	int (*program)(int argc, char **argv);
} places[SIM_SLOTS] = {
    {"collector", "collector@1", collector_main},
    {"filter-worker", "filter-worker@1", filter_worker_main},
    {"filter-worker", "filter-worker@2", filter_worker_main},
    {"router", "router@1", router_main},
    {"router", "router@2", router_main},
    {"delivery", "delivery@1", delivery_main},
    {"delivery", "delivery@2", delivery_main},
    {"payout", "payout@1", payout_main},
    {"payout", "payout@2", payout_main},
};

const char *sim_service_of(int slot)
{
	return places[slot].service;
}

static void make_slots(void)
{
	for (int i = 0; i < SIM_SLOTS; i++)
		sim.slots[i] = (struct slot){.service = places[i].service,
					     .instance = places[i].instance,
					     .def = service_catch(places[i].program)};
}

/* --- supervisor --- */

static int64_t starts_us[SIM_SLOTS];

static void supervise(void)
{
	for (int i = 0; i < SIM_SLOTS; i++) {
		struct slot *s = &sim.slots[i];

		if (s->proc || s->held_down) {
			starts_us[i] = 0;
			continue;
		}
		if (starts_us[i] == 0)
			starts_us[i] = sim.now_us + sim_draw(5, 300) * US_PER_MS;
		if (sim.now_us >= starts_us[i])
			(void)proc_start(s);
	}
}

static int64_t next_start_us(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < SIM_SLOTS; i++)
		if (starts_us[i] > 0 && !sim.slots[i].proc)
			next = MIN_OF(next, starts_us[i]);
	return next;
}

/* --- the loop --- */

static struct proc *draw_runnable(void)
{
	struct proc *p, *found[SIM_PROCS_MAX];
	size_t count = 0;

	for (size_t i = 0; (p = proc_at(i)); i++)
		if (proc_is_runnable(p))
			found[count++] = p;
	return count ? found[rng_below(&sim.rng, count)] : NULL;
}

static int64_t next_us(void)
{
	int64_t next = event_count > 0 ? events[0].at_us : INT64_MAX;
	struct proc *p;

	for (size_t i = 0; (p = proc_at(i)); i++)
		next = MIN_OF(next, proc_wakes_us(p));
	return MIN_OF(next, next_start_us());
}

static bool all_up(void)
{
	struct proc *p;

	for (int i = 0; i < SIM_SLOTS; i++)
		if (!sim.slots[i].proc)
			return false;
	for (size_t i = 0; (p = proc_at(i)); i++)
		if (proc_state_of(p) == PROC_FROZEN)
			return false;
	return true;
}

static bool is_at_rest(void)
{
	return sim.calm && all_up() && !client_is_waiting() && sim.now_us - sim.moved_us > QUIET_US;
}

/* Until nothing happens any more. */
static bool run(char *why, size_t len)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct proc *p;

		serve_events();
		supervise();
		p = draw_runnable();
		if (p) {
			proc_run(p);
			sim.now_us += sim_draw(10, sim.calm ? 50 : 400);
			continue;
		}
		if (is_at_rest())
			return true;
		if (sim.now_us > LONGEST_US && sim.now_us % LATER_US > LONGEST_US)
			break;
		sim.now_us = MAX_OF(next_us(), sim.now_us + 1);
	}
	(void)snprintf(why, len,
		       "it did not come to rest: at %lld ms, moved last at %lld ms, client %s",
		       (long long)(sim.now_us / US_PER_MS), (long long)(sim.moved_us / US_PER_MS),
		       client_is_waiting() ? "waits" : "is through");
	return false;
}

static void grow_calm(_unused_ void *ctx)
{
	sim.calm = true;
	sim.kv_away_until_us = sim.db_away_until_us = 0;
	for (int i = 0; i < sim.fault_count; i++)
		sim.faults[i].armed = false;
	for (int i = 0; i < SIM_SLOTS; i++)
		sim.slots[i].slow_until_us = 0;
}

static bool has_late(void)
{
	for (int i = 0; i < sim.fault_count; i++)
		if (sim.faults[i].late)
			return true;
	return false;
}

int64_t sim_span_us(void)
{
	return MAX_OF(SPAN_LEAST_US, sim.leads * LEAD_EVERY_US);
}

int64_t sim_faults_us(void)
{
	return sim_span_us() + AFTER_US;
}

/* The windows in which leads may be returned pass, and what nobody judged is approved. */
static bool later(bool with_faults, char *why, size_t len)
{
	sim.now_us += LATER_US;
	sim.moved_us = sim.now_us;
	if (with_faults) {
		sim.calm = false;
		faults_arm(true);
		sim_at(sim.now_us + SIM_LATE_US, NULL, grow_calm, NULL);
	}
	return run(why, len);
}

bool sim_play(char *why, size_t len)
{
	int64_t span_us = sim_span_us();

	static const int64_t wires_ms[] = {2, 8, 8, 40, 150};

	sim.rng = rng_seed(sim.seed);
	if (sim_chance(5000)) {
		sim.lag_topics = (uint32_t)rng_next(&sim.rng) & (uint32_t)rng_next(&sim.rng);
		sim.lag_us = sim_draw(20, 900) * US_PER_MS;
	}
	sim.wire_us = wires_ms[rng_below(&sim.rng, ARRAY_LEN(wires_ms))] * US_PER_MS;
	sim.kv = kv_memory_open();
	open_log();
	make_slots();
	setup_topics();
	setup_directory();
	setup_orders(span_us);
	client_leads(span_us);
	faults_arm(false);
	sim_at(sim_faults_us(), NULL, grow_calm, NULL);
	if (!run(why, len))
		return false;
	/* What had waited until then may have been sold: its windows pass, too. */
	for (int64_t from_us = sim.now_us, pass = 0; pass < PASSES_MAX; pass++) {
		if (pass > 0 && sim.begun_us < from_us)
			return true;
		from_us = sim.now_us;
		if (!later(pass == 0 && has_late(), why, len))
			return false;
	}
	(void)snprintf(why, len, "leads are sold without an end");
	return false;
}
