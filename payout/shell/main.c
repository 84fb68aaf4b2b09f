/* punnet-payout: leads.outcomes → ledger → market. See payout/README.md. */
#include <stdio.h>
#include <stdlib.h>

#include "payout/shell/worker.h"
#include "runtime/service.h"

#define START_TIMEOUT_MS 30000

struct state {
	struct bus *bus;
	struct directory *directory;
	struct store *store;
	struct worker *worker;
};

static enum result start(struct service *s, struct error *ret_error)
{
	const struct config *c = s->config;
	struct state *state = calloc(1, sizeof(*state));
	struct worker_settings settings = {
	    .instance_id = s->instance,
	    .batch_size = (size_t)config_int(c, "payout", "batch_size"),
	    .hold_ms = config_int(c, "payout", "hold_days") * MS_PER_DAY,
	    .return_window_ms = config_int(c, "payout", "return_window_days") * MS_PER_DAY,
	    .ack_watchdog_ms = config_int(c, "common", "ack_watchdog"),
	    .lines_every_ms = config_int(c, "payout", "verdict_lines_every"),
	    .due_every_ms = config_int(c, "payout", "due_every"),
	    .linger_ms = (int)config_int(c, "common", "linger"),
	    .gather_ms = (int)config_int(c, "payout", "gather"),
	};

	assert(state);
	s->state = state;
	state->store = store_open(config_text(c, "common", "db"),
				  (int)config_int(c, "payout", "db_timeout"), ret_error);
	if (!state->store)
		return RESULT_AWAY;
	state->bus = bus_open(config_text(c, "common", "kafka"), s->instance, ret_error);
	if (!state->bus)
		return RESULT_AWAY;
	state->directory = directory_open(state->bus, START_TIMEOUT_MS, ret_error);
	if (!state->directory)
		return RESULT_AWAY;
	state->worker =
	    worker_open(state->bus, state->directory, state->store, &settings, ret_error);
	if (!state->worker)
		return RESULT_AWAY;
	service_watch(s, directory_fd(state->directory));
	service_watch(s, worker_consumer_fd(state->worker));
	service_watch(s, worker_producer_fd(state->worker));
	return RESULT_OK;
}

static enum turn turn(struct service *s)
{
	struct state *state = s->state;
	struct error e = {0};
	bool busy = false;
	enum result r = worker_turn(state->worker, &busy, &e);

	if (r == RESULT_FATAL)
		service_die(s, "%s", e.text);
	if (r == RESULT_AWAY)
		return TURN_WAIT;
	return busy ? TURN_BUSY : TURN_IDLE;
}

static bool ready(struct service *s, char *ret_why, size_t len)
{
	struct state *state = s->state;

	if (state && state->worker && !worker_ledger_away(state->worker))
		return true;
	snprintf(ret_why, len, "the ledger is away");
	return false;
}

static void drain(struct service *s)
{
	worker_drain(((struct state *)s->state)->worker);
}

static bool drained(struct service *s)
{
	return worker_drained(((struct state *)s->state)->worker);
}

static void stop(struct service *s)
{
	struct state *state = s->state;

	if (!state)
		return;
	worker_close(state->worker);
	directory_close(state->directory);
	bus_close(state->bus);
	store_close(state->store);
	free(state);
	s->state = NULL;
}

static const struct service_def def = {
    .name = "payout",
    .what = "settles outcomes in the ledger, and tells the market",
    .start = start,
    .turn = turn,
    .ready = ready,
    .drain = drain,
    .drained = drained,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&def, argc, argv);
}
