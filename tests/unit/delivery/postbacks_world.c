/* postbacks_world: see postbacks_world.h. */
#include "postbacks_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "hostile.h"
#include "proto/directory.pb-c.h"
#include "runtime/clock.h"
#include "runtime/secret.h"

#define WAIT_LIMIT_MS 20000

static struct hostile server;
char log_path[] = "/tmp/punnet-postbacks-XXXXXX";

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(result, RESULT_OK);
}

void put_bytes(struct world *w, const char *topic, const char *key, const char *type,
	       struct slice value)
{
	assert_int_equal(bus_produce(w->producer, topic, 0, slice_cstr(key), type, value, 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 5000), RESULT_OK);
}

void put_message(struct world *w, const char *topic, const char *key, const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf bytes = {0};

	codec_pack(m, &bytes);
	put_bytes(w, topic, key, codec_type(m->descriptor), buf_slice(&bytes));
}

void put_webmaster(struct world *w, const char *id, const char *url, bool post, bool sign)
{
	static char *events[] = {(char *)"delivered", (char *)"approved"};
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Webmaster m = PUNNET__V1__WEBMASTER__INIT;
	Punnet__V1__Postback postback = PUNNET__V1__POSTBACK__INIT;
	Punnet__V1__Postback *postbacks[] = {&postback};
	_cleanup_(buf_free) struct buf sealed = {0};
	uint8_t nonce[SECRET_NONCE_LEN];
	char entry_id[64], text[300];
	struct error error = {0};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), url, server.port);
#pragma GCC diagnostic pop
	snprintf(entry_id, sizeof(entry_id), "webmaster/%s", id);
	clock_random(nonce, sizeof(nonce));
	secret_seal(keyring_master_key(w->keyring), slice_cstr(entry_id), SLICE(SECRET), nonce,
		    &sealed);
	postback.url = text;
	postback.events = events;
	postback.n_events = ARRAY_LEN(events);
	postback.post = post;
	postback.sign = sign;
	m.postbacks = postbacks;
	m.n_postbacks = 1;
	m.sealed_secret = (ProtobufCBinaryData){sealed.len, (uint8_t *)sealed.data};
	e.id = entry_id;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER;
	e.webmaster = &m;
	put_message(w, "directory", entry_id, &e.base);
	assert_int_equal(directory_poll(w->directory, &error), RESULT_OK);
}

void put_alerts(struct world *w, const char *entry_id, const char *url, const char *const *events,
		size_t count)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Advertiser advertiser = PUNNET__V1__ADVERTISER__INIT;
	Punnet__V1__Operator op = PUNNET__V1__OPERATOR__INIT;
	Punnet__V1__Postback postback = PUNNET__V1__POSTBACK__INIT;
	Punnet__V1__Postback *alerts[] = {&postback};
	struct error error = {0};
	char text[300];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), url, server.port);
#pragma GCC diagnostic pop
	postback.url = text;
	postback.events = (char **)events;
	postback.n_events = count;
	e.id = (char *)entry_id;
	if (strncmp(entry_id, "operator/", 9) == 0) {
		op.alerts = alerts;
		op.n_alerts = 1;
		e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR;
		e.operator_ = &op;
	} else {
		advertiser.alerts = alerts;
		advertiser.n_alerts = 1;
		e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
		e.advertiser = &advertiser;
	}
	put_message(w, "directory", entry_id, &e.base);
	assert_int_equal(directory_poll(w->directory, &error), RESULT_OK);
}

uint64_t happens(struct world *w, const char *aff_id, Punnet__V1__StatusKind kind,
		 const char *click_id, uint64_t seq)
{
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	char event_id[64];

	source.topic = (char *)"payout.outbox";
	source.offset = seq ? seq : ++w->seq;
	snprintf(event_id, sizeof(event_id), "%s.%llu", aff_id, (unsigned long long)source.offset);
	e.source = &source;
	e.kind = kind;
	e.aff_id = (char *)aff_id;
	e.event_id = event_id;
	e.click_id = (char *)click_id;
	e.at_ms = 1767225600000;
	put_message(w, "status.events", aff_id, &e.base);
	return source.offset;
}

void open_postbacks(struct world *w)
{
	struct error e = {0};

	w->postbacks = postbacks_open(&w->loop, w->bus, w->directory, w->keyring, &w->settings, &e);
	if (!w->postbacks)
		fail_msg("%s", e.text);
}

void close_postbacks(struct world *w)
{
	postbacks_close(w->postbacks);
	w->postbacks = NULL;
	uv_run(&w->loop, UV_RUN_DEFAULT);
}

void world_open(struct world *w)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "status.events", .partitions = 1, .retention_ms = -1},
	    {.name = "status.attempts", .partitions = 1, .retention_ms = -1},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "directory", .partitions = 1, .retention_ms = -1, .compact = true},
	};
	struct bus_producer_options producer = {.on_ack = on_ack, .max_in_flight = 100};
	struct error e = {0};
	size_t created;

	*w = (struct world){.keys_dir = "/tmp/punnet-postbacks-keys-XXXXXX"};
	w->settings = (struct postbacks_settings){.in_flight_max = 16,
						  .host_in_flight_max = 4,
						  .open_max = 1000,
						  .connect_timeout_ms = 1000,
						  .answer_timeout_ms = 1000,
						  .ack_watchdog_ms = 30000,
						  .allow_private_addresses = true,
						  .ca_file = ""};
	assert_int_equal(retry_plan_parse(SLICE("20ms,30ms"), &w->settings.retry, NULL), RESULT_OK);
	assert_non_null(mkdtemp(w->keys_dir));
	uv_loop_init(&w->loop);
	w->bus = bus_open("memory:", "test", &e);
	assert_int_equal(bus_topics_apply(w->bus, topics, ARRAY_LEN(topics), 5000, &created, &e),
			 RESULT_OK);
	w->producer = bus_producer_open(w->bus, &producer, &e);
	w->keyring = keyring_open(w->keys_dir, true, &e);
	w->directory = directory_open(w->bus, 5000, &e);
	assert_true(w->producer && w->keyring && w->directory);
	assert_int_equal(truncate(log_path, 0), 0);
}

void world_close(struct world *w)
{
	char command[128];

	close_postbacks(w);
	directory_close(w->directory);
	bus_producer_close(w->producer);
	bus_close(w->bus);
	keyring_free(w->keyring);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	snprintf(command, sizeof(command), "rm -r %s", w->keys_dir);
	assert_int_equal(system(command), 0);
}

/* --- looking --- */

static void attempts_read(struct world *w, struct attempts *ret)
{
	struct bus_record records[READ_MAX];
	struct bus_reader *r = bus_reader_open(w->bus, "status.attempts", 0, 0, NULL);

	*ret = (struct attempts){0};
	assert_int_equal(bus_reader_take(r, records, READ_MAX, 0, &ret->count, NULL), RESULT_OK);
	for (size_t i = 0; i < ret->count; i++) {
		const Punnet__V1__StatusAttempt *a = codec_unpack(
		    &ret->arena, &punnet__v1__status_attempt__descriptor, records[i].value);

		assert_non_null(a);
		ret->all[i] = a;
		ret->finals += a->final;
		ret->ok += a->result == PUNNET__V1__ATTEMPT_RESULT__OK;
	}
	bus_reader_close(r);
}

void turn_once(struct world *w)
{
	struct error e = {0};
	bool busy;

	if (postbacks_turn(w->postbacks, &busy, &e) == RESULT_FATAL)
		fail_msg("%s", e.text);
	uv_run(&w->loop, UV_RUN_NOWAIT);
}

void turn_until_final(struct world *w, size_t finals, struct attempts *ret)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;

	for (;;) {
		turn_once(w);
		attempts_read(w, ret);
		if (ret->finals >= finals)
			return;
		if (clock_monotonic_ms() > ends_ms)
			fail_msg("%zu of %zu events ended", ret->finals, finals);
		arena_free(&ret->arena);
	}
}

int server_saw(const char *text)
{
	FILE *f = fopen(log_path, "r");
	char line[8192];
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

void turn_until_nothing_is_under_way(struct world *w, size_t finals)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;
	size_t before, count = 0;
	struct attempts a;
	bool rest;

	do {
		before = count;
		turn_once(w);
		attempts_read(w, &a);
		count = a.count;
		rest = a.finals >= finals ||
		       (before > 0 && count > before && (int)count == server_saw("\"path\""));
		arena_free(&a.arena);
		assert_true(clock_monotonic_ms() < ends_ms);
	} while (!rest);
}

int start_server(_unused_ void **state)
{
	int fd = mkstemp(log_path);

	assert_true(fd >= 0);
	close(fd);
	setenv("HOSTILE_LOG", log_path, 1);
	server = hostile_start();
	return 0;
}

int stop_server(_unused_ void **state)
{
	hostile_stop(&server);
	return unlink(log_path);
}
