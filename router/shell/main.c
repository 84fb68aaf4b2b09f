/* punnet-router: leads.judged → admit → market → decide → leads.routed | leads.unsold. Two stages, one loop, one producer.
 *
 * Ends with status 70 when a record is not acknowledged within common.ack_watchdog, and starts again from the log. */
#include <stdlib.h>

#include "router.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define START_TIMEOUT_MS 30000

static const char *const topics[] = {"leads.judged", "market",           "leads.routed",
				     "leads.unsold", "market.snapshots", "orders.progress",
				     "dead.letters"};

static enum result topics_present(struct router *r, struct error *ret_error)
{
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		if (bus_partitions(r->bus, topics[i], START_TIMEOUT_MS) <= 0)
			return error_set(ret_error, RESULT_AWAY, "%s: the topic is not there",
					 topics[i]);
	}
	return RESULT_OK;
}

static enum result start(struct service *s, struct error *ret_error)
{
	struct router *r = calloc(1, sizeof(*r));
	enum result result;

	if (!r)
		abort();
	s->state = r;
	r->service = s;
	r->linger_ms = (int)config_int(s->config, "common", "linger");
	r->gather_ms = (int)config_int(s->config, "common", "gather");
	r->ack_watchdog_ms = config_int(s->config, "common", "ack_watchdog");
	r->snapshot_every_ms = config_int(s->config, "router", "snapshot_every");
	r->snapshot_events = config_int(s->config, "router", "snapshot_events");
	r->snapshot_in_place = (size_t)config_int(s->config, "router", "snapshot_in_place");
	r->packed.max = 2 * BUS_RECORD_MAX_BYTES;
	r->bus = bus_open(config_text(s->config, "common", "kafka"), s->instance, ret_error);
	if (!r->bus)
		return RESULT_AWAY;
	result = topics_present(r, ret_error);
	if (result != RESULT_OK)
		return result;
	r->directory = directory_open(r->bus, START_TIMEOUT_MS, ret_error);
	if (!r->directory)
		return RESULT_AWAY;
	r->producer = bus_producer_open(r->bus,
					&(struct bus_producer_options){
					    .on_ack = router_on_ack,
					    .ctx = r,
					    .linger_ms_x10 = r->linger_ms * 10,
					    .max_in_flight = ROUTER_IN_FLIGHT_MAX,
					},
					ret_error);
	if (!r->producer)
		return RESULT_AWAY;
	result = stage_open(&r->admit, r, &admit_ops, ret_error);
	if (result == RESULT_OK)
		result = stage_open(&r->decide, r, &decide_ops, ret_error);
	if (result != RESULT_OK)
		return result;
	service_watch(s, bus_producer_fd(r->producer));
	service_watch(s, directory_fd(r->directory));
	return RESULT_OK;
}

static void serve_producer(struct router *r)
{
	struct error error;
	int64_t oldest_ms;

	if (bus_producer_poll(r->producer, &error) == RESULT_FATAL)
		service_die(r->service, "%s", error.text);
	oldest_ms = bus_producer_oldest_ms(r->producer);
	if (oldest_ms > r->ack_watchdog_ms)
		service_die(r->service, "a record is not acknowledged for %lld s",
			    (long long)(oldest_ms / MS_PER_S));
	if (directory_poll(r->directory, &error) == RESULT_FATAL)
		service_die(r->service, "%s", error.text);
}

static enum turn turn(struct service *s)
{
	struct router *r = s->state;
	enum turn admit, decide;

	serve_producer(r);
	admit = stage_turn(&r->admit);
	decide = stage_turn(&r->decide);
	if (!s->draining)
		decide_housekeeping(&r->decide);
	stage_commit(&r->admit, false);
	stage_commit(&r->decide, false);
	if (admit == TURN_BUSY || decide == TURN_BUSY)
		return TURN_BUSY;
	return admit == TURN_WAIT || decide == TURN_WAIT ? TURN_WAIT : TURN_IDLE;
}

static bool ready(struct service *s, char *ret_why, size_t len)
{
	(void)s;
	(void)ret_why;
	(void)len;
	return true; /* start() blocks until all that is needed is there */
}

static bool drained(struct service *s)
{
	struct router *r = s->state;

	if (bus_producer_in_flight(r->producer) > 0)
		return false;
	stage_commit(&r->admit, true);
	stage_commit(&r->decide, true);
	return true;
}

static void stop(struct service *s)
{
	struct router *r = s->state;

	stage_close(&r->admit);
	stage_close(&r->decide);
	bus_producer_close(r->producer);
	directory_close(r->directory);
	bus_close(r->bus);
	router_acks_free(r);
	arena_free(&r->arena);
	buf_free(&r->packed);
	map_free(&r->unknown_verticals);
	map_free(&r->wanted_facts);
	free(r);
	s->state = NULL;
}

int main(int argc, char **argv)
{
	return service_main(
	    &(struct service_def){
		.name = "router",
		.what =
		    "puts accepted leads on the market and decides which order gets each of them",
		.start = start,
		.turn = turn,
		.ready = ready,
		.drained = drained,
		.stop = stop,
	    },
	    argc, argv);
}
