/* punnet-delivery: leads.routed → advertiser, leads.attempts, leads.outcomes. See delivery/README.md. */
#include <stdlib.h>

#include "alerts.h"
#include "delivery.h"
#include "delivery/core/mail.h"
#include "postbacks.h"
#include "replays.h"
#include "runtime/log.h"
#include "runtime/service.h"

#define START_TIMEOUT_MS 30000

struct state {
	struct bus *bus;
	struct keyring *keyring;
	struct directory *directory;
	struct delivery *delivery;
	struct postbacks *postbacks;
	struct alerts *alerts;
	struct replays *replays;
	bool watching, watching_postbacks, watching_alerts,
	    watching_replays; /* the consumers' descriptors */
};

static enum result read_settings(const struct config *c, struct delivery_settings *ret,
				 struct error *ret_error)
{
	struct error e = {0};

	*ret = (struct delivery_settings){
	    .in_flight_max = (size_t)config_int(c, "delivery", "max_in_flight"),
	    .advertiser_in_flight_max = (size_t)config_int(c, "delivery", "advertiser_in_flight"),
	    .open_tasks_max = (size_t)config_int(c, "delivery", "max_open_tasks"),
	    .connect_timeout_ms = config_int(c, "delivery", "connect_timeout"),
	    .answer_timeout_ms = config_int(c, "delivery", "answer_timeout"),
	    .ack_watchdog_ms = config_int(c, "common", "ack_watchdog"),
	    .linger_ms = (int)config_int(c, "common", "linger"),
	    .gather_ms = (int)config_int(c, "common", "gather"),
	    .answer_max_bytes = (size_t)config_int(c, "delivery", "answer_max_bytes"),
	    .allow_private_addresses = config_bool(c, "delivery", "allow_private_addresses"),
	    .ca_file = config_text(c, "delivery", "ca_file"),
	    .mail_relay = config_text(c, "delivery", "mail_relay"),
	    .mail_from = config_text(c, "delivery", "mail_from"),
	    .mail_login_file = config_text(c, "delivery", "mail_login_file"),
	    .mail_plain = config_bool(c, "delivery", "mail_plain"),
	    .credentials_dir = config_text(c, "delivery", "credentials_dir"),
	};
	if (retry_plan_parse(slice_cstr(config_text(c, "delivery", "retry_schedule")), &ret->retry,
			     &e) != RESULT_OK)
		return error_set(ret_error, RESULT_BAD, "delivery.retry_schedule: %s", e.text);
	if (*ret->mail_relay && !mail_address_valid(slice_cstr(ret->mail_from)))
		return error_set(
		    ret_error, RESULT_BAD,
		    "delivery.mail_from: expected the network's own address, for example "
		    "leads@network.example");

	return RESULT_OK;
}

static enum result open_postbacks(struct service *s, struct state *state,
				  const struct delivery_settings *d, struct error *ret_error)
{
	const struct config *c = s->config;
	struct postbacks_settings settings = {
	    .in_flight_max = (size_t)config_int(c, "delivery", "postback_in_flight"),
	    .host_in_flight_max = (size_t)config_int(c, "delivery", "postback_host_in_flight"),
	    .open_max = (size_t)config_int(c, "delivery", "postback_max_open"),
	    .connect_timeout_ms = d->connect_timeout_ms,
	    .answer_timeout_ms = d->answer_timeout_ms,
	    .ack_watchdog_ms = d->ack_watchdog_ms,
	    .linger_ms = d->linger_ms,
	    .gather_ms = d->gather_ms,
	    .allow_private_addresses = d->allow_private_addresses,
	    .ca_file = d->ca_file,
	    .instance_id = s->instance,
	};
	struct error e = {0};

	if (retry_plan_parse(slice_cstr(config_text(c, "delivery", "postback_schedule")),
			     &settings.retry, &e) != RESULT_OK)
		return error_set(ret_error, RESULT_BAD, "delivery.postback_schedule: %s", e.text);
	state->postbacks = postbacks_open(s->loop, state->bus, state->directory, state->keyring,
					  &settings, ret_error);
	if (!state->postbacks)
		return RESULT_AWAY;
	service_watch(s, postbacks_producer_fd(state->postbacks));
	service_watch(s, postbacks_consumer_fd(state->postbacks));
	state->watching_postbacks = true;
	return RESULT_OK;
}

static enum result open_alerts(struct service *s, struct state *state, struct delivery_settings *d,
			       struct error *ret_error)
{
	struct alerts_settings settings = {
	    .instance_id = s->instance,
	    .linger_ms = d->linger_ms,
	    .gather_ms = d->gather_ms,
	    .ack_watchdog_ms = d->ack_watchdog_ms,
	    .letter_alert_after_ms = config_int(s->config, "delivery", "letter_alert_after")};

	state->alerts = alerts_open(state->bus, state->directory, &settings, ret_error);
	if (!state->alerts)
		return RESULT_AWAY;
	d->on_circuit = alerts_circuit;
	d->circuit_ctx = state->alerts;
	service_watch(s, alerts_producer_fd(state->alerts));
	service_watch(s, alerts_consumer_fd(state->alerts));
	state->watching_alerts = true;
	return RESULT_OK;
}

static enum result open_replays(struct service *s, struct state *state,
				const struct delivery_settings *d, struct error *ret_error)
{
	struct replays_settings settings = {.instance_id = s->instance,
					    .linger_ms = d->linger_ms,
					    .gather_ms = d->gather_ms,
					    .ack_watchdog_ms = d->ack_watchdog_ms,
					    .events_per_s =
						config_int(s->config, "delivery", "replay_per_s")};

	state->replays = replays_open(state->bus, &settings, ret_error);
	if (!state->replays)
		return RESULT_AWAY;
	service_watch(s, replays_producer_fd(state->replays));
	service_watch(s, replays_consumer_fd(state->replays));
	state->watching_replays = true;
	return RESULT_OK;
}

static enum result start(struct service *s, struct error *ret_error)
{
	struct state *state = calloc(1, sizeof(*state));
	struct delivery_settings settings;
	enum result r;

	if (!state)
		abort();
	s->state = state;
	r = read_settings(s->config, &settings, ret_error);
	if (r != RESULT_OK)
		return r;
	settings.instance_id = s->instance;
	state->keyring =
	    keyring_open(config_text(s->config, "common", "keys_dir"), false, ret_error);
	if (!state->keyring)
		return RESULT_BAD;
	state->bus = bus_open(config_text(s->config, "common", "kafka"), s->instance, ret_error);
	if (!state->bus)
		return RESULT_AWAY;
	state->directory = directory_open(state->bus, START_TIMEOUT_MS, ret_error);
	if (!state->directory)
		return RESULT_AWAY;
	r = open_alerts(s, state, &settings, ret_error);
	if (r == RESULT_OK)
		r = open_replays(s, state, &settings, ret_error);
	if (r != RESULT_OK)
		return r;
	state->delivery = delivery_open(s->loop, state->bus, state->directory, state->keyring,
					&settings, ret_error);
	if (!state->delivery)
		return RESULT_AWAY;

	service_watch(s, directory_fd(state->directory));
	service_watch(s, delivery_producer_fd(state->delivery));
	service_watch(s, delivery_consumer_fd(state->delivery));
	state->watching = true;
	return open_postbacks(s, state, &settings, ret_error);
}

/* While nothing is taken, a readable descriptor would keep the loop awake; its tick serves the group then. */
static void watch_consumer(struct service *s, int fd, bool want, bool *watching)
{
	if (want == *watching)
		return;
	if (want)
		service_watch(s, fd);
	else
		service_unwatch(s, fd);
	*watching = want;
}

static enum turn turn(struct service *s)
{
	struct state *state = s->state;
	struct error e = {0};
	bool busy, busy_postbacks, busy_alerts, busy_replays;

	if (delivery_turn(state->delivery, &busy, &e) == RESULT_FATAL)
		service_die(s, "%s", e.text);
	if (postbacks_turn(state->postbacks, &busy_postbacks, &e) == RESULT_FATAL)
		service_die(s, "%s", e.text);
	if (alerts_turn(state->alerts, &busy_alerts, &e) == RESULT_FATAL)
		service_die(s, "%s", e.text);
	if (replays_turn(state->replays, &busy_replays, &e) == RESULT_FATAL)
		service_die(s, "%s", e.text);
	watch_consumer(s, delivery_consumer_fd(state->delivery),
		       delivery_is_taking(state->delivery), &state->watching);
	watch_consumer(s, postbacks_consumer_fd(state->postbacks),
		       postbacks_is_taking(state->postbacks), &state->watching_postbacks);
	watch_consumer(s, alerts_consumer_fd(state->alerts), alerts_is_taking(state->alerts),
		       &state->watching_alerts);
	watch_consumer(s, replays_consumer_fd(state->replays), replays_is_taking(state->replays),
		       &state->watching_replays);
	return busy || busy_postbacks || busy_alerts || busy_replays ? TURN_BUSY : TURN_IDLE;
}

static bool ready(struct service *s, char *ret_why, size_t len)
{
	struct state *state = s->state;

	if (state && state->postbacks)
		return true;
	if (len > 0)
		*ret_why = 0;
	return false;
}

static void drain(struct service *s)
{
	struct state *state = s->state;

	delivery_drain(state->delivery);
	postbacks_drain(state->postbacks);
	alerts_drain(state->alerts);
	replays_drain(state->replays);
}

static bool drained(struct service *s)
{
	struct state *state = s->state;

	return delivery_drained(state->delivery) && postbacks_drained(state->postbacks) &&
	       alerts_drained(state->alerts) && replays_drained(state->replays);
}

static void stop(struct service *s)
{
	struct state *state = s->state;

	if (!state)
		return;
	postbacks_close(state->postbacks);
	delivery_close(state->delivery);
	alerts_close(state->alerts);
	replays_close(state->replays);
	directory_close(state->directory);
	bus_close(state->bus);
	keyring_free(state->keyring);
	free(state);
	s->state = NULL;
}

static const struct service_def def = {
    .name = "delivery",
    .what = "hands routed leads over to their advertisers",
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
