/* The whole of delivery on a bus in memory, against a real server: from routed leads to outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "delivery/shell/delivery.h"
#include "flow_seen.h"
#include "hostile.h"
#include "lead/codec.h"
#include "proto/directory.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define PARTITIONS    2
#define WAIT_LIMIT_MS 20000
#define SEALING_DAY   20000
#define DESTROYED_DAY 19000

static struct hostile server;

struct world {
	uv_loop_t loop;
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct keyring *keyring;
	struct delivery *delivery;
	char keys_dir[64];
	uint64_t market_offset;
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(result, RESULT_OK);
}

static void put_message(struct world *w, const char *topic, int32_t partition, struct slice key,
			const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf bytes = {0};

	codec_pack(m, &bytes);
	assert_int_equal(bus_produce(w->producer, topic, partition, key, codec_type(m->descriptor),
				     buf_slice(&bytes), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 5000), RESULT_OK);
}

static void put_advertiser(struct world *w, const char *id)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Advertiser a = PUNNET__V1__ADVERTISER__INIT;
	char key[64];

	snprintf(key, sizeof(key), "advertiser/%s", id);
	e.id = key;
	e.revision = 1;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	e.advertiser = &a;
	put_message(w, "directory", 0, slice_cstr(key), &e.base);
}

static struct lead_id lead_number(uint8_t n)
{
	uint8_t random[10] = {n};

	return lead_id_make(1767225600000, random);
}

struct routed {
	uint8_t lead;
	const char *path; /* of the server; NULL = settings that can't be used */
	const char *advertiser;
	uint32_t day;
};

static void seal_contact(struct world *w, const struct routed *r, const struct lead_id *id,
			 struct buf *box, uint8_t nonce[SEAL_NONCE_LEN])
{
	_cleanup_(buf_free) struct buf plain = {0};
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;

	contact.phone = (char *)"+79161234567";
	contact.name = (char *)"Иван Петров";
	codec_pack(&contact.base, &plain);
	clock_random(nonce, SEAL_NONCE_LEN);
	seal(keyring_day_key(w->keyring, r->day == DESTROYED_DAY ? SEALING_DAY : r->day, true),
	     nonce, id, buf_slice(&plain), box);
}

/* Returns the market offset that the record came from; `again` repeats one. */
static uint64_t route(struct world *w, const struct routed *r, const uint64_t *again)
{
	Punnet__V1__RoutedLead m = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Assignment a = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact sealed = PUNNET__V1__SEALED_CONTACT__INIT;
	_cleanup_(buf_free) struct buf box = {0};
	struct lead_id id = lead_number(r->lead);
	uint8_t nonce[SEAL_NONCE_LEN];
	char settings[256];

	seal_contact(w, r, &id, &box, nonce);
	sealed.key_day = r->day;
	sealed.nonce = (ProtobufCBinaryData){SEAL_NONCE_LEN, nonce};
	sealed.box = (ProtobufCBinaryData){box.len, (uint8_t *)box.data};
	snprintf(settings, sizeof(settings),
		 "{\"webhook\":{\"url\":\"http://127.0.0.1:%d/%s\",\"timeout_ms\":500}}",
		 server.port, r->path ? r->path : "");
	source.topic = (char *)"market";
	source.offset = again ? *again : w->market_offset++;
	a.order_id = (char *)"order-1";
	a.advertiser_id = (char *)r->advertiser;
	a.aff_id = (char *)"w17";
	m.lead_id = codec_lead_id(&id);
	m.source = &source;
	m.assignment = &a;
	m.lead = &lead;
	m.contact = &sealed;
	m.delivery_json = r->path ? settings : (char *)"{\"telegraph\":{}}";
	put_message(w, "leads.routed", r->lead % PARTITIONS, SLICE("order-1"), &m.base);
	return source.offset;
}

static void open_delivery(struct world *w)
{
	struct delivery_settings settings = {
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
	struct error e = {0};

	assert_int_equal(retry_plan_parse(SLICE("0s,50ms"), &settings.retry, &e), RESULT_OK);
	w->delivery = delivery_open(&w->loop, w->bus, w->directory, w->keyring, &settings, &e);
	if (!w->delivery)
		fail_msg("%s", e.text);
}

static void world_open(struct world *w)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "leads.routed", .partitions = PARTITIONS, .retention_ms = -1},
	    {.name = "leads.attempts", .partitions = PARTITIONS, .retention_ms = -1},
	    {.name = "leads.outcomes", .partitions = PARTITIONS, .retention_ms = -1},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "directory", .partitions = 1, .retention_ms = -1, .compact = true},
	};
	struct bus_producer_options producer = {.on_ack = on_ack, .max_in_flight = 100};
	struct error e = {0};
	size_t created;

	*w = (struct world){.keys_dir = "/tmp/punnet-delivery-test-XXXXXX"};
	assert_non_null(mkdtemp(w->keys_dir));
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

static void close_delivery(struct world *w)
{
	delivery_close(w->delivery);
	w->delivery = NULL;
	uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void world_close(struct world *w)
{
	char command[128];

	close_delivery(w);
	directory_close(w->directory);
	bus_producer_close(w->producer);
	bus_close(w->bus);
	keyring_free(w->keyring);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	snprintf(command, sizeof(command), "rm -r %s", w->keys_dir);
	assert_int_equal(system(command), 0);
}

/* --- reading back --- */

static size_t read_topic(struct world *w, const char *topic, void (*each)(void *, struct slice),
			 void *ctx)
{
	size_t total = 0;

	for (int32_t p = 0; p < bus_partitions(w->bus, topic, 1000); p++) {
		struct bus_record records[READ_MAX];
		struct error e = {0};
		struct bus_reader *r = bus_reader_open(w->bus, topic, p, 0, &e);
		size_t count;

		assert_int_equal(bus_reader_take(r, records, READ_MAX, 0, &count, &e), RESULT_OK);
		for (size_t i = 0; each && i < count; i++)
			each(ctx, records[i].value);
		total += count;
		bus_reader_close(r);
	}
	return total;
}

/* Turns until a topic holds so many records. */
static void turn_until(struct world *w, const char *topic, size_t records)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;

	while (read_topic(w, topic, NULL, NULL) < records) {
		struct error e = {0};
		bool busy;

		if (delivery_turn(w->delivery, &busy, &e) == RESULT_FATAL)
			fail_msg("%s", e.text);
		uv_run(&w->loop, UV_RUN_NOWAIT);
		if (clock_monotonic_ms() > ends_ms)
			fail_msg("%s: %zu of %zu records", topic, read_topic(w, topic, NULL, NULL),
				 records);
	}
}

static const struct seen *outcome_of_lead(const struct outcomes *o, uint8_t lead)
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

static const struct row {
	struct routed routed;
	Punnet__V1__OutcomeKind kind;
	const char *reason;
	uint32_t attempts;
} rows[] = {
    {{1, "status/200", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 1},
    {{2, "refuse", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED, "refused", 1},
    {{3, "flaky/2", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 3},
    {{4, "status/500", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "advertiser_error",
     3},
    {{5, "never", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED,
     "unresolved",
     3},
    {{6, "status/410", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED,
     "endpoint_gone",
     1},
    {{7, "redirect", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED,
     "endpoint_refused",
     1},
    {{8, NULL, "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "endpoint_invalid",
     1},
    {{9, "status/200", "nobody", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "advertiser_unknown",
     3},
    {{10, "status/200", "bank-a", DESTROYED_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "contact_destroyed",
     1},
    {{11, "echo", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED, "refused", 1},
    {{12, "reset", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED,
     "unresolved",
     3},
};

static void check_rows(struct world *w)
{
	struct outcomes *o = calloc(1, sizeof(*o));

	read_topic(w, "leads.outcomes", seen_outcome, o);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct seen *s = outcome_of_lead(o, rows[i].routed.lead);

		if (s->kind != rows[i].kind || strcmp(s->reason, rows[i].reason) != 0 ||
		    s->attempts != rows[i].attempts)
			fail_msg("lead %u: kind %d, reason %s, attempts %u", rows[i].routed.lead,
				 (int)s->kind, s->reason, s->attempts);
	}
	free(o);
}

static void each_routed_lead_gets_the_outcome_that_it_earned(_unused_ void **state)
{
	struct world w;
	uint64_t first = 0;

	world_open(&w);
	open_delivery(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t at = route(&w, &rows[i].routed, NULL);

		first = i == 0 ? at : first;
	}
	/* the router started again and said the first one twice; and somebody wrote nonsense */
	route(&w, &rows[0].routed, &first);
	assert_int_equal(bus_produce(w.producer, "leads.routed", 0, SLICE("k"),
				     "punnet.v1.RoutedLead", SLICE("\xff"), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(w.producer, 5000), RESULT_OK);
	turn_until(&w, "leads.outcomes", ARRAY_LEN(rows));
	turn_until(&w, "dead.letters", 1);
	assert_int_equal(read_topic(&w, "dead.letters", seen_dead_letter, NULL), 1);
	check_rows(&w);
	read_topic(&w, "leads.attempts", seen_attempt, NULL);
	world_close(&w);
}

static void a_successor_goes_on_where_the_attempts_end(_unused_ void **state)
{
	static const struct routed silent = {1, "never", "bank-a", SEALING_DAY};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct world w;

	world_open(&w);
	open_delivery(&w);
	route(&w, &silent, NULL);
	turn_until(&w, "leads.attempts", 1);
	close_delivery(&w);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 1);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 1)->attempts, 3);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 3);
	free(o);
	world_close(&w);
}

static void what_a_predecessor_had_under_way_is_not_offered_on(_unused_ void **state)
{
	/* slow once: cut off under way; then the advertiser only fails, which alone would be "undeliverable" */
	static const struct routed row = {1, "slow_then_500", "bank-a", SEALING_DAY};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct world w;
	struct error e = {0};
	bool busy;

	world_open(&w);
	open_delivery(&w);
	route(&w, &row, NULL);
	while (delivery_sending(w.delivery) == 0) {
		assert_int_not_equal(delivery_turn(w.delivery, &busy, &e), RESULT_FATAL);
		uv_run(&w.loop, UV_RUN_NOWAIT);
	}
	close_delivery(&w);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 0);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 1);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 1)->kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	free(o);
	world_close(&w);
}

static void after_an_orderly_end_nothing_is_in_doubt(_unused_ void **state)
{
	static const struct routed first = {1, "status/200", "bank-a", SEALING_DAY};
	static const struct routed second = {2, "status/500", "bank-a", SEALING_DAY};
	struct outcomes *o = calloc(1, sizeof(*o));
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;
	struct world w;
	struct error e = {0};
	bool busy;

	world_open(&w);
	open_delivery(&w);
	route(&w, &first, NULL);
	turn_until(&w, "leads.outcomes", 1);
	delivery_drain(w.delivery);
	route(&w, &second, NULL); /* there before the successor comes */
	while (!delivery_drained(w.delivery)) {
		assert_int_not_equal(delivery_turn(w.delivery, &busy, &e), RESULT_FATAL);
		uv_run(&w.loop, UV_RUN_NOWAIT);
		assert_true(clock_monotonic_ms() < ends_ms);
	}
	close_delivery(&w);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 2)->kind,
			 PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	free(o);
	world_close(&w);
}

static int start_server(_unused_ void **state)
{
	server = hostile_start();
	return 0;
}

static int stop_server(_unused_ void **state)
{
	hostile_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_routed_lead_gets_the_outcome_that_it_earned),
	    cmocka_unit_test(a_successor_goes_on_where_the_attempts_end),
	    cmocka_unit_test(what_a_predecessor_had_under_way_is_not_offered_on),
	    cmocka_unit_test(after_an_orderly_end_nothing_is_in_doubt),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
