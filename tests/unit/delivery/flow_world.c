/* flow_world: see flow_world.h. */
#include "flow_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "delivery/core/resume.h"
#include "lead/codec.h"
#include "lead/contact_prints.h"
#include "proto/directory.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"

struct hostile flow_server;

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(result, RESULT_OK);
}

void put_message(struct world *w, const char *topic, int32_t partition, struct slice key,
		 const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf bytes = {0};

	codec_pack(m, &bytes);
	assert_int_equal(bus_produce(w->producer, topic, partition, key, codec_type(m->descriptor),
				     buf_slice(&bytes), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 5000), RESULT_OK);
}

void put_advertiser(struct world *w, const char *id)
{
	put_advertiser_of_rate(w, id, 0);
}

void put_advertiser_of_rate(struct world *w, const char *id, uint32_t deliveries_per_s)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Advertiser a = PUNNET__V1__ADVERTISER__INIT;
	char key[64];

	snprintf(key, sizeof(key), "advertiser/%s", id);
	e.id = key;
	e.revision = 1;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	a.deliveries_per_s = deliveries_per_s;
	e.advertiser = &a;
	put_message(w, "directory", 0, slice_cstr(key), &e.base);
}

struct lead_id lead_number(uint8_t n)
{
	uint8_t random[10] = {[5] = n};

	return lead_id_make(1767225600000, random);
}

static void seal_contact(struct world *w, const struct routed *r, const struct lead_id *id,
			 struct buf *box, uint8_t nonce[SEAL_NONCE_LEN])
{
	_cleanup_(buf_free) struct buf plain = {0};
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;

	contact.phone = (char *)FLOW_PHONE;
	contact.name = (char *)"Иван Петров";
	contact.first_name = (char *)"Иван";
	codec_pack(&contact.base, &plain);
	clock_random(nonce, SEAL_NONCE_LEN);
	seal(keyring_day_key(w->keyring, r->day == DESTROYED_DAY ? SEALING_DAY : r->day, true),
	     nonce, id, buf_slice(&plain), box);
}

static void write_settings(const struct routed *r, char *ret, size_t size)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (r->settings)
		snprintf(ret, size, r->settings, flow_server.port, flow_server.port);
	else if (r->path)
		snprintf(ret, size,
			 "{\"webhook\":{\"url\":\"http://127.0.0.1:%d/%s\",\"timeout_ms\":500}}",
			 flow_server.port, r->path);
	else
		snprintf(ret, size, "{\"telegraph\":{}}");
#pragma GCC diagnostic pop
}

uint64_t route(struct world *w, const struct routed *r, const uint64_t *again)
{
	Punnet__V1__RoutedLead m = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Assignment a = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__SealedContact sealed = PUNNET__V1__SEALED_CONTACT__INIT;
	_cleanup_(buf_free) struct buf box = {0};
	struct lead_id id = lead_number(r->lead);
	uint8_t nonce[SEAL_NONCE_LEN];
	struct contact_prints prints;
	char settings[1024];

	seal_contact(w, r, &id, &box, nonce);
	sealed.key_day = r->day;
	sealed.nonce = (ProtobufCBinaryData){SEAL_NONCE_LEN, nonce};
	sealed.box = (ProtobufCBinaryData){box.len, (uint8_t *)box.data};
	contact_prints_of(keyring_fingerprint_key(w->keyring), SLICE(FLOW_PHONE), (struct slice){0},
			  &prints);
	sealed.phone = (ProtobufCBinaryData){FINGERPRINT_LEN, prints.phone.bytes};
	write_settings(r, settings, sizeof(settings));
	source.topic = (char *)"market";
	source.offset = again ? *again : w->market_offset++;
	a.order_id = (char *)"order-1";
	a.advertiser_id = (char *)r->advertiser;
	a.aff_id = (char *)"w17";
	a.price = &price;
	price.amount_minor = 45000;
	price.currency = (char *)"RUB";
	m.lead_id = codec_lead_id(&id);
	m.source = &source;
	m.assignment = &a;
	m.lead = &lead;
	m.contact = &sealed;
	m.delivery_json = settings;
	put_message(w, "leads.routed", r->lead % PARTITIONS, SLICE("order-1"), &m.base);
	return source.offset;
}

void open_delivery(struct world *w)
{
	struct error e = {0};

	w->delivery = delivery_open(&w->loop, w->bus, w->directory, w->keyring, &w->settings, &e);
	if (!w->delivery)
		fail_msg("%s", e.text);
}

static void default_settings(struct delivery_settings *ret)
{
	*ret = (struct delivery_settings){
	    .in_flight_max = 64,
	    .advertiser_in_flight_max = 16,
	    .open_tasks_max = 1000,
	    .connect_timeout_ms = 500,
	    .answer_timeout_ms = 500,
	    .ack_watchdog_ms = 30000,
	    .answer_max_bytes = 65536,
	    .allow_private_addresses = true,
	    .ca_file = "",
	};
	assert_int_equal(retry_plan_parse(SLICE("0s,50ms"), &ret->retry, NULL), RESULT_OK);
}

void world_open(struct world *w)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "leads.routed", .partitions = PARTITIONS, .retention_ms = -1},
	    {.name = "leads.attempts", .partitions = PARTITIONS, .retention_ms = -1},
	    {.name = "leads.outcomes", .partitions = PARTITIONS, .retention_ms = -1},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "market", .partitions = 2, .retention_ms = -1},
	    {.name = "directory", .partitions = 1, .retention_ms = -1, .compact = true},
	};
	struct bus_producer_options producer = {.on_ack = on_ack, .max_in_flight = 100};
	struct error e = {0};
	size_t created;

	*w = (struct world){.keys_dir = "/tmp/punnet-delivery-test-XXXXXX",
			    .files_dir = "/tmp/punnet-delivery-files-XXXXXX"};
	assert_non_null(mkdtemp(w->keys_dir));
	assert_non_null(mkdtemp(w->files_dir));
	default_settings(&w->settings);
	uv_loop_init(&w->loop);
	w->bus = bus_open("memory:", "test", &e);
	assert_non_null(w->bus);
	assert_int_equal(bus_topics_apply(w->bus, topics, ARRAY_LEN(topics), 5000, &created, &e),
			 RESULT_OK);
	w->producer = bus_producer_open(w->bus, &producer, &e);
	w->keyring = keyring_open(w->keys_dir, true, &e);
	assert_true(w->producer && w->keyring);
	put_advertiser(w, "bank-a");
	w->directory = directory_open(w->bus, 5000, &e);
	assert_non_null(w->directory);
}

void close_delivery(struct world *w)
{
	delivery_close(w->delivery);
	w->delivery = NULL;
	uv_run(&w->loop, UV_RUN_DEFAULT);
}

void world_close(struct world *w)
{
	char command[256];

	close_delivery(w);
	directory_close(w->directory);
	bus_producer_close(w->producer);
	bus_close(w->bus);
	keyring_free(w->keyring);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	snprintf(command, sizeof(command), "rm -r %s %s", w->keys_dir, w->files_dir);
	assert_int_equal(system(command), 0);
}

/* --- reading back --- */

size_t read_topic(struct world *w, const char *topic, void (*each)(void *, struct slice), void *ctx)
{
	size_t total = 0;

	for (int32_t p = 0; p < bus_partitions(w->bus, topic, 1000); p++) {
		struct bus_record records[READ_MAX];
		struct error e = {0};
		struct bus_reader *r = bus_reader_open(w->bus, topic, p, 0, &e);
		size_t count;

		assert_int_equal(bus_reader_take(r, records, READ_MAX, 0, &count, &e), RESULT_OK);
		for (size_t i = 0; i < count; i++) {
			if (resume_is_take_over(records[i].type) ||
			    resume_is_taking(records[i].type))
				continue;
			total++;
			if (each)
				each(ctx, records[i].value);
		}
		bus_reader_close(r);
	}
	return total;
}

void turn_once(struct world *w)
{
	struct error e = {0};
	bool busy;

	if (delivery_turn(w->delivery, &busy, &e) == RESULT_FATAL)
		fail_msg("%s", e.text);
	uv_run(&w->loop, UV_RUN_NOWAIT);
}

void turn_until(struct world *w, const char *topic, size_t records)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;

	while (read_topic(w, topic, NULL, NULL) < records) {
		turn_once(w);
		if (clock_monotonic_ms() > ends_ms)
			fail_msg("%s: %zu of %zu records", topic, read_topic(w, topic, NULL, NULL),
				 records);
	}
}

const struct seen *outcome_of_lead(const struct outcomes *o, uint8_t lead)
{
	struct lead_id id = lead_number(lead);
	const struct seen *found = NULL;

	for (size_t i = 0; i < o->count; i++) {
		if (!lead_id_equal(&o->seen[i].lead_id, &id))
			continue;
		assert_null(found); /* one each */
		found = &o->seen[i];
	}
	assert_non_null(found);
	return found;
}

int flow_start_server(_unused_ void **state)
{
	flow_server = hostile_start();
	return 0;
}

int flow_stop_server(_unused_ void **state)
{
	hostile_stop(&flow_server);
	return 0;
}
