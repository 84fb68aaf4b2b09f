/* shell: opening, the turn, closing. What main() is made of; apart from it so that a test can start a front door. */
#include <stdio.h>
#include <stdlib.h>

#include "collector.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "shell.h"

/* "host:port"; a host with colons stands in brackets. */
static bool split_address(const char *text, char *ret_host, size_t len, int *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t host = colon ? (size_t)(colon - text) : 0;
	int64_t port;

	if (!colon || host == 0 || !slice_to_int64(slice_cstr(colon + 1), &port) || port < 0 ||
	    port > 65535)
		return false;
	if (text[0] == '[' && host > 2 && text[host - 1] == ']') {
		text++;
		host -= 2;
	}
	if (host >= len)
		return false;
	memcpy(ret_host, text, host);
	ret_host[host] = '\0';
	*ret_port = (int)port;
	return true;
}

static int64_t key_int(const struct collector *c, const char *key)
{
	return config_int(c->service->config, "collector", key);
}

static enum result open_bus(struct collector *c, struct error *ret_error)
{
	const char *url = config_text(c->service->config, "common", "kafka");

	c->bus = bus_open(url, c->service->instance, ret_error);
	if (!c->bus)
		return RESULT_AWAY;
	c->raw_partitions = bus_partitions(c->bus, "leads.raw", COLLECTOR_START_TIMEOUT_MS);
	c->outcome_partitions =
	    bus_partitions(c->bus, "leads.outcomes", COLLECTOR_START_TIMEOUT_MS);
	c->replay_partitions = bus_partitions(c->bus, "status.replays", COLLECTOR_START_TIMEOUT_MS);
	if (c->raw_partitions <= 0 || c->outcome_partitions <= 0 || c->replay_partitions <= 0)
		return error_set(ret_error, RESULT_AWAY,
				 "%s: can't learn the partitions of leads.raw, leads.outcomes and "
				 "status.replays",
				 url);
	c->directory = directory_open(c->bus, COLLECTOR_START_TIMEOUT_MS, ret_error);
	if (!c->directory)
		return RESULT_AWAY;
	known_open(&c->known, c->directory);
	return RESULT_OK;
}

static enum result open_store(struct collector *c, struct error *ret_error)
{
	struct store_options options = {
	    .service = c->service,
	    .bus = c->bus,
	    .max_unacked = (size_t)key_int(c, "max_unacked"),
	    .linger_us = (int)key_int(c, "linger_us"),
	    .message_timeout_ms = (int)key_int(c, "message_timeout"),
	    .ack_timeout_ms = c->ack_timeout_ms,
	    .busy_after_ms = key_int(c, "busy_after"),
	    .on_stored = intake_stored,
	};

	c->store = store_open(&options, ret_error);
	return c->store ? RESULT_OK : RESULT_AWAY;
}

static enum result open_door(struct collector *c, struct error *ret_error)
{
	const char *address = config_text(c->service->config, "collector", "listen");
	struct http_options options = {
	    .limits = {.header_bytes = (size_t)key_int(c, "header_max"),
		       .connections = (size_t)key_int(c, "connections"),
		       .pipelined = (size_t)key_int(c, "pipelined"),
		       .body_memory_bytes = (size_t)key_int(c, "body_memory"),
		       .idle_ms = key_int(c, "idle_timeout"),
		       .request_ms = key_int(c, "request_timeout"),
		       .write_ms = key_int(c, "write_timeout")},
	    .body_limit = door_body_limit,
	    .on_request = door_request,
	    .on_fault = answer_fault,
	    .ctx = c,
	};
	char host[256];
	int port;

	if (!split_address(address, host, sizeof(host), &port))
		return error_set(ret_error, RESULT_BAD,
				 "collector.listen: \"%s\": expected host:port", address);
	c->http = http_listen(c->service->loop, host, port, &options, ret_error);
	if (!c->http)
		return RESULT_BAD;
	log_info("door_open", LOG_STR("host", host), LOG_INT("port", http_port(c->http)));
	return RESULT_OK;
}

static enum result collector_start(struct service *s, struct error *ret_error)
{
	struct collector *c = calloc(1, sizeof(*c));
	enum result r;

	assert(c);
	s->state = c;
	c->service = s;
	c->ack_timeout_ms = key_int(c, "ack_timeout");
	c->idempotency_ttl_ms = key_int(c, "idempotency_ttl");
	c->default_rate = (uint32_t)key_int(c, "rate_per_s");
	c->default_burst = (uint32_t)key_int(c, "burst");
	c->keyring = keyring_open(config_text(s->config, "common", "keys_dir"), false, ret_error);
	if (!c->keyring)
		return RESULT_BAD;
	c->kv = kv_async_open(s->loop, config_text(s->config, "common", "redis"),
			      "punnet:", COLLECTOR_KV_TIMEOUT_MS, ret_error);
	if (!c->kv)
		return RESULT_BAD;
	r = open_bus(c, ret_error);
	if (r == RESULT_OK)
		r = open_store(c, ret_error);
	if (r == RESULT_OK)
		r = open_door(c, ret_error);
	if (r == RESULT_OK)
		service_watch(s, directory_fd(c->directory));
	return r;
}

static enum turn collector_turn(struct service *s)
{
	struct collector *c = s->state;
	struct error error = {0};
	bool more;

	if (directory_poll(c->directory, &error) == RESULT_FATAL)
		service_die(s, "directory: %s", error.text);
	store_turn(c->store);
	more = intake_turn(c);
	metric_set(METRIC_COLLECTOR_CONNECTIONS, (int64_t)http_connections(c->http));
	return more ? TURN_BUSY : TURN_IDLE;
}

static bool collector_ready(struct service *s, char *ret_why, size_t len)
{
	struct collector *c = s->state;

	if (c && c->store && store_working(c->store))
		return true;
	snprintf(ret_why, len, "no producer: leads are answered with 503");
	return false;
}

static void collector_drain(struct service *s)
{
	struct collector *c = s->state;

	http_stop_listening(c->http);
}

static bool collector_drained(struct service *s)
{
	struct collector *c = s->state;

	return c->intakes == 0 && http_quiet(c->http);
}

static void collector_stop(struct service *s)
{
	struct collector *c = s->state;

	service_unwatch(s, directory_fd(c->directory));
	kv_async_close(c->kv);
	store_close(c->store); /* who still waits gets 503 */
	http_close(c->http);
	directory_close(c->directory);
	bus_close(c->bus);
	keyring_free(c->keyring);
	door_free(c);
	while (c->pool) {
		struct intake *i = c->pool;

		c->pool = i->next;
		buf_free(&i->text);
		free(i);
	}
	arena_free(&c->arena);
	raw_lead_scratch_free(&c->scratch);
	sealer_end(&c->sealer);
	buf_free(&c->record);
	buf_free(&c->answer);
	free(c);
	s->state = NULL;
}

const struct service_def collector_service = {
    .name = "collector",
    .what = "takes leads and verdicts in over HTTP and puts them on leads.raw and leads.outcomes",
    .start = collector_start,
    .turn = collector_turn,
    .ready = collector_ready,
    .drain = collector_drain,
    .drained = collector_drained,
    .stop = collector_stop,
};
